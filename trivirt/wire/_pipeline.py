"""HTTP/1.1 with several requests in flight, without I/O: bytes out, bytes in, answers in order.

The strategy, and the traps it steps around:

- The other side answers in the order of the requests (RFC 9112 section 9.3.2). So an answer
  belongs to the oldest request without one, and nothing else in it says so. Therefore a
  conversation that is out of step in any way is over: what came before the doubt stands, the
  rest is for the caller to send again elsewhere.
- httptools reports an interim answer (1xx) as complete; it is not an answer and is skipped.
- It does not know what was asked, so it would wait for the body of an answer to HEAD. Such an
  answer ends with its head; HEAD is never followed by another request on the same connection
  until it is answered, so bytes after that head are junk.
- It raises on bytes behind an answer that says `Connection: close`, after having delivered the
  good ones. Those bytes are discarded, as the other side discards our requests behind it.
- An answer without a length ends with the connection, see `eof`.
- It reports the trailers behind a chunked body as headers. They are thrown away: nothing that
  comes behind a body may change how it was to be read (RFC 9110 section 6.5.1).
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Generic, TypeVar

import httptools

from trivirt._value import Value
from trivirt.errors import LocalProtocolError, RemoteProtocolError
from trivirt.wire._messages import Headers, Request, Response, keep_parts

Tag = TypeVar("Tag")

_JOINED = 1 << 20  # Longer bodies stay in parts.

_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch


class Limits(Value):
    """The most bytes that are taken of one answer.

    One beyond them is an error, and is not asked for again. For `head`, whole reads that neither
    end it nor bring any body are counted.
    """

    head: int = 128 * 1024  #: Of the head, and of what is no body between and behind chunks.
    body: int = 1 << 30  #: Of the body, as it travels.
    inflated: int = 2 << 30  #: Of the body, when gzip is undone.


class TooLarge(RemoteProtocolError):
    """An answer exceeds `Limits`; asking again would bring the same."""


class Pipeline(Generic[Tag]):
    """The conversation on one connection. Each request is known by the caller's `Tag`.

    It is over when `error` is set (out of step), `closing` is True (the other side has said
    that it answers nothing more) or `ended` is True (it has closed). Then `outstanding` holds
    the requests without an answer, oldest first, and nothing more may be sent.
    """

    def __init__(self, host: str, limits: Limits | None = None) -> None:
        self._host = host
        self._limits = limits or Limits()
        self.outstanding: deque[Tag] = deque()
        self.closing = self.ended = False
        self.error: RemoteProtocolError | None = None
        self._answered: list[tuple[Tag, Response]] = []
        self._parser = httptools.HttpResponseParser(self)
        self._head_request = False
        self._head_answered = False
        # The answer that is arriving.
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._idle_size = self._body_size = self._body_seen = 0
        self._in_head = self._in_body = False

    def __repr__(self) -> str:
        state = "broken" if self.error else "over" if self.over else "open"
        return f"<Pipeline {state}, {len(self.outstanding)} outstanding>"

    @property
    def over(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self.closing or self.ended or self.error is not None

    def send(self, request: Request, tag: Tag) -> bytes:
        """The bytes of a request, which is from now on outstanding.

        The request must have passed `check_request`; one that travels alone needs a pipeline
        without outstanding requests, and nothing behind it until it is answered.
        """
        data = encode_request(request, self._host)
        self._head_request = request.method == "HEAD"
        if self._head_answered:
            self._parser = httptools.HttpResponseParser(self)
            self._head_answered = False
        self.outstanding.append(tag)
        return data

    def receive(self, data: bytes) -> list[tuple[Tag, Response]]:
        """Take bytes as they came; return the answers that they completed, in order.

        Never raises: see `error` and `closing` afterwards.
        """
        if self.over:
            return []
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self.closing and self.error is None:
                self._fail(_no_http(data, exc), exc)
        else:
            self._watch(len(data))
        answered, self._answered = self._answered, []
        return answered

    def eof(self) -> list[tuple[Tag, Response]]:
        """The other side closed. Completes an answer whose length is "until the end"."""
        if self._in_body and not self._framed() and not self.over:
            self.on_message_complete()
        self.ended = True
        answered, self._answered = self._answered, []
        return answered

    @property
    def in_answer(self) -> bool:
        """Whether a part of the next answer has arrived."""
        return self._in_head or self._in_body

    # What httptools calls while it is fed.

    def on_message_begin(self) -> None:
        if self.closing:
            return
        self._reset()
        self._in_head = True
        if not self.outstanding:
            self._fail("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._headers.append(_header(name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        self._body_seen = -1  # The read that ends the head counts as progress.
        if self._head_request and self._parser.get_status_code() >= 200:
            self.on_message_complete()
            self._head_answered = True

    def on_body(self, data: bytes) -> None:
        if self._head_answered:
            self._fail("a body behind the answer to HEAD")
            return
        self._body.append(data)
        self._body_size += len(data)
        if self._body_size > self._limits.body:
            self._refuse(f"a body of more than {self._limits.body} bytes")

    def on_message_complete(self) -> None:
        self._in_head = self._in_body = False
        status = self._parser.get_status_code()
        if self.closing or self._head_answered or self.error is not None:
            return
        if status < 200:
            if status == 101:
                self._fail("a change of protocol that nobody asked for (101)")
            return
        tag, headers, body = self.outstanding.popleft(), tuple(self._headers), self._body
        if self._body_size > _JOINED:
            self._answered.append((tag, keep_parts(status, headers, body)))
        else:
            whole = body[0] if len(body) == 1 else b"".join(body)
            self._answered.append((tag, Response(status, headers, whole)))
        self._body = []
        self._head_request = False
        if not self._parser.should_keep_alive():
            self.closing = True

    # What they share.

    def _reset(self) -> None:
        self._headers = []
        self._body = []
        self._idle_size = self._body_size = self._body_seen = 0
        self._in_head = self._in_body = False

    def _framed(self) -> bool:
        """Whether the answer that is arriving says where it ends."""
        return any(name in ("content-length", "transfer-encoding") for name, _ in self._headers)

    def _watch(self, size: int) -> None:
        """Bound what httptools may keep to itself: a head, or trailers, that do not end."""
        if not (self._in_head or self._in_body):
            return
        if self._body_size > self._body_seen:
            self._body_seen, self._idle_size = self._body_size, 0
            return
        self._idle_size += size
        if self._idle_size > self._limits.head:
            what = "a head" if self._in_head else "chunks without a body or trailers"
            self._refuse(f"{what} of more than {self._limits.head} bytes")

    def _refuse(self, what: str) -> None:
        if self.error is None:
            self.error = TooLarge(f"{self._host} sent {what} (see trivirt.Limits)")

    def _fail(self, what: str, cause: Exception | None = None) -> None:
        if self.error is None:
            self.error = RemoteProtocolError(f"{self._host} sent {what}")
            self.error.__cause__ = cause


def check_request(request: Request) -> None:
    """Refuse, with LocalProtocolError, whatever could end a line or a field early."""
    method, target = request.method, request.target
    # No pattern: this is done for each request, and costs a twentieth of one.
    if not (target.isascii() and target.isprintable() and target and " " not in target) or (
        method not in _METHODS and _TOKEN(method) is None
    ):
        raise LocalProtocolError(
            f"{method!r} {target!r} cannot be a request line: it holds a blank, a control or a "
            "non-ASCII character; percent-encode it"
        )
    _encode_fields("", request.headers)


def encode_request(request: Request, host: str) -> bytes:
    """A request as it travels, with Host and, where there is or may be a body, Content-Length."""
    body = request.body
    line = f"{request.method} {request.target} HTTP/1.1\r\n".encode("ascii")
    fields = _encode_fields(host, request.headers)
    if body or not request.safe:
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (line, fields, len(body), body)
    return line + fields + b"\r\n"


@lru_cache(maxsize=64)
def _encode_fields(host: str, headers: Headers) -> bytes:
    for name, value in headers:
        if _TOKEN(name) is None:
            raise LocalProtocolError(f"{name!r} cannot be the name of a header")
        if _VALUE(value) is None or value != value.strip():
            raise LocalProtocolError(
                f"The value of the header {name!r} holds a control or non-Latin-1 character, "
                "or blanks at its ends"
            )
    lines = [f"{name}: {value}\r\n" for name, value in (("Host", host), *headers)]
    return "".join(lines).encode("latin-1")


@lru_cache(maxsize=512)
def _header(name: bytes, value: bytes) -> tuple[str, str]:
    """One header as text. Servers repeat most of them to the letter, hence the cache."""
    return name.lower().decode("latin-1"), value.decode("latin-1")


def _no_http(data: bytes, exc: Exception) -> str:
    if data.startswith(b"\x15"):  # The first byte of a TLS alert.
        return "TLS instead of HTTP; the URL has to begin with https://"
    return f"bytes that are no HTTP/1.1 answer ({exc or type(exc).__name__})"
