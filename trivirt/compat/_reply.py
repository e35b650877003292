"""What an answer means for a method of a service: its result or an error, as in ovirtsdk4."""

from __future__ import annotations

import re
from typing import Any

from trivirt.compat._errors import Error, refusal
from trivirt.compat._http import Response

_XML = re.compile(r"^(application|text)/xml\b", re.IGNORECASE).match
_JSON = re.compile(r"^(application|text)/json\b", re.IGNORECASE).match
_TAGS = re.compile(r"<(style|script).*?</\1>|<[^>]*>|\s+", re.DOTALL | re.IGNORECASE)
_TYPICAL_PATH = "/ovirt-engine/api"

_SUCCESS = {
    "get": (200,),
    "list": (200,),
    "add": (200, 201, 202),
    "update": (200,),
    "remove": (200,),
    "action": (200, 201, 202),
}


class Reading:
    """How the answer to one method is read. `member` is the part of an action that counts."""

    def __init__(self, op: str, member: str) -> None:
        self._op, self._member = op, member
        self._success = _SUCCESS[op]

    def __call__(self, code: int, kind: str, body: bytes, path: str) -> Any:
        """The result; `kind` is the content type, and `path` that of the connection's URL."""
        if code not in self._success:
            raise failure(code, kind, body, path)
        if self._op == "remove":
            return None
        if not body:
            raise refusal(code)
        check_xml(kind, path)
        value = read_document(body)
        return self._outcome(value, code) if self._op == "action" else value

    def _outcome(self, value: Any, code: int | None) -> Any:
        """An action may have failed although it was answered with success."""
        kind = type(value).__name__
        if kind == "Fault":
            raise refusal(code, value.reason, value.detail, value)
        if kind != "Action":
            raise Error(f"Expected a fault or action, but got {kind}")
        if value.fault is not None:
            raise refusal(code, value.fault.reason, value.fault.detail, value.fault)
        return getattr(value, self._member) if self._member else None


def failure(code: int, kind: str, body: bytes, path: str) -> Error:
    """The error that an answer stands for whose code says that it is one."""
    if not body:
        return refusal(code)
    if not _XML(kind):
        if code in (401, 403):
            return refusal(code)
        if code in (502, 503, 504):
            # A page of the server in front of the API: ovirtsdk4 complains about its type.
            return refusal(code, None, f"The engine is not available: {_excerpt(body)}")
        return _unexpected(kind, "XML", path)
    value = read_document(body)
    kind = type(value).__name__
    fault = value.fault if kind == "Action" else value
    if fault is None or type(fault).__name__ != "Fault":
        return Error(f"Expected a fault, but got {kind}")
    return refusal(code, fault.reason, fault.detail, fault)


def read_document(data: bytes) -> Any:
    """Read XML; the first time this loads lxml."""
    from trivirt.compat._decode import decode

    return decode(data)


def check_xml(kind: str, path: str) -> None:
    """Raise Error unless a content type says that it is XML."""
    if not _XML(kind):
        raise _unexpected(kind, "XML", path)


def check_json(kind: str, path: str) -> None:
    """Raise Error unless a content type says that it is JSON."""
    if not _JSON(kind):
        raise _unexpected(kind, "JSON", path)


def content_type(response: Response) -> str:
    """The content type of an answer whose headers are lines."""
    for line in response.headers:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return str(value.strip())
    return ""


def _unexpected(kind: str, expected: str, path: str) -> Error:
    message = f"The response content type '{kind}' isn't the expected {expected}"
    if path != _TYPICAL_PATH:
        message += (
            f". Is the path '{path}' included in the 'url' parameter correct? "
            f"The typical one is '{_TYPICAL_PATH}'"
        )
    return Error(message)


def _excerpt(body: bytes) -> str:
    from html import unescape

    text = unescape(_TAGS.sub(" ", body[:4000].decode("utf-8", "replace")))
    return " ".join(text.split())[:200]
