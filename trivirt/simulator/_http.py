"""The server's half of HTTP/1.1 without I/O: bytes to requests, responses to bytes.

Parsing is httptools'. What it lets pass and Apache httpd does not (oversized lines, a missing
Host) is refused here. A refused request ends the reading: whatever follows it cannot be trusted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import httptools

from trivirt.simulator._pages import reason_of
from trivirt.wire._messages import Headers, Request, Response

MAX_LINE = 8190  # httpd: LimitRequestLine and LimitRequestFieldSize
MAX_FIELDS = 100  # httpd: LimitRequestFields
LONG = 1024 * 1024  # a body that is better not copied
MAX_BODY = 10 * 1024 * 1024  # Undertow's default on the AJP listener


class _Refused(Exception):
    """Raised in a callback of the parser; `status` is what httpd answers before it closes."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Received:
    """A complete request, and whether the client wants the connection to stay open."""

    request: Request
    keep_alive: bool


class RequestReader:
    """Feeds on what arrives on one connection and hands out complete requests.

    Header names come out in lower case. Clients send the same header block again and again, so
    a decoded block is kept and shared by all requests that carry it; that halves the cost.
    """

    _blocks: dict[tuple[tuple[bytes, bytes], ...], Headers] = {}  # noqa: RUF012 - shared on purpose

    def __init__(self) -> None:
        self._ready: list[Received] = []
        self._status: int | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0  # of the head until it is complete, then of the body
        self._in_head = True
        self._within = False

    @property
    def in_request(self) -> bool:
        """Whether the last bytes ended inside of a request."""
        return self._within

    @property
    def refused(self) -> int | None:
        """The status that says why the rest of the bytes cannot be read; None while all is well."""
        return self._status

    def feed(self, data: bytes) -> list[Received]:
        """The requests that `data` completes. Look at `refused` afterwards."""
        if self._status is None:
            self._parse(data)
        ready, self._ready = self._ready, []
        return ready

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Nobody upgrades here. The request itself is complete; go on behind it.
            rest = data[upgrade.args[0] :]
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self._parse(rest)
        except httptools.HttpParserError as error:
            # An exception raised in a callback arrives as the context of httptools' own.
            cause = error.__context__
            self._status = cause.status if isinstance(cause, _Refused) else 400
        if self._within and self._in_head and self._status is None:
            # The parser keeps an unfinished header to itself until it ends.
            self._size += len(data)
            if self._size > 2 * MAX_LINE + len(data):
                self._status = 400

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._target = b""
        self._fields = []
        self._body = []
        self._size = 0
        self._in_head = self._within = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > MAX_LINE:
            raise _Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))
        self._size = 0
        if len(name) + len(value) > MAX_LINE or len(self._fields) > MAX_FIELDS:
            raise _Refused(400)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._size = 0

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._size += len(body)
        if self._size > MAX_BODY:
            raise _Refused(413)

    def on_message_complete(self) -> None:
        self._within = False
        headers = self._headers(tuple(self._fields))
        version = self._parser.get_http_version()
        if version != "1.0" and not any(name == "host" for name, _ in headers):
            raise _Refused(400)
        request = Request(
            self._parser.get_method().decode("ascii"),
            _origin_form(self._target.decode("latin-1")),
            headers,
            b"".join(self._body),
        )
        self._ready.append(Received(request, self._parser.should_keep_alive()))

    @classmethod
    def _headers(cls, fields: tuple[tuple[bytes, bytes], ...]) -> Headers:
        headers = cls._blocks.get(fields)
        if headers is None:
            headers = tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in fields
            )
            if len(cls._blocks) >= 1000:
                cls._blocks.clear()
            cls._blocks[fields] = headers
        return headers


def _origin_form(target: str) -> str:
    """Path and query of a target, which may come with host as proxies get it (RFC 9112, 3.2.2)."""
    if target[:4].lower() != "http":
        return target
    return "/" + target.partition("://")[2].partition("/")[2]


class ResponseWriter:
    """Turns responses into bytes, with the headers that httpd adds to each.

    `limit` is the number of answers that leave a connection open (MaxKeepAliveRequests): after
    them one more is given, which closes. None: any number.
    """

    def __init__(self, *, timeout: float, limit: int | None) -> None:
        self._limit = limit
        self._close = b"Connection: close\r\n\r\n"
        seconds = f"Keep-Alive: timeout={timeout:g}"
        stay = "\r\nConnection: Keep-Alive\r\n\r\n"
        self._forever = f"{seconds}{stay}".encode()
        counted = range(1, (limit or 0) + 1)
        self._counted = [f"{seconds}, max={left}{stay}".encode() for left in counted]

    def closes(self, count: int) -> bool:
        """Whether the answer number `count`, from 1, is the last of its connection."""
        return self._limit is not None and count > self._limit

    def write(
        self, response: Response, *, count: int, close: bool, bodiless: bool, chunked: bool
    ) -> list[bytes]:
        """The answer number `count`; `bodiless` is for HEAD. A long body is a piece of its own."""
        body = response.body
        framing = b"Content-Length: %d\r\n" % len(body)
        if chunked and body:
            framing = b"Transfer-Encoding: chunked\r\n"
            body = _chunks(body)
        if close:
            tail = self._close
        elif self._limit is None:
            tail = self._forever
        else:
            tail = self._counted[self._limit - count]
        head = [_status_line(response.status), _date(), *map(_field, response.headers)]
        if bodiless:
            body = b""
        if len(body) > LONG:
            return [b"".join((*head, framing, tail)), body]
        return [b"".join((*head, framing, tail, body))]


def _chunks(body: bytes, size: int = 8192) -> bytes:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


_status_lines: dict[int, bytes] = {}
_names: dict[str, str] = {"www-authenticate": "WWW-Authenticate"}
_dates: tuple[int, bytes] = (0, b"")


def _status_line(status: int) -> bytes:
    line = _status_lines.get(status)
    if line is None:
        line = _status_lines[status] = f"HTTP/1.1 {status} {reason_of(status)}\r\n".encode()
    return line


def _field(field: tuple[str, str]) -> bytes:
    name, value = field
    shown = _names.get(name)
    if shown is None:
        shown = _names[name] = name.title()
    if "\n" in value or "\r" in value:
        value = " ".join(value.split())
    return f"{shown}: {value}\r\n".encode("latin-1", "replace")


def _date() -> bytes:
    global _dates
    now = int(time.time())
    if _dates[0] != now:
        line = f"Date: {formatdate(now, usegmt=True)}\r\nServer: Apache\r\n"
        _dates = (now, line.encode())
    return _dates[1]
