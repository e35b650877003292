"""Asking an HTTP proxy for a tunnel with CONNECT (RFC 9110 section 9.3.6).

Plain HTTP goes through a tunnel, too, so that nothing above this module knows of proxies. The
only sign-on that is spoken to a proxy is Basic.
"""

from __future__ import annotations

import re

import httpcore

from trivirt._value import Value
from trivirt.errors import ConnectFailed
from trivirt.wire._proxy import Proxy, bracketed

_HEAD_LIMIT = 65_536
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\r\n]*))?(?:\r?\n|$)").match
_END = re.compile(rb"\r?\n\r?\n").search
_OFFER = re.compile(rb"(?im)^proxy-authenticate:[ \t]*([\w!#$%&'*+.^`|~-]+)").findall


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
        raise ConnectFailed(_refusal(answer, proxy, f"{bracketed(host)}:{port}"))
    if answer.rest:
        # Neither TLS nor HTTP lets the server speak first.
        raise ConnectFailed(f"The proxy {proxy} sent something behind its answer to CONNECT")


def connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    """The request for a tunnel."""
    where = f"{bracketed(host)}:{port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", "User-Agent: trivirt"]
    if proxy.credentials is not None:
        lines.append(f"Proxy-Authorization: Basic {proxy.credentials}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class Answer(Value):
    """What a proxy says to CONNECT. `offers` are the schemes of sign-on that it names."""

    status: int
    reason: str = ""
    offers: tuple[str, ...] = ()
    rest: bytes = b""


def read_answer(received: bytes) -> Answer | None:
    """The answer in the bytes received so far; None when it is not complete.

    What is no HTTP answer comes back with the status 0. Interim answers (1xx) are passed over.
    """
    while True:
        if not received.startswith(b"HTTP/1."[: len(received)]):
            return Answer(0)
        end = _END(received)
        if end is None:
            return None
        line = _STATUS(received)
        if line is None:
            return Answer(0)
        status, rest = int(line[1]), received[end.end() :]
        if status >= 200:
            break
        received = rest
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
