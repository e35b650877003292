"""One request on its way to its answer: who waits for it, and how far it has got."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import outcome
import trio

from trivirt.errors import Error
from trivirt.wire._messages import Request, Response
from trivirt.wire._timeouts import Timeouts

#: How far a request has got; it goes back from "sent" to "waiting" when it may be sent again.
Stage: TypeAlias = Literal[
    "waiting",  # In the queue of the pool.
    "assigned",  # Given to a connection; not one byte is written.
    "sent",  # Writing has begun, so it may be executed.
    "over",  # Answered, failed, or nobody waits any more.
]


class Exchange:
    """A request, the task that waits for it, and its fate.

    The task is parked, and woken exactly once: a plain reschedule costs a tenth of an event or
    a channel. After `drop` nobody is woken, and an answer that still comes is thrown away.
    """

    __slots__ = (
        "ahead",
        "dropped_at",
        "losses",
        "number",
        "request",
        "sent_at",
        "stage",
        "task",
        "timeouts",
    )

    def __init__(self, request: Request, timeouts: Timeouts, number: int) -> None:
        self.request = request
        self.timeouts = timeouts
        self.number = number
        self.task = trio.lowlevel.current_task()
        self.stage: Stage = "waiting"
        self.losses = 0
        self.dropped_at = math.inf
        self.sent_at = 0.0
        self.ahead = 0  # Requests without an answer on its connection when it was sent.

    def __repr__(self) -> str:
        state = "dropped" if self.dropped else self.stage
        path = self.request.target.partition("?")[0]
        return f"<Exchange {self.number} {self.request.method} {path} {state}>"

    def answer(self, response: Response) -> None:
        """Wake the waiting task with its answer."""
        self._wake(outcome.Value(response))

    def fail(self, error: Error) -> None:
        """Wake the waiting task with an error of its own; errors are never shared by tasks."""
        error.method, error.path = self.request.method, self.request.target.partition("?")[0]
        self._wake(outcome.Error(error))

    def drop(self) -> None:
        """The task was cancelled and waits no more."""
        self.dropped_at = trio.current_time()

    @property
    def dropped(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.dropped_at < math.inf

    def _wake(self, result: outcome.Outcome[Response]) -> None:
        if self.stage != "over":
            self.stage = "over"
            if not self.dropped:
                trio.lowlevel.reschedule(self.task, result)
