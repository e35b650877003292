"""Sign-on: one login for all, one renewal, every token given back once."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from scripted_engine import JSON, URL, ScriptedEngine, reply
from scripted_network import Peer, ScriptedNetwork

import trivirt
from trivirt.auth import Credentials
from trivirt.errors import (
    AuthError,
    Cancelled,
    ConnectFailed,
    ConnectionLost,
    RemoteProtocolError,
    UsageError,
)

SIGN_ON = "POST /ovirt-engine/sso/oauth/token"
LIST = "GET /ovirt-engine/api/vms"
VMS = reply("<vms><vm id='1'/></vms>")


def live(scripted: ScriptedEngine, body: str = "<vms/>") -> Any:
    """An answer that asks for a token that is still valid."""

    def made() -> bytes:
        if any(f"Bearer {token}\r\n" in scripted.heads[-1] for token in scripted.live):
            return reply(body)
        return reply("<html>Unauthorized</html>", status="401 Unauthorized", headers=["A: b"])

    return made


async def test_the_password_travels_in_a_form_and_the_token_in_a_header(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[LIST] = VMS
    async with open_scripted(username="ü@internal", password="secret") as engine:
        await engine.vms.list()
        assert engine.statistics().logins == 1
    assert scripted.forms == [
        {
            "grant_type": ["password"],
            "scope": ["ovirt-app-api"],
            "username": ["ü@internal"],
            "password": ["secret"],
        }
    ]
    assert "Accept: application/json\r\n" in scripted.heads[0]
    assert "Authorization: Bearer token-1\r\n" in scripted.heads[1]
    assert scripted.asked == [SIGN_ON, LIST, "POST /ovirt-engine/services/sso-logout"]
    assert scripted.logouts == ["token-1"]


async def test_an_expired_token_leads_to_one_login_however_many_ask(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    """300 requests in flight: the old SDK logged in 252 times and revoked one token."""
    async with open_scripted(connections=10) as engine:
        for number in range(300):
            line = f"GET /ovirt-engine/api/vms/{number}/nics"
            scripted.answers[line] = live(scripted, f"<nics><nic id='{number}'/></nics>")
        scripted.live.clear()
        futures = [engine.soon.vms.vm(str(number)).nics.list() for number in range(300)]
        for number, future in enumerate(futures):
            assert [nic.id for nic in await future.wait()] == [str(number)]
        assert engine.statistics().logins == 2
        assert engine.statistics().renewals == 1
    assert scripted.logins == 2
    assert sorted(scripted.logouts) == ["token-1", "token-2"]
    assert sum(line.startswith("GET") for line in scripted.asked) <= 600


async def test_a_fresh_token_that_is_refused_ends_it(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[LIST] = reply("<html>No</html>", status="401 Unauthorized", headers=[])
    async with open_scripted() as engine:
        with pytest.raises(AuthError, match="a fresh token was refused, too") as caught:
            await engine.vms.list()
        assert caught.value.status == 401
    assert scripted.asked.count(LIST) == 2
    assert scripted.logins == 2


async def test_a_renewal_that_is_refused_is_not_tried_by_each_request(
    scripted: ScriptedEngine, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    """It could lock the account; the answers come in while the login is long over."""
    tried = 0

    async def sso(peer: Peer) -> None:
        nonlocal tried
        while await peer.request() is not None:
            tried += 1
            if tried == 1:
                scripted.live.add("theirs")
                await peer.send(reply('{"access_token":"theirs"}', headers=JSON))
            else:
                text = '{"error":"access_denied","error_description":"Locked"}'
                await peer.send(reply(text, status="400 No", headers=JSON))

    async def slow(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await trio.sleep(0.1)
            head = f"Authorization: Bearer {next(iter(scripted.live), None)}\r\n"
            status = "200 OK" if head in peer.head else "401 Unauthorized"
            await peer.send(reply("<vms/>", status=status))
            assert request == LIST

    network = Hosts(nursery, engine=slow, sso=sso)
    async with trivirt.open_engine(
        URL, username="u", password="p", sso_url="http://sso/token", network_backend=network
    ) as engine:
        assert await engine.vms.list() == []
        scripted.live.clear()
        futures = [engine.soon.vms.list() for _ in range(300)]
        failures = [await _failure(future) for future in futures]
        assert tried == 2
        assert len({id(failure) for failure in failures}) == 300
        assert all("Locked" in str(failure) for failure in failures)
        with pytest.raises(AuthError):  # Who asks anew has perhaps done something about it.
            await engine.vms.list()
        assert tried == 3
        engine.give_back("none")


async def _failure(future: Any) -> BaseException:
    with pytest.raises(AuthError) as caught:
        await future.wait()
    return caught.value


async def test_a_sign_on_service_that_is_away_when_a_token_dies_is_waited_for(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: Any
) -> None:
    """It starts later than the API."""
    page = reply("<h1>No</h1>", status="503 No", headers=["Content-Type: text/html"])
    scripted.answers[LIST] = live(scripted)
    async with open_scripted(retries=None) as engine:
        scripted.live.clear()

        def away() -> bytes:
            if scripted.asked.count(SIGN_ON) == 4:
                del scripted.answers[SIGN_ON]
            return page

        scripted.answers[SIGN_ON] = away
        assert await engine.vms.list() == []
    assert scripted.asked.count(SIGN_ON) == 5
    assert scripted.logins == len(scripted.logouts) == 2


async def test_a_post_answered_401_is_repeated(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    """401 means that it was not executed."""
    line = "POST /ovirt-engine/api/vms/1/start"
    async with open_scripted() as engine:
        scripted.answers[line] = live(scripted, "<action><status>complete</status></action>")
        scripted.live.clear()
        await engine.vms.vm("1").start()
    assert scripted.asked.count(line) == 2


async def test_a_token_of_the_caller_is_used_and_not_revoked(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.live.add("mine")
    scripted.answers[LIST] = live(scripted)
    async with open_scripted(username=None, password=None, token="mine") as engine:
        assert await engine.vms.list() == []
        scripted.live.clear()
        with pytest.raises(AuthError, match="Give a new token, or a username and password") as one:
            await engine.vms.list()
        assert (one.value.method, one.value.path) == ("GET", "/vms")
    assert scripted.logins == 0
    assert scripted.logouts == []


async def test_a_dead_token_with_a_password_beside_it_is_renewed(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[LIST] = live(scripted)
    async with open_scripted(token="dead") as engine:
        assert await engine.vms.list() == []
    assert scripted.logouts == ["token-1"]


async def test_a_cancelled_task_does_not_spoil_the_login_of_others(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: Any
) -> None:
    async with open_scripted() as engine:
        scripted.answers[LIST] = live(scripted)
        scripted.live.clear()
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as first:
                nursery.start_soon(engine.vms.list)
                first.cancel()
                await engine.vms.list()
        assert await engine.vms.list() == []
    assert scripted.logins == len(scripted.logouts) == 2


async def test_a_wrong_password(scripted: ScriptedEngine, open_scripted: Any) -> None:
    with pytest.raises(AuthError) as caught:
        async with open_scripted(password="hunter2"):
            pytest.fail("signed on")
    assert caught.value.code == "access_denied"
    assert str(caught.value) == (
        "Sign-on as 'admin@internal' was refused: access_denied: Cannot authenticate user"
    )
    assert scripted.logouts == []


async def test_a_sign_on_that_never_answers(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: Any
) -> None:
    scripted.answers[SIGN_ON] = b""
    with pytest.raises(trivirt.errors.TimedOut, match="Sign-on was not over within 7 s"):
        async with open_scripted(timeouts=trivirt.Timeouts(sign_on=7)):
            pytest.fail("signed on")


async def test_a_logout_that_never_answers_does_not_hold_up_the_end(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: Any
) -> None:
    async with open_scripted():
        scripted.answers["POST /ovirt-engine/services/sso-logout"] = b""
        start = trio.current_time()
    assert trio.current_time() - start == pytest.approx(5)


async def test_leaving_by_cancellation_still_signs_off(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: Any
) -> None:
    with trio.move_on_after(1) as scope:
        async with open_scripted():
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert scripted.logouts == ["token-1"]


async def test_no_login_is_begun_while_an_engine_is_being_left(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    """By a request whose 401 has just come: nobody would give that token back."""
    scripted.answers[LIST] = live(scripted)
    async with open_scripted() as engine:
        await engine._session.settle()
        scripted.live.clear()
        with pytest.raises(Cancelled, match="was closed"):
            await engine.vms.list()
    assert scripted.logins == 1
    assert scripted.logouts == ["token-1"]


async def test_a_closed_engine_does_not_sign_on_again(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    async with open_scripted() as engine:
        pass
    with pytest.raises(Cancelled):
        await engine.vms.list()
    assert scripted.logins == 1


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials("user", "the-password", "the-token"))
    assert "the-" not in shown
    assert "user" in shown


@pytest.mark.parametrize("name", ["username", "password"])
def test_what_is_no_text_is_refused_and_not_shown(name: str) -> None:
    """An encoder's error would hold all of it, also as the context of another."""
    given = {"username": "u", "password": "p", name: "s3cret\udce9"}
    with pytest.raises(UsageError, match=f"The {name} was not in UTF-8") as caught:
        trivirt.open_engine("https://e/ovirt-engine/api", **given)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_something_to_sign_on_with_is_needed() -> None:
    with pytest.raises(UsageError, match="username and a password, a token"):
        trivirt.open_engine("https://e/ovirt-engine/api", username="only")


async def test_keycloak_users_are_users_like_any_other(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    """Their names have two @, and the engine passes them on; their tokens are long."""
    token = "t" * 6000
    scripted.answers[SIGN_ON] = reply(f'{{"access_token":"{token}"}}', headers=JSON)
    scripted.live.add(token)
    scripted.answers[LIST] = VMS
    async with open_scripted(username="admin@ovirt@internalsso") as engine:
        await engine.vms.list()
    assert "&username=admin%40ovirt%40internalsso&" in scripted.bodies[0]
    assert scripted.logouts == [token]


async def test_a_login_that_breaks_says_nothing_of_the_request(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    """The POST that waited for the token was answered 401, so it was not executed."""
    line = "POST /ovirt-engine/api/vms/1/start"
    async with open_scripted(retries=trivirt.Retries(attempts=0)) as engine:
        scripted.answers[line] = live(scripted)
        scripted.live.clear()
        scripted.answers[SIGN_ON] = _hang_up
        with pytest.raises(ConnectionLost) as caught:
            await engine.vms.vm("1").start()
        assert caught.value.sent is False
        del scripted.answers[SIGN_ON]


def _hang_up() -> bytes:
    raise trio.BrokenResourceError


# A sign-on service elsewhere.


class Hosts(ScriptedNetwork):
    """Several scripted hosts, by name."""

    def __init__(self, nursery: trio.Nursery, **scripts: Any) -> None:
        super().__init__(nursery)
        self.hosts = {name: ScriptedNetwork(nursery, script) for name, script in scripts.items()}

    async def connect_tcp(self, host: str, port: int, *args: Any, **keywords: Any) -> Any:
        return await self.hosts[host].connect_tcp(host, port, *args, **keywords)


async def test_a_sign_on_service_on_another_host(
    scripted: ScriptedEngine, nursery: trio.Nursery
) -> None:
    asked: list[tuple[str, str, str]] = []

    async def sso(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            host = next(line for line in peer.head.splitlines() if line.startswith("Host:"))
            asked.append((request, host, peer.body.decode()))
            await peer.send(reply('{"id_token":"theirs"}', headers=JSON))

    scripted.live.add("theirs")
    network = Hosts(nursery, engine=scripted.serve, sso=sso)
    async with trivirt.open_engine(
        URL,
        username="me",
        password="secret",
        sso_url="http://sso:8080/realms/x/token?kc=1",
        sso_revoke_url="http://sso:8080/realms/x/revoke",
        sso_token_name="id_token",
        network_backend=network,
    ) as engine:
        scripted.live.clear()
        with pytest.raises(AuthError, match="a fresh token was refused, too"):
            await engine.vms.list()
        statistics = engine.statistics()
    # A login, a request and the fresh login and request for it, on a connection to each.
    assert (statistics.logins, statistics.sent, statistics.opened) == (2, 4, 2)
    form = "grant_type=password&scope=ovirt-app-api&username=me&password=secret"
    assert asked[0] == ("POST /realms/x/token?kc=1", "Host: sso:8080", form)
    revoked = ("POST /realms/x/revoke", "Host: sso:8080", "scope=ovirt-app-api&token=theirs")
    assert asked[2:] == [revoked]
    assert len(network.hosts["sso"].connections) == 1
    assert all("GET" in line for line in scripted.asked)


async def test_a_token_from_elsewhere_is_given_back_to_the_engine_unless_told_otherwise(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers["POST /token"] = reply('{"access_token":"theirs"}', headers=JSON)
    async with open_scripted(sso_url="http://engine/token"):
        pass
    assert scripted.logouts == ["theirs"]


async def test_a_token_from_elsewhere_does_not_prove_that_there_is_an_engine(
    scripted: ScriptedEngine, nursery: trio.Nursery
) -> None:
    """One that was never there is not waited for as one that has gone away is."""
    scripted.answers["POST /token"] = reply('{"access_token":"theirs"}', headers=JSON)
    network = Hosts(nursery, engine=None, sso=scripted.serve)
    async with trivirt.open_engine(
        URL, username="u", password="p", sso_url="http://sso/token", network_backend=network
    ) as engine:
        with pytest.raises(ConnectFailed, match="No connection to engine:80: connection refused"):
            await engine.vms.list()


async def test_a_sign_on_service_that_is_not_there(
    scripted: ScriptedEngine, nursery: trio.Nursery
) -> None:
    network = Hosts(nursery, engine=scripted.serve, sso=None)
    with pytest.raises(ConnectFailed, match="No connection to sso:80: connection refused"):
        async with trivirt.open_engine(
            URL, username="u", password="p", sso_url="http://sso/token", network_backend=network
        ):
            pytest.fail("signed on")


# A port that is not what it seems.


@pytest.mark.parametrize("answer", [b"\x15\x03\x03\x00\x02\x02\x46", b""], ids=["alert", "end"])
async def test_plain_http_spoken_to_a_tls_port(nursery: trio.Nursery, answer: bytes) -> None:
    async def tls_server(peer: Peer) -> None:
        if await peer.request() is not None and answer:
            await peer.send(answer)

    with pytest.raises((RemoteProtocolError, ConnectionLost), match="begins with https://"):
        async with trivirt.open_engine(
            URL,
            username="u",
            password="p",
            network_backend=ScriptedNetwork(nursery, tls_server),
        ):
            pytest.fail("signed on")
