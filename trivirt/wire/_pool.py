"""Which connection takes which request: a pool that lives in a nursery.

The rules, in the order in which a waiting request meets them:

1. At most `capacity` requests are with connections; a trio.CapacityLimiter counts them. What
   exceeds it waits here, first come, first served, at the price of one small object.
2. A connection with nothing to do takes the oldest waiting request.
3. While there are fewer connections than allowed, one is opened for each waiting request. The
   request is not bound to it: whichever connection is free first takes it.
4. Only what exceeds the connections being opened deepens pipelines, the least loaded first.

A request that travels alone (anything that changes something, see `Request.alone`) waits in a
queue of its own for a connection with nothing to do. When its turn comes and there is none, it
reserves the least loaded one, so that a stream of GETs cannot keep it waiting. It does not use a
connection that was idle for long: the server may be closing it right now (Apache does after 5 s).
For the same reason what was on a broken connection does not go to an idle one that is not new.

When a connection ends, the exchanges it owed come back (see `Loss`) and are queued again, ahead
of the others, if that is safe: not one byte was written, or the request is safe and has not met
too many broken connections already.
"""

from __future__ import annotations

import copy
import itertools
import logging
import math
from collections import OrderedDict
from typing import TYPE_CHECKING

import httpcore
import trio

from trivirt._value import Value
from trivirt.errors import (
    Cancelled,
    ConnectionLost,
    Error,
    RemoteProtocolError,
    TimedOut,
    TransportError,
)
from trivirt.wire._connection import Connection, Loss, Traffic
from trivirt.wire._dial import Origin, dial
from trivirt.wire._exchange import Exchange
from trivirt.wire._messages import Request, Response
from trivirt.wire._pipeline import Limits, TooLarge, check_request
from trivirt.wire._tempo import START, Tempo
from trivirt.wire._timeouts import Timeouts

if TYPE_CHECKING:
    from trivirt.wire._line import Line

log = logging.getLogger("trivirt.wire")

MAX_LOSSES = 3  # Broken connections that a request may be blamed for before it fails.
FRESH = 2.0  # Seconds of idleness after which a connection is not trusted with a POST.
_SUSPICIONS = 3  # Connections in a row that pipelining broke before it is given up.
_DIAL_PAUSE = 1.0  # Seconds after a failure in which no further connection is tried for.


class WireStatistics(Value):
    """What the pool is doing now, and has done so far."""

    connections: int  #: Open now.
    opening: int  #: Being opened now.
    in_flight: int  #: Requests with a connection now.
    waiting: int  #: Requests in the queue now.
    depth: int  #: The most requests that may be outstanding on a connection now.
    opened: int  #: Connections opened so far.
    sent: int  #: Requests written so far, repetitions included.
    resent: int  #: Requests queued again because their connection ended.
    bytes_sent: int
    bytes_received: int


class Pool:
    """Connections to one origin, opened on demand in `nursery`.

    `depth` is the most requests outstanding on one connection; None lets it follow the round
    trip, see `Tempo`. `limiter` holds a token for each request that is with a connection.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        origin: Origin,
        backend: httpcore.AsyncNetworkBackend,
        *,
        connections: int,
        depth: int | None,
        timeouts: Timeouts,
        limits: Limits,
    ) -> None:
        self._nursery = nursery
        self._origin, self._backend = origin, backend
        self._size = connections
        self._tempo = Tempo() if depth is None else None
        self._depth = START if depth is None else depth
        self._timeouts, self._limits = timeouts, limits
        self.limiter = trio.CapacityLimiter(connections * self._depth)
        self._suspicions = 0
        self._shared: OrderedDict[Exchange, None] = OrderedDict()
        self._alone: OrderedDict[Exchange, None] = OrderedDict()
        self._places: dict[Exchange, Connection] = {}
        self._connections: list[Connection] = []
        self._dials: set[trio.CancelScope] = set()
        self._serving = 0
        self._vacant = trio.Event()
        self._next_dial = -math.inf
        self._traffic = Traffic()
        self._numbers = self._opened = self._resent = 0
        self._any_reserved = False
        self._closed = False

    def __repr__(self) -> str:
        s = self.statistics()
        state = "closed" if self._closed else "open"
        return (
            f"<Pool {self._origin.authority} {state}, {s.connections} connections, "
            f"{s.in_flight} in flight, {s.waiting} waiting>"
        )

    def statistics(self) -> WireStatistics:
        """A snapshot; costs next to nothing."""
        return WireStatistics(
            connections=len(self._connections),
            opening=len(self._dials),
            in_flight=self.limiter.borrowed_tokens + sum(c.busy_line for c in self._connections),
            waiting=len(self._shared) + len(self._alone),
            depth=self._depth,
            opened=self._opened,
            sent=self._traffic.sent,
            resent=self._resent,
            bytes_sent=self._traffic.bytes_sent,
            bytes_received=self._traffic.bytes_received,
        )

    @trio.lowlevel.enable_ki_protection
    async def request(self, request: Request) -> Response:
        """Send a request and return its answer, whatever its status.

        Raises TransportError, RemoteProtocolError, LocalProtocolError, or Cancelled when the
        pool is closed first. Cancel-safe: a request that is not yet written is never sent; the
        answer to one that is gets thrown away, and no other request suffers.
        """
        check_request(request)
        if self._closed:
            raise _closed()
        self._numbers += 1
        exchange = Exchange(request, self._timeouts.here(), self._numbers)
        self._queue_of(exchange)[exchange] = None
        self._pump()

        def give_up(_: object) -> trio.lowlevel.Abort:
            self._drop(exchange)
            return trio.lowlevel.Abort.SUCCEEDED

        response: Response = await trio.lowlevel.wait_task_rescheduled(give_up)
        return response

    def lend(self) -> Line | None:
        """Lend an idle connection to threads, see `Line`; None if none can be spared now.

        One that is lent counts among the connections allowed, so not all of them are lent.
        """
        lent = sum(connection.lent for connection in self._connections)
        if lent + 1 < self._size and not (self._closed or self._shared or self._alone):
            for connection in self._connections:
                if not (connection.load or connection.over):
                    return connection.lend(self._timeouts)
        return None

    async def recall(self) -> None:
        """Get back the connections that are lent and not in use, so that others can use them."""
        for connection in list(self._connections):
            await connection.recall()

    async def aclose(self) -> None:
        """Fail what is unanswered with Cancelled and close every connection.

        Must be called before the nursery can end. Waits until all are closed, cancelled or not,
        which takes no network and so is short.
        """
        self.close()
        if self._serving:
            with trio.CancelScope(shield=True):
                await self._vacant.wait()

    def close(self) -> None:
        """What `aclose` does before it waits."""
        self._closed = True
        self.give_up()
        for dialling in self._dials:
            dialling.cancel()
        for connection in self._connections:
            connection.retire()

    def give_up(self) -> None:
        """Fail what is unanswered now with Cancelled; the connections stay usable."""
        for exchange in [*self._places, *self._alone, *self._shared]:
            connection = self._places.get(exchange)
            if connection is not None:
                connection.withdraw(exchange)
            self._settle(exchange)
            exchange.fail(_closed())
            exchange.drop()
        self._alone.clear()
        self._shared.clear()
        for connection in self._connections:
            connection.hang_up()

    # Requests.

    def _queue_of(self, exchange: Exchange) -> OrderedDict[Exchange, None]:
        return self._alone if exchange.request.alone else self._shared

    def _place(self, exchange: Exchange, connection: Connection) -> None:
        self.limiter.acquire_on_behalf_of_nowait(exchange)
        self._places[exchange] = connection
        connection.assign(exchange)

    def _settle(self, exchange: Exchange) -> None:
        """The exchange is with no connection any more, as far as the limit is concerned."""
        if self._places.pop(exchange, None) is not None:
            self.limiter.release_on_behalf_of(exchange)

    def _answered(self, exchange: Exchange, response: Response) -> None:
        if self._tempo is not None and self._tempo.observe(
            exchange.ahead, trio.current_time() - exchange.sent_at
        ):
            self._set_depth(self._tempo.depth)
        self._settle(exchange)
        exchange.answer(response)

    def _drop(self, exchange: Exchange) -> None:
        exchange.drop()
        connection = self._places.get(exchange)
        self._settle(exchange)
        if connection is None:
            self._queue_of(exchange).pop(exchange, None)
            exchange.stage = "over"
        elif connection.withdraw(exchange):
            exchange.stage = "over"
        self._pump()

    def _set_depth(self, depth: int) -> None:
        self._depth = depth
        self.limiter.total_tokens = self._size * depth

    # Placing them.

    def _pump(self) -> None:
        """Give waiting requests to connections, as the rules above say."""
        if not (self._shared or self._alone) or self.limiter.available_tokens < 1:
            return
        self._use_idle()
        if self._shared or self._alone:
            self._open_more()
            self._deepen()

    def _use_idle(self) -> None:
        for connection in self._connections:
            if connection.load or connection.over:
                continue
            exchange = self._oldest()
            if exchange is None or self.limiter.available_tokens < 1:
                return
            if not self._trusted(connection, exchange):
                connection.retire()
                continue
            del self._queue_of(exchange)[exchange]
            self._place(exchange, connection)

    def _oldest(self) -> Exchange | None:
        shared, alone = next(iter(self._shared), None), next(iter(self._alone), None)
        if shared is None or alone is None:
            return shared or alone
        return shared if shared.number < alone.number else alone

    def _trusted(self, connection: Connection, exchange: Exchange) -> bool:
        """Whether an idle connection is good enough for the exchange."""
        if exchange.losses and connection.served:
            return False  # Some servers close after each answer, and do not say so.
        if not exchange.request.alone:
            return True
        return trio.current_time() - connection.idle_since <= FRESH

    def _open_more(self) -> None:
        room = self._size - self._serving
        if not room:
            return
        wanted = min(room, len(self._shared) + len(self._alone) - len(self._dials))
        working = self._dials or any(not c.over for c in self._connections)
        if wanted > 0 and (not working or trio.current_time() >= self._next_dial):
            for _ in range(wanted):
                dialling = trio.CancelScope()
                self._dials.add(dialling)
                self._serving += 1
                name = f"trivirt connection to {self._origin.authority}"
                self._nursery.start_soon(self._serve, dialling, name=name)

    def _reserve(self) -> None:
        """Keep connections free of GETs that are younger than a request that travels alone."""
        if not (self._alone or self._any_reserved):
            return
        oldest = next(iter(self._shared)).number
        first = itertools.islice(self._alone, self._size)  # No more can have a connection.
        missing = sum(exchange.number < oldest for exchange in first) - len(self._dials)
        for reserved in self._connections:
            reserved.reserved = reserved.reserved and missing > 0
            missing -= reserved.reserved
        while missing > 0 and (connection := self._least_loaded()) is not None:
            connection.reserved = True
            missing -= 1
        self._any_reserved = bool(self._alone)

    def _deepen(self) -> None:
        shared, spare, depth = self._shared, 0, self._depth
        if self._dials:
            # Leave the connections that are being opened their share.
            spare = max(0, len(self._dials) - len(self._alone))
            depth = min(depth, -(-(len(shared) + len(self._places)) // self._size))
        while len(shared) > spare and self.limiter.available_tokens >= 1:
            self._reserve()
            connection = self._least_loaded()
            if connection is None or connection.load >= depth:
                return
            exchange, _ = shared.popitem(last=False)
            self._place(exchange, connection)

    def _least_loaded(self) -> Connection | None:
        best, least = None, math.inf
        for connection in self._connections:
            if connection.load < least and not (
                connection.over or connection.alone or connection.reserved
            ):
                best, least = connection, connection.load
        return best

    # Connections.

    @trio.lowlevel.enable_ki_protection
    async def _serve(self, dialling: trio.CancelScope) -> None:
        """One connection, from dialling to its end.

        Shielded: while users of the pool are being cancelled it must still drain their answers
        and carry the logout. `aclose` ends it. Ctrl-C is for the callers; here it would leave
        requests that nobody ever answers.
        """
        try:
            with trio.CancelScope(shield=True):
                connection = await self._open(dialling)
                if connection is not None:
                    await self._run(connection)
        finally:
            self._serving -= 1
            if self._closed and not self._serving:
                self._vacant.set()
        self._pump()

    async def _run(self, connection: Connection) -> None:
        try:
            loss = await connection.run()
        finally:
            self._connections.remove(connection)
        self._suspect(connection, loss)
        self._recover(loss)

    async def _open(self, dialling: trio.CancelScope) -> Connection | None:
        """A connection that the pool may use; None when there is none to be had."""
        stream = failure = None
        try:
            with dialling:
                stream = await dial(self._origin, self._backend, self._timeouts)
        except TransportError as exc:
            failure = exc
        finally:
            self._dials.remove(dialling)
        if failure is not None:
            self._dial_failed(failure)
        if stream is None:
            return None
        self._opened += 1
        connection = Connection(
            stream,
            self._origin.authority,
            self._limits,
            self._traffic,
            answered=self._answered,
            turn=self._pump,
        )
        log.debug("connected to %s", self._origin.authority)
        self._connections.append(connection)
        if self._closed:  # In the very moment in which the connection was made.
            connection.retire()
        self._pump()
        return connection

    def _dial_failed(self, error: TransportError) -> None:
        """Fail everybody who waits, unless there are connections that still work."""
        log.debug("%s", error)
        self._next_dial = trio.current_time() + _DIAL_PAUSE
        if not self._dials and all(c.over for c in self._connections):
            for exchange in [*self._alone, *self._shared]:
                failure = copy.copy(error)
                failure.__cause__ = error.__cause__
                exchange.fail(failure)
            self._alone.clear()
            self._shared.clear()

    def _suspect(self, connection: Connection, loss: Loss) -> None:
        """Notice a server, or a proxy before it, that cannot be pipelined to."""
        broken = loss.unanswered and (_garbled(connection, loss) or _ended(connection, loss))
        if connection.deepest > 1 and (broken or connection.served > 1):
            self._suspicions = self._suspicions + 1 if broken else 0
            if self._suspicions == _SUSPICIONS and self._depth > 1:
                log.warning(
                    "%s closes after each answer, or answers out of step, when requests are "
                    "pipelined; from now on they are sent one by one",
                    self._origin.authority,
                )
                self._tempo = None
                self._set_depth(1)

    def _recover(self, loss: Loss) -> None:
        """Queue again what may be sent again, ahead of the others; fail the rest."""
        if loss.error is not None:
            log.debug("%s: %s", self._origin.authority, loss.error)
        for exchange in reversed(loss.unanswered):
            self._settle(exchange)
            if exchange.dropped or exchange.stage == "over":
                exchange.stage = "over"
                continue
            error = self._verdict(exchange, loss)
            if error is not None:
                exchange.fail(error)
                continue
            self._resent += exchange.stage == "sent"
            exchange.stage = "waiting"
            queue = self._queue_of(exchange)
            queue[exchange] = None
            queue.move_to_end(exchange, last=False)

    def _verdict(self, exchange: Exchange, loss: Loss) -> Error | None:
        """The error that ends the exchange; None when it may be sent again."""
        sent = exchange.stage == "sent"
        where = self._origin.authority
        error = loss.error or ConnectionLost(f"{where} closed the connection", sent=sent)
        if exchange is loss.guilty:
            if isinstance(error, TooLarge) and not exchange.request.safe:
                return TooLarge(f"{error}; it may have been executed")
            if isinstance(error, (TimedOut, TooLarge)):
                return error
            exchange.losses += 1
        if sent and not exchange.request.safe:
            return ConnectionLost(f"{error}; it may have been executed", sent=True)
        if exchange.losses >= MAX_LOSSES:
            words = f"{error}, {exchange.losses} times in a row"
            if isinstance(error, RemoteProtocolError):
                return RemoteProtocolError(words)
            return ConnectionLost(words, sent=sent)
        return None


def _garbled(connection: Connection, loss: Loss) -> bool:
    """Whether a connection was out of step from its first answers on."""
    wrong = isinstance(loss.error, RemoteProtocolError) and not isinstance(loss.error, TooLarge)
    return wrong and connection.served <= 1


def _ended(connection: Connection, loss: Loss) -> bool:
    """Whether the other side has ended a connection after the first answer.

    An answer that is a failure does not count: Apache closes behind 400, 500, 503 and some more
    (httpd 2.4, ap_set_keepalive), which an engine that is stopped brings for each request.
    """
    given_up = loss.guilty is not None and loss.guilty.dropped
    wrong = loss.guilty is None or (isinstance(loss.error, ConnectionLost) and not given_up)
    return wrong and connection.served == 1 and connection.last_status < 400


def _closed() -> Cancelled:
    return Cancelled("The engine was closed before the answer came")
