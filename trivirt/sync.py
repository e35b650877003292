"""The engine for synchronous callers: the same core, run by trio in a thread of its own.

The thread is the portal. It starts when the first engine is opened, serves all that are open,
and ends with the last. Each open engine lives in one task there, which enters and leaves the
engine's block; each call is a task of the engine's nursery. A caller hands a call over with
`TrioToken.run_sync_soon` and then waits, through `trio.from_thread`, for the memory channel of
its future. So Ctrl-C in a waiting thread gives up that one request and leaves the engine usable.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, TypeVar

import httpcore
import outcome
import trio

from trivirt import _future
from trivirt._options import Options, ProxyChoice, check_options
from trivirt._patience import Retries
from trivirt.auth import Credentials, GivesBack
from trivirt.engine import Engine as AsyncEngine
from trivirt.engine import EngineContext, Statistics
from trivirt.errors import Cancelled, TimedOut, UsageError
from trivirt.model import Sync, SyncSoon, Work
from trivirt.services import SystemService
from trivirt.wire import ClientCert, FilePath, Request, Response, Timeouts, timeouts_changed

__all__ = ["Engine", "Future", "open_engine"]

T = TypeVar("T")


class Future(Generic[T]):
    """The result of a request that is already on its way, for synchronous callers.

    Any thread may use it, also after the engine is closed.
    """

    def __init__(self, core: _future.Future[T], portal: _Portal) -> None:
        self._core, self._portal = core, portal

    def __repr__(self) -> str:
        return repr(self._core)

    def wait(self, timeout: float | None = None) -> T:
        """Block until the result is there and return it, or raise the error of this request.

        Every call gives the same value or raises the same error. `timeout` is in seconds; when it
        passes, TimedOut is raised and the request goes on. Ctrl-C ends the wait only. Raises
        UsageError inside a trio task, where it would block every other task.
        """
        if not self._core.done():
            self._portal.wait_for(self._core, timeout)
        return self._core.take()

    def done(self) -> bool:
        """Whether `wait` would return or raise at once."""
        return self._core.done()

    def cancel(self) -> None:
        """Give the request up; `wait` then raises Cancelled unless the result is there already."""
        self._portal.soon(self._core.cancel)

    def exception(self) -> BaseException | None:
        """The error without waiting; None when it succeeded or is not done yet."""
        return self._core.exception()


class Engine(SystemService[Sync]):
    """An open engine: the root of the API, whose operations block until the result is there.

    `soon` is the same tree, whose operations start at once and return a `Future`. Any number of
    threads may share an engine.
    """

    def __init__(self, core: AsyncEngine, portal: _Portal) -> None:
        super().__init__(self._perform, "")
        self.soon: SystemService[SyncSoon] = SystemService(self._start, "")
        self._api = self.soon._api = core._api
        self._core, self._portal = core, portal

    def __repr__(self) -> str:
        return f"<sync.{repr(self._core)[1:]}"

    def statistics(self) -> Statistics:
        """A snapshot of connections, requests and bytes."""
        return self._core.statistics()

    @property
    def token(self) -> str | None:
        """The token in use; None when there is none at the moment."""
        return self._core.token

    def give_back(self, which: GivesBack) -> None:
        """Decide which tokens are given back at the end; see `trivirt.Engine.give_back`."""
        self._core.give_back(which)

    def send(self, request: Request, read: Callable[[Response], T]) -> T:
        """Send a request and give what `read` makes of the answer, whatever that says.

        The token is added here. `read` is called in the thread of the portal.
        """
        return self._perform(self._core.sending(request, read))

    def send_soon(self, request: Request, read: Callable[[Response], T]) -> Future[T]:
        """The same as a future, whose request starts at once."""
        return self._start(self._core.sending(request, read))

    def _start(self, call: Work[T]) -> Future[T]:
        core: _future.Future[T] = _future.Future(str(call))
        if timeouts_changed():  # They go along with the call, which runs in another thread.
            start = contextvars.copy_context().run
            self._portal.soon(start, _start_or_fail, self._core, core, call)
        else:
            self._portal.soon(_start_or_fail, self._core, core, call)
        return Future(core, self._portal)

    def _perform(self, call: Work[T]) -> T:
        future = self._start(call)
        try:
            return future.wait()
        except BaseException:
            if not future.done():  # Ctrl-C, or another way out that leaves the request alone.
                future.cancel()
            raise


def _start_or_fail(engine: AsyncEngine, core: _future.Future[T], call: Work[T]) -> None:
    try:
        engine.start(core, call)
    except Cancelled as exc:
        core.fail(exc)


class _Portal:
    """A thread in which trio runs, for as long as engines are open in it; never used again."""

    _lock = threading.Lock()
    _current: _Portal | None = None

    @classmethod
    def enter(cls) -> _Portal:
        """The portal, with one more engine; the first starts it."""
        refuse_in_trio()
        with cls._lock:
            portal = cls._current
            # In a child of fork the thread is gone, and what it did is the parent's.
            if portal is None or portal._pid != os.getpid():
                portal = cls._current = cls()
            portal._users += 1
            return portal

    def leave(self) -> None:
        """Count one engine less; the last ends the thread and waits for it."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                if _Portal._current is self:
                    _Portal._current = None
                self.soon(self._stop.set)
                self._thread.join()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._users = 0
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._woken = False
        started = threading.Event()
        self._thread = threading.Thread(
            target=trio.run, args=(self._run, started), name="trivirt portal", daemon=True
        )
        self._thread.start()
        started.wait()

    def soon(self, function: Callable[..., object], *args: object) -> None:
        """Call a function in the portal's thread, without waiting; nothing after its end.

        Waking that thread is what costs, so calls that come while it has not yet looked share
        one wake-up.
        """
        self._calls.append((function, args))
        if not self._woken:
            self._woken = True
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._make_calls)

    def _make_calls(self) -> None:
        self._woken = False  # First, so that whoever appends after the loop wakes us again.
        while self._calls:
            function, args = self._calls.popleft()
            function(*args)

    def wait_for(self, core: _future.Future[T], timeout: float | None) -> None:
        """Block until a future of this portal is done."""
        refuse_in_trio()
        try:
            trio.from_thread.run(_wait_within, core, timeout, trio_token=self._token)
        except (trio.RunFinishedError, trio.Cancelled):
            if not core.done():
                core.fail(Cancelled("The engine was closed before the answer came"))

    def host(self, context: EngineContext) -> _Hosted:
        """Enter an engine's block in a task of the portal; blocks until it is open."""
        hosted = _Hosted(context)
        self.soon(self._spawn, hosted.live)
        try:
            hosted.opened.wait()
        except BaseException:  # Ctrl-C
            self.soon(hosted.abandon)
            hosted.closed.wait()
            raise
        return hosted

    def _spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(function)

    # In its thread.

    async def _run(self, started: threading.Event) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with trio.open_nursery() as self._nursery:
            started.set()
            await self._stop.wait()
            self._nursery.cancel_scope.cancel()


class _Hosted:
    """A task of the portal that lives inside an engine's block."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._leave = trio.Event()
        self._scope = trio.CancelScope()
        self._result: outcome.Outcome[AsyncEngine] | None = None
        self.opened, self.closed = threading.Event(), threading.Event()

    async def live(self) -> None:
        try:
            with self._scope:
                async with self._context as engine:
                    self._result = outcome.Value(engine)
                    self.opened.set()
                    await self._leave.wait()
        except Exception as exc:
            self._result = outcome.Error(exc)
        finally:
            self.opened.set()
            self.closed.set()

    def engine(self) -> AsyncEngine:
        """The open engine, or the error that opening it met."""
        if self._result is None:
            raise Cancelled("Opening the engine was given up")
        return self._result.unwrap()

    def leave(self) -> None:
        """Begin to leave; from the portal's thread."""
        self._leave.set()

    def abandon(self) -> None:
        """Give up opening; from the portal's thread."""
        self._scope.cancel()


async def _wait_within(core: _future.Future[T], timeout: float | None) -> None:
    if timeout is None:
        await core.settled()
        return
    with trio.move_on_after(timeout) as scope:
        await core.settled()
    if scope.cancelled_caught:
        raise TimedOut(f"{core!r} was not done within {timeout:g} s; it goes on", sent=True)


def refuse_in_trio() -> None:
    """Raise UsageError where a blocking call would stop every task of a trio run."""
    if trio.lowlevel.in_trio_task():
        raise UsageError(
            "trivirt.sync blocks its thread, and this one runs trio: "
            "use `async with trivirt.open_engine(...)` and `await` here"
        )


class SyncEngineContext:
    """What `open_engine` returns: enter it with `with`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._hosted: _Hosted | None = None

    def __repr__(self) -> str:
        return f"<sync.open_engine({str(self._options.url)!r})>"

    def __enter__(self) -> Engine:
        if self._hosted is not None:
            raise UsageError("open_engine() is entered once; call it again for another engine")
        self._portal = _Portal.enter()
        try:
            self._hosted = self._portal.host(EngineContext(self._options))
            return Engine(self._hosted.engine(), self._portal)
        except BaseException:
            self._portal.leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._hosted is not None
        self._portal.soon(self._hosted.leave)
        try:
            self._hosted.closed.wait()
        finally:
            self._portal.leave()


def open_engine(
    url: str | None = None,
    *,
    engine: str | None = None,
    username: str | None = None,
    password: str | None = None,
    token: str | None = None,
    kerberos: bool = False,
    sso_url: str | None = None,
    sso_revoke_url: str | None = None,
    sso_token_name: str = "access_token",
    ca_file: FilePath | None = None,
    ca_data: str | bytes | None = None,
    client_cert: ClientCert | None = None,
    insecure: bool = False,
    proxy: ProxyChoice = None,
    connections: int | None = None,
    pipeline: int | None = None,
    timeouts: Timeouts | None = None,
    retries: Retries | None = None,
    compress: bool = True,
    network_backend: httpcore.AsyncNetworkBackend | None = None,
) -> SyncEngineContext:
    """Sign on to the engine at `url`, which ends in `/ovirt-engine/api`.

    Use it as `with open_engine(...) as engine:`. The arguments, and what leaving the block does,
    are those of `trivirt.open_engine`. Nothing is started before the block is entered. Raises
    UsageError at the call for arguments that cannot work; TransportError, AuthError or
    Unavailable on entering.
    """
    if url is None:
        arguments = locals()  # As they were given, for nothing else is local yet.
        from trivirt.configuration import configured

        return open_engine(**configured(arguments))
    if engine is not None:
        raise UsageError("url and engine= both name an engine; give one of them")
    return SyncEngineContext(
        check_options(
            url,
            Credentials(username, password, token, kerberos),
            sso_url=sso_url,
            sso_revoke_url=sso_revoke_url,
            sso_token_name=sso_token_name,
            ca_file=ca_file,
            ca_data=ca_data,
            client_cert=client_cert,
            insecure=insecure,
            proxy=proxy,
            connections=connections,
            pipeline=pipeline,
            timeouts=timeouts,
            retries=retries,
            compress=compress,
            network_backend=network_backend,
        )
    )
