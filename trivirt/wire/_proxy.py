"""HTTP proxies: which one to use. Asking it for a tunnel is the matter of `_tunnel`."""

from __future__ import annotations

import os
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from trivirt._value import Value
from trivirt.errors import UsageError

_FORM = "http://[USER:PASSWORD@]HOST:PORT"


class Proxy(Value):
    """An HTTP proxy. `tls` is None unless it is spoken to over TLS itself.

    `credentials` is what Basic sends: the user and the password, joined and coded.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    credentials: str | None = None

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}{' with credentials' if self.credentials else ''}>"


def parse_proxy(url: str, context: Callable[[], ssl.SSLContext], *, source: str) -> Proxy:
    """Take the URL of a proxy apart; `http://` may be left out.

    `context` makes the settings for a proxy that speaks TLS. Raises UsageError, which begins
    with `source` and never shows the URL: it may hold a password.
    """
    split = _split(url if "://" in url else f"http://{url}")
    if split is None:  # Not raised where it is found: the error there holds the password.
        raise UsageError(f"{source} is not the URL of a proxy; expected {_FORM}")
    parts, port = split
    if parts.scheme not in ("http", "https"):
        raise UsageError(
            f"{source} names a {parts.scheme} proxy; trivirt speaks to HTTP proxies: {_FORM}"
        )
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"{source} is not the URL of a proxy; expected {_FORM}")
    secure = parts.scheme == "https"
    return Proxy(
        parts.hostname,
        port or (443 if secure else 80),
        context() if secure else None,
        _basic(parts.username, parts.password),
    )


def _split(url: str) -> tuple[SplitResult, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        return None


def _basic(user: str | None, password: str | None) -> str | None:
    if user is None and password is None:
        return None
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return b64encode(pair.encode()).decode("ascii")


# What the environment says.


def environment_proxy(
    secure: bool, host: str, port: int, environment: Mapping[str, str] | None = None
) -> tuple[str, str] | None:
    """The variable that names a proxy for an origin, and its value; None when there is none.

    `HTTPS_PROXY` or `HTTP_PROXY` by the scheme, then `ALL_PROXY`, unless `NO_PROXY` excludes the
    host; names in lower case come first. `HTTP_PROXY` in upper case is not looked at in a CGI
    script, where a client of the web server could have set it (CVE-2016-5385).
    """
    env = os.environ if environment is None else environment
    if excluded(host, port, env.get("no_proxy") or env.get("NO_PROXY") or ""):
        return None
    for name in ("https_proxy" if secure else "http_proxy", "all_proxy"):
        for spelt in (name, name.upper()):
            if spelt == "HTTP_PROXY" and "REQUEST_METHOD" in env:
                continue
            if value := env.get(spelt, "").strip():
                return spelt, value
    return None


def excluded(host: str, port: int, no_proxy: str) -> bool:
    """Whether a list such as `localhost, .example.com, 10.0.0.0/8, [::1]:8443` names the host.

    `example.com` and `.example.com` both mean the domain and all hosts in it; `*` means all.
    """
    return any(_named(host.lower(), port, entry) for entry in re.split(r"[,\s]+", no_proxy.lower()))


def _named(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, entry_port = _split_port(entry)
    if not name or (entry_port and entry_port != str(port)):
        return False
    import ipaddress  # Seldom needed, and slow to import.

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = name.strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.lstrip(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
