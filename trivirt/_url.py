"""The URLs of an engine's API and of a sign-on service, taken apart and checked."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

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
    parts, port = _split(url, "The URL", _expected(""))
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


def _split(url: str, what: str, expected: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL that holds no credentials, which are not repeated if it does."""
    if "@" in url:  # Wherever it is: an unquoted / or ? in a password ends the host early.
        raise UsageError(
            f"{what} holds a user name or password; give them apart from it, as the username and "
            "the password (elsewhere, @ is written %40)"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UsageError(f"{what} cannot be read ({exc}); {expected}") from None
    host = parts.hostname or ""
    if not (host.isascii() and host.isprintable()) or " " in host:
        raise UsageError(f"{what} names the host {host!r}; write it in ASCII (xn--...)")
    return parts, port


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
    parts, port = _split(url, option, "expected https://HOST/PATH")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise UsageError(f"{option}={url!r}: expected https://HOST/PATH")
    secure = parts.scheme == "https"
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return SignOnUrl(secure, parts.hostname, port or (443 if secure else 80), target)
