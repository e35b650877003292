"""One network stream and one pipeline, kept busy by a writer task and a reader task.

How they share the work, and how a connection ends:

- The pool assigns exchanges; the writer takes all that have gathered and sends them in one
  write. The reader parses everything that one read brought and wakes each waiter once. The two
  never wait for each other, so a server that stops reading cannot stop us from reading.
- One cancel scope around the reader carries the only timer. It speaks of the oldest request
  without an answer: the server owes nothing else yet. It is only ever moved to an earlier time;
  when it goes off too early because answers came meanwhile, it is set anew.
- Before the writer uses a connection that was idle, the reader gets a turn. While this process was
  busy elsewhere the other side may have closed, or sent what nobody asked for, which would be
  taken for the answer. Then nothing is written, and the exchange goes elsewhere.
- The reader alone decides that the connection is over. When writing fails the timer gives it a
  moment more, for good answers may still lie before the end that it is going to meet. `run` then
  closes the stream and returns a `Loss`: the exchanges that have no answer, and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpcore
import trio

from trivirt._value import Value
from trivirt.errors import ConnectionLost, Error
from trivirt.wire._exchange import Exchange
from trivirt.wire._messages import Response
from trivirt.wire._pipeline import Limits, Pipeline
from trivirt.wire._timeouts import Timeouts, overdue

if TYPE_CHECKING:
    from trivirt.wire._line import Line

READ_SIZE = 65_536
_IDLE = 0.001  # Seconds after which the reader may not have seen what has arrived.
_DRAIN = 1.0  # Seconds that an answer nobody waits for may take before we rather reconnect.


class Traffic:
    """What went over the wire, for statistics; shared by the connections of a pool."""

    def __init__(self) -> None:
        self.sent = self.bytes_sent = self.bytes_received = 0


class Loss(Value):
    """What a connection left behind: exchanges without an answer, oldest first.

    `guilty` is the one whose answer, or at least writing, was due when it broke; None when the
    server had announced the end, so that it has executed none of them. `error` says what
    happened; None when the connection just ended between two answers.
    """

    unanswered: list[Exchange]
    guilty: Exchange | None
    error: Error | None


class Connection:
    """An open connection. `load` counts the exchanges that it owes an answer or a write.

    `over` tells that it takes no more, although answers to what it took may still come. `served`
    counts its answers, `last_status` is of the last one, `deepest` the most requests that were
    outstanding at once.

    `answered` is called for each answer, `turn` after each batch of them.
    """

    def __init__(
        self,
        stream: httpcore.AsyncNetworkStream,
        host: str,
        limits: Limits,
        traffic: Traffic,
        *,
        answered: Callable[[Exchange, Response], None],
        turn: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._host = host
        self._limits = limits
        self._pipeline: Pipeline[Exchange] = Pipeline(host, limits)
        self._traffic = traffic
        self._answered, self._turn = answered, turn
        self._outbox: list[Exchange] = []
        self._writer: trio.lowlevel.Task | None = None
        self._scope = trio.CancelScope()
        self._error: Error | None = None
        self._writing = False
        self._ended = False
        self._line: Line | None = None
        self._returned, self._resumed = trio.Event(), trio.Event()
        self._broken_at = math.inf
        self._head_since = self._read_at = 0.0
        self.load = self.served = self.deepest = self.last_status = 0
        self.alone = False
        self.reserved = False
        self.over = False
        self.idle_since = trio.current_time()

    def __repr__(self) -> str:
        state = "over" if self.over else "alone" if self.alone else "open"
        return f"<Connection {state}, {self.load} to answer>"

    def assign(self, exchange: Exchange) -> None:
        """Take an exchange over; it is written at the next turn of the writer."""
        exchange.stage = "assigned"
        self.load += 1
        self.alone = exchange.request.alone
        self.reserved = False
        self._outbox.append(exchange)
        if self._writer is not None:
            trio.lowlevel.reschedule(self._writer)
            self._writer = None

    def withdraw(self, exchange: Exchange) -> bool:
        """Forget an exchange that nobody waits for; False when it is too late for that.

        When it is too late the answer is drained, or the connection given up if that takes long.
        """
        if exchange.stage == "assigned":
            self._outbox.remove(exchange)
            self._unload()
            return True
        self._set_timer()
        return False

    def retire(self) -> None:
        """End the connection now. What it owes is handed back by `run`."""
        self.over = self._ended = True
        self._scope.cancel()

    def lend(self, timeouts: Timeouts) -> Line | None:
        """Lend the connection, which must be idle, to threads; None if it is no socket.

        Until it is given back it counts as one with a request that travels alone.
        """
        from trivirt.wire._line import Line, lendable  # Nobody lends who is not synchronous.

        if not lendable(self._stream):
            return None
        self.load += 1
        self.alone = True
        self._returned, self._resumed = trio.Event(), trio.Event()
        self._line = Line(
            *(self._stream, self._host, timeouts, self._limits, self._traffic),
            returned=self._returned.set,
        )
        self._scope.cancel()
        return self._line

    async def recall(self) -> None:
        """Get the connection back if it is lent and not in use."""
        if self._line is not None and self._line.give_back():
            await self._resumed.wait()

    def hang_up(self) -> None:
        """Break off the request that a thread is making on the connection, if it is lent."""
        if self._line is not None:
            self._line.hang_up()

    @property
    def lent(self) -> bool:
        """Whether it belongs to threads at the moment."""
        return self._line is not None

    @property
    def busy_line(self) -> bool:
        """Whether a thread is making a request on the connection."""
        return self._line is not None and self._line.busy

    async def run(self) -> Loss:
        """Serve until the connection ends; close it and tell what is left."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                while not (self._ended or self._late()):
                    if self._line is not None:
                        await self._leave_to(self._line)
                        continue
                    with trio.CancelScope(deadline=self._due()) as self._scope:
                        await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self.over = True
            if self._line is not None:
                self._line.abandon()
                self._resumed.set()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await self._stream.aclose()
        return self._loss()

    # The reader.

    async def _read(self) -> None:
        pipeline, traffic = self._pipeline, self._traffic
        while True:
            try:
                data = await self._stream.read(READ_SIZE)
            except (httpcore.NetworkError, httpcore.TimeoutException) as exc:
                self._break(self._broken(exc), exc)
                self._ended = True
                return
            traffic.bytes_received += len(data)
            answers = pipeline.receive(data) if data else pipeline.eof()
            if answers:
                self._deliver(answers)
            if pipeline.over or self._ended:
                self.over = self._ended = True
                self._error = self._error or pipeline.error
                return
            self._read_at = trio.current_time()
            self._set_timer()
            if answers:
                self._turn()

    async def _leave_to(self, line: Line) -> None:
        """Keep away from the stream until the line is given back."""
        line.open()
        with trio.CancelScope() as self._scope:  # `retire` cancels it.
            await self._returned.wait()
        if not self._returned.is_set():
            line.hang_up()
            with trio.move_on_after(_DRAIN):
                await self._returned.wait()
        line.close()
        self._line = None
        self._ended = self._ended or line.broken
        self.over = self.over or self._ended
        self._unload()
        self._resumed.set()
        self._turn()

    def _deliver(self, answers: list[tuple[Exchange, Response]]) -> None:
        self._head_since = trio.current_time()
        self.served += len(answers)
        self.last_status = answers[-1][1].status
        for exchange, response in answers:
            if self._writing and self.alone:
                self._ended = True  # Answered before the body was through: nobody reads the rest.
            self._unload()
            self._answered(exchange, response)

    def _unload(self) -> None:
        self.load -= 1
        if not self.load:
            self.alone = False
            self.idle_since = trio.current_time()

    # The writer.

    @trio.lowlevel.enable_ki_protection
    async def _write(self) -> None:
        while True:
            if not self._outbox:
                self._writer = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._stop_writer)
            if self._unwatched():
                await trio.lowlevel.checkpoint()
            data = self._take()
            self._traffic.bytes_sent += len(data)
            self._writing = True
            try:
                await self._stream.write(data)
            except (httpcore.NetworkError, httpcore.TimeoutException) as exc:
                # The server may have answered before it closed, so let the reader look first;
                # it meets the same end right behind the last good answer.
                self._break(self._broken(exc), exc)
                self.over = True
                self._broken_at = trio.current_time()
                self._set_timer()
                return
            self._writing = False

    def _unwatched(self) -> bool:
        """Whether something may have arrived that the reader, and so nobody, has seen."""
        idle = not self._pipeline.outstanding
        return idle and trio.current_time() - self.idle_since > _IDLE

    def _stop_writer(self, _: object) -> trio.lowlevel.Abort:
        self._writer = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _take(self) -> bytes:
        """Everything that waits to be written, as bytes; from now on it counts as sent."""
        batch, self._outbox = self._outbox, []
        now, ahead = trio.current_time(), len(self._pipeline.outstanding)
        if not ahead:
            self._head_since = now
        parts = []
        for exchange in batch:
            parts.append(self._pipeline.send(exchange.request, exchange))
            exchange.stage = "sent"
            exchange.sent_at, exchange.ahead = now, ahead
            ahead += 1
        self.deepest = max(self.deepest, ahead)
        self._traffic.sent += len(parts)
        self._set_timer()
        return b"".join(parts)

    # The end.

    def _set_timer(self) -> None:
        """See that the timer goes off in time for what is due now."""
        due = self._due()
        if due < self._scope.deadline:
            self._scope.deadline = due

    def _due(self) -> float:
        """When the oldest exchange without an answer has waited too long."""
        outstanding = self._pipeline.outstanding
        if self._broken_at < math.inf:
            return self._broken_at + _DRAIN
        if not outstanding:
            return math.inf
        head = outstanding[0]
        limits = head.timeouts
        if not self._pipeline.in_answer:
            due = self._head_since + limits.first_byte
        else:
            due = min(self._head_since + limits.answer, self._read_at + limits.silence)
        return min(due, max(self._head_since, head.dropped_at) + _DRAIN)

    def _late(self) -> bool:
        """Whether too much time has passed; notes what for."""
        if trio.current_time() < self._due():
            return False
        outstanding = self._pipeline.outstanding
        if outstanding and not outstanding[0].dropped:
            waited = trio.current_time() - self._head_since
            limits, in_answer = outstanding[0].timeouts, self._pipeline.in_answer
            self._break(overdue(self._host, limits, waited, in_answer))
        return True

    def _broken(self, exc: BaseException) -> ConnectionLost:
        return ConnectionLost(f"The connection to {self._host} broke: {_words(exc)}", sent=True)

    def _break(self, error: Error, cause: BaseException | None = None) -> None:
        if self._error is None:
            error.__cause__ = cause
            self._error = error

    def _loss(self) -> Loss:
        unanswered = [*self._pipeline.outstanding, *self._outbox]
        guilty = unanswered[0] if unanswered and not self._pipeline.closing else None
        error = self._error
        if error is None and self._pipeline.outstanding and guilty is not None:
            how = "in the middle of an answer" if self._pipeline.in_answer else "without an answer"
            error = ConnectionLost(f"{self._host} closed the connection {how}", sent=True)
        return Loss(unanswered, guilty, error)


def _words(exc: BaseException) -> str:
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return str(exc) or type(exc).__name__
