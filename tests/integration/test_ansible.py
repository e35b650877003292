"""The real ansible-inventory reads our script and the plugin ovirt.ovirt, of the same engine."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from programs import program

import trivirt
from trivirt import types
from trivirt.model import Items
from trivirt.simulator import Served, SimulatedEngine

PROGRAM = program("ansible-inventory", str(Path(sys.executable).with_name("ansible-inventory")))
PLUGIN = """
plugin: ovirt.ovirt.ovirt
ovirt_url: {url}
ovirt_username: {username}
ovirt_password: {password}
ovirt_cafile: {ca_file}
keyed_groups:
  - {{key: cluster, prefix: cluster}}
  - {{key: status, prefix: status}}
  - {{key: tags, prefix: tag}}
  - {{key: affinity_groups, prefix: affinity_group}}
  - {{key: affinity_labels, prefix: affinity_label}}
"""


def lacking() -> str | None:
    """What has to be installed first; None when everything is there."""
    if PROGRAM is None:
        return "ansible-inventory is not installed (PyPI: ansible)"
    doc = str(Path(PROGRAM).with_name("ansible-doc"))
    line = [doc, "-t", "inventory", "-j", "ovirt.ovirt.ovirt"]
    found = subprocess.run(line, capture_output=True, text=True, check=False)
    if found.returncode or "ovirt.ovirt.ovirt" not in found.stdout:
        return "the collection ovirt.ovirt is not installed (PyPI: ansible)"
    with open(PROGRAM, "rb") as script:
        python = shlex.split(script.readline().decode().removeprefix("#!"))
    check = subprocess.run([*python, "-c", "import ovirtsdk4"], capture_output=True, check=False)
    return "ovirtsdk4 is not installed beside Ansible" if check.returncode else None


if why := lacking():
    pytest.skip(why, allow_module_level=True)


@pytest.fixture
def simulated() -> SimulatedEngine:
    """An engine with machines that have everything, and with machines that lack something."""
    engine = SimulatedEngine(12)
    store = engine.store
    full, bare, twin, other, *_ = store.collection("/vms")
    store.replace(full, description="{{ 1 + 1 }}")
    store.replace(bare, description=None, os=types.OperatingSystem(), host=None)
    store.replace(twin, fqdn="twin.example")
    store.replace(other, fqdn="twin.example")
    devices = [
        types.ReportedDevice(id="1", name="lo"),
        types.ReportedDevice(id="2", name="eth0", ips=Items([types.Ip(address="192.0.2.7")])),
        types.ReportedDevice(id="3", name="eth0", ips=Items([types.Ip(address="2001:db8::7")])),
    ]
    for entry in list(store.collection(f"{twin.path}/reporteddevices")):
        store.remove(entry)
    for device in devices:
        store.add(f"{twin.path}/reporteddevices", device, "/vms/{id}/reporteddevices")
    return engine


async def add_marks(served: Served) -> None:
    """Tags, an affinity group and a label, with names that are no names of variables."""
    async with open_engine(served) as engine:
        vms = await engine.vms.list()
        for name in ("web-tier", "1st", "zürich", "a b"):
            await engine.tags.add(types.Tag(name=name))
            await engine.vms.vm(vms[0].id).tags.add(types.Tag(name=name))
        assert vms[0].cluster is not None
        groups = engine.clusters.cluster(vms[0].cluster.id).affinity_groups
        for name, members in (("together", vms[:2]), ("a-part", vms[1:3]), ("empty", [])):
            group = await groups.add(types.AffinityGroup(name=name))
            for vm in members:
                await groups.group(group.id).vms.add(types.Vm(id=vm.id))
        for name in ("gpu", "big iron"):
            label = await engine.affinity_labels.add(types.AffinityLabel(name=name))
            await engine.affinity_labels.label(label.id).vms.add(types.Vm(id=vms[2].id))


def open_engine(served: Served) -> Any:
    return trivirt.open_engine(
        served.url,
        username=served.username,
        password=served.password,
        ca_file=served.ca_file,
    )


async def ansible_inventory(source: Path, served: Served, *words: str) -> dict[str, Any]:
    environ = {
        **os.environ,
        "OVIRT_URL": served.url,
        "OVIRT_USERNAME": served.username,
        "OVIRT_PASSWORD": served.password,
        "OVIRT_CAFILE": served.ca_file,
        "ANSIBLE_NOCOLOR": "1",
        # Where engines send their zone, the plugin takes theirs for ours: see below.
        "TZ": "UTC",
    }
    line = [str(PROGRAM), "-i", str(source), *words]
    done = await trio.run_process(
        line, env=environ, capture_stdout=True, capture_stderr=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Unable to parse" not in done.stderr, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script inventory as its users have it, but that it finds this Python and trivirt."""
    file = tmp_path / "engine.sh"
    start = (
        f"import sys; sys.path[:] = {sys.path!r}; from trivirt.cli import main; sys.exit(main())"
    )
    line = [sys.executable, "-c", start, "inventory", "--ansible"]
    file.write_text(f'#!/bin/sh\nexec {shlex.join(line)} "$@"\n')
    file.chmod(0o755)
    return file


@pytest.fixture
def plugin(tmp_path: Path, served: Served) -> Path:
    """The configuration of the plugin."""
    file = tmp_path / "engine.ovirt.yml"
    file.write_text(PLUGIN.format(**vars(served)))
    return file


async def test_ansible_reads_from_us_what_it_reads_from_the_plugin(
    served: Served, script: Path, plugin: Path
) -> None:
    """All of it, with one difference.

    `creation_time_timestamp` of the plugin is the time of the engine's clock taken for one of
    this machine's zone, so it is wrong by the hours between them; ours is right.
    """
    await add_marks(served)
    theirs = await ansible_inventory(plugin, served, "--list")
    ours = await ansible_inventory(script, served, "--list")
    for host, values in theirs["_meta"]["hostvars"].items():
        mine = ours["_meta"]["hostvars"][host]
        assert values.pop("creation_time_timestamp") - mine.pop("creation_time_timestamp") == 3600
    assert ours["_meta"] == theirs["_meta"]
    for found in (ours, theirs):
        found["all"]["children"].sort()
    assert ours == theirs
