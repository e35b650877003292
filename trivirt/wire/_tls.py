"""TLS over any byte stream, through OpenSSL's memory BIOs.

trio's own TLS stream returns one record (16 kB) a call and costs 20 us an answer where this one
costs 10, because a read here decrypts everything that has arrived at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpcore

from trivirt.errors import UsageError

_RECORDS = 262_144


def client_context(*, ca_file: str | Path | None, insecure: bool) -> ssl.SSLContext:
    """What this client accepts: TLS 1.2 and later, HTTP/1.1, certificates of `ca_file`.

    Without `ca_file` the system's CAs count. `insecure` turns every check off. Raises UsageError
    for a file that is missing or holds no certificate.
    """
    if insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = _verifying_context(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _verifying_context(ca_file: str | Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as exc:
        raise UsageError(f"The CA file {str(ca_file)!r} holds no PEM certificate") from exc
    except OSError as exc:
        raise UsageError(
            f"The CA file {str(ca_file)!r} cannot be read: {exc.strerror}. The engine's own CA is "
            "at https://HOST/ovirt-engine/services/pki-resource"
            "?resource=ca-certificate&format=X509-PEM-CA"
        ) from exc


class TlsStream(httpcore.AsyncNetworkStream):
    """A client's TLS session over another stream.

    One task may read while another writes. A cancelled call leaves the session unusable, as it
    does with every TLS; close it then.
    """

    def __init__(
        self, stream: httpcore.AsyncNetworkStream, context: ssl.SSLContext, host: str
    ) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._flushing = False

    async def handshake(self) -> None:
        """Agree on keys. Raises ssl.SSLError when the peer cannot be trusted or understood."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            except ssl.SSLError:
                await self._flush()  # The alert that tells the server why.
                raise
            else:
                await self._flush()
                return

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Whatever has arrived, which may exceed `max_bytes`; empty at the end."""
        while True:
            parts: list[bytes] = []
            ended = False
            try:
                while part := self._tls.read(_RECORDS):
                    parts.append(part)
                ended = True
            except ssl.SSLWantReadError:
                pass
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                ended = True  # HTTP frames its messages itself, see RFC 9112 section 9.8.
            except ssl.SSLError as exc:
                if not parts:
                    raise httpcore.ReadError(f"TLS: {exc.reason or exc}") from exc
            if self._outgoing.pending:  # TLS 1.3 may want to answer a key update.
                await self._flush()
            if parts or ended:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            await self._receive()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._tls.write(buffer)
        except ssl.SSLError as exc:
            raise httpcore.WriteError(f"TLS: {exc.reason or exc}") from exc
        await self._flush()

    async def aclose(self) -> None:
        """Close at once, without a farewell: HTTP has said where its messages end."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._tls
        return self._stream.get_extra_info(info)

    async def _receive(self) -> None:
        data = await self._stream.read(_RECORDS)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        """Send what OpenSSL has put out, in order: whoever is at it takes the rest along."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while data := self._outgoing.read():
                await self._stream.write(data)
        finally:
            self._flushing = False


def describe(exc: ssl.SSLError, host: str, port: int) -> str:
    """Why the handshake failed, and what to do about it."""
    where = f"The TLS connection to {host}:{port} failed"
    if isinstance(exc, ssl.SSLCertVerificationError):
        if exc.verify_code in _UNKNOWN_CA:
            return (
                f"{where}: the certificate is not signed by a CA that is trusted here "
                f"({exc.verify_message}). Give the engine's CA as ca_file; it is at "
                f"https://{host}/ovirt-engine/services/pki-resource"
                "?resource=ca-certificate&format=X509-PEM-CA (verify its fingerprint)."
            )
        return f"{where}: {exc.verify_message}."
    if exc.reason in _NO_TLS:
        return f"{where}: the server does not speak TLS there; check the port and the scheme."
    return f"{where}: {exc.reason or exc}."


_UNKNOWN_CA: Iterable[int] = frozenset({2, 18, 19, 20, 21})  # X509_V_ERR_*: no issuer found
_NO_TLS: Iterable[str] = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
)
