"""Fixtures with a simulated engine, for every project that talks to oVirt.

pytest finds this by itself once trivirt is installed.

    def test_something(ovirt_engine_url):           # any client, over TLS
        client = Client(ovirt_engine_url.url, ca_file=ovirt_engine_url.ca_file, ...)

    async def test_more(ovirt_engine):              # this client, without sockets (pytest-trio)
        with ovirt_engine.faults.reset(after=3):
            async with ovirt_engine.in_process() as here: ...
        ovirt_engine.clock.advance(60)

Mark a test with `@pytest.mark.ovirt(vms=20)` or `@pytest.mark.ovirt(seed="examples")` for another
engine than one with the objects of the published examples.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trivirt.simulator import Served, SimulatedEngine

__all__ = ["ovirt_engine", "ovirt_engine_url", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "ovirt(**options): what the simulated engine is made with")


@pytest.fixture
def ovirt_engine(request: pytest.FixtureRequest) -> SimulatedEngine:
    """A simulated engine in this process: with faults, a clock, statistics, and the objects."""
    from trivirt.simulator import SimulatedEngine

    mark = request.node.get_closest_marker("ovirt")
    options: dict[str, Any] = {"seed": "examples"} if mark is None else dict(mark.kwargs)
    return SimulatedEngine(**options)


@pytest.fixture
def ovirt_engine_url(ovirt_engine: SimulatedEngine) -> Iterator[Served]:
    """The same engine over TLS on loopback: `url`, `ca_file`, `username`, `password`.

    It is served by a thread of its own, so blocking clients can be tested in the test's thread.
    """
    with _served(ovirt_engine) as served:
        yield served


@contextlib.contextmanager
def _served(engine: SimulatedEngine) -> Iterator[Served]:
    import trio

    from trivirt.simulator import serve

    ready: queue.Queue[tuple[Served, trio.lowlevel.TrioToken, trio.Event] | BaseException]
    ready = queue.Queue()

    async def run() -> None:
        over = trio.Event()
        async with serve(engine) as served:
            engine.prepare()
            ready.put((served, trio.lowlevel.current_trio_token(), over))
            await over.wait()

    def thread() -> None:
        try:
            trio.run(run)
        except BaseException as error:
            ready.put(error)

    serving = threading.Thread(target=thread, name="simulated engine", daemon=True)
    serving.start()
    begun = ready.get()
    if isinstance(begun, BaseException):
        serving.join()
        raise begun
    served, token, over = begun
    try:
        yield served
    finally:
        token.run_sync_soon(partial(over.set))
        serving.join()
