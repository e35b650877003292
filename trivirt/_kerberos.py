"""Kerberos tickets for HTTP: the client's side of SPNEGO (RFC 4559), spoken by pyspnego.

pyspnego comes with the extra `trivirt[kerberos]` and is imported when it is needed. It calls
GSSAPI, or SSPI on Windows, which may ask a KDC and so blocks: use it from a worker thread.
"""

from __future__ import annotations

import importlib
from typing import Any

from trivirt.errors import AuthError, UsageError

_INSTALL = "pip install 'trivirt[kerberos]'"


def check_installed() -> None:
    """Raise UsageError with the command that installs what Kerberos needs."""
    _spnego()


class Negotiation:
    """One sign-on to the service HTTP at `host`, step by step.

    `principal` chooses among several tickets; None takes the default one. The ticket comes from
    where Kerberos keeps it: a cache filled by kinit, or a keytab named by KRB5_CLIENT_KTNAME.
    """

    def __init__(self, host: str, principal: str | None = None) -> None:
        self._host, self._principal = host, principal
        self._context: Any = None

    def __repr__(self) -> str:
        return f"<Negotiation with HTTP@{self._host}>"

    def step(self, challenge: bytes | None) -> bytes | None:
        """The token that answers the server's, which is None at first; None when there is none.

        Blocks. Raises AuthError when there is no ticket, or the server's token proves nothing.
        """
        spnego = _spnego()
        try:
            if self._context is None:
                self._context = spnego.client(
                    self._principal,
                    hostname=self._host,
                    service="HTTP",
                    # Not "negotiate": that would fall back to NTLM, and ask for a password.
                    protocol="kerberos",
                )
            token: bytes | None = self._context.step(challenge)
        except importlib.import_module("spnego.exceptions").FeatureMissingError as exc:
            raise _missing(exc) from exc
        except importlib.import_module("spnego.exceptions").SpnegoError as exc:
            raise AuthError(self._trouble(exc, challenge)) from exc
        return token

    def _trouble(self, exc: Exception, challenge: bytes | None) -> str:
        said = " ".join(str(exc).split())
        if challenge is not None:
            return f"Sign-on with Kerberos: the answer of HTTP@{self._host} is not valid: {said}"
        whose = f" of {self._principal}" if self._principal else ""
        return (
            f"Sign-on with Kerberos: no ticket{whose} for HTTP@{self._host}. Run kinit, or name a "
            f"keytab in KRB5_CLIENT_KTNAME; klist shows what is there. GSSAPI says: {said}"
        )


def _spnego() -> Any:
    try:
        return importlib.import_module("spnego")
    except ImportError as exc:
        raise _missing(exc) from exc


def _missing(exc: Exception) -> UsageError:
    return UsageError(
        f"kerberos=True needs pyspnego with its Kerberos libraries: {_INSTALL} ({exc})"
    )
