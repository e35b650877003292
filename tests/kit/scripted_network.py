"""A network whose servers are scripts: async functions that read requests and write bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore
import trio
import trio.testing


class MemoryStream(httpcore.AsyncNetworkStream):
    """The client's end of a memory stream, as httpcore's network streams are."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return bytes(await self.stream.receive_some(max_bytes))
        except trio.BrokenResourceError as exc:
            raise httpcore.ReadError(str(exc)) from exc

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            await self.stream.send_all(buffer)
        except trio.BrokenResourceError as exc:
            raise httpcore.WriteError(str(exc)) from exc

    async def aclose(self) -> None:
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return None


class Peer:
    """The server's end of one connection: reads whole requests, writes what it is told to."""

    def __init__(self, stream: trio.abc.Stream, number: int) -> None:
        self.stream = stream
        self.number = number
        self.head, self.body = "", b""
        self._buffer = b""

    async def request(self) -> str | None:
        """The next request line without the protocol, `GET /1`; None at the end.

        The whole head and the body are in `head` and `body` until the next call.
        """
        while b"\r\n\r\n" not in self._buffer:
            data = await self.stream.receive_some(65536)
            if not data:
                return None
            self._buffer += data
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        length = next(
            (
                int(line.split(":")[1])
                for line in lines
                if line.lower().startswith("content-length")
            ),
            0,
        )
        while len(rest) < length:
            rest += await self.stream.receive_some(65536)
        self.head, self.body, self._buffer = f"{head.decode()}\r\n", rest[:length], rest[length:]
        return lines[0].rpartition(" ")[0]

    async def burst(self) -> list[str]:
        """All requests that come before the client falls silent; empty at the end."""
        requests: list[str] = []
        with trio.move_on_after(1):
            while (request := await self.request()) is not None:
                requests.append(request)
        return requests

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def answer(self, request: str, **options: Any) -> None:
        await self.send(answer(request, **options))


def answer(request: str, *, status: str = "200 OK", headers: Iterable[str] = ()) -> bytes:
    """An answer that repeats the request line, so that mixed-up answers show."""
    body = request.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


Script = Callable[[Peer], Awaitable[None]]


async def echo(peer: Peer) -> None:
    """The well-behaved server: answers each request, one at a time."""
    while (request := await peer.request()) is not None:
        await peer.answer(request)


class ScriptedNetwork(httpcore.AsyncNetworkBackend):
    """Serves the n-th connection with the n-th script; the last one serves the rest.

    `requests` lists what every connection was asked. A script of None refuses the connection.
    """

    def __init__(self, nursery: trio.Nursery, *scripts: Script | None) -> None:
        self._nursery = nursery
        self._scripts = list(scripts) or [echo]
        self.connections: list[Peer] = []
        self.refused = 0

    async def connect_tcp(self, host: str, port: int, *args: Any, **keywords: Any) -> MemoryStream:
        await trio.lowlevel.checkpoint()
        number = len(self.connections) + self.refused
        script = self._scripts[min(number, len(self._scripts) - 1)]
        if script is None:
            self.refused += 1
            raise httpcore.ConnectError("Connection refused")
        client, server = trio.testing.memory_stream_pair()
        peer = Peer(server, number)
        self.connections.append(peer)
        self._nursery.start_soon(self._run, script, peer)
        return MemoryStream(client)

    async def _run(self, script: Script, peer: Peer) -> None:
        try:
            await script(peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # The client has gone away.
        finally:
            await trio.aclose_forcefully(peer.stream)
