"""Calls become requests, answers become results or errors that say why not."""

from __future__ import annotations

import gzip
import logging
from typing import Any

import pytest
import trio
from scripted_engine import URL, XML, ScriptedEngine, reply

import trivirt
from trivirt import errors, types

API = "/ovirt-engine/api"
FAULT = "<fault><reason>Operation Failed</reason><detail>[VM is running.]</detail></fault>"
HTML = ["Content-Type: text/html"]


async def test_the_four_kinds_of_answers(scripted: ScriptedEngine, open_scripted: Any) -> None:
    scripted.answers = {
        f"GET {API}/vms?search=name%3Da+b": reply("<vms><vm id='1'><name>a b</name></vm></vms>"),
        f"GET {API}/vms/1": reply("<vm id='1'><status>up</status></vm>"),
        f"POST {API}/vms": reply("<vm id='2'/>", status="201 Created"),
        f"PUT {API}/vms/2": reply("<vm id='2'><name>new</name></vm>"),
        f"DELETE {API}/vms/2": reply("<action><status>complete</status></action>"),
        f"POST {API}/vms/1/start": reply("<action><status>complete</status></action>"),
    }
    async with open_scripted() as engine:
        found = await engine.vms.list(search="name=a b")
        assert [vm.name for vm in found] == ["a b"]
        assert (await engine.vms.vm("1").get()).status == types.VmStatus.UP
        assert (await engine.vms.add(types.Vm(name="x"))).id == "2"
        assert scripted.heads[-1].count("Content-Type: application/xml\r\n") == 1
        assert (await engine.vms.vm("2").update(types.Vm(name="new"))).name == "new"
        assert await engine.vms.vm("2").remove() is None
        assert await engine.vms.vm("1").start() is None


async def test_an_empty_list_is_typed(scripted: ScriptedEngine, open_scripted: Any) -> None:
    scripted.answers[f"GET {API}/vms"] = reply("<vms/>")
    async with open_scripted() as engine:
        found = await engine.vms.list()
        assert found == []
        assert found.href is None


async def test_what_every_request_carries(scripted: ScriptedEngine, open_scripted: Any) -> None:
    scripted.answers[f"GET {API}/vms"] = reply("<vms/>")
    async with open_scripted() as engine:
        await engine.vms.list(headers={"Correlation-Id": "x-1", "Accept": "text/xml"})
    head = scripted.heads[1]
    assert "Host: engine\r\n" in head
    assert "Version: 4\r\n" in head
    assert "Correlation-Id: x-1\r\n" in head
    assert "Accept-Encoding: gzip\r\n" in head
    assert "Accept: text/xml\r\n" in head
    assert "Accept: application/xml\r\n" not in head
    assert "Expect" not in head


async def test_gzip(scripted: ScriptedEngine, open_scripted: Any) -> None:
    body = gzip.compress(b"<vms><vm id='1'/></vms>")
    head = "\r\n".join(
        ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Content-Encoding: gzip", *XML, "", ""]
    )
    scripted.answers[f"GET {API}/vms"] = head.encode() + body
    async with open_scripted() as engine:
        assert [vm.id for vm in await engine.vms.list()] == ["1"]
        scripted.answers[f"GET {API}/vms"] = head.encode() + body[:-9] + b"x" * 9
        with pytest.raises(errors.RemoteProtocolError, match="gzip"):
            await engine.vms.list()


async def test_no_compression_when_told_so(scripted: ScriptedEngine, open_scripted: Any) -> None:
    scripted.answers[f"GET {API}/vms"] = reply("<vms/>")
    async with open_scripted(compress=False) as engine:
        await engine.vms.list()
    assert "Accept-Encoding" not in scripted.heads[1]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            reply(FAULT, status="409 Conflict"),
            errors.Conflict,
            r"GET /vms/1: the engine answered 409: Operation Failed: \[VM is running.\]",
        ),
        (reply(FAULT, status="400 Bad Request"), errors.Fault, "answered 400: Operation Failed"),
        (reply(FAULT, status="403 Forbidden"), errors.Forbidden, "answered 403"),
        (reply(FAULT, status="500 Oops"), errors.Fault, "answered 500"),
        (reply(FAULT), errors.Fault, "answered 200: Operation Failed"),
        (
            reply("", status="404 Not Found", headers=["Correlation-Id: c-1"]),
            errors.NotFound,
            "404: there is no such object",
        ),
        (
            reply("<html>Not <b>Found</b></html>", status="404 Not Found", headers=HTML),
            errors.Unavailable,
            "404 'Not Found' came from the server in front",
        ),
        (
            reply("<h1>Service Unavailable</h1>", status="503 Nope", headers=HTML),
            errors.Unavailable,
            "503 'Service Unavailable'",
        ),
        (reply("", status="502 Bad Gateway", headers=[]), errors.Unavailable, "502"),
        (
            reply("<html>Internal Server Error</html>", status="500 Oops", headers=HTML),
            errors.Fault,
            "500: Internal Server Error",
        ),
        (
            reply(
                "<p>You're speaking plain HTTP to an SSL-enabled server port.</p>",
                status="400 Bad Request",
                headers=HTML,
            ),
            errors.Unavailable,
            "plain HTTP to a TLS port",
        ),
        (
            reply("", status="302 Found", headers=["Location: https://other/"]),
            errors.ResponseError,
            "redirected .302. to https://other/",
        ),
        (reply("<html>Hi</html>", headers=HTML), errors.RemoteProtocolError, "is text/html, not"),
        (reply("<vm"), errors.DecodeError, "GET /vms/1: "),
        (reply("<host/>"), errors.DecodeError, "host"),
        (reply("", headers=XML), errors.RemoteProtocolError, "200 is empty"),
    ],
)
async def test_failures(
    scripted: ScriptedEngine, open_scripted: Any, answer: bytes, error: Any, words: str
) -> None:
    scripted.answers[f"GET {API}/vms/1"] = answer
    async with open_scripted() as engine:
        with pytest.raises(errors.Error, match=words) as caught:
            await engine.vms.vm("1").get()
    assert type(caught.value) is error
    assert (caught.value.method, caught.value.path) == ("GET", "/vms/1")
    assert caught.value.status == int(answer.split()[1])
    if b"c-1" in answer:
        assert caught.value.correlation_id == "c-1"
    if isinstance(caught.value, errors.Fault) and b"<fault>" in answer:
        assert (caught.value.reason, caught.value.detail) == (
            "Operation Failed",
            "[VM is running.]",
        )


async def test_an_action_that_fails(scripted: ScriptedEngine, open_scripted: Any) -> None:
    """With an error status, and with 200, which engines do, too."""
    action = f"<action>{FAULT}<status>failed</status></action>"
    async with open_scripted() as engine:
        for status, error in ("409 Conflict", errors.Conflict), ("200 OK", errors.Fault):
            scripted.answers[f"POST {API}/vms/1/start"] = reply(action, status=status)
            with pytest.raises(error, match="VM is running"):
                await engine.vms.vm("1").start()


async def test_an_addition_that_could_not_be_read_back(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[f"POST {API}/vms"] = reply("", status="202 Accepted", headers=[])
    async with open_scripted() as engine:
        assert await engine.vms.add(types.Vm(name="x")) == types.Vm()


async def test_an_exception_leaves_the_block_as_it_was_raised(open_scripted: Any) -> None:
    """Not in an ExceptionGroup, although there is a nursery inside."""
    with pytest.raises(ZeroDivisionError):
        async with open_scripted():
            raise ZeroDivisionError


async def test_an_engine_is_opened_once(open_scripted: Any) -> None:
    context = open_scripted()
    async with context:
        pass
    with pytest.raises(errors.UsageError, match="entered once"):
        async with context:
            pytest.fail("opened")


async def test_soon_starts_at_once_and_each_future_has_its_own_result(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[f"GET {API}/vms/1"] = reply("<vm id='1'/>")
    scripted.answers[f"GET {API}/vms/2"] = reply(FAULT, status="409 Conflict")
    async with open_scripted() as engine:
        good, bad = engine.soon.vms.vm("1").get(), engine.soon.vms.vm("2").get()
        assert isinstance(good, trivirt.Future)
        assert not good.done()
        with pytest.raises(errors.Conflict):
            await bad.wait()
        assert (await good.wait()).id == "1"
        assert await good.wait() is await good.wait()
        assert good.exception() is None
        with pytest.raises(errors.Conflict) as caught:
            await bad.wait()
        assert bad.exception() is caught.value
        pending = engine.soon.vms.vm("1").get()
    with pytest.raises(errors.Cancelled):
        await pending.wait()
    assert (await good.wait()).id == "1"
    with pytest.raises(errors.Cancelled, match="closed"):
        engine.soon.vms.list()


async def test_secrets_are_in_no_repr_and_no_log(
    scripted: ScriptedEngine, open_scripted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_scripted() as engine:
        shown = [repr(engine), repr(engine.soon), repr(engine._session), repr(engine._pool)]
        with pytest.raises(errors.Error) as caught:
            await engine.vms.list()
        shown += [str(caught.value), repr(caught.value), caplog.text]
    for text in shown:
        assert "secret" not in text
        assert "token-1" not in text


@pytest.mark.parametrize(
    "url",
    [
        "https://engine",
        "https://engine/",
        "https://engine/api",
        "https://engine/ovirt-engine",
        "https://engine/ovirt-engine/api?x=1",
        "https://engine/ovirt-engine/api/v3",
        "engine/ovirt-engine/api",
        "ftp://engine/ovirt-engine/api",
        "https:///ovirt-engine/api",
        "https://engine:port/ovirt-engine/api",
        "https://[::1/ovirt-engine/api",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(errors.UsageError, match=r"expected https://.*/ovirt-engine/api"):
        trivirt.open_engine(url, token="t")


@pytest.mark.parametrize("option", ["url", "sso_url", "sso_revoke_url"])
@pytest.mark.parametrize(
    "url",
    [
        "https://admin:hunter2@engine/ovirt-engine/api",
        "https://admin:hunter2/x@engine/ovirt-engine/api",
        "https://admin:2/hunter2@engine/ovirt-engine/api",
        "https://admin:hunter2?x@engine/ovirt-engine/api",
        "https://admin:#hunter2@engine/ovirt-engine/api",
        "https://admin:hunter2[@engine/ovirt-engine/api",
        "https://admin:hunter2@engine\u2100/ovirt-engine/api",
        "admin:hunter2@engine/ovirt-engine/api",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str, option: str) -> None:
    """Also where it is not quoted, and so taken for something else."""
    given = {"url": "https://engine/ovirt-engine/api", "token": "t", option: url}
    with pytest.raises(errors.UsageError) as caught:
        trivirt.open_engine(**given)  # type: ignore[arg-type]
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


@pytest.mark.parametrize("host", ["\u011bngine", "\u00e9", "eng ine", "eng\x01ine"])
def test_hosts_that_cannot_be_in_a_request(host: str) -> None:
    with pytest.raises(errors.UsageError, match=r"The URL names the host .* in ASCII"):
        trivirt.open_engine(f"https://{host}/ovirt-engine/api", token="t")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"connections": 0}, "connections=0: at least 1"),
        ({"pipeline": 0}, "pipeline=0: 1 turns pipelining off"),
        ({"ca_file": "/no/such/file"}, "'/no/such/file' cannot be read: No such file"),
        ({"ca_file": __file__}, "holds no PEM certificate"),
    ],
)
def test_options_that_cannot_work(options: Any, words: str) -> None:
    with pytest.raises(errors.UsageError, match=words):
        trivirt.open_engine("https://engine/ovirt-engine/api", token="t", **options)


@pytest.mark.parametrize("limit", ["connect", "silence", "answer"])
def test_timeouts_that_cannot_work(limit: str) -> None:
    with pytest.raises(errors.UsageError, match=rf"Timeouts\({limit}=0\)"):
        trivirt.Timeouts(**{limit: 0})


async def test_a_host_that_is_not_there() -> None:
    with trio.fail_after(10), pytest.raises(errors.ConnectFailed, match=r"127\.0\.0\.1:1: .*refus"):
        async with trivirt.open_engine("http://127.0.0.1:1/ovirt-engine/api", token="t") as engine:
            await engine.vms.list()


def test_the_url_with_a_prefix_and_a_version() -> None:
    context = trivirt.open_engine(URL.replace("/ovirt", "/proxied/ovirt") + "/v4/", token="t")
    assert "/proxied/ovirt-engine/api/v4'" in repr(context)


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (trivirt.Limits(head=50_000), "a head of more than 50000 bytes"),
        (trivirt.Limits(body=100), "a body of more than 100 bytes"),
        (trivirt.Limits(inflated=2000), "inflates to more than 2000 bytes"),
    ],
)
async def test_an_answer_beyond_the_limits_is_an_error_at_once(
    scripted: ScriptedEngine, open_scripted: Any, limits: trivirt.Limits, complaint: str
) -> None:
    names = b"".join(b"<vm><name>%x</name></vm>" % (7919**n) for n in range(100))
    body = gzip.compress(b"<vms>" + names + b"</vms>")
    head = [
        "HTTP/1.1 200 OK",
        f"Content-Length: {len(body)}",
        "Content-Type: application/xml",
        "Content-Encoding: gzip",
        "X-Long: " + 100_000 * "x",
    ]
    scripted.answers["GET /ovirt-engine/api/vms"] = "\r\n".join([*head, "", ""]).encode() + body
    async with open_scripted(limits=limits) as engine:
        with pytest.raises(errors.RemoteProtocolError, match=complaint) as caught:
            await engine.vms.list()
        assert "trivirt.Limits" in str(caught.value)
    assert scripted.asked.count("GET /ovirt-engine/api/vms") == 1
