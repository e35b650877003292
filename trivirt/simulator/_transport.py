"""Byte streams as a served connection needs them: TCP, TLS over TCP, and a pipe in memory.

Each offers the same five calls (`Transport`), so that one HTTP server serves them all. `receive`
may be cancelled without losing bytes.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import Protocol

import trio

CHUNK = 65536
PORTION = 1024 * 1024


class Transport(Protocol):
    """One accepted connection."""

    async def receive(self) -> bytes:
        """What has arrived, waiting for the first byte; empty at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Write all of it. Raises `trio.BrokenResourceError` when the client is gone."""

    async def finish(self) -> None:
        """Say that nothing more will be sent, and go on reading."""

    async def aclose(self) -> None:
        """Close both directions."""

    def abort(self) -> None:
        """Make the coming close a reset instead of an orderly end."""


class TcpTransport:
    """A plain socket."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def receive(self) -> bytes:
        return bytes(await self._stream.receive_some(CHUNK))

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def finish(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def abort(self) -> None:
        # Closing with a linger time of zero sends RST.
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class TlsTransport:
    """The server's end of TLS over another transport.

    trio.SSLStream costs a round of its machinery per record. With a memory BIO of our own one
    read takes in all records that have arrived, and one write sends all that were made.
    """

    def __init__(self, below: TcpTransport, context: ssl.SSLContext) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ended = False

    async def handshake(self) -> None:
        """Raises `ssl.SSLError` when the client cannot be served, after telling it so."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self._below.receive())
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                await self._flush()  # with TLS 1.3 the session tickets
                return

    async def receive(self) -> bytes:
        while True:
            plain = self._decrypted()
            if self._outgoing.pending:
                await self._flush()
            if plain or self._ended:
                return plain
            self._feed(await self._below.receive())

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            # In steps, so that a long list is not held a second time as ciphertext.
            try:
                self._tls.write(view[:PORTION])
            except ssl.SSLError as error:
                raise trio.BrokenResourceError("TLS has ended") from error
            view = view[PORTION:]
            await self._flush()

    async def finish(self) -> None:
        # Writes our close_notify; the client's is still to come, and nobody waits for it.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()
        await self._below.finish()

    async def aclose(self) -> None:
        await self._below.aclose()

    def abort(self) -> None:
        self._below.abort()

    def _feed(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._below.send(self._outgoing.read())

    def _decrypted(self) -> bytes:
        pieces = []
        try:
            while piece := self._tls.read(CHUNK):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            # close_notify, an end without one, or a damaged record: nothing more will come.
            self._ended = True
        return b"".join(pieces)


class Pipe:
    """One direction of a connection in memory, with room for `limit` bytes."""

    def __init__(self, limit: int = 256 * 1024) -> None:
        self._data = bytearray()
        self._limit = limit
        self._moved = trio.lowlevel.ParkingLot()
        self._finished = False
        self._broken = False

    @property
    def readable(self) -> bool:
        """Whether a read would return, or fail, at once."""
        return bool(self._data) or self._finished or self._broken

    async def receive(self, size: int = CHUNK) -> bytes:
        """At most `size` bytes, at least one unless it ended."""
        await trio.lowlevel.checkpoint()
        while not self._data:
            if self._broken:
                raise trio.BrokenResourceError("the connection was reset")
            if self._finished:
                return b""
            await self._moved.park()
        piece = bytes(self._data[:size])
        del self._data[:size]
        self._moved.unpark_all()
        return piece

    async def send(self, data: bytes) -> None:
        """Wait for room, as a socket with a full buffer does."""
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while True:
            if self._broken or self._finished:
                raise trio.BrokenResourceError("the other side has closed")
            room = max(0, self._limit - len(self._data))
            if room and view:
                self._data += view[:room]
                view = view[room:]
                self._moved.unpark_all()
            if not view:
                return
            await self._moved.park()

    def finish(self) -> None:
        """No more bytes; those in it can still be read."""
        self._finished = True
        self._moved.unpark_all()

    def break_off(self) -> None:
        """Reads fail once what is left in it was read; writes fail at once."""
        self._broken = True
        self._moved.unpark_all()


class MemoryTransport:
    """The server's end of two pipes."""

    def __init__(self, incoming: Pipe, outgoing: Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._reset = False

    async def receive(self) -> bytes:
        return await self._incoming.receive()

    async def send(self, data: bytes) -> None:
        await self._outgoing.send(data)

    async def finish(self) -> None:
        self._outgoing.finish()
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        if self._reset:
            self._outgoing.break_off()
        else:
            self._outgoing.finish()
        self._incoming.break_off()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        self._reset = True
