"""Every error that trivirt raises on purpose.

    Error
     +-- UsageError             the caller asked for something that cannot be: URL, file, option
     |    +-- EncodeError       a value that the API cannot carry; names the attribute
     +-- TransportError         the network, before or while a request was outstanding
     |    +-- ConnectFailed     no connection could be made; nothing was sent
     |    |    +-- TlsFailed    the peer could not be trusted, or does not speak TLS
     |    +-- ConnectionLost    a connection broke under a request; `sent` tells if it may have run
     |    +-- TimedOut          a limit of `trivirt.Timeouts` passed; `sent` as above
     +-- ProtocolError          somebody broke HTTP or XML
     |    +-- LocalProtocolError    we were about to
     |    +-- RemoteProtocolError   the other side did
     |         +-- DecodeError      its XML could not be read
     +-- ResponseError          an answer arrived, and it is a failure
     |    +-- Fault             the engine said no: `reason` and `detail`
     |    |    +-- NotFound     404 of the API: no such object
     |    |    +-- Conflict     409: the state of the object, or a lock, forbids it
     |    |    +-- Forbidden    403: signed on, but not permitted
     |    +-- Unavailable       the front end answered instead of the API (502, 503, 504, HTML)
     +-- AuthError              sign-on was refused, or the token was refused twice
     +-- StoreError             an inventory could not be kept or read: full disk, locked, foreign
     +-- Cancelled              the request was given up: cancelled, or its engine was closed

Everything derives from `Error`; nothing here shadows a name of Python. Messages say what was
tried, what came back and what to do, and never contain a password or a token.
"""

from __future__ import annotations

__all__ = [
    "AuthError",
    "Cancelled",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "DecodeError",
    "EncodeError",
    "Error",
    "Fault",
    "Forbidden",
    "LocalProtocolError",
    "NotFound",
    "ProtocolError",
    "RemoteProtocolError",
    "ResponseError",
    "StoreError",
    "TimedOut",
    "TlsFailed",
    "TransportError",
    "Unavailable",
    "UsageError",
]


class Error(Exception):
    """The base of all errors of trivirt.

    `method` and `path` name the request, `status` and `correlation_id` its answer; each is None
    when there was none.
    """

    method: str | None = None
    path: str | None = None
    status: int | None = None
    correlation_id: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args), dict(self.__dict__)


def _rebuild(cls: type[Error], args: tuple[object, ...]) -> Error:
    """For copy and pickle: what `__init__` sets comes with the state."""
    return cls.__new__(cls, *args)


class UsageError(Error):
    """The caller asked for something that cannot be done; nothing was sent."""


class EncodeError(UsageError):
    """A value cannot be carried by the API; the message names the attribute."""


class TransportError(Error):
    """The network failed.

    `sent` is False when it is certain that the engine did not see the request, so that even a
    POST may be repeated; True when it may have been executed.
    """

    sent: bool

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ConnectFailed(TransportError):
    """No connection could be made, so nothing was sent."""


class TlsFailed(ConnectFailed):
    """The TLS handshake failed: an unknown CA, a wrong name, or no TLS at all."""


class ConnectionLost(TransportError):
    """The connection broke before the answer was complete."""


class TimedOut(TransportError):
    """A time limit passed; the message says which."""


class ProtocolError(Error):
    """HTTP or XML was broken."""


class LocalProtocolError(ProtocolError):
    """A request that would break HTTP was refused before it was sent."""


class RemoteProtocolError(ProtocolError):
    """What came back is not what the protocol allows."""


class DecodeError(RemoteProtocolError):
    """A document from the engine could not be read."""


class ResponseError(Error):
    """An answer arrived, and it says that the request failed.

    `absent` is True when the engine itself is there and has nothing at this path.
    """

    absent: bool = False


class Fault(ResponseError):
    """The engine refused or failed the request.

    `code` is the HTTP status, `reason` and `detail` are the engine's own words; both are None
    when it sent none.
    """

    code: int
    reason: str | None
    detail: str | None

    def __init__(
        self, message: str, *, code: int, reason: str | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = self.status = code
        self.reason = reason
        self.detail = detail


class NotFound(Fault):
    """There is no such object."""

    absent = True


class Conflict(Fault):
    """The state of the object, or a lock on it, forbids the request now."""


class Forbidden(Fault):
    """The user is signed on and may not do this."""


class Unavailable(ResponseError):
    """The front end answered in place of the API: it is starting, stopped, or elsewhere.

    It is `absent` when the engine was asked for something else at the same time, and answered.
    """


class AuthError(Error):
    """Sign-on was refused, or a fresh token was refused as well.

    `code` is the word of the sign-on service, such as `access_denied`, and `reason` its sentence;
    None when it sent none.
    """

    code: str | None
    reason: str | None

    def __init__(self, message: str, *, code: str | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class StoreError(Error):
    """The file of an inventory could not be written or read; the message says what to do."""


class Cancelled(Error):
    """The request was given up before it had an answer."""
