"""Futures of requests that are already on their way, for threads that wait for them."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures as concurrent
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import trio

from trivirt import _future
from trivirt.errors import TimedOut, UsageError
from trivirt.sync._portal import Portal

if TYPE_CHECKING:
    from trivirt.model import SyncFuture

T = TypeVar("T")

# Seconds that a lock is waited for at a time; Windows tells of Ctrl-C only between two waits.
_SLICE = 0.1 if sys.platform == "win32" else threading.TIMEOUT_MAX


class Future(Generic[T]):
    """The result of a request that is already on its way, for synchronous callers.

    Any thread may use it, also after the engine is closed.
    """

    def __init__(self, core: _future.Future[T], portal: Portal) -> None:
        self._core, self.portal = core, portal

    def __repr__(self) -> str:
        return repr(self._core)

    def wait(self, timeout: float | None = None) -> T:
        """Block until the result is there and return it, or raise the error of this request.

        Every call gives the same value or raises the same error. `timeout` is in seconds; when it
        passes, TimedOut is raised and the request goes on. Ctrl-C cancels the request. Raises
        UsageError inside a trio task, where it would block every other task.
        """
        if not self._core.done():
            self._block(timeout)
        return self._core.take()

    def done(self) -> bool:
        """Whether `wait` would return or raise at once."""
        return self._core.done()

    def cancel(self) -> None:
        """Give the request up; `wait` then raises Cancelled unless the result is there already."""
        self.portal.check()
        self._core.give_up()
        self.portal.soon(self._core.cancel)

    def keep_quiet(self) -> None:
        """Let it pass when it fails and nobody waits for it."""
        self._core.give_up()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Block as `wait` does and return the error that it would raise; None for a success."""
        if not self._core.done():
            self._block(timeout)
        return self._core.exception()

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call `callback` with this future once it is done; now, if it is.

        It is called in the portal's thread, which serves all engines: it must be quick, and may
        start requests but not wait for them. What it raises is logged, and goes no further.
        """
        self._core.add_done_callback(lambda _: callback(self))

    def as_concurrent(self) -> concurrent.Future[T]:
        """The same as a future of `concurrent.futures`; cancelling that cancels the request.

        For `concurrent.futures.wait`, `asyncio.wrap_future` and their like.
        """
        return _future.mirror(self._core, self.cancel)

    def _block(self, timeout: float | None) -> None:
        self.portal.check()
        bell = threading.Lock()
        bell.acquire()
        callback = self._core.add_done_callback(lambda _: bell.release())
        try:
            rung = _wait_for(bell, (self,), timeout)
        finally:
            self._core.forget(callback)
        if not rung:
            raise TimedOut(f"{self!r} was not done within {timeout:g} s; it goes on", sent=True)


def as_completed(
    futures: Iterable[SyncFuture[T]], timeout: float | None = None
) -> Iterator[SyncFuture[T]]:
    """Iterate over futures as they get done, whichever is first.

    Each is given once, failed ones as well: `wait` on it gives the result or raises. When
    `timeout` seconds have passed since the first was asked for, TimedOut is raised and the
    requests go on. Ctrl-C while it waits cancels the requests that are not done.
    """
    left = cast("set[Future[T]]", set(futures))
    portals = {future.portal for future in left}
    came: deque[Future[T]] = deque()
    bell = threading.Semaphore(0)

    def arrived(future: Future[T]) -> None:
        came.append(future)
        bell.release()

    for future in left:
        future.add_done_callback(arrived)
    end = None if timeout is None else time.monotonic() + timeout
    while left:
        if not bell.acquire(blocking=False):
            for portal in portals:
                portal.check()
            left_over = None if end is None else end - time.monotonic()
            if not _wait_for(bell, left, left_over):
                raise TimedOut(
                    f"{len(left)} futures were not done within {timeout:g} s; they go on", sent=True
                )
        future = came.popleft()
        left.remove(future)
        yield future


def refusal(what: object, instead: str) -> UsageError:
    """The error where a blocking call would stop every task of a trio run."""
    return UsageError(
        f"{what} blocks its thread, and this one runs trio: open the engine with "
        f"`async with trivirt.open_engine(...) as engine` and use {instead}"
    )


class _Bell(Protocol):
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...


def _wait_for(bell: _Bell, futures: Iterable[Future[Any]], timeout: float | None) -> bool:
    """Whether the bell rang in time. Ctrl-C cancels the futures."""
    if trio.lowlevel.in_trio_run():
        raise refusal("Waiting for futures of trivirt.sync", "`await future.wait()`")
    end = None if timeout is None else time.monotonic() + timeout
    try:
        while True:
            left = _SLICE if end is None else max(0.0, end - time.monotonic())
            if bell.acquire(timeout=min(left, _SLICE)):
                return True
            if end is not None and left <= _SLICE:
                return False
    except BaseException:  # Ctrl-C
        for future in futures:
            future.cancel()
        raise
