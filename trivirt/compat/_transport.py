"""Where a connection of ovirtsdk4 meets the synchronous engine of trivirt.

This is the only module of the package that loads trio and httpcore, and it is imported by the
first request. The engine is opened then, too, which signs on; so a failed sign-on is raised by
that request, also when it is one to wait for later. An attempt that failed leaves nothing behind,
and the next request tries again.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from trivirt import errors, sync
from trivirt._options import Options, check_options
from trivirt._patience import Retries
from trivirt.auth import Credentials
from trivirt.compat._errors import AuthError, ConnectionError, Error, TimeoutError
from trivirt.wire import Request, Response, Timeouts

# ovirtsdk4 says nothing; who wants to hear us configures logging.
logging.getLogger("trivirt").addHandler(logging.NullHandler())

T = TypeVar("T")

#: Connections at most when the program says 0. libcurl opens one for each request, and hundreds
#: of those bring engines to their knees; Apache's own default is to serve 150 to 400 clients.
UNLIMITED = 20
_MAX_SIZE = 2 << 30


@dataclass(frozen=True)
class Settings:
    """What a connection was made with, as far as the wire is concerned."""

    url: str
    username: str | None
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)
    kerberos: bool
    ca_file: str | None
    insecure: bool
    timeout: float
    sso_url: str | None
    sso_revoke_url: str | None
    sso_token_name: str
    pipeline: int
    connections: int


class Transport:
    """An engine that is opened by the first request. Any number of threads may use it."""

    reasons: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = threading.Lock()
        self._open: tuple[int, sync.SyncEngineContext, sync.Engine] | None = None

    def engine(self) -> sync.Engine:
        """The open engine, signed on."""
        opened = self._open
        if opened is not None and opened[0] == os.getpid():
            return opened[2]
        with self._opening, translated():
            opened = self._open
            # In a child of fork the threads are gone: what the parent has open is the parent's.
            if opened is None or opened[0] != os.getpid():
                context = sync.SyncEngineContext(_options(self._settings))
                opened = os.getpid(), context, context.__enter__()
                # A program may pass its token on and end without closing; it must live on then.
                opened[2].give_back("none")
                self._open = opened
        return opened[2]

    def send(self, request: Request, read: Callable[[Response], T]) -> T:
        """What `read` makes of the answer to a request."""
        engine = self.engine()
        try:
            return engine.send(request, read)
        except errors.Error as exc:
            raise translate(exc) from exc

    def send_soon(self, request: Request, read: Callable[[Response], T]) -> sync.Future[T]:
        """The same as a future, whose request starts now."""
        engine = self.engine()
        try:
            return engine.send_soon(request, read)
        except errors.Error as exc:
            raise translate(exc) from exc

    @staticmethod
    def request(
        method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> Request:
        """A request for `send`."""
        return Request(method, target, headers, body)

    @staticmethod
    def result(future: sync.Future[T]) -> T:
        """Block until a future is done, and give its result."""
        try:
            return future.wait()
        except errors.Error as exc:
            raise translate(exc) from exc

    @staticmethod
    def content(response: Response) -> bytes:
        """The body of an answer without compression."""
        try:
            return response.content(_MAX_SIZE)
        except errors.Error as exc:
            raise translate(exc) from exc

    def token(self) -> str:
        """The token in use."""
        token = self.engine().token
        if token is None:
            raise AuthError("There is no token: the last one was refused")
        return token

    def close(self, logout: bool) -> None:
        """Close, and give the token back if asked to; nothing when nothing is open."""
        with self._opening:
            opened, self._open = self._open, None
        if opened is None or opened[0] != os.getpid():
            return
        _, context, engine = opened
        engine.give_back("current" if logout else "none")
        context.__exit__(None, None, None)


def _options(settings: Settings) -> Options:
    parts = urlsplit(settings.url)
    try:
        limits = _limits(settings.timeout)
        return check_options(
            # Any path will do, for requests come with the whole of theirs.
            # A user in the URL counts for nothing, for there is a token.
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/ovirt-engine/api",
            _credentials(settings),
            sso_url=settings.sso_url,
            sso_revoke_url=settings.sso_revoke_url,
            sso_token_name=settings.sso_token_name,
            ca_file=settings.ca_file,
            ca_data=None,
            client_cert=None,
            insecure=settings.insecure,
            proxy=None,
            connections=settings.connections or UNLIMITED,
            pipeline=settings.pipeline or 1,
            timeouts=limits,
            retries=Retries(attempts=0),
            limits=None,
            compress=True,
            network_backend=None,
        )
    except errors.UsageError as exc:
        raise Error(str(exc)) from exc


def _credentials(settings: Settings) -> Credentials:
    if settings.kerberos:
        return Credentials(None, None, settings.token, kerberos=True)
    if settings.token and settings.username is None:
        return Credentials(None, None, settings.token)
    return Credentials(settings.username or "", settings.password or "", settings.token)


def _limits(timeout: float) -> Timeouts:
    """A limit for each phase, sign-on included; none when the program says 0."""
    if not timeout:
        return Timeouts(first_byte=math.inf, silence=math.inf, answer=math.inf)
    limit = float(timeout)
    return Timeouts(
        connect=limit,
        tls=limit,
        sign_on=limit,
        first_byte=limit,
        silence=limit,
        answer=limit,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Let errors of trivirt arrive as those of ovirtsdk4."""
    try:
        yield
    except errors.Error as exc:
        raise translate(exc) from exc


def translate(exc: errors.Error) -> Error:
    """The error of ovirtsdk4 for one of ours."""
    if isinstance(exc, errors.AuthError):
        if exc.code is None:
            return AuthError(str(exc), exc.status)
        return AuthError(f"Error during SSO authentication {exc.code} : {exc.reason or exc}")
    if isinstance(exc, errors.TimedOut):
        return TimeoutError(f"Timeout while sending HTTP request: {exc}")
    if isinstance(exc, errors.TransportError):
        return ConnectionError(f"Error while sending HTTP request: {exc}")
    return Error(str(exc), exc.status)
