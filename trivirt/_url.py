"""The URLs of an engine's API and of a sign-on service, taken apart and checked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from trivirt._value import Value
from trivirt.errors import UsageError

_API = re.compile(r"(?P<root>(?:/[\w.~%-]+)*/ovirt-engine)/api(?:/v4)?/?").fullmatch


class EngineUrl(Value):
    """`https://HOST[:PORT]/ovirt-engine/api`. `api` and `root` are paths without a final slash."""

    secure: bool
    host: str
    port: int
    api: str
    root: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == (443 if self.secure else 80) else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.api}"


def parse_url(url: str) -> EngineUrl:
    """Take a URL apart. Raises UsageError with the form that is expected."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"This URL cannot be read ({exc}); {_expected('')}") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "The URL holds a user name or password; give them apart from it, as the username and "
            "the password"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is not the URL of an engine; {_expected('')}")
    match = _API(parts.path)
    if match is None or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is not the URL of an API; {_expected(parts.netloc)}")
    secure = parts.scheme == "https"
    return EngineUrl(
        secure=secure,
        host=parts.hostname,
        port=port or (443 if secure else 80),
        api=parts.path.rstrip("/"),
        root=match["root"],
    )


def _expected(netloc: str) -> str:
    return f"expected https://{netloc or 'HOST'}/ovirt-engine/api"


class SignOnUrl(Value):
    """Where a sign-on service is, apart from the engine. `target` is the path and the query."""

    secure: bool
    host: str
    port: int
    target: str


def parse_sign_on_url(url: str, option: str) -> SignOnUrl:
    """Take a URL apart that `option` gives. Raises UsageError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"{option} cannot be read as a URL ({exc})") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{option} holds a user name or password; give them apart from it")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise UsageError(f"{option}={url!r}: expected https://HOST/PATH")
    secure = parts.scheme == "https"
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return SignOnUrl(secure, parts.hostname, port or (443 if secure else 80), target)
