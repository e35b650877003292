"""TLS over any byte stream, through OpenSSL's memory BIOs.

trio's own TLS stream returns one record (16 kB) a call and costs 20 us an answer where this one
costs 10, because a read here decrypts everything that has arrived at once.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpcore

from trivirt.errors import UsageError

# Buffers of more than 128 kB would cost a mapping of memory at each call (12 us).
_RECORD = 16_384  # What one call of OpenSSL returns at most.
_READ = 65_536


FilePath = str | Path
ClientCert = FilePath | tuple[FilePath, FilePath] | tuple[FilePath, FilePath, str]


def client_context(
    *,
    ca_file: FilePath | None = None,
    ca_data: str | bytes | None = None,
    client_cert: ClientCert | None = None,
    insecure: bool = False,
) -> ssl.SSLContext:
    """What this client accepts: TLS 1.2 and later, HTTP/1.1, and certificates of the CAs given.

    `ca_file` and `ca_data` are PEM, and count together; without both the system's CAs count.
    `client_cert` is the file of a certificate with its key, or a tuple of the certificate's file,
    the key's file and, if the key needs one, its password. `insecure` turns every check of the
    server off, so that the CAs are not looked at. Raises UsageError for what cannot be read.
    """
    if insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is None and ca_data is None:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Whatever the caller trusts is trusted, also a certificate that is no root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _trust(context, ca_file, ca_data)
    if client_cert is not None:
        _present(context, client_cert)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust(context: ssl.SSLContext, ca_file: FilePath | None, ca_data: str | bytes | None) -> None:
    if ca_data is not None:
        text = ca_data.decode("latin-1") if isinstance(ca_data, bytes) else ca_data
        try:
            context.load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError, TypeError) as exc:
            raise UsageError("ca_data holds no PEM certificate") from exc
    if ca_file is not None:
        shown = repr(str(ca_file))
        try:
            context.load_verify_locations(cafile=_readable(ca_file))
        except ssl.SSLError as exc:
            raise UsageError(f"The CA file {shown} holds no PEM certificate") from exc
        except OSError as exc:
            raise UsageError(
                f"The CA file {shown} cannot be read: {exc.strerror}. The engine's own CA is at "
                f"https://HOST{_CA_PATH}"
            ) from exc


def _present(context: ssl.SSLContext, client_cert: ClientCert) -> None:
    cert, key, password = _parts(client_cert)
    try:
        # The password is always given: without one OpenSSL would ask at the terminal.
        context.load_cert_chain(_readable(cert), _readable(key), lambda: password or "")
    except ssl.SSLError as exc:
        raise UsageError(
            f"The client certificate {str(cert)!r} with the key {str(key)!r} cannot be used: "
            f"{_key_trouble(exc, key, password)}"
        ) from exc
    except OSError as exc:
        raise UsageError(
            f"The client certificate {str(cert)!r} with the key {str(key)!r} cannot be read: "
            f"{exc.strerror}"
        ) from exc


def _parts(client_cert: ClientCert) -> tuple[FilePath, FilePath, str | None]:
    if isinstance(client_cert, str | Path):
        return client_cert, client_cert, None
    if len(client_cert) == 2:
        return *client_cert, None
    if len(client_cert) == 3:
        return client_cert
    raise UsageError(
        "client_cert is a file, or (certificate, key), or (certificate, key, password)"
    )


def _key_trouble(exc: ssl.SSLError, key: FilePath, password: str | None) -> str:
    if exc.reason == "KEY_VALUES_MISMATCH":
        return "the key belongs to another certificate"
    if b"ENCRYPTED" not in Path(key).read_bytes():  # OpenSSL only says "PEM lib".
        return "both must be PEM, the certificate first"
    if password is None:
        return "the key is protected by a password; give it as the third of the tuple"
    return "the password of the key is wrong"


def _readable(file: FilePath) -> FilePath:
    """The file's name, if it is one: OpenSSL says nothing useful about "" or a directory."""
    with open(file, "rb"):
        return file


class TlsStream(httpcore.AsyncNetworkStream):
    """A client's TLS session over another stream.

    One task may read while another writes. A cancelled call leaves the session unusable, as it
    does with every TLS; close it then. Between two calls `stream`, the one below, may be replaced
    by another that goes on where it stopped; a read that waits for its first byte may be cancelled.
    """

    def __init__(
        self, stream: httpcore.AsyncNetworkStream, context: ssl.SSLContext, host: str
    ) -> None:
        self.stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._flushing = False
        self._dry = False  # Whether everything that has arrived is decrypted.

    async def handshake(self) -> None:
        """Agree on keys. Raises ssl.SSLError when the peer cannot be trusted or understood."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            except ssl.SSLError:
                with contextlib.suppress(httpcore.NetworkError):
                    await self._flush()  # The alert that tells the server why.
                raise
            else:
                await self._flush()
                return

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Whatever has arrived, which may exceed `max_bytes`; empty at the end.

        An end that the peer has not announced is an error, for anybody on the way can make it: an
        answer without a length must not count as complete then (RFC 9112 section 9.8).
        """
        while True:
            if self._dry:
                await self._receive()
            parts: list[bytes] = []
            ended = False
            try:
                while part := self._tls.read(_RECORD):
                    parts.append(part)
                ended = True
            except ssl.SSLWantReadError:
                self._dry = True
            except ssl.SSLZeroReturnError:
                ended = True
            except ssl.SSLEOFError:
                if not parts:
                    raise httpcore.ReadError("TLS: it was closed without a farewell") from None
            except ssl.SSLError as exc:
                if not parts:
                    # With TLS 1.3 this is where a server refuses the client's certificate. The
                    # message holds all there is to know, and OpenSSL's would hide it.
                    raise httpcore.ReadError(f"TLS: {_said(exc)}") from None
            if self._outgoing.pending:  # TLS 1.3 may want to answer a key update.
                await self._flush()
            if parts or ended:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._tls.write(buffer)
        except ssl.SSLError as exc:
            raise httpcore.WriteError(f"TLS: {exc.reason or exc}") from exc
        await self._flush()

    async def aclose(self) -> None:
        """Close at once, without a farewell: HTTP has said where its messages end."""
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._tls
        return self.stream.get_extra_info(info)

    async def _receive(self) -> None:
        data = await self.stream.read(_READ)
        self._dry = False
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
                await self.stream.write(data)
        finally:
            self._flushing = False


def describe(exc: ssl.SSLError, host: str, port: int) -> str:
    """Why the handshake failed, and what to do about it."""
    where = f"The TLS connection to {host}:{port} failed"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"{where}: {_distrust(exc, host, port)}."
    if isinstance(exc, ssl.SSLEOFError):
        return f"{where}: the server closed the connection; does it speak TLS there?"
    if exc.reason in _NO_TLS:
        return (
            f"{where}: the server does not speak TLS there; check the port, or is it http:// "
            "instead of https://?"
        )
    return f"{where}: {_said(exc)}."


def _distrust(exc: ssl.SSLCertVerificationError, host: str, port: int) -> str:
    if exc.verify_code in _UNKNOWN_CA:
        return (
            f"the certificate is not signed by a CA that is trusted here ({exc.verify_message}). "
            f"Give the engine's CA as ca_file; it is at https://{host}:{port}{_CA_PATH} (verify "
            "its fingerprint)"
        )
    if exc.verify_code == _EXPIRED:
        return (
            "the server's certificate has expired, or this machine's clock is wrong; engine-setup "
            "on the engine's machine renews its certificates"
        )
    if exc.verify_code in _OTHER_NAME:
        return (
            f"the certificate is for another name ({exc.verify_message.rstrip('.')}). Use the "
            "name that the engine was set up with"
        )
    return exc.verify_message.rstrip(".")


def _said(exc: ssl.SSLError) -> str:
    """What OpenSSL says, in our words where we have better ones."""
    return _WORDS.get(exc.reason, exc.reason) or str(exc)


_CA_PATH = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
_UNKNOWN_CA: Iterable[int] = frozenset({2, 18, 19, 20, 21})  # X509_V_ERR_*: no issuer found
_EXPIRED = 10
_OTHER_NAME: Iterable[int] = frozenset({62, 64})  # Host name, IP address
_NO_TLS: Iterable[str] = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
)
_NO_CERT = "the server wants a certificate of this client; give it as client_cert"
_BAD_CERT = "the server does not accept this client's certificate (client_cert)"
_OLD = "the server speaks no version of TLS that is safe to use (1.2 or later)"
_WORDS: dict[str, str] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _NO_CERT,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server found nothing that both sides can speak, or "
    "wants a certificate of this client (client_cert)",
    "TLSV1_ALERT_UNKNOWN_CA": _BAD_CERT,
    "SSLV3_ALERT_BAD_CERTIFICATE": _BAD_CERT,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _BAD_CERT,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "UNSUPPORTED_PROTOCOL": _OLD,
}
