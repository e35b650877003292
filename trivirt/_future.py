"""A request that is already on its way, and the result it will have.

A future is settled once, in the thread of its engine, and may be looked at from any. Whoever
waits for it, in whatever way, leaves a callback and then looks whether it is done; whoever settles
it marks it done and then makes the callbacks. Both take a callback out of the list before calling
it, so each is called exactly once, by whichever side comes second, and no lock is needed.
"""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import trio

from trivirt.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from concurrent import futures as concurrent
    from types import TracebackType

    from trivirt.model import Future as AnyFuture
    from trivirt.model import Work

    #: The failed futures of an engine whose error nobody has asked for.
    Unheard: TypeAlias = "dict[Future[Any], None]"

T = TypeVar("T")

log = logging.getLogger("trivirt.engine")


class Future(Generic[T]):
    """The result of a request that runs in a task of the engine.

    Every `wait()` gives the same value or raises the same error, also after the engine is
    closed. Use it in the trio run of its engine.
    """

    def __init__(self, what: str, unheard: Unheard) -> None:
        self.what = what
        self._unheard = unheard
        self._scope = trio.CancelScope()
        self._callbacks: list[Callable[[Future[T]], object]] = []
        self._value: T
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._done = False
        self._given_up = False

    def __repr__(self) -> str:
        state = "pending"
        if self._done:
            state = "succeeded" if self._error is None else "failed"
        return f"<Future {self.what} {state}>"

    async def wait(self) -> T:
        """The result, as soon as it is there, or the error of this request and no other.

        Cancel-safe: cancelling a wait gives up the wait and leaves the request alone, see
        `cancel`. Lets other tasks run only if the result is not there yet.
        """
        if self._done:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            settled = trio.Event()
            callback = self.add_done_callback(lambda _: settled.set())
            try:
                await settled.wait()
            finally:
                self.forget(callback)
        return self.take()

    def done(self) -> bool:
        """Whether `wait` would return or raise at once."""
        return self._done

    def cancel(self) -> None:
        """Give the request up; `wait` then raises Cancelled unless the result is there already.

        A request that is not written yet is never sent.
        """
        self.give_up()
        self._scope.cancel()

    def exception(self) -> BaseException | None:
        """The error without waiting; None when it succeeded or is not done yet."""
        self._unheard.pop(self, None)
        return self._error

    def add_done_callback(
        self, callback: Callable[[Future[T]], object]
    ) -> Callable[[Future[T]], object]:
        """Call `callback` with this future once it is done; now, if it is. Returns `callback`.

        It is called in the task of the request, which it must not block. What it raises is
        logged, and goes no further.
        """
        self._callbacks.append(callback)
        if self._done:
            self._call_back()
        return callback

    def as_concurrent(self) -> concurrent.Future[T]:
        """The same as a future of `concurrent.futures`; cancelling that cancels the request."""
        return mirror(self, self.cancel)

    # What the engine and the synchronous future build on.

    def forget(self, callback: Callable[[Future[T]], object]) -> None:
        """Take back a callback that was not called yet."""
        with contextlib.suppress(ValueError):
            self._callbacks.remove(callback)

    def give_up(self) -> None:
        """Nobody wants to hear of its error any more."""
        self._given_up = True
        self._unheard.pop(self, None)

    def take(self) -> T:
        """The value, or the error raised, of a future that is done."""
        if self._error is None:
            return self._value
        self._unheard.pop(self, None)
        # Each raise would add to the traceback, which also holds on to the frames of its callers.
        raise self._error.with_traceback(self._traceback)

    async def run(self, perform: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> None:
        """Do the work and settle; the engine starts this as a task."""
        error: BaseException | None = Cancelled(f"{self.what} was cancelled")
        try:
            with self._scope:
                self._value = await perform(work)
                error = None
        except Exception as exc:  # Whatever it is, it belongs to whoever waits.
            error = exc
        finally:
            self._settle(error)

    def fail(self, error: BaseException) -> None:
        """Settle a future whose work was never started."""
        self._settle(error)

    def _settle(self, error: BaseException | None) -> None:
        if error is not None:
            self._error, self._traceback = error, error.__traceback__
            if not (self._given_up or isinstance(error, Cancelled)):
                self._unheard[self] = None
        self._done = True
        self._call_back()

    def _call_back(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:  # Another thread has taken the last one.
                return
            try:
                callback(self)
            except Exception:
                log.exception("a callback of %r failed", self)


def warn_of(unheard: Unheard, stacklevel: int) -> None:
    """Warn of each, once; `stacklevel` is counted from the caller."""
    for future in tuple(unheard):  # Of a copy: other threads take theirs out meanwhile.
        error = future.exception()
        warnings.warn(
            f"{future.what} failed, and nobody waited for it: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=stacklevel + 1,
        )


class Completed(Generic[T]):
    """Gives futures in the order in which they get done."""

    def __init__(self, futures: Iterable[AnyFuture[T]]) -> None:
        self._left = set(futures)
        send, self._receive = trio.open_memory_channel["AnyFuture[T]"](math.inf)
        for future in self._left:
            future.add_done_callback(send.send_nowait)

    def __repr__(self) -> str:
        return f"<as_completed, {len(self._left)} left>"

    def __aiter__(self) -> Completed[T]:
        return self

    async def __anext__(self) -> AnyFuture[T]:
        if not self._left:
            raise StopAsyncIteration
        future = await self._receive.receive()
        self._left.remove(future)
        return future


def as_completed(futures: Iterable[AnyFuture[T]]) -> Completed[T]:
    """Iterate with `async for` over futures as they get done, whichever is first.

    Each is given once, failed ones as well: `wait` on it gives the result or raises. Cancel-safe:
    cancelling gives up the wait, and the requests go on.
    """
    return Completed(futures)


def mirror(future: Future[T], cancel: Callable[[], object]) -> concurrent.Future[T]:
    """A future of `concurrent.futures` that gets what `future` gets; `cancel` gives that up."""
    from concurrent import futures as concurrent  # For few, so it is imported for those.

    other: concurrent.Future[T] = concurrent.Future()

    def hand_over(_: Future[T]) -> None:
        if not other.set_running_or_notify_cancel():
            return
        error = future.exception()
        if error is None:
            other.set_result(future.take())
        else:
            other.set_exception(error)

    def cancelled(_: concurrent.Future[T]) -> None:
        if other.cancelled():
            cancel()

    other.add_done_callback(cancelled)
    future.add_done_callback(hand_over)
    return other
