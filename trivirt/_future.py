"""A request that is already on its way, and the result it will have."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import outcome
import trio

from trivirt.errors import Cancelled
from trivirt.model import Work

T = TypeVar("T")


class Future(Generic[T]):
    """The result of a request that runs in a task of the engine.

    Every `wait()` gives the same value or raises the same error, also after the engine is
    closed. Use it in the trio run of its engine.
    """

    # The task sends its one outcome into a channel of one slot and closes it: of those who wait
    # the first receives the outcome, the others meet the end of the channel. All of them then
    # read what is kept here, which other threads may do as well: it is kept before it is sent.

    def __init__(self, what: str) -> None:
        self._what = what
        self._scope = trio.CancelScope()
        self._sender, self._receiver = trio.open_memory_channel[outcome.Outcome[T]](1)
        self._value: T
        self._error: BaseException | None = None
        self._done = False

    def __repr__(self) -> str:
        state = "pending"
        if self._done:
            state = "failed" if self._error is not None else "succeeded"
        return f"<Future {self._what} {state}>"

    async def wait(self) -> T:
        """The result, as soon as it is there, or the error of this request and no other.

        Cancel-safe: cancelling a wait gives up the wait and leaves the request alone, see
        `cancel`. Lets other tasks run only if the result is not there yet.
        """
        await self.settled()
        return self.take()

    async def settled(self) -> None:
        """Wait until there is a result, and do not look at it. Cancel-safe."""
        if self._done:
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        with contextlib.suppress(trio.EndOfChannel):
            await self._receiver.receive()

    def done(self) -> bool:
        """Whether `wait` would return or raise at once."""
        return self._done

    def cancel(self) -> None:
        """Give the request up; `wait` then raises Cancelled unless the result is there already.

        A request that is not written yet is never sent.
        """
        self._scope.cancel()

    def exception(self) -> BaseException | None:
        """The error without waiting; None when it succeeded or is not done yet."""
        return self._error

    def take(self) -> T:
        """The value, or the error raised, of a future that is done."""
        if self._error is not None:
            raise self._error
        return self._value

    async def run(self, perform: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> None:
        """Do the work and send its outcome; the engine starts this as a task."""
        result: outcome.Outcome[T] = outcome.Error(Cancelled(f"{self._what} was cancelled"))
        try:
            with self._scope:
                result = outcome.Value(await perform(work))
        except Exception as exc:  # Whatever it is, it belongs to whoever waits.
            result = outcome.Error(exc)
        finally:
            self._settle(result)

    def fail(self, error: BaseException) -> None:
        """Settle a future whose work was never started."""
        self._settle(outcome.Error(error))

    def _settle(self, result: outcome.Outcome[T]) -> None:
        if isinstance(result, outcome.Value):
            self._value = result.value
        elif isinstance(result, outcome.Error):
            self._error = result.error
        self._done = True
        self._sender.send_nowait(result)
        self._sender.close()
