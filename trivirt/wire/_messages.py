"""Requests and responses as values. Knows HTTP's words, neither sockets nor oVirt.

They are tuples, which cost a quarter of what other values do; there are many of them.
"""

from __future__ import annotations

import zlib
from collections import namedtuple
from typing import TYPE_CHECKING

from trivirt.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NamedTuple

Headers = tuple[tuple[str, str], ...]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
_PIPELINED = frozenset({"GET", "OPTIONS"})
_SLICE = 16 * 1024


if TYPE_CHECKING:

    class _Request(NamedTuple):
        method: str
        target: str
        headers: Headers = ()
        body: bytes = b""

    class _Response(NamedTuple):
        status: int
        headers: Headers
        body: bytes

else:  # With types it takes three times as long to make.
    _Request = namedtuple("_Request", "method target headers body", defaults=((), b""))
    _Response = namedtuple("_Response", "status headers body")


class Request(_Request):
    """One request. `target` is the origin form, path and query already encoded.

    `headers` hold everything but Host and Content-Length, which the connection adds. Share one
    tuple between requests: it is turned into bytes once.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        # Headers and forms hold tokens and passwords.
        return f"<Request {self.method} {self.target.partition('?')[0]}, {len(self.body)} bytes>"

    @property
    def safe(self) -> bool:
        """Whether it may be sent again without asking."""
        return self.method in _SAFE

    @property
    def alone(self) -> bool:
        """Whether it has its connection for itself.

        All but GET and OPTIONS: what changes things, and HEAD, whose answer looks as if it had
        a body.
        """
        return self.method not in _PIPELINED


class Response(_Response):
    """One complete answer. `body` is as it travelled, still compressed.

    Names in `headers` are lower case, in the order they came; values are decoded as Latin-1.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Response {self.status}, {sum(map(len, self.parts))} bytes>"

    @property
    def parts(self) -> tuple[bytes, ...]:
        """All of the body, in the parts that it is kept in."""
        return (self.body,)

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name; None when it is absent."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def content(self, max_size: int) -> bytes:
        """The body without its compression.

        Raises RemoteProtocolError for a body that is damaged, coded in another way than gzip,
        or larger than `max_size` bytes.
        """
        if not self._is_coded():
            return self.body
        return b"".join(self._inflate(max_size, _SLICE, max_size))

    def pieces(self, max_size: int, size: int) -> Iterator[bytes | memoryview]:
        """What `content` gives, `size` bytes at most at a time; a gzip body inflates meanwhile."""
        if self._is_coded():
            yield from self._inflate(max_size, min(size, _SLICE), size)
            return
        for part in self.parts:
            view = memoryview(part)
            for start in range(0, len(view), size):
                yield view[start : start + size]

    def _is_coded(self) -> bool:
        coding = (self.header("content-encoding") or "identity").strip().lower()
        if coding == "identity" or not any(self.parts):
            return False
        if coding not in ("gzip", "x-gzip"):
            raise RemoteProtocolError(f"The answer is coded as {coding!r}; only gzip was offered")
        return True

    def _inflate(self, max_size: int, slice_size: int, size: int) -> Iterator[bytes]:
        """Inflate slices of the body, into pieces of `size` at most."""
        inflater = zlib.decompressobj(wbits=31)
        total = 0
        # In slices, because what a piece leaves over of its slice is copied.
        for rest in self._slices(slice_size):
            while rest:
                if inflater.eof:  # A file of gzip may have several members (RFC 1952 section 2.2).
                    inflater = zlib.decompressobj(wbits=31)
                try:
                    piece = inflater.decompress(rest, min(size, max_size - total + 1))
                except zlib.error as exc:
                    raise RemoteProtocolError("The answer's gzip data is damaged") from exc
                total += len(piece)
                if total > max_size:
                    raise RemoteProtocolError(
                        f"The answer inflates to more than {max_size} bytes (see trivirt.Limits)"
                    )
                yield piece
                rest = inflater.unused_data or inflater.unconsumed_tail
        if not inflater.eof:
            raise RemoteProtocolError("The answer's gzip data is cut off")

    def _slices(self, size: int) -> Iterator[bytes]:
        for part in self.parts:
            for start in range(0, len(part), size):
                yield part[start : start + size]


class LongResponse(Response):
    """An answer whose body is joined only for those who ask for it as a whole.

    To join 90 MB takes as long as hundreds of short answers, and twice the memory.
    """

    __slots__ = ()

    @property
    def parts(self) -> tuple[bytes, ...]:
        parts: tuple[bytes, ...] = self[2]  # type: ignore[assignment]  # see `keep_parts`
        return parts

    @property
    def body(self) -> bytes:  # pyright: ignore[reportIncompatibleVariableOverride]
        return b"".join(self.parts)


def keep_parts(status: int, headers: Headers, parts: list[bytes]) -> LongResponse:
    return LongResponse(status, headers, tuple(parts))  # type: ignore[arg-type]
