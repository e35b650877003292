"""The daemon that moves the bytes of disks: ovirt-imageio's part of HTTP over sparse files.

One request at a time per connection. Bodies pass through in pieces, so a disk of any size takes
no memory. A ticket in the path is all the permission there is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import trio

from trivirt.simulator._images import Images, extents
from trivirt.simulator._pages import reason_of
from trivirt.simulator._transport import Transport
from trivirt.simulator.behaviours.transfers import Ticket, Tickets

MAX_HEAD = 65536
PIECE = 256 * 1024
IDLE = 60.0
FEATURES = {
    "unix_socket": "\0/org/ovirt/imageio",
    "features": ["extents", "zero", "flush"],
    "max_readers": 8,
    "max_writers": 8,
}
TEXT = "text/plain; charset=UTF-8"
OCTETS = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(?:\d+/(?:\d+|\*)|\*/\*)")


class Wrong(Exception):
    """An answer of one line of text."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Asking:
    """The head of one request."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    @property
    def length(self) -> int:
        text = self.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit():
            raise Wrong(400, f"Invalid Content-Length: {text!r}")
        return int(text)

    def flag(self, name: str, default: str) -> bool:
        """`y` or `n` of the query."""
        value = self.query.get(name, [default])[0]
        if value not in ("y", "n"):
            raise Wrong(400, f"Invalid value for {name}: {value!r}")
        return value == "y"


class Daemon:
    """Serves the images of one engine; `images` and the clock may change with a reset."""

    def __init__(
        self, tickets: Tickets, images: Callable[[], Images], now: Callable[[], float]
    ) -> None:
        self._tickets = tickets
        self._images = images
        self._now = now

    async def serve(self, transport: Transport) -> None:
        """Serve one connection until it ends; never raises because of the client."""
        try:
            connection = _Connection(transport)
            while await self._serve_one(connection):
                pass
            with trio.move_on_after(2):
                await transport.finish()
                while await transport.receive():
                    pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            with trio.move_on_after(1, shield=True):
                await transport.aclose()

    async def _serve_one(self, connection: _Connection) -> bool:
        try:
            asking = await connection.head()
            if asking is None:
                return False
            await self._answer(connection, asking)
        except Wrong as wrong:
            await connection.reply(
                wrong.status,
                f"{wrong.text}\n".encode(),
                {"content-type": TEXT, **wrong.headers, "connection": "close"},
            )
            return False
        return asking.headers.get("connection", "").lower() != "close"

    async def _answer(self, connection: _Connection, asking: Asking) -> None:
        parts = asking.path.split("/")[1:]
        if parts[0] != "images" or parts[2:] not in ([], ["extents"]) or len(parts) < 2:
            raise Wrong(404, "No handler for this path")
        if asking.method == "OPTIONS" and parts[1] == "*":
            await self._options(connection, asking, None)
            return
        ticket = self._tickets.known.get(parts[1])
        if ticket is None or not ticket.good:
            raise Wrong(403, f"No such ticket {parts[1]}")
        ticket.used = self._now()
        if len(parts) == 3:
            if asking.method != "GET":
                raise Wrong(405, f"Invalid method {asking.method}")
            await self._extents(connection, asking, ticket)
            return
        answer = {
            "OPTIONS": self._options,
            "GET": self._read,
            "PUT": self._write,
            "PATCH": self._patch,
        }.get(asking.method)
        if answer is None:
            raise Wrong(405, f"Invalid method {asking.method}")
        if asking.method in ("PUT", "PATCH") and not ticket.upload:
            raise Wrong(403, f"Ticket {parts[1]} forbids writing")
        await answer(connection, asking, ticket)
        ticket.used = self._now()

    # The requests.

    async def _options(
        self, connection: _Connection, asking: Asking, ticket: Ticket | None
    ) -> None:
        allowed = "OPTIONS,GET,PUT,PATCH" if ticket is None or ticket.upload else "OPTIONS,GET"
        await connection.reply_json(FEATURES, {"allow": allowed})

    async def _read(self, connection: _Connection, asking: Asking, ticket: Ticket) -> None:
        start, end, status, headers = 0, ticket.size, 200, {}
        wanted = asking.headers.get("range")
        if wanted is not None:
            match = _RANGE.fullmatch(wanted.strip())
            start = int(match[1]) if match else ticket.size
            if match is not None and match[2]:
                end = int(match[2]) + 1
            if match is None or start >= ticket.size or not start < end <= ticket.size:
                raise Wrong(416, f"Requested range is not satisfiable: {wanted}",
                            content_range=f"bytes */{ticket.size}")  # fmt: skip
            status, headers = 206, {"content-range": f"bytes {start}-{end - 1}/{ticket.size}"}
        await connection.begin(status, end - start, {"content-type": OCTETS, **headers})
        for piece in self._pieces(ticket, start, end):
            await connection.send(piece)
            ticket.transferred += len(piece)
            ticket.used = self._now()

    def _pieces(self, ticket: Ticket, start: int, end: int) -> Iterator[bytes]:
        with self._images().path(ticket.image, ticket.size).open("rb") as file:
            while start < end:
                piece = os.pread(file.fileno(), min(PIECE, end - start), start)
                # A file may be shorter than its disk: what was never written is zero.
                piece = piece or bytes(min(PIECE, end - start))
                start += len(piece)
                yield piece

    async def _write(self, connection: _Connection, asking: Asking, ticket: Ticket) -> None:
        if "transfer-encoding" in asking.headers or "content-length" not in asking.headers:
            raise Wrong(400, "Content-Length header is required")
        asking.flag("flush", "y")
        start = 0
        given = asking.headers.get("content-range")
        if given is not None:
            match = _CONTENT_RANGE.fullmatch(given.strip())
            if match is None:
                raise Wrong(400, f"Unsupported content-range: {given}")
            start = int(match[1])
        if start + asking.length > ticket.size:
            raise Wrong(416, "Requested range is not satisfiable",
                        content_range=f"bytes */{ticket.size}")  # fmt: skip
        async for piece in connection.body(asking.length):
            self._put(ticket, start, piece)
            start += len(piece)
            ticket.transferred += len(piece)
            ticket.used = self._now()
        await connection.reply(200, b"", {})

    def _put(self, ticket: Ticket, start: int, data: bytes) -> None:
        self._images().write(ticket.image, ticket.size, start, data)

    async def _patch(self, connection: _Connection, asking: Asking, ticket: Ticket) -> None:
        if asking.length > MAX_HEAD:
            raise Wrong(400, "Payload is too large")
        data = b"".join([piece async for piece in connection.body(asking.length)])
        try:
            wish = json.loads(data)
            op = wish["op"]
            start, size = int(wish.get("offset", 0)), int(wish.get("size", 0))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Wrong(400, "Invalid JSON message") from error
        if op not in ("zero", "flush"):
            raise Wrong(400, f"Unsupported operation {op!r}")
        if op == "zero":
            if size <= 0 or start < 0:
                raise Wrong(400, "Invalid offset or size")
            if start + size > ticket.size:
                raise Wrong(416, "Requested range is not satisfiable",
                            content_range=f"bytes */{ticket.size}")  # fmt: skip
            self._zero(ticket, start, size)
        await connection.reply(200, b"", {})

    def _zero(self, ticket: Ticket, start: int, size: int) -> None:
        with self._images().path(ticket.image, ticket.size).open("rb") as file:
            found = list(extents(file.fileno(), start, start + size))
        for at, length, hole in found:
            for offset in range(at, at + length, PIECE) if not hole else ():
                self._put(ticket, offset, bytes(min(PIECE, at + length - offset)))
        self._images().resize(ticket.image, start + size)

    async def _extents(self, connection: _Connection, asking: Asking, ticket: Ticket) -> None:
        context = asking.query.get("context", ["zero"])[0]
        if context not in ("zero", "dirty"):
            raise Wrong(400, f"Unsupported context {context!r}")
        if context == "dirty" and ticket.dirty is None:
            raise Wrong(404, "Ticket has no dirty information")
        of = self._dirty_extents if context == "dirty" else self._zero_extents
        await connection.reply_json(of(ticket), {})

    def _zero_extents(self, ticket: Ticket) -> list[dict[str, Any]]:
        with self._images().path(ticket.image, ticket.size).open("rb") as file:
            return [
                {"start": start, "length": length, "zero": hole, "hole": hole}
                for start, length, hole in extents(file.fileno(), 0, ticket.size)
            ]

    def _dirty_extents(self, ticket: Ticket) -> list[dict[str, Any]]:
        found, at = [], 0
        for start, end in [*(ticket.dirty or ()), (ticket.size, ticket.size)]:
            end = min(end, ticket.size)
            for length, dirty in ((start - at, False), (end - start, True)):
                if length > 0:
                    found.append({"start": at, "length": length, "dirty": dirty, "zero": False})
                    at += length
        return found


class _Connection:
    """Requests read from a transport, and answers written to it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._data = b""

    async def head(self) -> Asking | None:
        """The next request; None at the end, or when nothing came for long."""
        with trio.move_on_after(IDLE) as scope:
            while b"\r\n\r\n" not in self._data:
                if len(self._data) > MAX_HEAD:
                    raise Wrong(400, "Request header is too large")
                piece = await self._transport.receive()
                if not piece:
                    return None
                self._data += piece
        if scope.cancelled_caught:
            return None
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise Wrong(400, "Bad request")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise Wrong(400, "Bad header")
            headers[name.strip().lower()] = value.strip()
        path, _, query = words[1].partition("?")
        return Asking(words[0], path, parse_qs(query), headers)

    async def body(self, length: int) -> AsyncIterator[bytes]:
        """The pieces of a body."""
        while length:
            if not self._data:
                self._data = await self._transport.receive()
                if not self._data:
                    raise trio.BrokenResourceError("the client is gone")
            piece, self._data = self._data[:length], self._data[length:]
            length -= len(piece)
            yield piece

    async def begin(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        """The head of an answer."""
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status) or reason_of(status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {length}", "server: imageio/2.5.0", "", ""]
        await self._transport.send("\r\n".join(lines).encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """A part of the body of an answer."""
        await self._transport.send(data)

    async def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        await self.begin(status, len(body), headers)
        if body:
            await self.send(body)

    async def reply_json(self, value: object, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        body = json.dumps(value).encode()
        await self.reply(200, body, {"content-type": "application/json", **headers})


_REASONS = {206: "Partial Content", 416: "Requested Range Not Satisfiable"}
