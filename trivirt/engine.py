"""An engine: the one place where a call of the API meets the wire."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import httpcore
import trio

from trivirt import __version__, codec
from trivirt._options import Address, Options, ProxyChoice, check_options
from trivirt._patience import Patience, Retries
from trivirt._replies import is_long, outage, read_long_reply, read_reply, retry_after
from trivirt.auth import Credentials, Endpoint, GivesBack, Session
from trivirt.errors import (
    Cancelled,
    Error,
    TimedOut,
    TransportError,
    Unavailable,
    UsageError,
)
from trivirt.model import Async, Call, Soon, Steps, Work, are_steps
from trivirt.services import SystemService
from trivirt.wire import (
    ClientCert,
    FilePath,
    Headers,
    Limits,
    Origin,
    Pool,
    Request,
    Response,
    Timeouts,
    WireStatistics,
)

if TYPE_CHECKING:
    from trivirt._future import Future, Unheard
    from trivirt.wire._line import Line

T = TypeVar("T")

log = logging.getLogger("trivirt.engine")

_TROUBLE = frozenset({404, 408, 502, 503, 504})  # Statuses that are worth a second look.
_CLOSING = 5.0  # Seconds that leaving the block may take for giving tokens back.


class Statistics(WireStatistics):
    """What an engine is doing now, and has done so far."""

    logins: int  #: Tokens got so far.
    renewals: int  #: Those among them that took the place of a dead one.


class Engine(SystemService[Async]):
    """An open engine: the root of the API, whose operations are awaited.

    `soon` is the same tree, whose operations start at once and return a `Future`. Any number of
    tasks may share an engine.
    """

    def __init__(self, options: Options, nursery: trio.Nursery) -> None:
        super().__init__(self.perform, "")
        self.soon: SystemService[Soon] = SystemService(self._start, "")
        self._api = self.soon._api = options.url.api
        self._options, self._nursery = options, nursery
        self.unheard: Unheard = {}
        self._pool = self._open_pool(options.origin, options.connections, options.pipeline)
        self._side_pools: dict[Origin, Pool] = {}
        self._session = Session(
            nursery,
            self._endpoint(options.issuer, apart=options.credentials.kerberos),
            self._endpoint(options.revoker),
            options.credentials,
            options.timeouts,
            options.token_name,
        )
        self._patience = Patience(options.retries)
        self._closed = self._reached = False
        self._headers_of: tuple[str, Headers, Headers] | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Engine {self._options.url} {state}, {self._pool!r}>"

    @property
    def url(self) -> str:
        """Where the API is."""
        return str(self._options.url)

    def statistics(self) -> Statistics:
        """A snapshot of connections, requests and bytes; costs next to nothing.

        Those of the sign-on service are counted, too, wherever it is; `depth` is of the engine's.
        """
        logins = self._session.logins
        renewals = logins if self._options.credentials.token else max(0, logins - 1)
        total = vars(self._pool.statistics()).copy()
        depth = total.pop("depth")
        for pool in self._side_pools.values():
            others = pool.statistics()
            total = {name: count + getattr(others, name) for name, count in total.items()}
        return Statistics(**total, depth=depth, logins=logins, renewals=renewals)

    async def sign_on(self) -> None:
        """Get a token now, if there is none; `open_engine` has done it.

        Raises AuthError, TransportError or Unavailable.
        """
        await self._session.token()
        # A sign-on service elsewhere tells nothing of the engine.
        here = self._options.issuer.origin == self._options.origin
        self._reached = here and self._session.logins > 0

    async def perform(self, call: Work[T]) -> T:
        """Send a call and return its result; what every awaited operation does.

        Work of several steps runs in the task that asked; each call of it comes back here.

        A token that is refused is renewed, and the request sent once more: a 401 means that it
        was not executed. While an engine that has answered before is away, a GET is repeated as
        `Retries` says; another method only if it is certain that nothing of it was sent. Raises
        any of `trivirt.errors`. Cancel-safe: see `Pool.request`.

        A list of more than 64 kB is decoded some ten machines at a time, in steps of a millisecond
        or two with a checkpoint after each, and what is nested in its items only when it is
        touched. Some ten milliseconds come once, with the first list of a kind, whose types are
        imported then. Python's garbage collector may stop everything at any step: what it looks
        at grows with all that the program holds, and two objects per item of a list add little.
        An object by itself is decoded in one step: 1 MB of it takes some 70 milliseconds.
        """
        if are_steps(call):
            return await call.run(self.perform)
        body = b"" if call.body is None else codec.encode(call.body)
        trouble: Error | None = None
        response: Response | None = None
        try:
            try:
                response = await self._ask(call, body)
            except (TransportError, Unavailable) as exc:  # The latter comes from a sign-on.
                if not (self._reached and _repeatable(call, exc)):
                    raise
                trouble = exc
            if response is None or (response.status in _TROUBLE and self._reached):
                response = await self._persist(call, body, response, trouble)
        except Error as exc:
            exc.method, exc.path = call.method, call.path
            raise
        self._reached = self._reached or response.status not in _TROUBLE
        if is_long(response):
            return await read_long_reply(call, response, self._options.limits.inflated)
        return read_reply(call, response, self._options.limits.inflated)

    @property
    def token(self) -> str | None:
        """The token in use; None when there is none at the moment."""
        return self._session.current

    def give_back(self, which: GivesBack) -> None:
        """Decide which tokens are given back at the end; "issued" unless somebody says so."""
        self._session.gives_back = which

    def owes_tokens(self) -> bool:
        """Whether there are tokens to give back at the end."""
        return bool(self._session.owed())

    def sending(self, request: Request, read: Callable[[Response], T]) -> Steps[T]:
        """Work that sends a request and gives what `read` makes of the answer, whatever that says.

        The request is complete but for the token. One that is refused is renewed, once; nothing
        else is repeated. `read` is called in the thread of this engine, and what it raises is
        raised by the work.
        """

        async def send(_: object) -> T:
            token = self._session.current or await self._session.token()
            response = await self._send_with(token, request)
            if response.status == 401:
                token = await self._session.renew(token)
                response = await self._send_with(token, request)
            return read(response)

        return Steps(f"{request.method} {request.target.partition('?')[0]}", send)

    async def _send_with(self, token: str, request: Request) -> Response:
        return await self._pool.request(_signed(request, token))

    # For threads that block, see `Line`.

    def lend(self) -> Line | None:
        """Lend a connection to threads; None if there is none to spare. In trio's thread."""
        return self._pool.lend()

    def ask_on(self, line: Line, call: Call[Any]) -> Response | None:
        """The answer to a GET, by blocking; None if it has to be asked for in the usual way.

        Raises TransportError.
        """
        token = self._session.current
        if token is None or self._patience.away:
            return None
        try:
            response = line.request(self._request(call, b"", token))
        except TransportError as exc:
            exc.method, exc.path = call.method, call.path
            raise
        if response is None or response.status == 401:
            return None
        _log(call, response)
        if response.status in _TROUBLE and outage(call, response, self._options.limits.inflated):
            return None
        return response

    def send_on(self, line: Line, request: Request) -> Response | None:
        """The same for a request that is complete but for the token, see `sending`."""
        token = self._session.current
        response = None if token is None else line.request(_signed(request, token))
        return None if response is None or response.status == 401 else response

    def read(self, call: Call[T], response: Response) -> T:
        """The result of a call, by its answer; see `perform`."""
        return read_reply(call, response, self._options.limits.inflated)

    async def aclose(self) -> None:
        """Give up what is unanswered, give the tokens back, close the connections.

        Takes a few seconds at most. A cancelled caller does not cut it short.
        """
        if self._closed:
            return
        self._closed = True
        try:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSING):
                await self._pool.recall()
                await self._session.settle()
                for pool in self._pools:
                    pool.give_up()
                await self._session.sign_off()
        finally:  # Also when Ctrl-C is pressed again.
            for pool in self._pools:
                pool.close()
        for pool in self._pools:
            await pool.aclose()

    @property
    def _pools(self) -> list[Pool]:
        return [self._pool, *self._side_pools.values()]

    def _open_pool(self, origin: Origin, connections: int, depth: int | None) -> Pool:
        options = self._options
        return Pool(
            self._nursery,
            origin,
            # pyright takes httpcore's stand-in for a missing trio into account.
            options.network_backend or httpcore.TrioBackend(),  # pyright: ignore[reportArgumentType]
            connections=connections,
            depth=depth,
            timeouts=options.timeouts,
            limits=options.limits,
        )

    def _endpoint(self, address: Address, *, apart: bool = False) -> Endpoint:
        """A part of the sign-on service; elsewhere, or `apart`, it has a connection of its own."""
        origin, pool = address.origin, self._pool
        if apart or origin != self._options.origin:
            pool = self._side_pools.get(origin) or self._open_pool(origin, 1, 1)
            self._side_pools[origin] = pool
        return Endpoint(pool.request, origin.host, address.target, origin.tls is not None)

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
                    response, trouble = await self._examine(call, body, response, leads)
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

    async def _examine(
        self, call: Call[Any], body: bytes, response: Response, leads: bool
    ) -> tuple[Response, Error | None]:
        """An answer, or a better one; and the error, if it says that the engine is away.

        A page with 404 is what a path gets that no service has, and what all paths get while an
        engine is deployed. If the root of the API is there, it may have come in this moment. So
        then the path is asked for once more, and only a second page is believed: that raises
        Unavailable. While it is away only one task may ask that much: the one that leads.
        """
        error = outage(call, response, self._options.limits.inflated)
        if error is None or call.method != "GET":
            return response, None
        if response.status != 404 or (self._patience.away and not leads):
            return response, error
        root: Call[None] = Call("GET", "", (), (), None, None, None, frozenset(), "get")
        try:
            answer = await self._ask(root, b"")
            if outage(root, answer, self._options.limits.inflated):
                return response, error
            response = await self._ask(call, body)
        except (TransportError, Unavailable):
            return response, error
        error = outage(call, response, self._options.limits.inflated)
        if error is not None and response.status == 404:
            if self._patience.away:
                self._patience.recovered()
            error.absent = True
            raise error
        return response, error

    async def _send(self, call: Call[Any], body: bytes, token: str) -> Response:
        response = await self._pool.request(self._request(call, body, token))
        _log(call, response)
        return response

    def _request(self, call: Call[Any], body: bytes, token: str) -> Request:
        plain, with_body = self._headers(token)
        headers = with_body if body else plain
        if call.headers:
            replaced = {name.lower() for name, _ in call.headers}
            headers = (*(h for h in headers if h[0].lower() not in replaced), *call.headers)
        target = self._options.url.api + call.path
        if call.query:
            target = f"{target}?{urlencode(call.query)}"
        return Request(call.method, target, headers, body)

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

    def _start(self, call: Work[T]) -> Future[T]:
        from trivirt._future import Future  # Not everybody wants any.

        future: Future[T] = Future(str(call), self.unheard)
        self.start(future, call)
        return future

    def start(self, future: Future[T], call: Work[T]) -> None:
        """Perform a call in a task of the engine's nursery, for a future made by the caller."""
        if self._closed:
            raise Cancelled("The engine is closed")
        self._nursery.start_soon(future.run, self.perform, call)


def _signed(request: Request, token: str) -> Request:
    return request._replace(headers=(*request.headers, ("Authorization", f"Bearer {token}")))


def _log(call: Call[Any], response: Response) -> None:
    if log.isEnabledFor(logging.DEBUG):
        correlation = response.header("correlation-id")
        log.debug("%s %s: %d, %s", call.method, call.path or "/", response.status, correlation)


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

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> Engine:
        if self._engine is not None:
            raise UsageError("open_engine() is entered once; call it again for another engine")
        self._nursery_manager = trio.open_nursery()
        self._nursery = await self._nursery_manager.__aenter__()
        self._engine = Engine(self._options, self._nursery)
        try:
            await self._engine.sign_on()
        except BaseException:
            await self.leave()
            raise
        return self._engine

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._engine is not None
        await self.leave()
        if self._engine.unheard:
            from trivirt._future import warn_of

            warn_of(self._engine.unheard, stacklevel=2)

    async def leave(self) -> None:
        """Close the engine, and keep the failures that nobody has heard of to itself."""
        # The nursery never sees the caller's exception, so that it reaches the caller as it was
        # raised and not in a group. Its own tasks raise nothing, and are over after `aclose`.
        assert self._engine is not None
        try:
            await self._engine.aclose()
        finally:
            # Whatever was started and takes several steps may be between two of them, asleep.
            self._nursery.cancel_scope.cancel()
            await self._nursery_manager.__aexit__(None, None, None)


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
) -> EngineContext:
    """Sign on to the engine at `url`, which ends in `/ovirt-engine/api`.

    Without `url` it is the engine of the environment (OVIRT_URL and the like), or one that a file
    describes: `engine` is its name there, None means the default one. Other arguments then add to
    what is found; see `trivirt.configuration`. With `url` nothing is looked up.

    Use it as `async with open_engine(...) as engine:`. Leaving the block gives up what is not
    answered yet, signs off and closes everything in bounded time, also when it is left by an
    exception or by cancellation.

    Sign on with `username` (`user@profile`) and `password`; with `kerberos=True` by a ticket,
    where `username` may choose the principal (`pip install 'trivirt[kerberos]'`); or with a
    `token` that you have: it is not revoked at the end, and renewed only if there is a password
    or `kerberos`, too. With a sign-on service apart from the engine, `sso_url` and
    `sso_revoke_url` are the complete URLs where it gives tokens and takes them back, and
    `sso_token_name` is what it calls the token.

    `ca_file` and `ca_data` are the engine's CA in PEM, as a file and as text; without both the
    system's CAs count. They count for the sign-on service and a proxy as well. `client_cert` is
    the file of a certificate and its key, `(certificate, key)` or `(certificate, key, password)`.
    `insecure` checks no certificate and no host name, and logs a warning.

    `proxy` is `http://USER:PASSWORD@HOST:PORT` of a proxy that knows CONNECT, or `https://`. None
    means what `HTTPS_PROXY` (for an `http://` engine `HTTP_PROXY`), `ALL_PROXY` and `NO_PROXY` in
    the environment say now; False means no proxy. With a `network_backend`, None means False.

    At most `connections` connections are used, by default 8; `pipeline` is the most requests
    outstanding on each: 1 turns pipelining off, None lets trivirt choose. `timeouts`, `retries`
    and `limits` bound how long an answer may take, how long an engine may be away, and how large
    an answer may be; None means their defaults. `compress` asks for
    gzip. `network_backend` replaces sockets, for tests and the simulated engine.

    Raises UsageError at the call for arguments that cannot work; TransportError, AuthError or
    Unavailable on entering.
    """
    if url is None:
        arguments = locals()  # As they were given, for nothing else is local yet.
        from trivirt.configuration import configured

        return open_engine(**configured(arguments))
    if engine is not None:
        raise UsageError("url and engine= both name an engine; give one of them")
    return EngineContext(
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
