"""A network without sockets: httpcore's network interface, with the engine at its end.

What a client writes is read by the same HTTP server that serves TCP, in a task of its own. The
streams are plain, so the engine's URL begins with `http://`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore
import trio

from trivirt.simulator._transport import MemoryTransport, Pipe

if TYPE_CHECKING:
    import ssl

    from trivirt.simulator._engine import SimulatedEngine

HOST = "engine.simulated"
DAEMON = "imageio.simulated"  # where the URLs of image transfers lead


class InProcessBackend(httpcore.AsyncNetworkBackend):
    """Connects to the engine and its image daemon; every other host is refused."""

    url = f"http://{HOST}/ovirt-engine/api"

    def __init__(self, engine: SimulatedEngine, nursery: trio.Nursery) -> None:
        self._engine = engine
        self._nursery = nursery

    def __repr__(self) -> str:
        return f"<InProcessBackend for {HOST}>"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A new connection; it takes one latency, like the round trip of TCP."""
        with trio.move_on_after(_seconds(timeout)) as scope:
            await trio.sleep(self._engine.connection.latency)
        if scope.cancelled_caught:
            raise httpcore.ConnectTimeout(f"no answer from {host} within {timeout} s")
        if host not in (HOST, DAEMON) or self._engine.refuses_connections:
            raise httpcore.ConnectError(f"connection to {host}:{port} refused")
        requests, answers = Pipe(), Pipe()
        transport = MemoryTransport(requests, answers)
        serve = self._engine.serve_connection if host == HOST else self._engine.daemon().serve
        self._nursery.start_soon(serve, transport)
        return InProcessStream(answers, requests, port)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """There are none."""
        raise httpcore.ConnectError(f"there is nothing at {path}")

    async def sleep(self, seconds: float) -> None:
        """Part of the interface."""
        await trio.sleep(seconds)


class InProcessStream(httpcore.AsyncNetworkStream):
    """The client's end of a connection."""

    def __init__(self, incoming: Pipe, outgoing: Pipe, port: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._port = port
        self._closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes of the engine; empty at the end."""
        self._check(httpcore.ReadError)
        try:
            with trio.fail_after(_seconds(timeout)):
                return await self._incoming.receive(max_bytes)
        except trio.TooSlowError as error:
            raise httpcore.ReadTimeout(f"nothing arrived within {timeout} s") from error
        except trio.BrokenResourceError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Bytes for the engine."""
        self._check(httpcore.WriteError)
        try:
            with trio.fail_after(_seconds(timeout)):
                await self._outgoing.send(buffer)
        except trio.TooSlowError as error:
            raise httpcore.WriteTimeout(f"the engine reads too slowly: {timeout} s") from error
        except trio.BrokenResourceError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close both directions; the engine reads to the end of what was written."""
        self._closed = True
        self._outgoing.finish()
        self._incoming.break_off()
        await trio.lowlevel.checkpoint()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Not here: the engine in process speaks plain HTTP."""
        raise httpcore.UnsupportedProtocol("the engine in process speaks plain HTTP, not TLS")

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a stream."""
        if info == "server_addr":
            return (HOST, self._port)
        if info == "client_addr":
            return ("client.simulated", 0)
        if info == "is_readable":
            return self._incoming.readable
        return None

    def _check(self, error: type[Exception]) -> None:
        if self._closed:
            raise error("the stream was closed")


def _seconds(timeout: float | None) -> float:
    return float("inf") if timeout is None else timeout
