"""Answers that are the same whatever the engine holds: pages, empty ones, JSON, faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from trivirt.wire._messages import Headers, Response

DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

XML: Headers = (("content-type", "application/xml;charset=UTF-8"),)
HTML: Headers = (("content-type", "text/html;charset=UTF-8"),)
JSON: Headers = (("content-type", "application/json"),)
APACHE: Headers = (("content-type", "text/html; charset=iso-8859-1"),)

REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def reason_of(status: int) -> str:
    """The words behind a status code."""
    return REASONS.get(status, "Unknown")


def container_page(status: int, text: str | None = None, headers: Headers = ()) -> Response:
    """The short page of the engine's servlet container, with the reason as its body."""
    words = escape(text if text is not None else reason_of(status), quote=False)
    page = f"<html><head><title>Error</title></head><body>{words}</body></html>"
    return Response(status, headers + HTML, page.encode())


def apache_page(status: int, headers: Headers = ()) -> Response:
    """The page of the web server in front of the engine."""
    title = f"{status} {reason_of(status)}"
    page = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
        f"<html><head>\n<title>{title}</title>\n</head><body>\n"
        f"<h1>{reason_of(status)}</h1>\n"
        "<p>The server could not complete this request.</p>\n</body></html>\n"
    )
    return Response(status, headers + APACHE, page.encode())


def empty(status: int, headers: Headers = ()) -> Response:
    """No body and no content type: how the engine says that an entity does not exist."""
    return Response(status, headers, b"")


def json_page(value: Mapping[str, object], status: int = 200) -> Response:
    """A JSON object, as the sign-on service and the control port give it."""
    return Response(status, JSON, json.dumps(value).encode())


def xml_page(body: bytes, status: int = 200, headers: Headers = ()) -> Response:
    """A document that the caller has rendered."""
    return Response(status, headers + XML if headers else XML, body)


def _fault_lines(detail: str | None, reason: str | None, indent: str) -> str:
    lines = [f"{indent}<fault>\n"]
    if detail is not None:
        lines.append(f"{indent}    <detail>{escape(detail, quote=False)}</detail>\n")
    if reason is not None:
        lines.append(f"{indent}    <reason>{escape(reason, quote=False)}</reason>\n")
    lines.append(f"{indent}</fault>\n")
    return "".join(lines)


def fault(status: int, detail: str | None, reason: str | None = "Operation Failed") -> Response:
    """The engine's own refusal."""
    return xml_page(DECLARATION + _fault_lines(detail, reason, "").encode(), status)


def action_fault(
    status: int, detail: str | None, reason: str | None = "Operation Failed"
) -> Response:
    """The same, as an action answers it: wrapped, with a status of its own."""
    inner = _fault_lines(detail, reason, "    ")
    body = f"<action>\n{inner}    <status>failed</status>\n</action>\n"
    return xml_page(DECLARATION + body.encode(), status)
