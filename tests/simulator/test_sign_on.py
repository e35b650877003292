from __future__ import annotations

import base64
import json
import re

import pytest

from trivirt.simulator import SimulatedEngine
from trivirt.wire import Request

TOKEN = "/ovirt-engine/sso/oauth/token"
KERBEROS = "/ovirt-engine/sso/oauth/token-http-auth"
INFO = "/ovirt-engine/sso/oauth/token-info"
LOGOUT = "/ovirt-engine/services/sso-logout"
GRANT = "grant_type=password&username=admin%40internal"
SCOPE = "&scope=ovirt-app-api"


def sign_on(ask, form, path=TOKEN, **headers):
    answer = ask.send("POST", path, form, **{"accept": "application/json", **headers})
    assert answer.header("content-type") == "application/json"
    return answer.status, json.loads(answer.body)


def test_point_1_a_wrong_password_is_400_with_code_and_text(ask):
    status, body = sign_on(ask, f"{GRANT}{SCOPE}&password=wrong")
    assert status == 400
    assert body.keys() == {"error_code", "error"}
    assert body["error_code"] == "access_denied"
    assert ask.engine.statistics.logins_refused == 1


@pytest.mark.parametrize(
    "scope", ["", "&scope=ovirt-app-portal", "&scope=ovirt-app-api+ovirt-app-admin"]
)
def test_point_2_other_scopes_have_other_keys(ask, scope):
    status, body = sign_on(ask, f"{GRANT}{scope}&password=wrong")
    assert status == 400
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == "access_denied"


@pytest.mark.parametrize("accept", ["*/*", "application/json, */*", "application/json;q=1", ""])
def test_point_3_accept_must_be_exact(ask, accept):
    status, body = sign_on(ask, f"{GRANT}{SCOPE}&password=simulated", accept=accept)
    assert status == 400
    assert body["error_code"] == "invalid_request"
    assert "Accept" in body["error"]


def test_point_4_success_has_exactly_four_keys(ask):
    status, body = sign_on(ask, f"{GRANT}{SCOPE}&password=simulated")
    assert status == 200
    assert body.keys() == {"access_token", "scope", "exp", "token_type"}
    assert body["exp"] == "9223372036854775807"
    assert body["token_type"] == "bearer"
    assert "ovirt-app-api" in body["scope"].split()
    assert len(body["access_token"]) == 86


def test_point_5_each_sign_on_gives_a_token_of_its_own(ask):
    first, second = ask.sign_on(), ask.sign_on()
    assert first != second
    for token in (first, second):
        assert ask.get("/tags", authorization=f"Bearer {token}").status == 200


def test_point_6_kerberos_is_refused_with_a_page(ask):
    answer = ask.send("POST", KERBEROS, SCOPE, accept="application/json")
    assert answer.status == 401
    assert answer.header("www-authenticate") == "Negotiate"
    assert answer.header("content-type").startswith("text/html")


def test_kerberos_takes_basic_credentials(ask):
    basic = base64.b64encode(b"admin@internal:simulated").decode()
    status, body = sign_on(ask, "scope=ovirt-app-api", KERBEROS, authorization=f"Basic {basic}")
    assert status == 200
    assert ask.get("/tags", authorization=f"Bearer {body['access_token']}").status == 200


@pytest.mark.parametrize("token", ["live", "dead", "unknown"])
def test_point_7_logout_is_always_a_success(ask, token):
    text = {"live": ask.token, "dead": ask.token, "unknown": "nonsense"}[token]
    if token == "dead":
        ask.engine.expire_tokens()
    answer = ask.send(
        "POST", LOGOUT, f"scope=ovirt-app-api&token={text}", accept="application/json"
    )
    assert (answer.status, answer.body) == (200, b"{}")
    assert ask.get("/tags", authorization=f"Bearer {text}").status == 401
    assert ask.engine.statistics.logouts == (token == "live")


def test_logout_without_a_token_is_200_with_an_error(ask):
    answer = ask.send("POST", LOGOUT, "scope=ovirt-app-api")
    assert answer.status == 200
    assert json.loads(answer.body)["error_code"] == "invalid_request"


def test_point_8_a_token_that_is_not_used_dies(ask):
    ask.engine.clock.advance(1799)
    assert ask.get("/tags").status == 200
    ask.engine.clock.advance(1799)
    assert ask.get("/tags").status == 200
    ask.engine.clock.advance(1801)
    assert ask.get("/tags").status == 401


def test_point_8_the_limit_can_be_set(asker):
    ask = asker(SimulatedEngine(vms=0, session_limit=10))
    ask.engine.clock.advance(11)
    assert ask.get("/tags").status == 401


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        (None, b"Unauthorized"),
        ("Bearer nonsense", b"invalid_grant: The provided authorization grant"),
        ("bearer nonsense", b"Unauthorized"),
        ("Basic bm9ib2R5OngK", b"access_denied: Cannot authenticate user"),
        ("Basic ???", b"access_denied"),
    ],
)
def test_point_10_without_a_live_token_the_api_answers_a_page(ask, authorization, text):
    headers = {} if authorization is None else {"authorization": authorization}
    answer = ask.send("GET", "/ovirt-engine/api/vms", **headers)
    assert answer.status == 401
    assert answer.header("content-type") == "text/html;charset=UTF-8"
    assert answer.header("www-authenticate") == 'Basic realm="RESTAPI"'
    assert answer.header("correlation-id") is None
    assert answer.body.startswith(b"<html><head><title>Error</title></head><body>")
    assert text in answer.body


def test_a_token_of_another_scope_is_refused(ask):
    _, body = sign_on(ask, f"{GRANT}&scope=other&password=simulated")
    answer = ask.get("/tags", authorization=f"Bearer {body['access_token']}")
    assert answer.status == 401
    assert b"ovirt-app-api is not granted" in answer.body


def test_point_11_a_cookie_lives_as_long_as_prefer_is_sent(ask):
    basic = base64.b64encode(b"admin@internal:simulated").decode()
    api = "/ovirt-engine/api/tags"
    first = ask.send("GET", api, authorization=f"Basic {basic}", prefer="persistent-auth")
    cookie = first.header("set-cookie").partition(";")[0]
    assert cookie.startswith("JSESSIONID=")
    assert ask.send("GET", api, cookie=cookie, prefer="persistent-auth").status == 200
    assert ask.send("GET", api, cookie=cookie).status == 200
    assert ask.send("GET", api, cookie=cookie, prefer="persistent-auth").status == 401


def test_basic_credentials_sign_on_for_one_request(ask):
    basic = base64.b64encode(b"admin@internal:simulated").decode()
    answer = ask.send("GET", "/ovirt-engine/api/tags", authorization=f"Basic {basic}")
    assert answer.status == 200
    assert answer.header("set-cookie") is None
    assert (ask.engine.statistics.logins, ask.engine.statistics.logouts) == (2, 1)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("scope=ovirt-app-api", "invalid_request"),
        ("grant_type=client_credentials&scope=ovirt-app-api", "unsupported_grant_type"),
        ("grant_type=password&scope=ovirt-app-api", "invalid_request"),
        ("grant_type=password&scope=ovirt-app-api&username=x", "invalid_request"),
    ],
)
def test_malformed_sign_on_is_400(ask, form, code):
    status, body = sign_on(ask, form)
    assert (status, body["error_code"]) == (400, code)


def test_parameters_may_be_in_the_query(ask):
    target = f"{TOKEN}?{GRANT}{SCOPE}&password=simulated"
    assert ask.send("GET", target, accept="application/json").status == 200


def test_token_info_tells_live_from_dead(ask):
    path = "/ovirt-engine/sso/oauth/token-info"
    form = f"scope=ovirt-ext%3Dtoken-info%3Avalidate&token={ask.token}"
    assert sign_on(ask, form, path) == (200, {})
    assert sign_on(ask, f"token={ask.token}", path)[1]["active"]
    ask.engine.expire_tokens()
    assert sign_on(ask, form, path)[1]["error"] == "invalid_grant"


def test_revoke_wants_a_client(ask):
    path = "/ovirt-engine/sso/oauth/revoke"
    assert sign_on(ask, f"token={ask.token}", path)[0] == 400
    form = f"token={ask.token}&client_id=a&client_secret=b"
    assert sign_on(ask, form, path) == (200, {})
    assert ask.get("/tags").status == 401


def test_other_servlets(ask):
    assert b"active" in ask.send("GET", "/ovirt-engine/sso/status").body
    assert ask.send("GET", "/ovirt-engine/sso/nothing").status == 404
    assert ask.send("GET", "/ovirt-engine/services/health").body.startswith(b"DB Up!")
    assert ask.send("GET", "/").header("location") == "/ovirt-engine/"
    assert ask.send("GET", "/nothing").status == 404


def test_tokens_are_not_shown(ask):
    assert ask.token not in repr(ask.engine.sign_on)
    assert "simulated" not in repr(ask.engine.sign_on)


@pytest.mark.parametrize("name", ["X-Remote-User", None])
def test_a_front_end_may_say_whom_it_has_let_in(name):
    """Where the engine is told of one; otherwise the header is nothing but a header."""
    engine = SimulatedEngine(vms=0, remote_user_header=name)
    headers = (("accept", "application/json"), ("x-remote-user", "me@REALM"))
    response = engine.sign_on.answer(KERBEROS, Request("POST", KERBEROS), dict(headers))
    assert response.status == (401 if name is None else 200)
    if name is not None:
        token = json.loads(response.body)["access_token"]
        form = f"token={token}".encode()
        about = engine.sign_on.answer(INFO, Request("POST", INFO, (), form), {})
        assert json.loads(about.body)["user_id"] == "me@REALM"


def events(ask, code):
    body = ask.get(f"/events?search=type%3D{code}").body.decode()
    return re.findall("<description>(User .*)</description>", body)


def test_signing_on_and_off_is_in_the_log(engine, asker):
    before = asker(engine)
    assert len(events(before, 30)) == 3, "two of the seed, and ours"
    other = asker(engine)
    assert len(events(before, 30)) == 3, "a token that nobody used is no session"
    other.get("/tags")
    other.get("/tags")
    assert len(events(before, 30)) == 4
    before.send("POST", LOGOUT, f"scope=ovirt-app-api&token={other.token}")
    (text,) = events(before, 31)
    assert text == "User admin@internal-authz connecting from '127.0.0.1' logged out."
    sign_on(before, f"{GRANT}{SCOPE}&password=wrong")
    (text,) = events(before, 114)
    assert text == "User admin@internal connecting from '127.0.0.1' failed to log in."


def test_basic_credentials_sign_on_and_off_with_each_request(ask):
    basic = base64.b64encode(b"admin@internal:simulated").decode()
    for _ in range(2):
        assert ask.get("/tags", authorization=f"Basic {basic}").status == 200
    assert len(events(ask, 30)) == 5
    assert len(events(ask, 31)) == 2


def test_tokens_nobody_used_are_forgotten(engine, asker):
    for _ in range(10):
        asker(engine)
    assert repr(engine.sign_on) == "<SignOn, 10 tokens>"
    engine.clock.advance(engine.sign_on.idle_limit + 60)
    asker(engine)
    assert repr(engine.sign_on) == "<SignOn, 1 tokens>"
