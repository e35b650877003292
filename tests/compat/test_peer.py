"""The same programs under both implementations, where the real one is installed.

Each runs in a fresh process against a simulated engine of its own, over TLS, and must print the
same and end the same way.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

import trivirt

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ovirtsdk4") is None, reason="ovirtsdk4 is not installed"
    ),
]

BEGIN = """
    import sys, time
    import ovirtsdk4 as sdk
    import ovirtsdk4.types as types
    url, ca_file, username, password = sys.argv[1:]
    options = dict(url=url, username=username, password=password, ca_file=ca_file)
    connection = sdk.Connection(**options)
    system = connection.system_service()
    def failing(function):
        try:
            print("fine", function())
        except Exception as exc:
            fault = getattr(exc, "fault", None)
            print(type(exc).__name__, exc, getattr(exc, "code", None), fault and fault.detail)
"""

PROGRAMS = {
    "blog_post": """
        connection.close()
        connection = sdk.Connection(**options, connections=4, pipeline=10)
        vms_service = connection.system_service().vms_service()
        futures = []
        for vm in vms_service.list():
            service = vms_service.vm_service(vm.id)
            futures.append((vm, service.disk_attachments_service().list(wait=False)))
            futures.append((vm, service.nics_service().list(wait=False)))
            futures.append((vm, service.permissions_service().list(wait=False)))
        for vm, future in futures:
            print(vm.name, [item.id for item in future.wait()])
    """,
    "everything_as_dictionaries": """
        def plain(value):
            if isinstance(value, list):
                return [getattr(value, "href", 0), [plain(item) for item in value]]
            if isinstance(value, sdk.Struct):
                values = {name[1:]: plain(inner) for name, inner in vars(value).items()}
                if isinstance(value, types.Event):
                    del values["time"]  # Of the latest one it is that of signing on just now.
                return values
            return str(value)
        for name in sorted(dir(system)):
            if name.endswith("_service") and not name.startswith("_"):
                service = getattr(system, name)()
                if not hasattr(service, "list"):
                    continue
                try:
                    found = service.list()
                except sdk.Error as exc:
                    print(name, type(exc).__name__, exc.code)
                else:
                    print(name, type(found).__name__, [plain(item) for item in found])
    """,
    "search_and_follow": """
        vms = system.vms_service().list(search="name=vm*", max=3, case_sensitive=False)
        for vm in vms:
            print(vm.name, vm.status, vm.status == types.VmStatus.UP, vm.memory)
            cluster = connection.follow_link(vm.cluster)
            print(cluster.name, cluster.version.major, isinstance(cluster.version, types.Version))
            for nic in connection.follow_link(vm.nics):
                print(nic.name, nic.mac and nic.mac.address, nic.interface)
            print(connection.service("vms/" + vm.id).get(follow="nics").nics[:1] != [])
        print(system.vms_service().list(search="name=nobody"))
    """,
    "add_change_remove": """
        vms = system.vms_service()
        cluster = system.clusters_service().list()[0]
        vm = vms.add(types.Vm(
            name="mine", cluster=types.Cluster(name=cluster.name),
            template=types.Template(name="Blank"), memory=2**30,
            os=types.OperatingSystem(boot=types.Boot(devices=[types.BootDevice.HD])),
        ))
        service = vms.vm_service(vm.id)
        print(vm.name, vm.os.boot.devices, vm.description)
        while service.get().status != types.VmStatus.DOWN:
            time.sleep(0.1)  # The engine's time to make disks; published programs wait so, too.
        print(service.update(types.Vm(description="a <b> & c")).description)
        virtio = types.NicInterface.VIRTIO
        nic = service.nics_service().add(types.Nic(name="nic1", interface=virtio))
        print(nic.name, nic.interface)
        blank = types.Template(name="Blank")
        failing(lambda: vms.add(types.Vm(name="mine", cluster=cluster, template=blank)))
        failing(lambda: service.nics_service().nic_service(nic.id).remove())
        failing(service.remove)
        failing(service.get)
    """,
    "start_and_wait": """
        vms = system.vms_service()
        down = vms.list(search="status=down")
        service = vms.vm_service(down[0].id)
        service.start()
        deadline = time.monotonic() + 30
        while service.get().status != types.VmStatus.UP and time.monotonic() < deadline:
            time.sleep(0.2)  # Likewise, to boot.
        print(service.get().status)
        failing(service.start)
        failing(lambda: service.stop(async_=True))
    """,
    "tags": """
        tags = system.tags_service()
        tag = tags.add(types.Tag(name="mine", description="d"))
        print(tag.name, tag.description)
        vm = system.vms_service().list()[0]
        assigned = system.vms_service().vm_service(vm.id).tags_service()
        failing(lambda: assigned.add(types.Tag(name="mine")).name)
        print([one.name for one in assigned.list()])
        failing(lambda: tags.tag_service(tag.id).remove())
    """,
    "mistakes": """
        failing(lambda: system.vms_service().vm_service("nope").get())
        failing(lambda: system.vms_service().list(search=5))
        failing(lambda: system.vms_service().list(search="nonsense =="))
        failing(lambda: system.vms_service().add(types.Vm()))
        failing(lambda: system.service("nope"))
        failing(lambda: types.Vm(nope=1))
        failing(lambda: types.Vm(status="up"))
        failing(lambda: types.VmStatus("nope"))
        failing(lambda: connection.follow_link(types.Vm()))
        failing(lambda: sdk.Connection())
        failing(lambda: sdk.Connection(url, username, "wrong", ca_file=ca_file).authenticate())
        failing(lambda: sdk.Connection(url, username, "wrong", ca_file=ca_file).test())
        failing(lambda: connection.test())
        failing(lambda: 1 / 0)
    """,
    "token_passed_on": """
        token = connection.authenticate()
        connection.close(logout=False)
        other = sdk.Connection(url=url, token=token, ca_file=ca_file)
        print(other.authenticate() == token, other.system_service().get().product_info.name)
        other.close()
        third = sdk.Connection(url=url, token=token, insecure=True)
        try:
            third.system_service().get()
        except sdk.Error:
            print("it was revoked")
        connection = other
    """,
    "texts": """
        from ovirtsdk4 import reader, writer
        for vm in system.vms_service().list(max=5, all_content=True):
            text = writer.Writer.write(vm, indent=True)
            print(text)
            assert writer.Writer.write(reader.Reader.read(text), indent=True) == text
    """,
    "ends_with_a_traceback": """
        print(len(system.hosts_service().list()))
        connection.close()
        raise SystemExit("the end")
    """,
}


@contextmanager
def simulated():
    line = [sys.executable, "-m", "trivirt.simulator", "--vms", "12"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


NOW = r"2024-03-05 1\d:\d\d:\d\d(\.\d+)?"  # engines begin at 10:11 of that day
PEERS = Path(__file__).parents[1] / "kit" / "peers"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(trivirt.__file__).parents[1])}


def outcome(path, interpreter):
    with simulated() as engine:
        arguments = [engine["url"], engine["ca_file"], engine["username"], engine["password"]]
        done = subprocess.run(
            [sys.executable, *interpreter, str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=ENVIRONMENT,
            check=False,
        )
    # What happens while a program runs, such as its own sign-on, has no moment of its own.
    return done.returncode, re.sub(NOW, "(now)", done.stdout), done.stderr


def printed(script, seed, interpreter):
    paths = os.pathsep.join([ENVIRONMENT["PYTHONPATH"], str(PEERS.parent)])
    return subprocess.run(
        [sys.executable, *interpreter, str(PEERS / script), seed],
        stdout=subprocess.PIPE,
        text=True,
        timeout=280,
        env={**ENVIRONMENT, "PYTHONPATH": paths},
        check=True,
    ).stdout.splitlines()


@pytest.mark.parametrize("seed", ["1", "2"])
@pytest.mark.parametrize("script", ["texts.py", "requests.py"])
def test_the_same_for_every_type_and_every_method(script, seed):
    real = printed(script, seed, [])
    ours = printed(script, seed, ["-m", "trivirt.compat"])
    assert [pair for pair in zip(real, ours, strict=True) if pair[0] != pair[1]] == []
    assert len(real) > 3000


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_the_same_way(tmp_path, name):
    path = tmp_path / f"{name}.py"
    text = textwrap.dedent(BEGIN) + textwrap.dedent(PROGRAMS[name]) + "\nconnection.close()\n"
    path.write_text(text, encoding="utf-8")
    real = outcome(path, [])
    assert outcome(path, ["-m", "trivirt.compat"]) == real
    assert real[0] == (1 if name == "ends_with_a_traceback" else 0), real[2]
