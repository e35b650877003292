"""Connections: what they send, what they make of the answers."""

from __future__ import annotations

import contextlib
import threading

import pytest
from scripted_engine import XML, reply

LIST = "GET /ovirt-engine/api/vms"
FAULT = "<fault><reason>R</reason><detail>D</detail></fault>"
TOKEN = "POST /ovirt-engine/sso/oauth/token"
LOGOUT = "POST /ovirt-engine/services/sso-logout"
PAGE = ["Content-Type: text/html"]


def header(engine, name, at=-1):
    lines = [line for line in engine.heads[at].split("\r\n") if line.lower().startswith(f"{name}:")]
    return [line.partition(":")[2].strip() for line in lines]


# Making one.


def test_parameters_that_cannot_work(sdk):
    with pytest.raises(sdk.Error, match=r"^The 'url' parameter is mandatory$"):
        sdk.Connection()
    for file in ("", "/nope"):
        with pytest.raises(sdk.Error, match=f"^The CA file '{file}' doesn't exist$"):
            sdk.Connection("https://x", ca_file=file)
        sdk.Connection("https://x", ca_file=file, insecure=True).close()
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        sdk.Connection("https://x", nope=1)
    with pytest.raises(TypeError):
        sdk.ConnectionBuilder("https://x")


def test_making_one_starts_nothing(sdk, engine):
    before = threading.active_count()
    connection = sdk.Connection(engine.url, "admin@internal", "secret", headers={"a": "b"})
    assert connection.system_service() is connection.system_service()
    connection.service("vms/1").nics_service()
    connection.close()
    assert (engine.asked, threading.active_count()) == ([], before)
    assert (connection.url, connection._headers) == (engine.url, {"a": "b"})


def test_a_builder_makes_a_new_one_each_time(sdk, engine):
    builder = sdk.ConnectionBuilder(url=engine.url, username="admin@internal", password="secret")
    engine.answers[LIST] = reply("<vms/>")
    for _ in range(2):
        with builder.build() as connection:
            assert connection.system_service().vms_service().list() == []
    assert (engine.logins, len(engine.logouts)) == (2, 2)


# What is sent.


def test_the_requests_are_those_of_the_old_client(engine, connect):
    engine.answers.update({LIST: reply("<vms/>"), f"{LIST}?all_content=true": reply("<vms/>")})
    engine.answers[f"{LIST}?case_sensitive=false&correlation_id=x%26&max=3&search=a+b"] = reply(
        '<vms><vm id="1"/></vms>'
    )
    connection = connect(headers={"X-Own": "1", "X-None": None})
    vms = connection.system_service().vms_service()
    assert vms.list() == []
    assert engine.asked == [TOKEN, LIST]
    assert engine.forms[0] == {
        "grant_type": ["password"],
        "scope": ["ovirt-app-api"],
        "username": ["admin@internal"],
        "password": ["secret"],
    }
    for name, value in {
        "version": "4",
        "content-type": "application/xml",
        "accept": "application/xml",
        "authorization": "Bearer token-1",
        "accept-encoding": "gzip",
        "x-own": "1",
    }.items():
        assert header(engine, name) == [value]
    assert header(engine, "user-agent")[0].startswith("PythonSDK/")
    assert header(engine, "x-none") == header(engine, "x-own", 0) == []
    query = {"correlation_id": "x&"}
    found = vms.list(search="a b", max=3, case_sensitive=False, query=query, unknown=5)
    assert (found[0].id, query) == ("1", {"correlation_id": "x&"})
    vms.list(all_content=True, headers={"X-Own": "2", "other": None})
    assert (header(engine, "all-content"), header(engine, "x-own")) == (["true"], ["2"])


def test_bodies_and_actions(sdk, engine, connect):
    one = "/ovirt-engine/api/vms/1"
    engine.answers.update(
        {
            "POST /ovirt-engine/api/vms?clone=true": reply('<vm id="1"/>', status="202 Accepted"),
            f"PUT {one}?async=true": reply("<vm><name>y</name></vm>"),
            f"DELETE {one}?async=true&force=false": reply(""),
            f"DELETE {one}?async=true": reply(""),
            f"POST {one}/start": reply("<action/>"),
            f"POST {one}/ticket": reply("<action><ticket><value>5</value></ticket></action>"),
        }
    )
    types = sdk.types
    vms = connect().system_service().vms_service()
    assert vms.add(types.Vm(name="x"), clone=True).id == "1"
    assert engine.bodies[-1] == "<vm>\n  <name>x</name>\n</vm>\n"
    vm = vms.vm_service("1")
    assert vm.update(vm=types.Vm(name="y"), async_=True).name == "y"
    assert vm.remove(async_=True, force=False) is None
    assert vm.remove(**{"async": True}) is None
    assert vm.start(pause=True, vm=types.Vm(name="z"), async_=True) is None
    assert engine.bodies[-1] == (
        "<action>\n  <async>true</async>\n  <pause>true</pause>\n"
        "  <vm>\n    <name>z</name>\n  </vm>\n</action>\n"
    )
    assert vm.start(**{"async": True}) is None
    assert engine.bodies[-1] == "<action>\n  <async>true</async>\n</action>\n"
    assert vm.ticket().value == "5"
    assert engine.bodies[-1] == "<action/>\n"


def test_lists_as_bodies(sdk, engine, connect):
    path = "/ovirt-engine/api/clusters/1/glustervolumes/2/glusterbricks"
    engine.answers[f"POST {path}"] = reply("<bricks/>")
    bricks = connect().service("clusters/1/glustervolumes/2/glusterbricks")
    assert bricks.add([sdk.types.GlusterBrick(id="3")]) == []
    assert engine.bodies[-1] == '<bricks>\n  <brick id="3"/>\n</bricks>\n'


def test_a_url_is_used_as_it_is(engine, connect):
    engine.answers["GET /ovirt-engine/api//vms"] = reply("<vms/>")
    connection = connect(url=f"{engine.url}/", compress=False)
    assert connection.system_service().vms_service().list() == []
    assert header(engine, "accept-encoding") == []


def test_headers_that_cannot_be_sent(sdk, connect):
    request = sdk.http.Request(headers={"x": "é"})
    text = r"^The value ' é' of header 'x' contains characters that can't be encoded using ASCII, "
    with pytest.raises(sdk.Error, match=text):
        connect().send(request)


def test_raw_requests(sdk, engine, connect):
    engine.answers["GET /ovirt-engine/api/x?a=1+x&b=2"] = reply("zz", status="409 Conflict")
    connection = connect()
    context = connection.send(sdk.http.Request("GET", "/x", {"b": "2", "a": "1 x"}, {"H": "v"}))
    answer = connection.wait(context)
    assert (answer.code, answer.body, answer.reason, answer.message) == (
        409,
        b"zz",
        "Conflict",
        None,
    )
    assert "Content-Length: 2" in answer.headers
    assert header(engine, "h") == ["v"]
    connection.check_xml_content_type(answer)
    with pytest.raises(sdk.Error, match=r"type 'application/xml.*' isn't the expected JSON$"):
        connection.check_json_content_type(answer)
    connection.check_json_content_type(sdk.http.Response(headers=["content-type: text/json"]))


# Signing on and off.


def test_a_token_is_got_once_and_given_back_once(engine, connect):
    connection = connect()
    assert connection.authenticate() == connection.authenticate() == "token-1"
    connection.close()
    connection.close()
    assert (engine.asked, engine.logouts) == ([TOKEN, LOGOUT], ["token-1"])


def test_closing_without_logout_leaves_the_token_alive(engine, connect):
    connection = connect()
    token = connection.authenticate()
    connection.close(logout=False)
    assert engine.live == {token}
    engine.answers[LIST] = reply("<vms/>")
    other = connect(token=token, username=None, password=None)
    assert other.authenticate() == token
    assert other.system_service().vms_service().list() == []
    other.close()
    assert (engine.logins, engine.logouts) == (1, [token])


def test_a_given_token_is_revoked_even_if_it_was_not_used(engine, connect):
    engine.live.add("given")
    connect(token="given").close()
    assert (engine.asked, engine.logouts) == ([LOGOUT], ["given"])


def test_a_closed_connection_says_so(sdk, connect):
    connection = connect()
    connection.close()
    with pytest.raises(sdk.Error, match="closed"):
        connection.system_service().get()


def test_a_refused_sign_on(sdk, engine, connect):
    connection = connect(password="wrong")
    root = connection.system_service()
    for call in (root.get, lambda: root.vms_service().list(wait=False), connection.authenticate):
        with pytest.raises(sdk.AuthError) as caught:
            call()
        text = "Error during SSO authentication access_denied : Cannot authenticate user.."
        assert str(caught.value) == text
    assert connection.test() is False
    with pytest.raises(sdk.AuthError):
        connection.test(raise_exception=True)
    connection.close()
    assert engine.logouts == []


def test_testing(engine, connect):
    engine.answers["GET /ovirt-engine/api"] = reply("<api/>")
    assert connect().test() is True


def test_a_sign_on_service_elsewhere(engine, connect):
    engine.answers["POST /other/token?x=1"] = reply(
        '{"mine":"tok"}', headers=["Content-Type: application/json"]
    )
    engine.answers["POST /other/revoke"] = reply("{}")
    base = engine.url.replace("/ovirt-engine/api", "/other")
    connection = connect(
        sso_url=f"{base}/token?x=1", sso_revoke_url=f"{base}/revoke", sso_token_name="mine"
    )
    assert connection.authenticate() == "tok"
    connection.close()
    assert engine.asked == ["POST /other/token?x=1", "POST /other/revoke"]


def test_a_token_that_is_refused_without_a_password(sdk, connect):
    connection = connect(token="dead", username=None, password=None)
    with pytest.raises(sdk.AuthError) as caught:
        connection.system_service().get()
    assert caught.value.code == 401


def test_kerberos_shows_a_ticket_and_no_password(sdk, engine, connect, monkeypatch):
    class Ticket:
        def __init__(self, host, principal):
            assert (host, principal) == ("127.0.0.1", None)

        def step(self, challenge):
            return b"ticket"

    monkeypatch.setattr("trivirt._kerberos.Negotiation", Ticket)
    monkeypatch.setattr("trivirt._kerberos.check_installed", lambda: None)
    path = "POST /ovirt-engine/sso/oauth/token-http-auth"
    engine.answers[path] = reply('{"access_token":"k"}', headers=["Content-Type: application/json"])
    assert connect(kerberos=True).authenticate() == "k"
    form = "grant_type=urn%3Aovirt%3Aparams%3Aoauth%3Agrant-type%3Ahttp&scope=ovirt-app-api"
    assert (engine.asked[0], engine.bodies[0]) == (path, form)


# Answers.


@pytest.mark.parametrize(
    ("status", "body", "headers", "error", "text", "code"),
    [
        (
            "409 Conflict",
            FAULT,
            XML,
            "Error",
            'Fault reason is "R". Fault detail is "D". HTTP response code is 409.',
            409,
        ),
        (
            "404 Not Found",
            FAULT,
            XML,
            "NotFoundError",
            'Fault reason is "R". Fault detail is "D". HTTP response code is 404.',
            404,
        ),
        (
            "403 Forbidden",
            "<fault><reason>R</reason></fault>",
            XML,
            "AuthError",
            'Fault reason is "R". HTTP response code is 403.',
            403,
        ),
        (
            "401 Unauthorized",
            "<html>x</html>",
            PAGE,
            "AuthError",
            "HTTP response code is 401.",
            401,
        ),
        ("404 Not Found", "<vms/>", XML, "Error", "Expected a fault, but got List", None),
        ("409 Conflict", "<action/>", XML, "Error", "Expected a fault, but got Action", None),
        (
            "409 Conflict",
            f"<action>{FAULT}</action>",
            XML,
            "Error",
            'Fault reason is "R". Fault detail is "D". HTTP response code is 409.',
            409,
        ),
        ("500 Oops", "", XML, "Error", "HTTP response code is 500.", 500),
        ("404 Not Found", "", [], "NotFoundError", "HTTP response code is 404.", 404),
        ("202 Accepted", "", [], "Error", "HTTP response code is 202.", 202),
        (
            "200 OK",
            "<html>x</html>",
            PAGE,
            "Error",
            "The response content type 'text/html' isn't the expected XML",
            None,
        ),
        (
            "400 Bad Request",
            "x",
            PAGE,
            "Error",
            "The response content type 'text/html' isn't the expected XML",
            None,
        ),
    ],
)
def test_failures(sdk, engine, connect, status, body, headers, error, text, code):
    engine.answers[LIST] = reply(body, status=status, headers=headers)
    with pytest.raises(sdk.Error) as caught:
        connect().system_service().vms_service().list()
    assert type(caught.value) is getattr(sdk, error)
    assert (str(caught.value), caught.value.args, caught.value.code) == (text, (text,), code)
    fault = caught.value.fault
    assert (fault is not None) == ("<fault>" in body)
    if fault is not None:
        assert (type(fault), fault.reason, fault._reason) == (sdk.types.Fault, "R", "R")


def test_a_wrong_path_gets_a_hint(sdk, engine, connect):
    engine.answers["GET /wrong"] = reply("<html/>", headers=PAGE)
    with pytest.raises(sdk.Error, match="Is the path '/wrong' included in the 'url' parameter"):
        connect(url=engine.url.replace("/ovirt-engine/api", "/wrong")).system_service().get()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("200 OK", f"<action>{FAULT}</action>", "HTTP response code is 200."),
        ("409 Conflict", f"<action>{FAULT}</action>", "HTTP response code is 409."),
        ("200 OK", FAULT, "HTTP response code is 200."),
        ("200 OK", "", "HTTP response code is 200."),
        ("200 OK", "<vm/>", "Expected a fault or action, but got Vm"),
        ("409 Conflict", "<vm/>", "Expected a fault, but got Vm"),
    ],
)
def test_actions_that_fail(sdk, engine, connect, status, body, error):
    engine.answers["POST /ovirt-engine/api/vms/1/start"] = reply(body, status=status)
    with pytest.raises(sdk.Error) as caught:
        connect().service("vms/1").start()
    assert str(caught.value).endswith(error)


def test_values_that_cannot_be_read(engine, connect):
    engine.answers[LIST] = reply("<vms><vm><memory>x</memory></vm></vms>")
    vms = connect().system_service().vms_service()
    with pytest.raises(ValueError, match="isn't a valid integer value"):
        vms.list()
    with pytest.raises(ValueError, match="isn't a valid integer value"):
        vms.list(wait=False).wait()


def test_a_long_list_is_plain_objects_too(engine, connect):
    vm = '<vm id="1"><cluster id="2" href="/c"/><link rel="nics" href="/n"/></vm>'
    engine.answers[LIST] = reply(f"<vms>{vm * 4000}</vms>")
    vms = connect().system_service().vms_service().list()
    assert len(vms) == 4000
    assert vars(vms[-1])["_cluster"].id == "2"
    assert vars(vms[-1])["_nics"].href == "/n"


def test_links_are_followed(sdk, engine, connect):
    base = "/ovirt-engine/api"
    engine.answers[f"GET {base}/vms/1"] = reply('<vm id="1"/>')
    engine.answers[f"GET {base}/vms/1/nics"] = reply("<nics><nic/></nics>")
    connection, vm = connect(), sdk.types.Vm()
    assert connection.is_link(vm) is False
    with pytest.raises(sdk.Error) as caught:
        connection.follow_link(vm)
    text = "Can't follow link because the 'href' attribute does't have a value"
    assert str(caught.value) == text
    vm.href = f"{base}/vms/1"
    assert connection.is_link(vm)
    assert connection.follow_link(vm).id == "1"
    assert len(connection.follow_link(sdk.List(f"{base}/vms/1/nics"))) == 1
    for wrong in ("/a/b", "/ovirt-engine/apix", base):
        vm.href = wrong
        with pytest.raises(sdk.Error, match="isn't compatible with the base URL"):
            connection.follow_link(vm)


def test_nobody_listens(sdk, engine):
    connection = sdk.Connection("http://127.0.0.1:1/ovirt-engine/api", "u", "p")
    with pytest.raises(sdk.ConnectionError, match=r"^Error while sending HTTP request: "):
        connection.system_service().get()
    connection.close()


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", ""])
def test_urls_that_are_none_fail_at_the_first_request(sdk, url):
    connection = sdk.Connection(url, "u", "p")
    with pytest.raises(sdk.Error):
        connection.system_service().get()
    connection.close()


# Logging.


class Log:
    def __init__(self):
        self.lines = []

    def debug(self, text):
        self.lines.append(text)


def test_a_log_shows_headers_and_bodies_and_no_secrets(engine, connect):
    engine.answers[LIST] = reply("<vms>\n</vms>")
    log = Log()
    connection = connect(debug=True, log=log)
    connection.system_service().vms_service().list()
    connection.close()
    for line in (
        "< GET /ovirt-engine/api/vms HTTP/1.1",
        "< Version: 4",
        "> HTTP/1.1 200 OK",
        "> <vms>",
        "> </vms>",
    ):
        assert line in log.lines
    assert any(line.startswith("* ") for line in log.lines)
    assert all("\n" not in line for line in log.lines)
    assert not any("secret" in line or "token-1" in line for line in log.lines)
    assert header(engine, "accept-encoding", 1) == []


def test_debug_without_a_log_and_a_log_without_debug(engine, connect):
    engine.answers[LIST] = reply("<vms/>")
    log = Log()
    for options in ({"debug": True}, {"log": log}):
        with contextlib.closing(connect(**options)) as connection:
            assert connection.system_service().vms_service().list() == []
    assert log.lines == []


def test_a_url_that_is_none_is_an_error_of_the_first_request(sdk):
    connection = sdk.Connection(url="https://[nowhere/ovirt-engine/api", username="a")
    with pytest.raises(ValueError, match="Invalid IPv6 URL"):
        connection.system_service().vms_service().list()
    connection.close()


def test_a_user_in_the_url_is_left_out(engine, connect):
    engine.answers["GET /ovirt-engine/api/vms"] = reply("<vms/>")
    connection = connect(url=engine.url.replace("//", "//somebody@"))
    assert connection.system_service().vms_service().list() == []
    assert connection.authenticate() == "token-1"
