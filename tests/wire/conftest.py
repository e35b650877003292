"""A pool over a scripted network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
from scripted_network import Script, ScriptedNetwork

from trivirt.wire import Limits, Origin, Pool, Timeouts

OpenPool = Callable[..., AbstractAsyncContextManager[tuple[Pool, ScriptedNetwork]]]


@pytest.fixture
def open_pool() -> OpenPool:
    """Opens a pool whose n-th connection is served by the n-th script given."""

    @asynccontextmanager
    async def opened(
        *scripts: Script | None,
        connections: int = 1,
        depth: int = 8,
        timeouts: Timeouts | None = None,
        origin: Origin | None = None,
        **options: Any,
    ) -> AsyncIterator[tuple[Pool, ScriptedNetwork]]:
        with trio.fail_after(3600):  # Of the mock clock, where there is one.
            async with trio.open_nursery() as nursery:
                network = ScriptedNetwork(nursery, *scripts)
                pool = Pool(
                    nursery,
                    origin or Origin("engine", 80),
                    network,
                    connections=connections,
                    depth=depth,
                    timeouts=timeouts or Timeouts(),
                    limits=Limits(),
                    **options,
                )
                try:
                    yield pool, network
                finally:
                    await pool.aclose()
                    statistics = pool.statistics()
                    assert statistics.connections == statistics.opening == 0
                    assert statistics.in_flight == statistics.waiting == 0
                    nursery.cancel_scope.cancel()

    return opened
