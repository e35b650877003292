"""The engine for synchronous callers: its services, and `open_engine`."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore
import trio

from trivirt import _future
from trivirt._options import Options, ProxyChoice, check_options
from trivirt._patience import Retries
from trivirt.auth import Credentials, GivesBack
from trivirt.engine import Engine as AsyncEngine
from trivirt.engine import EngineContext, Statistics
from trivirt.errors import Cancelled, UsageError
from trivirt.model import Sync, SyncSoon, Work, are_steps
from trivirt.services import SystemService
from trivirt.sync._future import Future, refusal
from trivirt.sync._portal import Hosted, Portal
from trivirt.wire import (
    ClientCert,
    FilePath,
    Limits,
    Request,
    Response,
    Timeouts,
    timeouts_changed,
)

if TYPE_CHECKING:
    from trivirt.wire._line import Line

T = TypeVar("T")

_LONELY = 2  # Reading calls in a row that make it worth while to borrow a connection for more.
_INTERRUPTIBLE = sys.platform != "win32"  # There Ctrl-C does not reach a thread that reads.
_BUSY = 100  # So many later it is tried again when there was none to borrow.


class Engine(SystemService[Sync]):
    """An open engine: the root of the API, whose operations block until the result is there.

    `soon` is the same tree, whose operations start at once and return a `Future`. Any number of
    threads may share an engine.
    """

    # What changes something, takes several steps or gives a future is done in the portal. When
    # calls that only read come one after the other, a connection is borrowed for them, on which
    # the calling thread does them by itself, in half the time. The first future ends that.

    def __init__(self, core: AsyncEngine, portal: Portal) -> None:
        super().__init__(self._perform, "")
        self.soon: SystemService[SyncSoon] = SystemService(self._start, "")
        self._api = self.soon._api = core._api
        self._core, self._portal = core, portal
        self._line: Line | None = None
        self._lonely = 0  # Reading calls since the last future, while there is no line.

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

        The token is added here. `read` is called in this thread or in that of the portal.
        """
        work = self._core.sending(request, read)
        self._check(work)
        if request.safe and (line := self._line) is not None:
            response = self._core.send_on(line, request)
            if response is not None:
                return read(response)
        return self._hand_over(work, request.safe)

    def send_soon(self, request: Request, read: Callable[[Response], T]) -> Future[T]:
        """The same as a future, whose request starts at once; `read` is called in the portal.

        No warning tells when nobody waits for it and it fails.
        """
        future = self._start(self._core.sending(request, read))
        future.keep_quiet()
        return future

    def _perform(self, call: Work[T]) -> T:
        self._check(call)
        if are_steps(call) or call.method != "GET":
            return self._hand_over(call, False)
        if (line := self._line) is not None:
            response = self._core.ask_on(line, call)
            if response is not None:
                return self._core.read(call, response)
        return self._hand_over(call, True)

    def _check(self, call: Work[Any]) -> None:
        if trio.lowlevel.in_trio_run():
            raise refusal(call, _awaited(call))
        self._portal.check()

    def _hand_over(self, call: Work[T], safe: bool) -> T:
        """Have a call made in the portal, and block until it is done."""
        then = None
        if safe and _INTERRUPTIBLE and (self._line is None or self._line.over):
            self._lonely += 1
            if self._lonely >= _LONELY:
                then = self._borrow
        return self._begin(call, then).wait()

    def _borrow(self, _: object) -> None:
        if self._line is None or self._line.over:  # Several threads may have asked for this.
            self._line = self._core.lend()
            self._lonely = 0 if self._line is not None else -_BUSY

    def _start(self, call: Work[T]) -> Future[T]:
        self._portal.check()
        if (line := self._line) is not None:  # Many futures need all the connections.
            self._line = None
            line.give_back()
        self._lonely = 0
        return self._begin(call)

    def _begin(self, call: Work[T], then: Callable[[object], object] | None = None) -> Future[T]:
        core: _future.Future[T] = _future.Future(str(call), self._core.unheard)
        if then is not None:
            core.add_done_callback(then)
        if timeouts_changed():  # They go along with the call, which runs in another thread.
            start = contextvars.copy_context().run
            self._portal.soon(start, _start_or_fail, self._core, core, call)
        else:
            self._portal.soon(_start_or_fail, self._core, core, call)
        return Future(core, self._portal)


def _start_or_fail(engine: AsyncEngine, core: _future.Future[T], call: Work[T]) -> None:
    try:
        engine.start(core, call)
    except Cancelled as exc:
        core.fail(exc)


def _awaited(call: Work[Any]) -> str:
    """The same call as it is written in trio."""
    if are_steps(call):
        return "`await` before the same call"
    path, method = call.path, call.kind
    if method == "action":
        path, _, method = path.rpartition("/")
    service = f".service({path.lstrip('/')!r})" if path else ""
    return f"`await engine{service}.{method}(...)`"


class SyncEngineContext:
    """What `open_engine` returns: enter it with `with`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._hosted: Hosted | None = None
        Portal.prepare()

    def __repr__(self) -> str:
        return f"<sync.open_engine({str(self._options.url)!r})>"

    def __enter__(self) -> Engine:
        if self._hosted is not None:
            raise UsageError("open_engine() is entered once; call it again for another engine")
        if trio.lowlevel.in_trio_run():
            raise refusal("trivirt.sync.open_engine", "`await` before the calls")
        self._hosted = Portal.host(EngineContext(self._options))
        return Engine(self._hosted.open(), self._hosted.portal)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._hosted is not None
        if not self._hosted.portal.forked:
            self._hosted.close()
            self._hosted.report(stacklevel=2)


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
    limits: Limits | None = None,
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
            limits=limits,
            compress=compress,
            network_backend=network_backend,
        )
    )
