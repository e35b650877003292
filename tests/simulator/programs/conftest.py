"""A served engine with the objects of the published examples, and programs' ways with it."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from http.client import HTTPSConnection
from urllib.parse import urlsplit

import pytest


@pytest.fixture(scope="session")
def sdk():
    """What these programs are written for."""
    return pytest.importorskip("ovirtsdk4", reason="ovirtsdk4 from PyPI is not installed")


@pytest.fixture(scope="package")
def process():
    command = [sys.executable, "-m", "trivirt.simulator", "--seed", "examples"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        yield json.loads(running.stdout.readline())
        running.terminate()


@pytest.fixture
def served(process):
    urllib.request.urlopen(process["control_url"] + "/reset", b"").close()
    return process


@pytest.fixture
def connection(served, sdk):
    with sdk.Connection(
        url=served["url"],
        username=served["username"],
        password=served["password"],
        ca_file=served["ca_file"],
    ) as opened:
        yield opened


@pytest.fixture
def system(connection):
    return connection.system_service()


@pytest.fixture
def vms(system):
    return system.vms_service()


@pytest.fixture
def wait(served) -> Callable:
    """Look ten times, some seconds apart, as programs do with a loop around `time.sleep`."""

    def until(look: Callable[[], bool]) -> None:
        for _ in range(10):
            if look():
                return
            body = json.dumps({"advance": 5}).encode()
            urllib.request.urlopen(served["control_url"] + "/clock", body).close()
        raise AssertionError("it never ended")

    return until


@pytest.fixture
def is_gone(sdk):
    def look(service) -> bool:
        try:
            service.get()
        except sdk.NotFoundError:
            return True
        return False

    return look


@pytest.fixture
def vm(vms):
    """The service of a VM by its name."""

    def find(name="myvm"):
        return vms.vm_service(vms.list(search=f"name={name}")[0].id)

    return find


@pytest.fixture
def daemon(served):
    """Connects to what moves the bytes; with the path of the ticket."""
    with contextlib.ExitStack() as stack:

        def dial(transfer):
            url = urlsplit(transfer.transfer_url)
            context = ssl.create_default_context(cafile=served["ca_file"])
            client = HTTPSConnection(url.hostname, url.port, context=context, timeout=30)
            stack.callback(client.close)
            return client, url.path

        yield dial
