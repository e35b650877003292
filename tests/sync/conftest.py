"""An engine for synchronous callers, on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_engine import ScriptedEngine, reply
from synchronous import API
from threaded_server import served

FAULT = "<fault><reason>no</reason></fault>"


@pytest.fixture
def port(scripted: ScriptedEngine) -> Iterator[int]:
    """Has VMs 0 to 99; `bad` is in conflict, and the answer for `never` does not come."""
    for number in range(100):
        scripted.answers[f"GET {API}/vms/{number}"] = reply(f"<vm id='{number}'/>")
    scripted.answers[f"GET {API}/vms/bad"] = reply(FAULT, status="409 Conflict")
    scripted.answers[f"GET {API}/vms/missing"] = reply(FAULT, status="404 Not Found")
    scripted.answers[f"GET {API}/vms/never"] = b""
    with served(scripted.serve) as number:
        yield number
