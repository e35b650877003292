"""What an answer means for the call that asked: its result, or the error that says why not.

The content type decides first (oVirt 4): XML comes from the API; HTML, or nothing at all, from
Apache or the application server in front of it.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import trio

from trivirt import codec
from trivirt.errors import (
    AuthError,
    Conflict,
    DecodeError,
    Error,
    Fault,
    Forbidden,
    NotFound,
    RemoteProtocolError,
    ResponseError,
    Unavailable,
)
from trivirt.model import Call
from trivirt.wire import Response

T = TypeVar("T")

_FAULTS: dict[int, type[Fault]] = {403: Forbidden, 404: NotFound, 409: Conflict}
_FRONT_END = frozenset({404, 408, 502, 503, 504})

# What is decoded at a time, in bytes: some ten machines, a millisecond or two.
_LONG = _PIECE = 64 * 1024

_TAGS = r"<[^>]*>|\s+"


def read_reply(call: Call[T], response: Response, max_size: int) -> T:
    """The result of the call.

    Raises Fault, Unavailable, RemoteProtocolError or DecodeError, with the method, the path, the
    status and the correlation id of the request.
    """
    try:
        if response.status not in call.ok:
            raise _failure(call, response, max_size)
        result: T = _result(call, response, max_size)
        return result
    except Error as exc:
        _sign(exc, call, response)
        raise


def is_long(response: Response) -> bool:
    """Whether decoding the answer in one go would keep other tasks waiting noticeably."""
    first, *more = response.parts
    if more or len(first) > _LONG or response.header("content-encoding") is None:
        return bool(more) or len(first) > _LONG
    return int.from_bytes(first[-4:], "little") > _LONG  # RFC 1952 section 2.3.1: ISIZE


async def read_long_reply(call: Call[T], response: Response, max_size: int) -> T:
    """The same as `read_reply`, letting other tasks run every millisecond or two.

    It inflates and decodes piece by piece; what is no list of objects is decoded in one go.
    """
    if response.status not in call.ok or call.kind == "action" or not _is_xml(response):
        return read_reply(call, response, max_size)
    try:
        decoder = codec.Decoder(call.expect)
        try:
            for piece in response.pieces(max_size, _PIECE):
                decoder.feed(piece)
                await trio.lowlevel.checkpoint()
            result: T = _checked(call, response, decoder.close())
            return result
        except DecodeError as exc:
            raise DecodeError(f"{_what(call)}: {exc}") from exc.__cause__
    except Error as exc:
        _sign(exc, call, response)
        raise


def _sign(error: Error, call: Call[Any], response: Response) -> None:
    error.method, error.path, error.status = call.method, call.path, response.status
    error.correlation_id = response.header("correlation-id")


def outage(call: Call[Any], response: Response, max_size: int) -> Unavailable | None:
    """The error, if the answer says that the engine is away and may come back.

    A page with 404 says so only perhaps: it is also what a path gets that no service has.
    """
    if response.status not in _FRONT_END or (response.status == 404 and not _is_page(response)):
        return None
    error = _failure(call, response, max_size)
    if not isinstance(error, Unavailable):
        return None
    _sign(error, call, response)
    return error


def retry_after(response: Response) -> float | None:
    """The seconds that a Retry-After header asks for; None without one that makes sense.

    A date (RFC 9110 section 10.2.3) is compared with that of the answer: clocks differ.
    """
    value = response.header("retry-after") or ""
    if value.isascii() and value.isdigit():
        return float(value)
    then, now = _seconds(value), _seconds(response.header("date") or "")
    return None if then is None or now is None else max(0.0, then - now)


def _seconds(date: str) -> float | None:
    """A date of HTTP in seconds since 1970; None if it is none."""
    from email.utils import parsedate_to_datetime  # Slow to import, and seldom wanted.

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _result(call: Call[Any], response: Response, max_size: int) -> Any:
    body = response.content(max_size)
    if not body:
        if call.expect is None or call.kind == "action":
            return None
        if call.kind != "add":
            raise RemoteProtocolError(
                f"{_what(call)}: the answer {response.status} is empty; something in front of the "
                "engine answered, check the URL"
            )
        # The object was added and could not be read back (oVirt 4: 202 without a body).
        return codec.decode(f"<{call.expect}/>".encode())
    if not _is_xml(response):
        if call.expect is None:
            return None
        raise RemoteProtocolError(
            f"{_what(call)}: the answer is {_kind(response)}, not XML: {_excerpt(body)!r}. "
            "Something in front of the engine answered; check the URL"
        )
    return _value(call, response, body)


def _value(call: Call[Any], response: Response, body: bytes) -> Any:
    try:
        if call.expect is None or call.kind == "action":
            return _outcome_of_action(call, response, codec.decode(body))
        value: Any = codec.decode(body, expect=call.expect)
    except DecodeError as exc:
        raise DecodeError(f"{_what(call)}: {exc}") from exc.__cause__
    return _checked(call, response, value)


def _checked(call: Call[Any], response: Response, value: Any) -> Any:
    if type(value).__name__ == "Fault":  # Some refusals come with status 200 (oVirt 4).
        raise _fault(call, response.status, value.reason, value.detail)
    return value


def _outcome_of_action(call: Call[Any], response: Response, action: Any) -> Any:
    """An action may fail and be answered with 200 nevertheless (oVirt 4)."""
    fault = action if type(action).__name__ == "Fault" else getattr(action, "fault", None)
    if fault is not None:
        raise _fault(call, response.status, fault.reason, fault.detail)
    return getattr(action, call.result) if call.result else None


def _failure(call: Call[Any], response: Response, max_size: int) -> Error:
    status, body = response.status, response.content(max_size)
    if _is_xml(response) and body:
        return _read_fault(call, status, body)
    if status == 401:
        return AuthError(f"{_what(call)}: a fresh token was refused, too: {_excerpt(body)!r}")
    if status in (408, 502, 503, 504) or (status == 404 and _is_page(response)):
        return Unavailable(
            f"{_what(call)}: {status} {_excerpt(body)!r} came from the server in front of the "
            "API; the engine is starting or stopped, or it has no such path"
        )
    if 300 <= status < 400:
        where = response.header("location") or "another place"
        return ResponseError(f"{_what(call)}: redirected ({status}) to {where}; use that URL")
    if status == 400 and b"plain HTTP to an SSL" in body:  # Apache's page for it.
        return Unavailable(f"{_what(call)}: plain HTTP to a TLS port; the URL begins with https://")
    return _fault(call, status, None, _excerpt(body) or None)


def _read_fault(call: Call[Any], status: int, body: bytes) -> Error:
    try:
        value: Any = codec.decode(body)
    except DecodeError:
        return _fault(call, status, None, _excerpt(body))
    fault = value if type(value).__name__ == "Fault" else getattr(value, "fault", None)
    if fault is None:
        return _fault(call, status, None, None)
    return _fault(call, status, fault.reason, fault.detail)


def _fault(call: Call[Any], status: int, reason: str | None, detail: str | None) -> Fault:
    message = f"{_what(call)}: the engine answered {status}"
    if status == 404 and not (reason or detail):
        message += ": there is no such object"
    words = ": ".join(part for part in (reason, detail) if part)
    if words:
        message += f": {words}"
    return _FAULTS.get(status, Fault)(message, code=status, reason=reason, detail=detail)


def _what(call: Call[Any]) -> str:
    return f"{call.method} {call.path or '/'}"


def _kind(response: Response) -> str:
    return (response.header("content-type") or "untyped").partition(";")[0].strip().lower()


def _is_xml(response: Response) -> bool:
    return _kind(response) in ("application/xml", "text/xml")


def _is_page(response: Response) -> bool:
    return _kind(response) == "text/html" and bool(response.body)


def _excerpt(body: bytes) -> str:
    """The first words of a page, without its markup."""
    from html import unescape  # Its table of entities costs more than the rest of this module.

    text = unescape(re.sub(_TAGS, " ", body[:2000].decode("utf-8", "replace")))
    return " ".join(text.split())[:200]
