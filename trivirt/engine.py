"""An engine: the one place where a call of the API meets the wire."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpcore
import trio

from trivirt import codec
from trivirt._future import Future
from trivirt._patience import Patience, Retries
from trivirt._replies import outage, read_reply, retry_after
from trivirt._url import EngineUrl, parse_url
from trivirt._version import __version__
from trivirt.auth import Credentials, Session
from trivirt.errors import Cancelled, Error, TimedOut, TransportError, Unavailable, UsageError
from trivirt.model import Async, Call, Soon
from trivirt.services import SystemService
from trivirt.wire import (
    Headers,
    Limits,
    Origin,
    Pool,
    Request,
    Response,
    Timeouts,
    WireStatistics,
    client_context,
)

T = TypeVar("T")

_TROUBLE = frozenset({404, 408, 502, 503, 504})  # Statuses that are worth a second look.
_CLOSING = 5.0  # Seconds that leaving the block may take for giving tokens back.


@dataclass(frozen=True)
class Statistics(WireStatistics):
    """What an engine is doing now, and has done so far."""

    logins: int  #: Tokens got so far; each beyond the first is a renewal.


@dataclass(frozen=True)
class Options:
    """Everything `open_engine` was given, checked; the same for trio and for synchronous use."""

    url: EngineUrl
    credentials: Credentials
    origin: Origin
    connections: int
    pipeline: int | None
    timeouts: Timeouts
    retries: Retries
    limits: Limits
    compress: bool
    network_backend: httpcore.AsyncNetworkBackend | None


class Engine(SystemService[Async]):
    """An open engine: the root of the API, whose operations are awaited.

    `soon` is the same tree, whose operations start at once and return a `Future`. Any number of
    tasks may share an engine.
    """

    def __init__(self, options: Options, nursery: trio.Nursery) -> None:
        super().__init__(self.perform, "")
        self.soon: SystemService[Soon] = SystemService(self._start, "")
        self._options, self._nursery = options, nursery
        self._pool = Pool(
            nursery,
            options.origin,
            options.network_backend or httpcore.TrioBackend(),
            connections=options.connections,
            depth=options.pipeline,
            timeouts=options.timeouts,
            limits=options.limits,
        )
        self._session = Session(
            nursery, self._pool.request, options.url.root, options.credentials, options.timeouts
        )
        self._patience = Patience(options.retries)
        self._closed = self._reached = False
        self._headers_of: tuple[str, Headers, Headers] | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Engine {self._options.url} {state}, {self._pool!r}>"

    def statistics(self) -> Statistics:
        """A snapshot of connections, requests and bytes; costs next to nothing."""
        return Statistics(**vars(self._pool.statistics()), logins=self._session.logins)

    async def sign_on(self) -> None:
        """Get a token now, if there is none; `open_engine` has done it.

        Raises AuthError, TransportError or Unavailable.
        """
        await self._session.token()
        self._reached = self._session.logins > 0

    async def perform(self, call: Call[T]) -> T:
        """Send a call and return its result; what every awaited operation does.

        A token that is refused is renewed, and the request sent once more: a 401 means that it
        was not executed. While an engine that has answered before is away, a GET is repeated as
        `Retries` says; another method only if it is certain that nothing of it was sent. Raises
        any of `trivirt.errors`. Cancel-safe: see `Pool.request`.
        """
        body = b"" if call.body is None else codec.encode(call.body)
        trouble: Error | None = None
        response: Response | None = None
        try:
            response = await self._ask(call, body)
        except TransportError as exc:
            if not (self._reached and _repeatable(call, exc)):
                raise
            trouble = exc
        if response is None or (response.status in _TROUBLE and self._reached):
            response = await self._persist(call, body, response, trouble)
        self._reached = self._reached or response.status not in _TROUBLE
        return read_reply(call, response, self._options.limits.inflated)

    async def aclose(self) -> None:
        """Give up what is unanswered, give the tokens back, close the connections.

        Takes a few seconds at most. A cancelled caller does not cut it short.
        """
        if self._closed:
            return
        self._closed = True
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSING):
            self._pool.give_up()
            await self._session.sign_off()
        await self._pool.aclose()

    async def _ask(self, call: Call[Any], body: bytes) -> Response:
        """The answer to a call, with a token that is believed to be alive."""
        if self._closed:
            raise Cancelled("The engine is closed")
        token = self._session.current or await self._session.token()
        response = await self._send(call, body, token)
        if response.status == 401:
            token = await self._session.renew(token)
            response = await self._send(call, body, token)
        return response

    async def _persist(
        self, call: Call[Any], body: bytes, response: Response | None, trouble: Error | None
    ) -> Response:
        """Repeat a call as long as the engine is away, if it may be repeated."""
        attempts, leads, patience = 0, False, self._patience
        try:
            while True:
                if response is not None:
                    trouble = await self._trouble(call, response)
                    if trouble is None:
                        if patience.away:
                            patience.recovered()
                        return response
                assert trouble is not None
                pause = None if response is None else retry_after(response)
                leads = await patience.wait(trouble, attempts, pause, leads)
                attempts += 1
                response = None
                try:
                    response = await self._ask(call, body)
                except (TransportError, Unavailable) as exc:
                    if not _repeatable(call, exc):
                        raise
                    trouble = exc
        finally:
            if leads:
                patience.resign()

    async def _trouble(self, call: Call[Any], response: Response) -> Error | None:
        """The error that an answer stands for, if it says that the engine is away for a while."""
        error = outage(call, response, self._options.limits.inflated)
        if error is None or call.method != "GET":
            return None
        if response.status != 404 or self._patience.away:
            return error
        # A page with 404: no such path, unless the root of the API is not there, either.
        root: Call[None] = Call("GET", "", (), (), None, None, None, frozenset(), "get")
        try:
            answer = await self._ask(root, b"")
        except (TransportError, Unavailable):
            return error
        return error if outage(root, answer, self._options.limits.inflated) else None

    async def _send(self, call: Call[Any], body: bytes, token: str) -> Response:
        plain, with_body = self._headers(token)
        headers = with_body if body else plain
        if call.headers:
            replaced = {name.lower() for name, _ in call.headers}
            headers = (*(h for h in headers if h[0].lower() not in replaced), *call.headers)
        target = self._options.url.api + call.path
        if call.query:
            target = f"{target}?{urlencode(call.query)}"
        return await self._pool.request(Request(call.method, target, headers, body))

    def _headers(self, token: str) -> tuple[Headers, Headers]:
        """The headers of requests without and with a body, made once for a token."""
        if self._headers_of is None or self._headers_of[0] != token:
            plain: Headers = (
                ("User-Agent", f"trivirt/{__version__}"),
                ("Version", "4"),
                ("Accept", "application/xml"),
                ("Authorization", f"Bearer {token}"),
            )
            if self._options.compress:
                plain = (*plain, ("Accept-Encoding", "gzip"))
            self._headers_of = token, plain, (*plain, ("Content-Type", "application/xml"))
        return self._headers_of[1:]

    def _start(self, call: Call[T]) -> Future[T]:
        future: Future[T] = Future(f"{call.method} {call.path or '/'}")
        self.start(future, call)
        return future

    def start(self, future: Future[T], call: Call[T]) -> None:
        """Perform a call in a task of the engine's nursery, for a future made by the caller."""
        if self._closed:
            raise Cancelled("The engine is closed")
        self._nursery.start_soon(future.run, self.perform, call)


def _repeatable(call: Call[Any], error: Error) -> bool:
    """Whether a failure is of the kind that passes, and repeating the call can do no harm."""
    if not isinstance(error, TransportError):
        return call.method == "GET"
    if isinstance(error, TimedOut) or isinstance(error.__cause__, ssl.SSLError):
        return False
    return call.method == "GET" or not error.sent


class EngineContext:
    """What `open_engine` returns: enter it with `async with`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        return f"<open_engine({str(self._options.url)!r})>"

    async def __aenter__(self) -> Engine:
        if self._engine is not None:
            raise UsageError("open_engine() is entered once; call it again for another engine")
        self._nursery_manager = trio.open_nursery()
        nursery = await self._nursery_manager.__aenter__()
        self._engine = Engine(self._options, nursery)
        try:
            await self._engine.sign_on()
        except BaseException:
            await self._leave()
            raise
        return self._engine

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        # The nursery never sees the caller's exception, so that it reaches the caller as it was
        # raised and not in a group. Its own tasks raise nothing, and are over after `aclose`.
        assert self._engine is not None
        await self._engine.aclose()
        await self._nursery_manager.__aexit__(None, None, None)


def open_engine(
    url: str,
    *,
    username: str | None = None,
    password: str | None = None,
    token: str | None = None,
    ca_file: str | Path | None = None,
    insecure: bool = False,
    connections: int = 8,
    pipeline: int | None = None,
    timeouts: Timeouts | None = None,
    retries: Retries | None = None,
    compress: bool = True,
    network_backend: httpcore.AsyncNetworkBackend | None = None,
) -> EngineContext:
    """Sign on to the engine at `url`, which ends in `/ovirt-engine/api`.

    Use it as `async with open_engine(...) as engine:`. Leaving the block gives up what is not
    answered yet, signs off and closes everything in bounded time, also when it is left by an
    exception or by cancellation.

    Sign on with `username` (`user@profile`) and `password`, or with a `token` that you have; a
    token is not revoked at the end, and renewed only if a password is there, too. `ca_file` is
    the engine's CA in PEM; None means the system's CAs. `insecure` checks no certificate.
    At most `connections` connections are used; `pipeline` is the most requests outstanding on
    each: 1 turns pipelining off, None lets trivirt choose. `compress` asks for gzip.
    `network_backend` replaces sockets, for tests and the simulated engine.

    Raises UsageError at the call for arguments that cannot work; TransportError, AuthError or
    Unavailable on entering.
    """
    return EngineContext(
        check_options(
            url,
            Credentials(username, password, token),
            ca_file=ca_file,
            insecure=insecure,
            connections=connections,
            pipeline=pipeline,
            timeouts=timeouts or Timeouts(),
            retries=retries or Retries(),
            compress=compress,
            network_backend=network_backend,
        )
    )


def check_options(
    url: str,
    credentials: Credentials,
    *,
    ca_file: str | Path | None,
    insecure: bool,
    connections: int,
    pipeline: int | None,
    timeouts: Timeouts,
    retries: Retries,
    compress: bool,
    network_backend: httpcore.AsyncNetworkBackend | None,
) -> Options:
    """Turn the arguments of `open_engine` into options, or raise UsageError."""
    if credentials.token is None and not credentials.renewable:
        raise UsageError("Signing on takes a username and a password, or a token")
    if connections < 1:
        raise UsageError(f"connections={connections}: at least 1")
    if pipeline is not None and pipeline < 1:
        raise UsageError(f"pipeline={pipeline}: 1 turns pipelining off, None chooses")
    where = parse_url(url)
    context = client_context(ca_file=ca_file, insecure=insecure) if where.secure else None
    return Options(
        url=where,
        credentials=credentials,
        origin=Origin(where.host, where.port, context),
        connections=connections,
        pipeline=pipeline,
        timeouts=timeouts,
        retries=retries,
        limits=Limits(),
        compress=compress,
        network_backend=network_backend,
    )
