"""The portal: the thread in which trio runs for synchronous callers, while engines are open.

How it begins and ends, and who waits for whom:

- The first engine starts the thread, the last one to be over ends it; the count is kept by the
  tasks that the engines live in. So a caller whom Ctrl-C drives out of opening or closing leaves
  at once, and the rest is done without him.
- Calls are handed over through a deque. Its reader takes each out before making it; when the
  run is over, whoever brings another call makes it himself. So none is lost, and what it does
  to a closed engine settles its future.
- A child of fork has no such thread. There everything opened before refuses, closing it does
  nothing, for it is the parent's, and opening starts a thread of the child's own. During a fork
  our thread stands still in a place where it has no lock, for the child would wait for that lock
  for ever: the one of a module that is being imported, above all.
- At interpreter exit an atexit function closes the engines that still have tokens to give back.
  It runs when the program's own threads have ended and daemon threads, such as ours, still run.
- After that, when modules are taken down and a `__del__` may use an engine, our thread stands
  still for ever. Closing then does nothing, and everything else refuses.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

import outcome
import trio

from trivirt._future import warn_of
from trivirt.engine import Engine, EngineContext
from trivirt.errors import Cancelled, UsageError

_EXIT = 8.0  # Seconds that open engines may delay the end of the interpreter; leaving takes 5.
_PAUSE = 1.0  # Seconds that our thread may delay a fork.


class Portal:
    """A thread in which trio runs, for as long as engines are open in it; never used again."""

    _lock = threading.Lock()
    _current: Portal | None = None
    _prepared = False
    _pauses: ClassVar[dict[int, threading.Event]] = {}  # By the threads that fork.

    @classmethod
    def host(cls, context: EngineContext) -> Hosted:
        """Begin to enter an engine's block in a task of the portal, which is started if need be."""
        _refuse_at_the_end()
        with cls._lock:
            fresh = cls._current is None
            portal = cls._current = cls._current or cls()
            hosted = Hosted(portal, context)
            portal._hosted.add(hosted)
            portal.soon(portal._spawn, hosted)
            try:
                if fresh:
                    portal._thread.start()
            except BaseException:  # Ctrl-C, or no thread is to be had.
                cls._current = None
                portal.soon(hosted.give_up)
                raise
        return hosted

    @classmethod
    def prepare(cls) -> None:
        """Provide for the exit of the interpreter and for fork; once, and early.

        Functions for the exit are called in the opposite order of their registration, so those
        that a program registers when it has begun to use this package find its engines open.
        """
        with cls._lock:
            if cls._prepared:
                return
            cls._prepared = True
        atexit.register(cls._close_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=cls._pause, after_in_parent=cls._go_on, after_in_child=cls._forget
            )

    @classmethod
    def _pause(cls) -> None:
        if (portal := cls._current) is not None and not portal.is_here():
            resting = threading.Event()
            go_on = cls._pauses[threading.get_ident()] = threading.Event()
            portal.soon(portal._rest, resting, go_on)
            # Not for ever: what it is at may itself wait for this thread.
            resting.wait(_PAUSE)

    @classmethod
    def _go_on(cls) -> None:
        if (go_on := cls._pauses.pop(threading.get_ident(), None)) is not None:
            go_on.set()

    @classmethod
    def _forget(cls) -> None:
        """In a child of fork; the lock may have been held by a thread that is not there."""
        cls._lock = threading.Lock()
        cls._current = None
        cls._pauses.clear()

    @classmethod
    def _close_all(cls) -> None:
        if (portal := cls._current) is None:
            return
        end = time.monotonic() + _EXIT
        left = list(portal._hosted)
        owing = [hosted for hosted in left if hosted.owes_tokens()]
        for hosted in owing:
            portal.soon(hosted.leave)
        for hosted in owing:
            hosted.wait_closed(max(0.0, end - time.monotonic()))
        for hosted in left:
            hosted.report(stacklevel=2)

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._hosted: set[Hosted] = set()
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._woken = True  # The thread looks for calls when it starts.
        self._token: trio.lowlevel.TrioToken
        self._thread = threading.Thread(target=self._live, name="trivirt portal", daemon=True)

    @property
    def forked(self) -> bool:
        """Whether this is a child of the process that the thread runs in."""
        return self._pid != os.getpid()

    def check(self) -> None:
        """Raise UsageError where the thread is not: in a child of fork, and at the very end."""
        _refuse_at_the_end()
        if self._pid != os.getpid():
            raise UsageError(
                f"This engine was opened by process {self._pid}, before it forked, and only works "
                f"there; open another one in this process ({os.getpid()})"
            )

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function in the portal's thread, without waiting.

        Waking that thread is what costs, so calls that come while it has not yet looked share
        one wake-up.
        """
        self._calls.append((function, args))
        if not self._woken:
            self._woken = True
            try:
                self._token.run_sync_soon(self._make_calls)
            except trio.RunFinishedError:
                self._make_calls()

    def is_here(self) -> bool:
        """Whether this is the portal's own thread."""
        return threading.current_thread() is self._thread

    def join(self) -> None:
        """Wait for the end of the thread if it has no engine left."""
        if not self._hosted:
            self._thread.join()

    # In its thread.

    def _live(self) -> None:
        try:
            trio.run(self._run)
        finally:
            self._make_calls()

    async def _run(self) -> None:
        trio.socket.set_custom_hostname_resolver(Resolver())
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with trio.open_nursery() as self._nursery:
            self._make_calls()
            await self._stop.wait()
            self._nursery.cancel_scope.cancel()

    def _make_calls(self) -> None:
        self._woken = False  # First, so that whoever appends after the loop wakes us again.
        while self._calls:
            try:
                function, args = self._calls.popleft()
            except IndexError:  # After the end of the run several threads may be here.
                return
            function(*args)

    def _rest(self, resting: threading.Event, go_on: threading.Event) -> None:
        resting.set()
        if self.is_here():  # Else the run is over, and this is the thread that forks.
            go_on.wait()

    def _spawn(self, hosted: Hosted) -> None:
        self._nursery.start_soon(hosted.live)

    def release(self, hosted: Hosted) -> None:
        """An engine is closed; the last one ends the thread."""
        with self._lock:
            self._hosted.discard(hosted)
            if self._hosted:
                return
            if Portal._current is self:
                Portal._current = None
        self._stop.set()


class Hosted:
    """A task of the portal that lives inside an engine's block."""

    def __init__(self, portal: Portal, context: EngineContext) -> None:
        self.portal = portal
        self._context = context
        self._leave = trio.Event()
        self._scope = trio.CancelScope()
        self._result: outcome.Outcome[Engine] | None = None
        self._engine: Engine | None = None
        self._opened, self._closed = threading.Event(), threading.Event()

    def open(self) -> Engine:
        """Block until the engine is open, or raise the error that opening it met."""
        try:
            self._opened.wait()
        except BaseException:  # Ctrl-C
            self.portal.soon(self.give_up)
            raise
        if self._engine is None:
            self.portal.join()
        if self._result is None:
            raise Cancelled("Opening the engine was given up")
        return self._result.unwrap()

    def close(self) -> None:
        """Block until the engine is closed. Ctrl-C ends the wait only."""
        if sys.is_finalizing():
            return
        self.portal.soon(self.leave)
        if not self.portal.is_here():  # Else it is a callback of a future, which cannot wait.
            self._closed.wait()
            self.portal.join()

    def wait_closed(self, timeout: float) -> None:
        """Block until the engine is closed, but not for long."""
        self._closed.wait(timeout)

    def owes_tokens(self) -> bool:
        """Whether closing would give tokens back."""
        return self._engine is not None and self._engine.owes_tokens()

    def report(self, stacklevel: int) -> None:
        """Warn of failures that nobody has heard of; `stacklevel` is counted from the caller."""
        if self._engine is not None:
            warn_of(self._engine.unheard, stacklevel + 1)

    # In the portal's thread.

    async def live(self) -> None:
        try:
            with self._scope:
                self._engine = await self._context.__aenter__()
                try:
                    self._result = outcome.Value(self._engine)
                    self._opened.set()
                    await self._leave.wait()
                finally:
                    await self._context.leave()
        except Exception as exc:
            self._result = outcome.Error(exc)
        finally:
            self.portal.release(self)
            self._opened.set()
            self._closed.set()

    def give_up(self) -> None:
        """End the opening."""
        self._scope.cancel()

    def leave(self) -> None:
        """Begin to close."""
        self._leave.set()


def _refuse_at_the_end() -> None:
    if sys.is_finalizing():
        raise UsageError("The interpreter is ending: nothing can be asked of an engine any more")


class Resolver(trio.abc.HostnameResolver):
    """Looks up names in a thread, as trio does, but also while the interpreter ends.

    Then Python starts no more threads (since 3.12), and giving back a token may need a connection.
    """

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        def ask() -> Any:
            return socket.getaddrinfo(host, port, family, type, proto, flags)

        try:
            return await trio.to_thread.run_sync(ask, abandon_on_cancel=True)
        except RuntimeError:  # "can't start new thread", or "at interpreter shutdown"
            return ask()

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        return socket.getnameinfo(sockaddr, flags)  # Nobody asks: we connect, and only to names.
