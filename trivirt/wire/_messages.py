"""Requests and responses as values. Knows HTTP's words, neither sockets nor oVirt."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from trivirt.errors import RemoteProtocolError

Headers = tuple[tuple[str, str], ...]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
_PIPELINED = frozenset({"GET", "OPTIONS"})


@dataclass(frozen=True)
class Request:
    """One request. `target` is the origin form, path and query already encoded.

    `headers` hold everything but Host and Content-Length, which the connection adds. Share one
    tuple between requests: it is turned into bytes once.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""

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


@dataclass(frozen=True)
class Response:
    """One complete answer. `body` is as it travelled, still compressed.

    Names in `headers` are lower case, in the order they came; values are decoded as Latin-1.
    """

    status: int
    headers: Headers
    body: bytes

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
        coding = self.header("content-encoding")
        if coding is None or coding == "identity" or not self.body:
            return self.body
        if coding not in ("gzip", "x-gzip"):
            raise RemoteProtocolError(f"The answer is coded as {coding!r}; only gzip was offered")
        inflater = zlib.decompressobj(wbits=31)
        try:
            content = inflater.decompress(self.body, max_size)
        except zlib.error as exc:
            raise RemoteProtocolError("The answer's gzip data is damaged") from exc
        if inflater.unconsumed_tail:
            raise RemoteProtocolError(f"The answer inflates to more than {max_size} bytes")
        if not inflater.eof:
            raise RemoteProtocolError("The answer's gzip data is cut off")
        return content
