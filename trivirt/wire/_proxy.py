"""HTTP proxies: which one to use, and asking it for a tunnel with CONNECT (RFC 9110, 9.3.6).

Plain HTTP goes through a tunnel, too, so that nothing above this module knows of proxies. The
only sign-on that is spoken to a proxy is Basic.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpcore

from trivirt.errors import ConnectFailed, UsageError

_HEAD_LIMIT = 65_536
_FORM = "http://[USER:PASSWORD@]HOST:PORT"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\r\n]*))?(?:\r?\n|$)").match
_END = re.compile(rb"\r?\n\r?\n").search
_OFFER = re.compile(rb"(?im)^proxy-authenticate:[ \t]*([\w!#$%&'*+.^`|~-]+)").findall


class Proxy(NamedTuple):
    """An HTTP proxy. `tls` is None unless it is spoken to over TLS itself.

    `credentials` is what Basic sends: the user and the password, joined and coded.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    credentials: str | None = None

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}{' with credentials' if self.credentials else ''}>"


def parse_proxy(url: str, context: Callable[[], ssl.SSLContext], *, source: str) -> Proxy:
    """Take the URL of a proxy apart; `http://` may be left out.

    `context` makes the settings for a proxy that speaks TLS. Raises UsageError, which begins
    with `source` and never shows the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise UsageError(f"{source} is not the URL of a proxy; expected {_FORM}") from None
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


# The tunnel.


async def open_tunnel(
    stream: httpcore.AsyncNetworkStream, proxy: Proxy, host: str, port: int
) -> None:
    """Ask for a tunnel; afterwards the stream is as if it led to `host` itself.

    Raises ConnectFailed with what the proxy said, or httpcore's errors when the stream breaks.
    """
    await stream.write(connect_request(proxy, host, port))
    received = b""
    while (answer := read_answer(received)) is None:
        if len(received) > _HEAD_LIMIT:
            raise ConnectFailed(f"The proxy {proxy} sent a head of more than {_HEAD_LIMIT} bytes")
        data = await stream.read(_HEAD_LIMIT)
        if not data:
            raise ConnectFailed(
                f"The proxy {proxy} closed the connection instead of answering CONNECT; is it an "
                "HTTP proxy?"
            )
        received += data
    if not 200 <= answer.status < 300:
        raise ConnectFailed(_refusal(answer, proxy, f"{_bracketed(host)}:{port}"))
    if answer.rest:
        # Neither TLS nor HTTP lets the server speak first.
        raise ConnectFailed(f"The proxy {proxy} sent something behind its answer to CONNECT")


def connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    """The request for a tunnel."""
    where = f"{_bracketed(host)}:{port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", "User-Agent: trivirt"]
    if proxy.credentials is not None:
        lines.append(f"Proxy-Authorization: Basic {proxy.credentials}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class Answer(NamedTuple):
    """What a proxy says to CONNECT. `offers` are the schemes of sign-on that it names."""

    status: int
    reason: str = ""
    offers: tuple[str, ...] = ()
    rest: bytes = b""


def read_answer(received: bytes) -> Answer | None:
    """The answer in the bytes received so far; None when it is not complete.

    What is no HTTP answer comes back with the status 0. Interim answers (1xx) are passed over.
    """
    if not received.startswith(b"HTTP/1."[: len(received)]):
        return Answer(0)
    end = _END(received)
    if end is None:
        return None
    line = _STATUS(received)
    if line is None:
        return Answer(0)
    status, rest = int(line[1]), received[end.end() :]
    if status < 200:
        return read_answer(rest)
    reason = "".join(c for c in (line[2] or b"").decode("latin-1") if c.isprintable())
    offers = tuple(offer.decode("ascii") for offer in _OFFER(received[: end.start()]))
    return Answer(status, reason.strip()[:100], offers, rest)


def _refusal(answer: Answer, proxy: Proxy, where: str) -> str:
    said = f"{answer.status} {answer.reason}".strip()
    if answer.status == 0:
        return f"The proxy {proxy} did not answer in HTTP; check its port and scheme"
    if answer.status in (401, 407):  # tinyproxy says 401 to a wrong password
        return _sign_on_refusal(answer, proxy)
    if answer.status in (502, 503, 504):
        return f"The proxy {proxy} could not reach {where}: {said}"
    if answer.status in (403, 405):
        return (
            f"The proxy {proxy} does not allow a connection to {where}: {said}. Many proxies "
            "allow port 443 only; NO_PROXY and proxy=False go around it"
        )
    return f"The proxy {proxy} refused a connection to {where}: {said}"


def _sign_on_refusal(answer: Answer, proxy: Proxy) -> str:
    status = answer.status
    offers = {offer.lower() for offer in answer.offers}
    if offers and "basic" not in offers:
        return (
            f"The proxy {proxy} wants a sign-on by {', '.join(answer.offers)} ({status}); trivirt "
            "speaks Basic only"
        )
    if proxy.credentials is None:
        return (
            f"The proxy {proxy} wants a user name and a password ({status}); give them in its "
            "URL: http://USER:PASSWORD@HOST:PORT"
        )
    return f"The proxy {proxy} refused the user name and password in its URL ({status})"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
