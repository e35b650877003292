"""Scripts served on a real TCP port by a thread of their own, for synchronous clients."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from scripted_network import Peer, Script


@contextmanager
def served(script: Script) -> Iterator[int]:
    """The port on which every connection is served by the script."""
    ready, ports = threading.Event(), []
    stop: list[tuple[trio.lowlevel.TrioToken, trio.Event]] = []

    async def handle(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await script(Peer(stream, 0))

    async def main() -> None:
        stopped = trio.Event()
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, handle, 0)
            ports.append(listeners[0].socket.getsockname()[1])
            stop.append((trio.lowlevel.current_trio_token(), stopped))
            ready.set()
            await stopped.wait()
            nursery.cancel_scope.cancel()

    thread = threading.Thread(target=trio.run, args=(main,), name="scripted server")
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        token, stopped = stop[0]
        token.run_sync_soon(stopped.set)
        thread.join(10)
        assert not thread.is_alive()
