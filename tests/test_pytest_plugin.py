"""The fixtures that come with the package, used as another project would use them."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys

import pytest

pytest.importorskip("trustme")

TESTS = """
import json
import ssl
import urllib.request

import pytest

import trivirt


def test_a_blocking_client(ovirt_engine, ovirt_engine_url):
    context = ssl.create_default_context(cafile=ovirt_engine_url.ca_file)
    health = ovirt_engine_url.url.replace("/api", "/services/health")
    with urllib.request.urlopen(health, context=context) as answer:
        assert answer.status == 200
    with trivirt.sync.open_engine(
        ovirt_engine_url.url,
        username=ovirt_engine_url.username,
        password=ovirt_engine_url.password,
        ca_file=ovirt_engine_url.ca_file,
    ) as engine:
        (vm,) = engine.vms.list(search="name=myvm")
        engine.vms.vm(vm.id).start()
        ovirt_engine.clock.advance(60)
        assert engine.vms.vm(vm.id).get().status == "up"
    assert ovirt_engine.statistics.logouts == 1


def test_the_control_port(ovirt_engine_url):
    with urllib.request.urlopen(ovirt_engine_url.control_url + "/clock") as answer:
        assert "seconds" in json.load(answer)


@pytest.mark.ovirt(vms=3)
async def test_this_client_without_sockets(ovirt_engine):
    async with ovirt_engine.in_process() as here:
        async with trivirt.open_engine(
            here.url,
            username=here.username,
            password=here.password,
            network_backend=here.network_backend,
        ) as engine:
            with ovirt_engine.faults.reset(times=1) as fault:
                assert len(await engine.vms.list()) == 3
            assert fault.hits == 1


@pytest.mark.ovirt(vms=-1)
def test_an_engine_that_cannot_be(request):
    with pytest.raises(trivirt.Error):
        request.getfixturevalue("ovirt_engine")
"""


def test_the_fixtures_work_in_other_projects(tmp_path):
    (tmp_path / "test_theirs.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntrio_mode = true\nfilterwarnings = error\n")
    installed = {entry.value for entry in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if "trivirt.pytest_plugin" in installed else ["-p", "trivirt.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin]
    here = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
