"""Sign-on: one token for all tasks, got once, renewed once when it dies, given back at the end.

Knows the single sign-on service of the engine (`/ovirt-engine/sso`, oVirt 4), and nothing of the
API. `exp` in its answer says nothing reliable, so a token is believed in until a 401 says
otherwise.
"""

from __future__ import annotations

import binascii
import copy
import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

import trio

from trivirt._tokens import read_token
from trivirt._value import Value
from trivirt.errors import (
    AuthError,
    Cancelled,
    ConnectionLost,
    Error,
    RemoteProtocolError,
    TimedOut,
    TransportError,
)
from trivirt.wire import Headers, Request, Response, Timeouts

if TYPE_CHECKING:
    from trivirt._kerberos import Negotiation

log = logging.getLogger("trivirt.auth")

_SETTLING = 2.0  # Seconds that leaving an engine waits for a login under way.
SCOPE = "ovirt-app-api"
TOKEN_PATH = "/sso/oauth/token"
KERBEROS_PATH = "/sso/oauth/token-http-auth"
REVOKE_PATH = "/services/sso-logout"
HTTP_GRANT = "urn:ovirt:params:oauth:grant-type:http"
MAX_LEGS = 5  # Tokens that a negotiation may send; Kerberos needs one or two.
_HEADERS: Headers = (
    ("Accept", "application/json"),  # Exactly this string, or the service refuses (oVirt 4).
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("User-Agent", "trivirt"),
)

Send = Callable[[Request], Awaitable[Response]]

#: Which tokens are given back at the end: those got here, the one in use whoever got it, or none.
GivesBack = Literal["issued", "current", "none"]


class Credentials(Value):
    """Who signs on: a user with a password, the holder of a Kerberos ticket, or of a token.

    With a token beside one of the others, it is used until it is refused. `username` is
    `user@profile`, for example `admin@internal`, or `admin@ovirt@internalsso` where Keycloak is
    in charge (oVirt 4.5); with Kerberos it is a principal, or None for the default one.
    """

    username: str | None = None
    password: str | None = None
    token: str | None = None
    kerberos: bool = False

    def __repr__(self) -> str:  # No secrets.
        return f"Credentials(username={self.username!r}, kerberos={self.kerberos!r})"

    @property
    def renewable(self) -> bool:
        """Whether a new token can be had when one dies."""
        return self.kerberos or (self.username is not None and self.password is not None)


class Endpoint(Value):
    """One address of the sign-on service: how to reach it, and what to ask for there."""

    send: Send
    host: str
    target: str
    secure: bool = True


class Session:
    """The token that all requests of an engine share.

    A login runs in a task of its own in `nursery`: when the request that caused it is cancelled,
    the others that wait for the token still get it, and no token is orphaned. Tokens come from
    `issuer`, which calls them `token_name`, and are given back to `revoker`. A negotiation takes
    several requests on one connection, so with Kerberos `issuer` must have no more than one.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        issuer: Endpoint,
        revoker: Endpoint,
        credentials: Credentials,
        timeouts: Timeouts,
        token_name: str = "access_token",
    ) -> None:
        self._nursery, self._issuer, self._revoker = nursery, issuer, revoker
        self._token_name = token_name
        self._credentials, self._timeouts = credentials, timeouts
        self._token = credentials.token
        self._issued: list[str] = []
        self._login: _Login | None = None
        self._settled = False
        self._dead: str | None = None
        self._refusal: AuthError | None = None  # What came of the login in place of `_dead`.
        self.logins = 0
        self.gives_back: GivesBack = "issued"

    def __repr__(self) -> str:
        state = "signed on" if self._token else "not signed on"
        nobody = "a ticket" if self._credentials.kerberos else "a token"
        return f"<Session of {self._credentials.username or nobody}, {state}>"

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

        However many tasks ask, one login is made, also when it is refused: each more could lock
        the user's account. Raises as `token` does.
        """
        if self._token == dead:
            if not self._credentials.renewable:
                refused = AuthError(
                    "The token was refused: it has expired, was revoked, or the engine was "
                    "restarted. Give a new token, or a username and password to renew it with"
                )
                refused.status = 401
                raise refused
            self._token, self._dead, self._refusal = None, dead, None
        if self._refusal is not None and self._dead == dead and self._login is None:
            raise _again(self._refusal)
        return self._token or await self._join()

    async def settle(self) -> None:
        """Let a login under way end, for its token has to be given back; but not for long.

        From now on no other is begun, by requests whose 401 has just come.
        """
        self._settled = True
        if (login := self._login) is not None:
            try:
                with trio.move_on_after(_SETTLING):
                    await login.over.wait()
            finally:
                login.scope.cancel()
            await login.over.wait()

    def owed(self) -> list[str]:
        """The tokens that `sign_off` would give back now."""
        return {
            "issued": self._issued,
            "current": [self._token] if self._token else [],
            "none": [],
        }[self.gives_back]

    async def sign_off(self) -> None:
        """Give back the tokens that `gives_back` names.

        Normally every token that was got here; one given by the caller is the caller's. Failures
        are only logged: the session is over in any case.
        """
        tokens = self.owed()
        self._token, self._issued = None, []
        while tokens:
            form = {"scope": SCOPE, "token": tokens.pop()}
            try:
                await self._revoker.send(_request(self._revoker, form))
            except Error as exc:
                log.debug("a token was not revoked: %s", exc)

    async def _join(self) -> str:
        if self._login is None:
            if self._settled:
                raise Cancelled("The engine was closed before sign-on was over")
            self._login = _Login()
            self._nursery.start_soon(self._run_login, self._login, name="trivirt sign-on")
        login = self._login
        await login.over.wait()
        if login.error is not None:
            raise _again(login.error)
        return login.token

    @trio.lowlevel.enable_ki_protection
    async def _run_login(self, login: _Login) -> None:
        limit = self._timeouts.sign_on
        login.scope.deadline = trio.current_time() + limit
        try:
            with login.scope:
                login.token = self._token = await self._log_in()
            if not login.token:
                login.error = (
                    Cancelled("The engine was closed before sign-on was over")
                    if trio.current_time() < login.scope.deadline
                    else TimedOut(f"Sign-on was not over within {limit:g} s", sent=True)
                )
        except Error as exc:
            login.error = exc
            self._refusal = exc if isinstance(exc, AuthError) else None
        else:
            self._refusal = None
        finally:
            self._login = None
            login.over.set()

    async def _log_in(self) -> str:
        kerberos = self._credentials.kerberos
        try:
            response = await (self._negotiate() if kerberos else self._give_password())
        except (ConnectionLost, RemoteProtocolError) as exc:
            if not self._issuer.secure:
                said = str(exc).rstrip(".")
                exc.args = (f"{said}. If this port speaks TLS, the URL begins with https://",)
            raise
        if kerberos and response.status == 401:
            raise AuthError(self._no_admission(response), code="access_denied")
        token = read_token(response, self._describe(), self._token_name)
        self.logins += 1
        if token not in self._issued:  # Some services hand out the same one twice.
            self._issued.append(token)
        log.debug("signed on as %s", self._credentials.username or "the holder of a ticket")
        return token

    async def _give_password(self) -> Response:
        form = {
            "grant_type": "password",
            "scope": SCOPE,
            "username": self._credentials.username or "",
            "password": self._credentials.password or "",
        }
        return await self._issuer.send(_request(self._issuer, form))

    async def _negotiate(self) -> Response:
        """Show a Kerberos ticket, in as many legs as the two sides want."""
        from trivirt._kerberos import Negotiation  # For few, so it is imported for those.

        negotiation = Negotiation(self._issuer.host, self._credentials.username)
        form = {"grant_type": HTTP_GRANT, "scope": SCOPE}
        token = await _step(negotiation, None)
        legs = 0
        while True:
            legs += 1
            authorization = "Negotiate " + b64encode(token or b"").decode("ascii")
            request = _request(self._issuer, form, ("Authorization", authorization))
            response = await self._issuer.send(request)
            challenge = read_challenge(response)
            if challenge is None or response.status not in (200, 401):
                return response
            # Along with 200 comes the server's proof of who it is, which is checked here, too.
            token = await _step(negotiation, challenge)
            if response.status == 200 or not token or legs == MAX_LEGS:
                return response

    def _no_admission(self, response: Response) -> str:
        offers = [value for name, value in response.headers if name == "www-authenticate"]
        if not any(offer.lower().startswith("negotiate") for offer in offers):
            return f"{self._describe()} was refused (401): the server does not offer Kerberos"
        return (
            f"{self._describe()} was refused (401): {self._issuer.host} does not accept the "
            "ticket, or the engine has no user for it. klist shows whose it is; is Kerberos set "
            "up on the engine, and the principal a user there?"
        )

    def _describe(self) -> str:
        if self._credentials.kerberos:
            whose = self._credentials.username
            return f"Sign-on with Kerberos as {whose!r}" if whose else "Sign-on with Kerberos"
        return f"Sign-on as {self._credentials.username!r}"


def _again(error: Error) -> Error:
    """The failure of a login, for one more of those who waited for it."""
    failure = copy.copy(error)
    failure.__cause__ = error.__cause__
    if isinstance(failure, TransportError):
        failure.sent = False  # The login may have been; what waits for it was not.
    return failure


class _Login:
    """A login under way, and its end: a token or an error."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.scope = trio.CancelScope(shield=True)
        self.token = ""
        self.error: Error | None = None


def read_challenge(response: Response) -> bytes | None:
    """The token that a server sends along with `Negotiate`; None when there is none."""
    for name, value in response.headers:
        scheme, _, token = value.strip().partition(" ")
        if name == "www-authenticate" and scheme.lower() == "negotiate" and token:
            try:
                return b64decode(token.strip(), validate=True)
            except binascii.Error as exc:
                raise RemoteProtocolError("Sign-on: the server's Negotiate is broken") from exc
    return None


async def _step(negotiation: Negotiation, challenge: bytes | None) -> bytes | None:
    # An abandoned thread ends when the KDC has answered, and touches nothing of ours.
    return await trio.to_thread.run_sync(negotiation.step, challenge, abandon_on_cancel=True)


def _request(endpoint: Endpoint, form: dict[str, str], *headers: tuple[str, str]) -> Request:
    body = urlencode(form).encode("ascii")
    return Request("POST", endpoint.target, (*_HEADERS, *headers), body)
