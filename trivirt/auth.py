"""Sign-on: one token for all tasks, got once, renewed once when it dies, given back at the end.

Knows the single sign-on service of the engine (`/ovirt-engine/sso`, oVirt 4), and nothing of the
API. The service answers 400 for a wrong password, in two shapes of JSON that depend on the scope;
both become one AuthError. `exp` in its answer says nothing reliable, so a token is believed in
until a 401 says otherwise.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import trio

from trivirt.errors import AuthError, Error, RemoteProtocolError, TimedOut, Unavailable
from trivirt.wire import Request, Response, Timeouts

log = logging.getLogger("trivirt.auth")

SCOPE = "ovirt-app-api"
_HEADERS = (
    ("Accept", "application/json"),  # Exactly this string, or the service refuses (oVirt 4).
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("User-Agent", "trivirt"),
)

Send = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Credentials:
    """Who signs on: a user with a password, or the bearer of a token, or both.

    With both, the token is used until it is refused. `username` is `user@profile`, for example
    `admin@internal`, or `admin@ovirt@internalsso` where Keycloak is in charge (oVirt 4.5).
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def renewable(self) -> bool:
        """Whether a new token can be had when one dies."""
        return self.username is not None and self.password is not None


class Session:
    """The token that all requests of an engine share.

    A login runs in a task of its own in `nursery`: when the request that caused it is cancelled,
    the others that wait for the token still get it, and no token is orphaned. `root` is the path
    that the sign-on service shares with the API, usually `/ovirt-engine`.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        send: Send,
        root: str,
        credentials: Credentials,
        timeouts: Timeouts,
    ) -> None:
        self._nursery, self._send, self._root = nursery, send, root
        self._credentials, self._timeouts = credentials, timeouts
        self._token = credentials.token
        self._issued: list[str] = []
        self._login: _Login | None = None
        self.logins = 0

    def __repr__(self) -> str:
        state = "signed on" if self._token else "not signed on"
        return f"<Session of {self._credentials.username or 'a token'}, {state}>"

    @property
    def current(self) -> str | None:
        """The token in use, without waiting; None before the first sign-on."""
        return self._token

    async def token(self) -> str:
        """The token to use now; signs on if there is none yet.

        Raises AuthError, TransportError or Unavailable. Cancel-safe.
        """
        return self._token or await self._join()

    async def renew(self, dead: str) -> str:
        """Another token than `dead`, which a 401 has refused.

        However many tasks ask, one login is made. Raises as `token` does.
        """
        if self._token == dead:
            if not self._credentials.renewable:
                raise AuthError(
                    "The token was refused: it has expired, was revoked, or the engine was "
                    "restarted. Give a new token, or a username and password to renew it with"
                )
            self._token = None
        return self._token or await self._join()

    async def sign_off(self) -> None:
        """Give back every token that was got here; one given by the caller is the caller's.

        Failures are only logged: the session is over in any case.
        """
        if self._login is not None:
            await self._login.over.wait()
        self._token = None
        while self._issued:
            form = {"scope": SCOPE, "token": self._issued.pop()}
            try:
                await self._send(self._form("/services/sso-logout", form))
            except Error as exc:
                log.debug("a token was not revoked: %s", exc)

    async def _join(self) -> str:
        if self._login is None:
            self._login = _Login()
            self._nursery.start_soon(self._run_login, self._login, name="trivirt sign-on")
        login = self._login
        await login.over.wait()
        if login.error is not None:
            failure = copy.copy(login.error)
            failure.__cause__ = login.error.__cause__
            raise failure
        return login.token

    async def _run_login(self, login: _Login) -> None:
        try:
            limit = self._timeouts.sign_on
            with trio.CancelScope(shield=True, deadline=trio.current_time() + limit) as scope:
                login.token = self._token = await self._log_in()
            if scope.cancelled_caught:
                login.error = TimedOut(f"Sign-on was not over within {limit:g} s", sent=True)
        except Error as exc:
            login.error = exc
        finally:
            self._login = None
            login.over.set()

    async def _log_in(self) -> str:
        form = {
            "grant_type": "password",
            "scope": SCOPE,
            "username": self._credentials.username or "",
            "password": self._credentials.password or "",
        }
        response = await self._send(self._form("/sso/oauth/token", form))
        token = read_token(response, self._describe())
        self.logins += 1
        self._issued.append(token)
        log.debug("signed on as %s", self._credentials.username)
        return token

    def _form(self, path: str, form: dict[str, str]) -> Request:
        return Request("POST", self._root + path, _HEADERS, urlencode(form).encode("ascii"))

    def _describe(self) -> str:
        return f"Sign-on as {self._credentials.username!r}"


class _Login:
    """A login under way, and its end: a token or an error."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.token = ""
        self.error: Error | None = None


def read_token(response: Response, what: str) -> str:
    """The token in an answer of the sign-on service.

    Raises AuthError when it was refused, Unavailable when something else answered, and
    RemoteProtocolError when the answer makes no sense. `what` begins the message.
    """
    answer = _read_json(response, what)
    if "error" in answer or "error_code" in answer:
        raise _refusal(answer, what)
    token = answer.get("access_token")
    if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
        raise RemoteProtocolError(f"{what}: the answer holds no usable access_token")
    return token


def _read_json(response: Response, what: str) -> dict[str, Any]:
    body = response.content(1 << 20)
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            answer = json.loads(body)
        except ValueError as exc:
            raise RemoteProtocolError(f"{what}: the answer is not valid JSON") from exc
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]  # Some versions of the service wrap it.
        if isinstance(answer, dict):
            return answer
        raise RemoteProtocolError(f"{what}: the answer is not a JSON object")
    if response.status == 401:
        raise AuthError(f"{what} was refused (401)", code="access_denied")
    raise Unavailable(
        f"{what} failed: the server answered {response.status} with "
        f"{kind or 'no content'} instead of the sign-on service's JSON; the engine is starting or "
        "stopped, or the URL is not an engine's"
    )


def _refusal(answer: dict[str, Any], what: str) -> AuthError:
    # With scope ovirt-app-api: error_code and error (text); else: error (code), error_description.
    code = answer.get("error_code") or answer.get("error")
    text = answer.get("error") if "error_code" in answer else answer.get("error_description")
    words = [f"{what} was refused: {code}"]
    if text and text != code:
        words.append(f": {str(text).rstrip('. ')}")
    return AuthError("".join(words), code=str(code))
