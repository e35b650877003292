"""A certificate authority that lives as long as the process, and the server's TLS settings."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from types import TracebackType

from trivirt import errors

NAMES = ("localhost", "127.0.0.1", "::1")


class Authority:
    """Makes a CA and a server certificate; the CA is in a file until the `with` block ends."""

    def __init__(self, *names: str) -> None:
        try:
            import trustme
        except ImportError as error:
            message = "the simulated engine needs the extra: pip install 'trivirt[simulator]'"
            raise errors.UsageError(message) from error
        self._ca = trustme.CA(organization_name="trivirt simulated engine")
        self._certificate = self._ca.issue_cert(*dict.fromkeys((*names, *NAMES)))
        self._folder = tempfile.TemporaryDirectory(prefix="trivirt-simulator-")
        self.ca_file = Path(self._folder.name).resolve() / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self._ca.cert_pem.bytes()

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 and newer, HTTP/1.1 only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._certificate.configure_cert(context)
        return context

    def __enter__(self) -> Authority:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()
