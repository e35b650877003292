"""A TCP connection without the layers: what httpcore's trio stream does, at half its cost.

httpcore puts a timeout and two context managers around each read and write, and trio's socket a
checkpoint behind each; our connections have one timer of their own and park when they are idle.
So the socket that httpcore's backend has connected is taken over, through public interfaces
only. Streams without a trio socket, those of tests and of the simulated engine, stay as they are.
"""

from __future__ import annotations

import socket as stdlib_socket
from typing import Any

import httpcore
import trio


class SocketStream(httpcore.AsyncNetworkStream):
    """A connected socket. `timeout` arguments are ignored: cancel scopes are the timers here."""

    def __init__(self, sock: stdlib_socket.socket) -> None:
        self._sock = sock

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived; waits for it first, so that a busy peer cannot keep others waiting."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._sock)
                try:
                    return self._sock.recv(max_bytes)
                except (BlockingIOError, InterruptedError):
                    continue
        except (OSError, trio.ClosedResourceError) as exc:
            raise httpcore.ReadError(_words(exc)) from exc

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send everything. Not always a checkpoint."""
        rest = memoryview(buffer)
        try:
            while rest:
                try:
                    rest = rest[self._sock.send(rest) :]
                except (BlockingIOError, InterruptedError):
                    await trio.lowlevel.wait_writable(self._sock)
        except (OSError, trio.ClosedResourceError) as exc:
            raise httpcore.WriteError(_words(exc)) from exc

    async def aclose(self) -> None:
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()
        await trio.lowlevel.checkpoint()

    def get_extra_info(self, info: str) -> Any:
        return self._sock if info == "socket" else None


def take_socket(stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
    """The same connection with less around it, if it is a trio socket; else as it is."""
    sock = stream.get_extra_info("socket")
    if not isinstance(sock, trio.socket.SocketType):
        return stream
    family, kind, proto = sock.family, sock.type, sock.proto
    taken = stdlib_socket.socket(family, kind, proto, fileno=sock.detach())
    taken.setblocking(False)
    return SocketStream(taken)


def _words(exc: BaseException) -> str:
    return (getattr(exc, "strerror", None) or str(exc) or type(exc).__name__).lower()
