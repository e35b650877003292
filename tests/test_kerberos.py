"""Kerberos without a KDC: the legs of a negotiation, and what is said when it fails.

tests/integration/test_kerberos.py does the same with a real one.
"""

from __future__ import annotations

import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import trio
import trio.testing
from scripted_engine import JSON, ScriptedEngine, reply

import trivirt
from trivirt._kerberos import Negotiation
from trivirt.auth import KERBEROS_PATH, MAX_LEGS, Credentials, read_challenge
from trivirt.errors import AuthError, Cancelled, RemoteProtocolError, TimedOut, UsageError
from trivirt.wire import Response

SIGN_ON = f"POST /ovirt-engine{KERBEROS_PATH}"
LIST = "GET /ovirt-engine/api/vms"


class SpnegoError(Exception):
    """As in spnego.exceptions."""


class FeatureMissingError(Exception):
    """As in spnego.exceptions."""


class Spnego(ModuleType):
    """What trivirt uses of pyspnego: `client(...)` gives a context whose steps are scripted.

    `steps` are the tokens that the contexts give in turn, or the errors that they raise.
    """

    def __init__(self) -> None:
        super().__init__("spnego")
        self.steps: list[bytes | Exception | None] = []
        self.clients: list[tuple[Any, dict[str, Any]]] = []
        self.challenges: list[bytes | None] = []
        self.threads: list[threading.Thread] = []
        self.gate: Callable[[], None] | None = None

    def client(self, username: str | None, **options: Any) -> Spnego:
        self.clients.append((username, options))
        return self

    def step(self, challenge: bytes | None) -> bytes | None:
        self.threads.append(threading.current_thread())
        self.challenges.append(challenge)
        if self.gate is not None:
            self.gate()
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture
def spnego(monkeypatch: pytest.MonkeyPatch) -> Spnego:
    fake, exceptions = Spnego(), ModuleType("spnego.exceptions")
    exceptions.SpnegoError = SpnegoError  # type: ignore[attr-defined]
    exceptions.FeatureMissingError = FeatureMissingError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spnego", fake)
    monkeypatch.setitem(sys.modules, "spnego.exceptions", exceptions)
    return fake


@pytest.fixture
def open_kerberos(spnego: Spnego, open_scripted: Any) -> Any:
    def opened(**options: Any) -> Any:
        return open_scripted(**{"username": None, "password": None, "kerberos": True, **options})

    return opened


def negotiate(token: bytes | None) -> str:
    return f"WWW-Authenticate: Negotiate {b64encode(token or b'').decode()}".rstrip()


def refused(token: bytes | None = None) -> bytes:
    page = "<html><body>Unauthorized</body></html>"
    return reply(page, status="401 Unauthorized", headers=[negotiate(token)])


def admitted(scripted: ScriptedEngine, *headers: str) -> Callable[[], bytes]:
    def made() -> bytes:
        scripted.live.add("ticketed")
        return reply('{"access_token":"ticketed"}', headers=[*JSON, *headers])

    return made


def in_turn(*answers: bytes | Callable[[], bytes]) -> Callable[[], bytes]:
    left = list(answers)

    def made() -> bytes:
        answer = left.pop(0)
        return answer if isinstance(answer, bytes) else answer()

    return made


async def test_one_leg(scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any) -> None:
    scripted.answers[SIGN_ON] = admitted(scripted)
    scripted.answers[LIST] = reply("<vms/>")
    spnego.steps = [b"ticket"]
    async with open_kerberos() as engine:
        assert await engine.vms.list() == []
        assert engine.statistics().logins == 1
    assert scripted.asked == [SIGN_ON, LIST, "POST /ovirt-engine/services/sso-logout"]
    assert scripted.bodies[0] == (
        "grant_type=urn%3Aovirt%3Aparams%3Aoauth%3Agrant-type%3Ahttp&scope=ovirt-app-api"
    )
    assert f"Authorization: Negotiate {b64encode(b'ticket').decode()}\r\n" in scripted.heads[0]
    assert "Accept: application/json\r\n" in scripted.heads[0]
    options = {"hostname": "engine", "service": "HTTP", "protocol": "kerberos"}
    assert spnego.clients == [(None, options)]
    assert scripted.logouts == ["ticketed"]


async def test_gssapi_is_not_called_in_the_thread_of_trio(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any
) -> None:
    scripted.answers[SIGN_ON] = admitted(scripted, negotiate(b"proof"))
    spnego.steps = [b"ticket", None]
    async with open_kerberos(username="me@REALM"):
        pass
    assert spnego.challenges == [None, b"proof"]
    assert threading.current_thread() not in spnego.threads
    assert [name for name, _ in spnego.clients] == ["me@REALM"]


async def test_several_legs_share_a_connection(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any
) -> None:
    """A front end keeps a half-made negotiation with the connection."""
    legs = (refused(b"more"), refused(b"still more"))
    scripted.answers[SIGN_ON] = in_turn(*legs, admitted(scripted, negotiate(b"proof")))
    spnego.steps = [b"one", b"two", b"three", None]
    async with open_kerberos(connections=8) as engine:
        assert engine.statistics().opened == 1  # Those of the API come with its first request.
    assert spnego.challenges == [None, b"more", b"still more", b"proof"]
    sent = [head.split("Negotiate ")[1].split("\r\n")[0] for head in scripted.heads[:3]]
    assert sent == [b64encode(token).decode() for token in (b"one", b"two", b"three")]


async def test_a_negotiation_that_goes_round_in_circles(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any
) -> None:
    scripted.answers[SIGN_ON] = refused(b"more")
    spnego.steps = [b"one"] * 10
    with pytest.raises(AuthError, match="does not accept the ticket"):
        async with open_kerberos():
            pytest.fail("signed on")
    assert scripted.asked == [SIGN_ON] * MAX_LEGS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(), "engine does not accept the ticket, or the engine has no user for it"),
        (refused(b"no"), "engine does not accept the ticket"),
        (
            reply("<html/>", status="401 Unauthorized", headers=["WWW-Authenticate: Basic x"]),
            "the server does not offer Kerberos",
        ),
        (
            reply('{"error_code":"access_denied","error":"No."}', status="400 No", headers=JSON),
            "Sign-on with Kerberos was refused: access_denied: No",
        ),
    ],
)
async def test_refusals(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any, answer: bytes, words: str
) -> None:
    scripted.answers[SIGN_ON] = answer
    spnego.steps = [b"ticket", None]
    with pytest.raises(AuthError, match=words) as caught:
        async with open_kerberos():
            pytest.fail("signed on")
    assert caught.value.code == "access_denied"
    assert b64encode(b"ticket").decode() not in str(caught.value)


async def test_no_ticket(scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any) -> None:
    spnego.steps = [SpnegoError("No\nKerberos credentials available")]
    with pytest.raises(AuthError) as caught:
        async with open_kerberos(username="me"):
            pytest.fail("signed on")
    assert str(caught.value) == (
        "Sign-on with Kerberos: no ticket of me for HTTP@engine. Run kinit, or name a keytab in "
        "KRB5_CLIENT_KTNAME; klist shows what is there. GSSAPI says: No Kerberos credentials "
        "available"
    )
    assert scripted.asked == []


async def test_a_server_that_proves_nothing(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any
) -> None:
    scripted.answers[SIGN_ON] = admitted(scripted, negotiate(b"forged"))
    spnego.steps = [b"ticket", SpnegoError("Invalid token")]
    with pytest.raises(AuthError, match="the answer of HTTP@engine is not valid: Invalid token"):
        async with open_kerberos():
            pytest.fail("signed on")


class Gate:
    """Stops a step in its thread until it is opened, which leaving the block does."""

    def __init__(self) -> None:
        self._reached, self._opened, self._passed = (threading.Event() for _ in range(3))

    def __call__(self) -> None:
        self._reached.set()
        self._opened.wait(10)
        self._passed.set()

    async def reached(self) -> None:
        assert await trio.to_thread.run_sync(self._reached.wait, 10)

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.set()
        assert self._passed.wait(10)


async def test_a_kdc_that_does_not_answer(
    spnego: Spnego, open_kerberos: Any, mock_clock: trio.testing.MockClock
) -> None:
    """Its thread is left behind."""

    async def pass_time() -> None:
        await gate.reached()
        mock_clock.jump(7)

    spnego.steps = [b"late"]
    with Gate() as gate:
        spnego.gate = gate
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pass_time)
            with pytest.raises(TimedOut, match="Sign-on was not over within 7 s"):
                async with open_kerberos(timeouts=trivirt.Timeouts(sign_on=7)):
                    pytest.fail("signed on")


async def test_an_expired_token_is_renewed_with_the_ticket(
    scripted: ScriptedEngine, spnego: Spnego, open_kerberos: Any
) -> None:
    scripted.answers[SIGN_ON] = admitted(scripted)
    line = "POST /ovirt-engine/api/vms/1/start"
    scripted.answers[line] = in_turn(
        reply("<html/>", status="401 No", headers=[]), reply("<action/>")
    )
    spnego.steps = [b"one", b"two"]
    async with open_kerberos() as engine:
        await engine.vms.vm("1").start()
        assert engine.statistics().logins == 2


@pytest.mark.parametrize(("passed", "logouts"), [(2, ["ticketed"]), (5, [])])
async def test_leaving_does_not_wait_for_a_kdc(
    scripted: ScriptedEngine,
    spnego: Spnego,
    open_kerberos: Any,
    mock_clock: trio.testing.MockClock,
    passed: int,
    logouts: list[str],
) -> None:
    """Nor does it spend more than 5 s, even if that leaves a token behind."""

    async def pass_time() -> None:
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(passed)

    scripted.answers[SIGN_ON] = admitted(scripted)
    scripted.answers[LIST] = refused()
    spnego.steps = [b"one", b"late"]
    with Gate() as gate:
        async with trio.open_nursery() as nursery:
            async with open_kerberos() as engine:
                spnego.gate = gate
                future = engine.soon.vms.list()
                await gate.reached()
                nursery.start_soon(pass_time)
            with pytest.raises(Cancelled):
                await future.wait()
    assert scripted.logouts == logouts


# Without the extra.


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spnego", None)
    with pytest.raises(UsageError, match=r"pip install 'trivirt\[kerberos\]'"):
        trivirt.open_engine("https://engine/ovirt-engine/api", kerberos=True)


def test_pyspnego_without_its_kerberos_libraries(spnego: Spnego) -> None:
    spnego.steps = [FeatureMissingError("gssapi")]
    with pytest.raises(UsageError, match=r"pip install 'trivirt\[kerberos\]' \(gssapi\)"):
        Negotiation("engine").step(None)


def test_a_password_beside_a_ticket_is_refused(spnego: Spnego) -> None:
    with pytest.raises(UsageError, match="leave the password out"):
        trivirt.open_engine(
            "https://engine/ovirt-engine/api", username="u", password="p", kerberos=True
        )


@pytest.mark.parametrize(
    ("values", "token"),
    [
        ([], None),
        (["Negotiate"], None),
        (["Basic realm=x"], None),
        (["negotiate  bW9yZQ== "], b"more"),
        (["Basic realm=x", "Negotiate bW9yZQ=="], b"more"),
    ],
)
def test_challenges(values: list[str], token: bytes | None) -> None:
    headers = tuple(("www-authenticate", value) for value in values)
    assert read_challenge(Response(401, headers, b"")) == token


def test_a_broken_challenge() -> None:
    with pytest.raises(RemoteProtocolError, match="Negotiate is broken"):
        read_challenge(Response(401, (("www-authenticate", "Negotiate !"),), b""))


def test_what_is_shown() -> None:
    assert repr(Negotiation("engine")) == "<Negotiation with HTTP@engine>"
    assert Credentials(kerberos=True).renewable
