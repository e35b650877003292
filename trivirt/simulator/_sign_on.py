"""Signing on: tokens, cookie sessions, and the servlets that hand them out and take them back.

The servlets answer every method alike and read the query as well as the form, as the real ones
do. All of their failures are 400 with JSON; 401 is what the API says to a request without a
live token.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from trivirt.simulator._clock import Clock
from trivirt.simulator._pages import container_page, json_page
from trivirt.simulator._statistics import Statistics
from trivirt.wire._messages import Headers, Request, Response

API_SCOPE = "ovirt-app-api"
FULL_SCOPE = "ovirt-app-api ovirt-ext=token-info:authz-search ovirt-ext=token:password-access"
NEVER = "9223372036854775807"  # what `exp` says about accounts that do not expire

EXPIRED = "invalid_grant: The provided authorization grant for the auth code has expired."
CHALLENGE: Headers = (("www-authenticate", 'Basic realm="RESTAPI"'),)
NEGOTIATE: Headers = (("www-authenticate", "Negotiate"),)

SSO = "/ovirt-engine/sso/"
LOGOUT = "/ovirt-engine/services/sso-logout"


@dataclass
class Session:
    """Who holds a token or a cookie, and when it was last used."""

    user: str
    scope: str
    used: float
    entered: bool = False  # whether the API has seen it


class SignOn:
    """The sign-on service of one engine.

    `idle_limit` is in seconds of the engine's clock. Tokens are made from a counter and the
    seed, so that runs are repeatable; they look like the real ones. `remote_user_header` is the
    header in which a front end tells whom it has let in, by Kerberos for example; such a user is
    taken at its word. None means that there is no such front end.

    `log` is called with the code of an event and a user: 30 when a session begins, which is with
    its first request of the API, 31 when it ends, 114 when somebody is refused.
    """

    def __init__(
        self,
        clock: Clock,
        statistics: Statistics,
        users: Mapping[str, str],
        *,
        seed: int = 0,
        idle_limit: float = 1800.0,
        remote_user_header: str | None = None,
    ) -> None:
        self.users = dict(users)
        self._remote_user = (remote_user_header or "").lower()
        self.idle_limit = idle_limit
        self._clock = clock
        self._statistics = statistics
        self._seed = seed
        self.log: Callable[[int, str], object] = lambda code, user: None
        self._issued = 0
        self._cleaned = 0.0
        self._tokens: dict[str, Session] = {}
        self._cookies: dict[str, Session] = {}

    def __repr__(self) -> str:
        return f"<SignOn, {len(self._tokens)} tokens>"

    def forget_all(self) -> None:
        """End every token and session, as a restart of the engine does."""
        self._tokens.clear()
        self._cookies.clear()

    # Requests of the API.

    def admit(self, headers: Mapping[str, str]) -> tuple[str, Headers] | Response:
        """The user of a request and headers for its answer, or the refusal."""
        authorization = headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            session = self._alive(self._tokens, authorization[7:].strip())
            if session is None:
                return container_page(401, EXPIRED, CHALLENGE)
            if API_SCOPE not in session.scope.split():
                text = f"The required scope {API_SCOPE} is not granted."
                return container_page(401, text, CHALLENGE)
            if not session.entered:
                session.entered = True
                self.log(30, session.user)
            return session.user, ()
        lasting = "persistent-auth" in headers.get("prefer", "")
        if authorization.startswith("Basic "):
            return self._admit_basic(authorization[6:], lasting)
        return self._admit_cookie(headers.get("cookie", ""), lasting)

    def _admit_basic(self, credentials: str, lasting: bool) -> tuple[str, Headers] | Response:
        user, password = _basic(credentials)
        if not self._known(user, password):
            text = f"access_denied: Cannot authenticate user '{user}': {_WRONG}"
            self.log(114, user)
            return container_page(401, text, CHALLENGE)
        self._statistics.logins += 1
        self.log(30, user)
        if not lasting:
            self._statistics.logouts += 1
            self.log(31, user)
            return user, ()
        self._clean()
        name = self._secret()[:24]
        self._cookies[name] = Session(user, API_SCOPE, self._clock.now())
        return user, (("set-cookie", f"JSESSIONID={name}; path=/ovirt-engine/api; HttpOnly"),)

    def _admit_cookie(self, cookies: str, lasting: bool) -> tuple[str, Headers] | Response:
        for cookie in cookies.split(";"):
            name, _, value = cookie.strip().partition("=")
            session = self._alive(self._cookies, value) if name == "JSESSIONID" else None
            if session is not None:
                if not lasting:
                    # This request is still served; it is how a client says goodbye.
                    del self._cookies[value]
                    self.log(31, session.user)
                return session.user, ()
        return container_page(401, headers=CHALLENGE)

    def _alive(self, sessions: dict[str, Session], name: str) -> Session | None:
        session = sessions.get(name)
        if session is None:
            return None
        now = self._clock.now()
        if 0 < self.idle_limit < now - session.used:
            del sessions[name]
            return None
        session.used = now
        return session

    def _clean(self) -> None:
        """Forget what has expired, once a minute as engines do."""
        now = self._clock.now()
        if now - self._cleaned < 60.0:
            return
        self._cleaned = now
        for sessions in (self._tokens, self._cookies):
            for name in list(sessions):
                if 0 < self.idle_limit < now - sessions[name].used:
                    del sessions[name]

    # The servlets.

    def serves(self, path: str) -> bool:
        """Whether `path` belongs to sign-on."""
        return path.startswith(SSO) or path == LOGOUT

    def answer(self, path: str, request: Request, headers: Mapping[str, str]) -> Response:
        """One request to a path that it serves."""
        if path == LOGOUT:
            return self._log_out(_parameters(request))
        servlet = path[len(SSO) :]
        if servlet == "status":
            about = {"status_description": "SSO Webapp Deployed", "version": "0"}
            return json_page({"status": "active", **about})
        parameters = _parameters(request)
        if servlet == "oauth/token":
            return self._token(parameters, headers)
        if servlet == "oauth/token-http-auth":
            return self._token_for_header(parameters, headers)
        if servlet == "oauth/token-info":
            return self._token_info(parameters)
        if servlet == "oauth/revoke":
            return self._revoke(parameters)
        return container_page(404)

    def _token(self, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Response:
        scope = parameters.get("scope", "")
        grant = parameters.get("grant_type")
        if grant is None:
            return _refused(scope, "invalid_request", "Missing parameter: 'grant_type'")
        if grant != "password":
            text = f"Unsupported parameter 'grant_type': {grant}"
            return _refused(scope, "unsupported_grant_type", text)
        for name in ("username", "password"):
            if name not in parameters:
                return _refused(scope, "invalid_request", f"Missing parameter: '{name}'")
        user = parameters["username"]
        if not self._known(user, parameters["password"]):
            self._statistics.logins_refused += 1
            self.log(114, user)
            text = f"Cannot authenticate user '{user}': {_WRONG}"
            return _refused(scope, "access_denied", text)
        return self._issue(user, scope, headers)

    def _token_for_header(
        self, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> Response:
        """Kerberos' end point. It takes Basic credentials too, and refuses with a page."""
        if remote_user := headers.get(self._remote_user):
            return self._issue(remote_user, parameters.get("scope", ""), headers)
        authorization = headers.get("authorization", "")
        user, password = "", ""
        if authorization.startswith("Basic "):
            user, password = _basic(authorization[6:])
        if not self._known(user, password):
            self._statistics.logins_refused += 1
            return container_page(401, headers=NEGOTIATE)
        return self._issue(user, parameters.get("scope", ""), headers)

    def _issue(self, user: str, scope: str, headers: Mapping[str, str]) -> Response:
        self._clean()
        token = self._secret()
        full = FULL_SCOPE if API_SCOPE in scope.split() else scope
        self._tokens[token] = Session(user, full, self._clock.now())
        # Only now the servlet looks at Accept, and leaves the token behind if it is wrong.
        if headers.get("accept") != "application/json":
            return _refused(scope, "invalid_request", "Missing parameter: 'Accept Header'")
        self._statistics.logins += 1
        answer = {"access_token": token, "scope": full, "exp": NEVER, "token_type": "bearer"}
        return json_page(answer)

    def _token_info(self, parameters: Mapping[str, str]) -> Response:
        session = self._alive(self._tokens, parameters.get("token", ""))
        if session is None:
            return _refused(parameters.get("scope", ""), "invalid_grant", EXPIRED[15:])
        if "token-info:validate" in parameters.get("scope", ""):
            return json_page({})
        about = {"token_type": "bearer", "client_id": "ovirt-engine-core", "exp": NEVER}
        return json_page({"active": True, "user_id": session.user, "scope": session.scope, **about})

    def _log_out(self, parameters: Mapping[str, str]) -> Response:
        if "token" not in parameters:
            scope = parameters.get("scope", "")
            refusal = _refused(scope, "invalid_request", "Missing parameter: 'token'")
            return Response(200, refusal.headers, refusal.body)
        session = self._tokens.pop(parameters["token"], None)
        if session is not None:
            self._statistics.logouts += 1
            if session.entered:
                self.log(31, session.user)
        return json_page({})

    def _revoke(self, parameters: Mapping[str, str]) -> Response:
        if "client_id" not in parameters or "client_secret" not in parameters:
            scope = parameters.get("scope", "")
            return _refused(scope, "invalid_request", "Missing parameter: 'client_id'")
        return self._log_out(parameters)

    def _known(self, user: str, password: str) -> bool:
        return user in self.users and self.users[user] == password

    def _secret(self) -> str:
        self._issued += 1
        text = f"{self._seed}:{self._issued}".encode()
        return base64.urlsafe_b64encode(hashlib.sha512(text).digest()).decode().rstrip("=")


_WRONG = "Unable to log in. Verify your login information or contact the system administrator.."


def _refused(scope: str, code: str, text: str) -> Response:
    """400; the keys depend on who asks, by scope."""
    scopes = scope.split()
    if API_SCOPE in scopes and not {"ovirt-app-admin", "ovirt-app-portal"} & set(scopes):
        return json_page({"error_code": code, "error": text}, 400)
    return json_page({"error": code, "error_description": text}, 400)


def _parameters(request: Request) -> dict[str, str]:
    query = urlsplit(request.target).query
    form = request.body.decode("utf-8", "replace")
    return dict(parse_qsl(form, keep_blank_values=True) + parse_qsl(query, keep_blank_values=True))


def _basic(credentials: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return "", ""
    user, _, password = text.partition(":")
    return user, password
