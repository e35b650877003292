"""The exceptions of ovirtsdk4, and how ours become one of them.

    Error
     +-- AuthError         401 and 403, or sign-on was refused
     +-- ConnectionError   no connection, or it broke; nothing to do with Python's own
     +-- NotFoundError     404
     +-- TimeoutError      the `timeout` of the connection passed; likewise

All that trivirt raises arrives as `Error` or one of these four, with its cause.
"""

from __future__ import annotations

from typing import Any

HOME = "ovirtsdk4"


class Error(Exception):
    """The base of the others. `code` is the HTTP status and `fault` what the engine sent."""

    def __init__(self, message: str, code: int | None = None, fault: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.fault = fault


class AuthError(Error):
    """Sign-on failed, or the user is not allowed to do this."""


class ConnectionError(Error):
    """The engine could not be reached."""


class NotFoundError(Error):
    """The object does not exist."""


class TimeoutError(Error):
    """A request took longer than the connection's `timeout`."""


for _cls in (Error, AuthError, ConnectionError, NotFoundError, TimeoutError):
    _cls.__module__ = HOME

_BY_CODE: dict[int, type[Error]] = {401: AuthError, 403: AuthError, 404: NotFoundError}


def refusal(
    code: int | None, reason: str | None = None, detail: str | None = None, fault: Any = None
) -> Error:
    """The error for an answer that says no."""
    words = []
    if reason:
        words.append(f'Fault reason is "{reason}".')
    if detail:
        words.append(f'Fault detail is "{detail}".')
    words.append(f"HTTP response code is {code}.")
    return _BY_CODE.get(code or 0, Error)(" ".join(words), code, fault)
