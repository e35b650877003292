"""Reading what a sign-on service answers: a token, or why there is none.

The engine's own service answers 400 for a wrong password, with JSON in two shapes that depend on
the scope; Kerberos' end point answers 401 with a page; Keycloak and others have habits of their
own. A refusal in any shape becomes one AuthError.
"""

from __future__ import annotations

import re
from typing import Any

from trivirt.errors import AuthError, RemoteProtocolError, Unavailable
from trivirt.wire import Response

_MAX_SIZE = 1 << 20
_NO_JSON = object()
# A member of the usual answer: a name, and a text in which nothing is escaped.
_MEMBER = re.compile(r'"([a-z_]+)": ?"([ !#-\[\]-~]*)"')
_TLS_PAGE = rb"plain HTTP (request was sent )?to (an? )?(SSL|HTTPS|TLS)"


def read_token(response: Response, what: str, name: str = "access_token") -> str:
    """The token in an answer of the sign-on service, which calls it `name`.

    Raises AuthError when it was refused, Unavailable when something else answered, and
    RemoteProtocolError when the answer makes no sense. `what` begins the message.
    """
    answer = _read_json(response, what)
    code = answer.get("error_code") or answer.get("error")
    if code or "error" in answer or "error_code" in answer or response.status in (401, 403):
        raise _refusal(answer, str(code or response.status), what)
    token = answer.get(name)
    if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
        raise RemoteProtocolError(f"{what}: the answer holds no usable {name}")
    return token


def _read_json(response: Response, what: str) -> dict[str, Any]:
    body = response.content(_MAX_SIZE)
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json" and body.lstrip()[:1] not in (b"{", b"["):
        error = _no_json(response, body, kind, what)
        error.status = response.status
        raise error
    answer = _parse(body)
    if answer is _NO_JSON:
        raise RemoteProtocolError(f"{what}: the answer is not valid JSON")
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]  # Some versions of the service wrap it.
    if not isinstance(answer, dict):
        raise RemoteProtocolError(f"{what}: the answer is not a JSON object")
    return answer


def _parse(body: bytes) -> Any:
    text = body.decode("latin-1")
    members = _MEMBER.findall(text)
    if _MEMBER.sub("0", text).replace(" ", "") == f"{{{','.join('0' * len(members))}}}":
        return dict(members)  # An object of such members and nothing else.
    import json  # Slow to import, and seldom wanted.

    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _NO_JSON  # And not raised here: the error holds the text, and so the token.


def _no_json(response: Response, body: bytes, kind: str, what: str) -> AuthError | Unavailable:
    if response.status == 401:
        return AuthError(f"{what} was refused (401)", code="access_denied")
    if response.status == 403:
        return AuthError(f"{what} was refused (403): the front end does not allow it")
    if re.search(_TLS_PAGE, body):
        return Unavailable(f"{what} failed: the port speaks TLS; the URL begins with https://")
    if 300 <= response.status < 400:
        return Unavailable(
            f"{what} failed: the server answered {response.status}, a redirect to another place; "
            "give that as the URL, or as sso_url where sign-on is elsewhere"
        )
    return Unavailable(
        f"{what} failed: the server answered {response.status} with "
        f"{kind or 'no content'} instead of the sign-on service's JSON; the engine is starting or "
        "stopped, or the URL is not an engine's"
    )


def _refusal(answer: dict[str, Any], code: str, what: str) -> AuthError:
    # With scope ovirt-app-api: error_code and error (text); else: error (code), error_description.
    text = answer.get("error") if answer.get("error_code") else answer.get("error_description")
    words = [f"{what} was refused: {code}"]
    if text and text != code:
        words.append(f": {_line(str(text)).rstrip('. ')}")
    return AuthError("".join(words), code=code, reason=str(text) if text else None)


def _line(text: str) -> str:
    """Foreign text on one line, and not longer than a message may be."""
    words = " ".join(text.split())
    return words if len(words) <= 500 else f"{words[:500]}..."
