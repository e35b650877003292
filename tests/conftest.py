"""What tests of several packages share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from scripted_engine import URL, ScriptedEngine
from scripted_network import ScriptedNetwork

import trivirt

OpenScripted = Callable[..., AbstractAsyncContextManager[trivirt.Engine]]


@pytest.fixture(autouse=True, scope="session")
def _no_proxy_of_this_machine() -> Iterator[None]:
    """Proxies of the environment are for tests that set them, and not for their servers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_of_this_machine() -> None:
    """Shells start background jobs with Ctrl-C ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def scripted() -> ScriptedEngine:
    """An engine whose answers the test dictates."""
    return ScriptedEngine()


@pytest.fixture
async def open_scripted(scripted: ScriptedEngine, nursery: trio.Nursery) -> OpenScripted:
    """Opens a client of the scripted engine, which outlives the test's own cancel scopes."""
    network = ScriptedNetwork(nursery, scripted.serve)

    def opened(**options: Any) -> AbstractAsyncContextManager[trivirt.Engine]:
        options = {"username": "admin@internal", "password": "secret", **options}
        options.setdefault("retries", trivirt.Retries(attempts=0))  # Unless a test is about them.
        return trivirt.open_engine(URL, network_backend=network, **options)

    return opened
