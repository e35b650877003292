"""Making one connection: TCP through httpcore's network backend, then TLS.

The network backend is the only door to sockets: tests script it, the simulated engine plugs
into it. Every failure leaves here as one of `trivirt.errors`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpcore
import trio

from trivirt.errors import ConnectFailed, TlsFailed
from trivirt.wire._sockets import take_socket
from trivirt.wire._timeouts import Timeouts
from trivirt.wire._tls import TlsStream, describe


@dataclass(frozen=True)
class Origin:
    """Where an engine is. `tls` is None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

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
    stream = await _connect(origin, backend, timeouts)
    if origin.tls is None:
        return stream
    try:
        return await _secure(stream, origin.tls, origin, timeouts)
    except BaseException:
        with trio.CancelScope(shield=True):
            await stream.aclose()
        raise


async def _connect(
    origin: Origin, backend: httpcore.AsyncNetworkBackend, timeouts: Timeouts
) -> httpcore.AsyncNetworkStream:
    where = f"{origin.host}:{origin.port}"
    try:
        with trio.fail_after(timeouts.connect):
            return take_socket(await backend.connect_tcp(origin.host, origin.port))
    except (trio.TooSlowError, httpcore.ConnectTimeout) as exc:
        raise ConnectFailed(
            f"No connection to {where} within {timeouts.connect:g} s; is the host up, and the "
            "port open in the firewalls between?"
        ) from exc
    except (httpcore.ConnectError, OSError) as exc:
        raise ConnectFailed(f"No connection to {where}: {_cause(exc)}") from exc


async def _secure(
    stream: httpcore.AsyncNetworkStream,
    context: ssl.SSLContext,
    origin: Origin,
    timeouts: Timeouts,
) -> TlsStream:
    secured = TlsStream(stream, context, origin.host)
    try:
        with trio.fail_after(timeouts.tls):
            await secured.handshake()
    except trio.TooSlowError as exc:
        raise TlsFailed(
            f"The TLS handshake with {origin.host}:{origin.port} was not over within "
            f"{timeouts.tls:g} s"
        ) from exc
    except ssl.SSLError as exc:
        raise TlsFailed(describe(exc, origin.host, origin.port)) from exc
    except (httpcore.NetworkError, OSError) as exc:
        raise TlsFailed(
            f"{origin.host}:{origin.port} closed the connection during the TLS handshake; does "
            "it speak TLS there?"
        ) from exc
    return secured


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
