"""Making one connection: TCP through httpcore's network backend, a proxy's tunnel, then TLS.

The network backend is the only door to sockets: tests script it, the simulated engine plugs
into it. Every failure leaves here as one of `trivirt.errors`.

What httpcore's trio stream does, a `SocketStream` does at half its cost: httpcore puts a timeout
and two context managers around each read and write, and trio's socket a checkpoint behind each;
our connections have one timer of their own and park when they are idle. So the socket that
httpcore's backend has connected is taken over, through public interfaces only. Streams without a
trio socket, those of tests and of the simulated engine, stay as they are.
"""

from __future__ import annotations

import socket as stdlib_socket
import ssl
from typing import Any

import httpcore
import trio

from trivirt._value import Value
from trivirt.errors import ConnectFailed, TlsFailed
from trivirt.wire._proxy import Proxy, bracketed
from trivirt.wire._timeouts import Timeouts
from trivirt.wire._tls import TlsStream, describe


class Origin(Value):
    """Where an engine is, and the way there. `tls` is None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


async def dial(
    origin: Origin, backend: httpcore.AsyncNetworkBackend, timeouts: Timeouts
) -> httpcore.AsyncNetworkStream:
    """A connection on which HTTP may be spoken.

    Raises ConnectFailed or TlsFailed. Cancel-safe: a connection that is not returned is closed.
    """
    if origin.proxy is None:
        stream = await _connect(origin.host, origin.port, backend, timeouts)
    else:
        stream = await _connect_through(origin.proxy, origin, backend, timeouts)
    if origin.tls is None:
        return stream
    return await _secure(stream, origin.tls, origin.host, origin.port, timeouts)


async def _connect(
    host: str, port: int, backend: httpcore.AsyncNetworkBackend, timeouts: Timeouts
) -> httpcore.AsyncNetworkStream:
    where = f"{bracketed(host)}:{port}"
    try:
        with trio.fail_after(timeouts.connect):
            return _take_socket(await backend.connect_tcp(host, port))
    except (trio.TooSlowError, httpcore.ConnectTimeout) as exc:
        raise ConnectFailed(
            f"No connection to {where} within {timeouts.connect:g} s; is the host up, and the "
            "port open in the firewalls between?"
        ) from exc
    except (httpcore.ConnectError, OSError, UnicodeError) as exc:  # The last: `a..b` is no name.
        raise ConnectFailed(f"No connection to {where}: {_cause(exc)}") from exc


async def _connect_through(
    proxy: Proxy, origin: Origin, backend: httpcore.AsyncNetworkBackend, timeouts: Timeouts
) -> httpcore.AsyncNetworkStream:
    """A tunnel to the origin, within the one time that a connection may take."""
    from trivirt.wire._tunnel import open_tunnel  # Few have a proxy.

    stream = None
    try:
        with trio.fail_after(timeouts.connect):
            stream = await _reach(proxy, backend, timeouts)
            await open_tunnel(stream, proxy, origin.host, origin.port)
            return stream
    except BaseException as exc:
        if stream is not None:
            await _close(stream)
        if isinstance(exc, trio.TooSlowError):
            raise ConnectFailed(
                f"The proxy {proxy} made no connection to {origin.host}:{origin.port} within "
                f"{timeouts.connect:g} s"
            ) from exc
        if isinstance(exc, httpcore.NetworkError | OSError):
            raise ConnectFailed(f"The connection to the proxy {proxy} broke: {exc}") from exc
        raise


async def _reach(
    proxy: Proxy, backend: httpcore.AsyncNetworkBackend, timeouts: Timeouts
) -> httpcore.AsyncNetworkStream:
    try:
        stream = await _connect(proxy.host, proxy.port, backend, timeouts)
        if proxy.tls is None:
            return stream
        return await _secure(stream, proxy.tls, proxy.host, proxy.port, timeouts)
    except ConnectFailed as exc:
        raise type(exc)(f"The proxy cannot be reached: {exc}") from exc.__cause__


async def _secure(
    stream: httpcore.AsyncNetworkStream,
    context: ssl.SSLContext,
    host: str,
    port: int,
    timeouts: Timeouts,
) -> TlsStream:
    secured = TlsStream(stream, context, host)
    try:
        with trio.fail_after(timeouts.tls):
            await secured.handshake()
    except BaseException as exc:
        await _close(stream)
        if isinstance(exc, trio.TooSlowError):
            raise TlsFailed(
                f"The TLS handshake with {host}:{port} was not over within {timeouts.tls:g} s"
            ) from exc
        if isinstance(exc, ssl.SSLEOFError):
            # Not `from exc`: a TLS error as the cause means that repeating is of no use, and
            # Apache ends handshakes like this while it restarts.
            raise TlsFailed(describe(exc, host, port)) from None
        if isinstance(exc, ssl.SSLError):
            raise TlsFailed(describe(exc, host, port)) from exc
        if isinstance(exc, httpcore.NetworkError | OSError):
            raise TlsFailed(
                f"{host}:{port} closed the connection during the TLS handshake; does it speak "
                "TLS there?"
            ) from exc
        raise
    return secured


async def _close(stream: httpcore.AsyncNetworkStream) -> None:
    with trio.CancelScope(shield=True):
        await stream.aclose()


def _cause(exc: BaseException) -> str:
    """The plainest words along the chain of causes: usually the operating system's."""
    words = str(exc)
    seen: BaseException | None = exc
    while seen is not None:
        several = getattr(seen, "exceptions", None)  # One failure for each address tried.
        if several:
            seen = several[0]
            continue
        if isinstance(seen, OSError) and seen.strerror:
            words = seen.strerror
        seen = seen.__cause__ or seen.__context__
    return words[:1].lower() + words[1:] if words else type(exc).__name__


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


def _take_socket(stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
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
