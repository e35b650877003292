"""One served connection: requests in, answers out, in order and one at a time, as httpd does.

Two durations shape the answers. The *service time* is what the engine needs for a request; a
connection has one request in service, so it adds up over those waiting behind each other. The
*latency* is the round trip of the network: each answer leaves that much later, but many can be
on their way at once, so pipelined requests share it.

A single task does all of it. It reads while answers wait for their time, so that the arrival of
a request is noted when it arrives, and never executes a request before its turn: what is behind
a closing answer has no effect.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import trio

from trivirt.simulator._faults import Effect, Fault, Faults
from trivirt.simulator._held import POLL, Held
from trivirt.simulator._http import LONG, RequestReader, ResponseWriter
from trivirt.simulator._pages import apache_page, container_page
from trivirt.simulator._statistics import Statistics
from trivirt.simulator._transport import Transport
from trivirt.wire._messages import Request, Response

logger = logging.getLogger("trivirt.simulator")

MAX_WAITING = 1000  # requests of one connection; beyond it nothing more is read
SEND_SIZE = 65536
SEND_TIME = 0.005  # what is ready leaves after this much work, so that answers do not pile up
LINGER = 2.0


@dataclass
class ConnectionSettings:
    """How the front end treats its connections; times in seconds.

    `keepalive_requests` is httpd's MaxKeepAliveRequests: so many answers leave the connection
    open, the next one closes it. None is no limit. `idle_timeout` is how long a connection may
    wait for its next request, `request_timeout` for the first one or the rest of one.

    A request takes `service_time`, and `kilobyte_time` for each thousand bytes of its answer:
    the engine works longer for more entities and deeper follows. `workers` is how many requests
    it works on at a time, over all connections; more wait in a queue. None is no limit.
    """

    latency: float = 0.0
    service_time: float = 0.0
    kilobyte_time: float = 0.0
    workers: int | None = None
    keepalive_requests: int | None = 100
    idle_timeout: float = 5.0
    request_timeout: float = 60.0
    chunked: bool = False
    _free: list[float] = field(default_factory=list, repr=False)  # when workers will be

    def begin(self, ready: float, seconds: float) -> float:
        """When a request that is ready at a time begins to be worked on, for so long."""
        if self.workers is None:
            return ready
        while len(self._free) > self.workers:
            heapq.heappop(self._free)
        if len(self._free) == self.workers:
            ready = max(ready, heapq.heappop(self._free))
        heapq.heappush(self._free, ready + seconds)
        return ready


@dataclass
class _Waiting:
    """A request in the queue; `refusal` is its answer if it is bad, `answer` one held back."""

    arrived: float
    request: Request
    keep_alive: bool
    refusal: Response | None = None
    answer: Response | None = None


class Connection:
    """Serves one transport until either side ends it.

    `handle` executes a request; `faults` are asked for those that `faulty` says may be hit.
    """

    def __init__(
        self,
        transport: Transport,
        handle: Callable[[Request], Response],
        settings: ConnectionSettings,
        statistics: Statistics,
        faults: Faults,
        faulty: Callable[[Request], bool],
    ) -> None:
        self._transport = transport
        self._handle = handle
        self._settings = settings
        self._statistics = statistics
        self._faults = faults
        self._faulty = faulty
        self._reader = RequestReader()
        self._writer = ResponseWriter(
            timeout=settings.idle_timeout, limit=settings.keepalive_requests
        )
        self._waiting: deque[_Waiting] = deque()
        self._leaving: deque[tuple[float, bytes]] = deque()  # with the time of departure
        self._head_ends: float | None = None  # when the request at the head has been served
        self._head_fault: Fault | None = None
        self._free_at = 0.0
        self._answered = 0
        self._end_of_stream = False  # the client sends no more
        self._reading = True
        self._executing = True  # False after the answer that closes
        self._reset = False

    async def run(self) -> None:
        """Returns when the connection is closed; never raises because of the client."""
        self._statistics.connected()
        try:
            await self._serve()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            logger.debug("a client went away")
        finally:
            self._statistics.disconnected()
            if self._reset:
                self._transport.abort()
            with trio.move_on_after(1, shield=True):
                await self._transport.aclose()

    async def _serve(self) -> None:
        while True:
            data = self._work()
            if data:
                await self._transport.send(data)
                self._statistics.bytes_sent += len(data)
            elif self._finished() or await self._wait_and_read():
                break
        if not (self._reset or self._end_of_stream):
            await self._linger()

    def _finished(self) -> bool:
        if self._leaving:
            return False
        return not self._executing or (self._end_of_stream and not self._waiting)

    # Executing.

    def _work(self) -> bytes:
        """Execute what may be executed by now; the bytes that may leave by now."""
        now = trio.current_time()
        begun = perf_counter()
        out: list[bytes] = []
        size = 0
        while True:
            while self._leaving and self._leaving[0][0] <= now:
                if out and len(self._leaving[0][1]) > LONG:
                    return b"".join(out)  # and the long one next, without a copy
                piece = self._leaving.popleft()[1]
                out.append(piece)
                size += len(piece)
            if size > SEND_SIZE or (out and perf_counter() - begun > SEND_TIME):
                break
            if not (self._executing and self._waiting) or self._begin_head() > now:
                break
            self._execute_head()
        return b"".join(out)

    def _begin_head(self) -> float:
        """Take the request at the head into service; when it will have been served."""
        if self._head_ends is None:
            head = self._waiting[0]
            ready, takes = max(self._free_at, head.arrived), self._settings.service_time
            self._head_ends = self._settings.begin(ready, takes) + takes
            if self._faults and head.refusal is None and self._faulty(head.request):
                fault = self._head_fault = self._faults.take(head.request)
                if fault is not None:
                    self._statistics.faults += 1
                    self._head_ends += fault.seconds
        return self._head_ends

    def _execute_head(self) -> None:
        head = self._waiting[0]
        if self._is_held(head):
            self._head_ends = trio.current_time() + POLL
            return
        self._waiting.popleft()
        fault, self._head_fault = self._head_fault, None
        self._free_at, self._head_ends = self._head_ends or 0.0, None
        if head.answer is not None:
            self._free_at += self._settings.kilobyte_time * len(head.answer.body) / 1000
        departs = self._free_at + self._settings.latency
        self._answered += 1
        close = not head.keep_alive or self._writer.closes(self._answered)
        if fault is not None and fault.effect is Effect.CLOSE:
            close = True
        if fault is None or fault.executed:
            pieces = self._encode(head.refusal or head.answer or container_page(500), head, close)
        elif fault.answer is not None:
            pieces = self._encode(fault.answer, head, close)
        else:
            pieces = []
        if fault is not None:
            if fault.effect is Effect.STALL:
                departs, pieces, close = math.inf, [b""], True
            elif fault.effect is Effect.TRUNCATE:
                whole = b"".join(pieces)
                pieces, close = [whole[: -20 if fault.keep is None else fault.keep]], True
            elif fault.effect in (Effect.DROP, Effect.RESET):
                pieces, close = [b""], True
                self._reset = fault.effect is Effect.RESET
        self._leaving.extend((departs, piece) for piece in pieces)
        if close:
            self._executing = False
            self._waiting.clear()

    def _is_held(self, head: _Waiting) -> bool:
        """Execute the request unless it is hit before; whether its answer has to wait."""
        fault = self._head_fault
        if head.refusal is not None or (fault is not None and not fault.executed):
            return False
        if head.answer is None:
            head.answer = self._answer(head.request)
        if isinstance(head.answer, Held):
            now = head.answer.again()
            if now is None:
                return True
            head.answer = now
        return False

    def _encode(self, response: Response, head: _Waiting, close: bool) -> list[bytes]:
        return self._writer.write(
            response,
            count=self._answered,
            close=close,
            bodiless=head.request.method == "HEAD",
            chunked=self._settings.chunked,
        )

    def _answer(self, request: Request) -> Response:
        try:
            return self._handle(request)
        except Exception:
            # A mistake of ours is a 500 to one client, not the end of the engine.
            logger.exception("cannot answer %s %s", request.method, request.target)
            return container_page(500)

    # Reading.

    async def _wait_and_read(self) -> bool:
        """Wait for bytes or for the next thing to do; True when patience has run out."""
        wake, patient = self._deadline()
        data = b""
        with trio.move_on_at(wake) as scope:
            if not self._reading or len(self._waiting) > MAX_WAITING:
                await trio.sleep_forever()
            data = await self._transport.receive()
        if scope.cancelled_caught:
            return not patient
        self._statistics.bytes_received += len(data)
        if data:
            self._take_in(data)
            return False
        self._end_of_stream = True
        self._reading = False
        return wake == math.inf

    def _deadline(self) -> tuple[float, bool]:
        """When to stop waiting, and whether the connection goes on then."""
        times = [departs for departs, _ in list(self._leaving)[:1]]
        if self._waiting and self._head_ends is not None:
            times.append(self._head_ends)
        if times:
            return min(times), True
        settings = self._settings
        first = self._answered == 0 or self._reader.in_request
        patience = settings.request_timeout if first else settings.idle_timeout
        return trio.current_time() + patience, False

    def _take_in(self, data: bytes) -> None:
        if not self._executing:
            return
        now = trio.current_time()
        for received in self._reader.feed(data):
            self._waiting.append(_Waiting(now, received.request, received.keep_alive))
        if self._reader.refused is not None:
            # It is answered in its turn, behind the good ones before it.
            page = apache_page(self._reader.refused)
            bad = Request("GET", "*", (), b"")
            self._waiting.append(_Waiting(now, bad, keep_alive=False, refusal=page))
            self._reading = False
        outstanding = len(self._waiting) + len(self._leaving)
        if outstanding > self._statistics.most_outstanding:
            self._statistics.most_outstanding = outstanding

    async def _linger(self) -> None:
        """Let the client read our last words before the socket goes.

        Closing with unread bytes in the receive buffer would reset the connection and take
        answers away that are still on their way.
        """
        with trio.move_on_after(LINGER):
            await self._transport.finish()
            while await self._transport.receive():
                pass
