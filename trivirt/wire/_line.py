"""A connection lent to threads, which make one request after the other on it by blocking.

To hand a request to trio's thread and its answer back takes two wake-ups and some turns of trio's
loop. That is for nothing when a thread waits for the answer anyway and the request is the only
one there is. So an idle connection can be lent: its reader leaves the socket to whoever has the
lock of the line.

Only safe requests go this way, and only plain sailing is done here. When anything else happens
there is no answer, the line is over, and the request is to be made again in the usual way, which
knows what to do.

Whoever has the lock has the connection: a thread for the time of one request; at first and at
last, and then for good, the reader. To get it back, set `over` and try for the lock; whoever
releases the lock looks at `over` afterwards. So one of them hands it back, and only one.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore
import trio

from trivirt.wire._dial import SocketStream
from trivirt.wire._messages import Request, Response
from trivirt.wire._pipeline import Limits, Pipeline, check_request
from trivirt.wire._timeouts import Timeouts, overdue
from trivirt.wire._tls import TlsStream

if TYPE_CHECKING:
    from trivirt.wire._connection import Traffic

T = TypeVar("T")

_READ_SIZE = 65_536
_OPENING = 1.0  # Seconds that the reader of the connection may take to leave it.


class Line:
    """A connection that any thread may use, one at a time.

    `over` tells that it takes no more requests, `broken` that the connection is of no more use
    to anybody. `returned` is called in trio's thread when the connection is back for good.
    """

    def __init__(
        self,
        stream: httpcore.AsyncNetworkStream,
        host: str,
        timeouts: Timeouts,
        limits: Limits,
        traffic: Traffic,
        returned: Callable[[], object],
    ) -> None:
        self._sock: socket.socket = stream.get_extra_info("socket")
        self._stream, self._host = stream, host
        self._timeouts, self._traffic = timeouts, traffic
        self._pipeline: Pipeline[None] = Pipeline(host, limits)
        self._returned, self._token = returned, trio.lowlevel.current_trio_token()
        self._limit: float | None = None
        self._lock = threading.Lock()
        self._lock.acquire()
        self._opened = self._in_use = self._handed_back = False
        self.over = self.broken = False

    def __repr__(self) -> str:
        state = "over" if self.over else "busy" if self.busy else "free"
        return f"<Line to {self._host}, {state}>"

    # For the reader of the connection.

    def open(self) -> None:
        """From now on the connection belongs to whoever has the lock."""
        self._opened = True
        self._below = _base(self._stream)
        self._put_below(_Blocking(self._sock))
        self._release()

    def abandon(self) -> None:
        """The connection ended before it could be lent."""
        self.over = True
        self._release()

    def close(self) -> None:
        """Make the connection, which was given back, fit for trio again."""
        self._put_below(self._below)
        self._sock.setblocking(False)

    def hang_up(self) -> None:
        """End the lending at once: a request under way gets no answer."""
        if not self.give_back():
            self.broken = True
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    @property
    def busy(self) -> bool:
        """Whether a thread is making a request."""
        return self._in_use

    # For threads.

    def request(self, request: Request) -> Response | None:
        """The answer to a safe request; None if there is none to be had here.

        Raises TimedOut and LocalProtocolError. Ctrl-C gives up the request, and the line with it.
        """
        check_request(request)
        if self.over or not self._lock.acquire(timeout=0 if self._opened else _OPENING):
            return None
        self._in_use = True
        try:
            return self._ask(request)
        except httpcore.NetworkError:
            self.over = self.broken = True
            return None
        except BaseException:
            self.over = self.broken = True
            raise
        finally:
            self._in_use = False
            self._release()

    def give_back(self) -> bool:
        """End the lending; False if a request is under way, with which it is going to end.

        From any thread.
        """
        self.over = True
        self._hand_back()
        return self._handed_back or not self._opened

    def _release(self) -> None:
        self._lock.release()
        if self.over:
            self._hand_back()

    def _hand_back(self) -> None:
        if self._opened and self._lock.acquire(blocking=False):
            self._handed_back = True
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._returned)

    def _ask(self, request: Request) -> Response | None:
        if self.over:  # It was so by the time when the lock was to be had.
            return None
        if self._speaks():
            self.over = self.broken = True
            return None
        limits, pipeline, start = self._timeouts.here(), self._pipeline, time.monotonic()
        sent = pipeline.send(request, None)
        self._traffic.sent += 1
        self._traffic.bytes_sent += len(sent)
        limit = limits.first_byte
        try:
            self._set_limit(limit)
            _finish(self._stream.write(sent))
            while True:
                self._set_limit(limit)
                data = _finish(self._stream.read(_READ_SIZE))
                self._traffic.bytes_received += len(data)
                answers = pipeline.receive(data) if data else pipeline.eof()
                if pipeline.over:
                    self.over = self.broken = True
                if answers or pipeline.over:
                    return answers[0][1] if answers else None
                limit = min(limits.silence, limits.answer - (time.monotonic() - start))
        except TimeoutError:
            waited = time.monotonic() - start
            raise overdue(self._host, limits, waited, pipeline.in_answer) from None

    def _speaks(self) -> bool:
        """Whether something has come before it was asked for: the end, or a forged answer."""
        self._limit = None
        self._sock.setblocking(False)
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # It was reset.
            return True
        return True

    def _set_limit(self, seconds: float) -> None:
        if seconds != self._limit:
            self._limit = seconds
            if seconds <= 0:
                raise TimeoutError
            self._sock.settimeout(None if seconds == math.inf else seconds)

    def _put_below(self, stream: httpcore.AsyncNetworkStream) -> None:
        if isinstance(self._stream, TlsStream):
            self._stream.stream = stream
        else:
            self._stream = stream


class _Blocking(httpcore.AsyncNetworkStream):
    """A socket that blocks its thread, so that the coroutines here end with their first step."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._sock.recv(max_bytes)
        except TimeoutError:
            raise
        except OSError as exc:
            raise httpcore.ReadError(str(exc)) from exc

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            self._sock.sendall(buffer)
        except TimeoutError:
            raise
        except OSError as exc:
            raise httpcore.WriteError(str(exc)) from exc


def lendable(stream: httpcore.AsyncNetworkStream) -> bool:
    """Whether a thread could use the stream: TCP, with or without TLS."""
    return isinstance(_base(stream), SocketStream)


def _base(stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
    return stream.stream if isinstance(stream, TlsStream) else stream


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to await."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError(f"{coroutine!r} waits for trio")
