"""Repeating requests while an engine is away: how long, how often, and by whom."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from trio.testing import MockClock, wait_all_tasks_blocked

import trivirt
from trivirt import errors
from trivirt._patience import Patience, Retries
from trivirt._replies import retry_after
from trivirt.simulator import SimulatedEngine
from trivirt.wire import Response

VMS = "GET /ovirt-engine/api/vms"
BUSY = reply("<h1>Busy</h1>", status="503 No", headers=["Content-Type: text/html"])


def counted(scripted: ScriptedEngine, failures: int, failure: bytes = BUSY) -> Any:
    """An answer that fails so many times first."""

    def made() -> bytes:
        return failure if scripted.asked.count(VMS) <= failures else reply("<vms/>")

    return made


@pytest.mark.parametrize("status", [408, 502, 503, 504])
async def test_a_get_is_repeated(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock, status: int
) -> None:
    failure = BUSY.replace(b"503", str(status).encode())
    scripted.answers[VMS] = counted(scripted, 3, failure)
    async with open_scripted(retries=None) as engine:
        assert await engine.vms.list() == []
    assert scripted.asked.count(VMS) == 4
    assert 0.25 + 0.5 + 1 < trio.current_time() < 0.5 + 1 + 2 + 0.1


async def test_repeating_ends_by_number(
    scripted: ScriptedEngine,
    open_scripted: Any,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scripted.answers[VMS] = BUSY
    async with open_scripted(retries=Retries(attempts=5)) as engine:
        with pytest.raises(errors.Unavailable, match="503 'Busy'") as caught:
            await engine.vms.list()
    assert caught.value.status == 503
    assert scripted.asked.count(VMS) == 6
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1


PAGE = reply("<html>Not Found</html>", status="404 No", headers=["Content-Type: text/html"])
ROOT = "GET /ovirt-engine/api"


async def test_repeating_ends_by_time(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    scripted.answers[VMS] = BUSY
    async with open_scripted(retries=Retries(attempts=1000, seconds=60)) as engine:
        with pytest.raises(errors.Unavailable):
            await engine.vms.list()
        assert 60 <= trio.current_time() <= 76


async def test_the_server_says_how_long_to_wait(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    asks = BUSY.replace(b"Content-Type", b"Retry-After: 42\r\nContent-Type")
    scripted.answers[VMS] = counted(scripted, 1, asks)
    async with open_scripted(retries=None) as engine:
        assert await engine.vms.list() == []
        assert 42 <= trio.current_time() < 43


async def test_a_server_that_asks_for_too_much_is_given_up(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    scripted.answers[VMS] = BUSY.replace(b"Content-Type", b"Retry-After: 86400\r\nContent-Type")
    async with open_scripted(retries=None) as engine:
        with pytest.raises(errors.Unavailable):
            await engine.vms.list()
        assert trio.current_time() < 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 12:00:30 +0100", 0),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_when_a_server_wants_to_be_asked_again(asked: str, seconds: float | None) -> None:
    """By its own clock, which is in the answer: ours may be wrong."""
    date = ("date", "Mon, 23 Nov 2026 12:00:00 GMT")
    assert retry_after(Response(503, (date, ("retry-after", asked)), b"")) == seconds
    assert retry_after(Response(503, (("retry-after", asked),), b"")) is None
    assert retry_after(Response(503, (date,), b"")) is None


async def test_a_server_that_asks_for_an_absurd_time_is_given_up(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    asks = b"Retry-After: " + b"9" * 400 + b"\r\nContent-Type"
    scripted.answers[VMS] = BUSY.replace(b"Content-Type", asks)
    async with open_scripted(retries=None) as engine:
        with pytest.raises(errors.Unavailable):
            await engine.vms.list()
    assert trio.current_time() < 1


async def test_an_error_after_all_repetitions_names_the_request(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    """Its path is the one of the API, whatever it broke on."""
    async with open_scripted(retries=Retries(attempts=2)) as engine:
        for answer, kind in [
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", errors.RemoteProtocolError),
            (_hang_up, errors.ConnectionLost),
            (BUSY, errors.Unavailable),
        ]:
            scripted.answers[VMS] = answer
            with pytest.raises(kind) as caught:
                await engine.vms.list()
            assert (caught.value.method, caught.value.path) == ("GET", "/vms")


def _hang_up() -> bytes:
    raise trio.BrokenResourceError


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_change_is_not_repeated(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock, method: str
) -> None:
    """An engine that dies under a request leaves a 503, too, so it may have been executed."""
    path = {"POST": "/start", "PUT": "", "DELETE": ""}[method]
    scripted.answers[f"{method} /ovirt-engine/api/vms/1{path}"] = BUSY
    async with open_scripted(retries=None) as engine:
        vm = engine.vms.vm("1")
        with pytest.raises(errors.Unavailable):
            await {
                "POST": vm.start,
                "PUT": lambda: vm.update(trivirt.types.Vm(name="x")),
                "DELETE": vm.remove,
            }[method]()
    assert len(scripted.asked) == 3


async def test_a_page_with_404_is_an_outage_only_if_the_root_is_gone_too(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    scripted.answers[VMS] = PAGE
    async with open_scripted(retries=None) as engine:
        with pytest.raises(errors.Unavailable, match="or it has no such path") as caught:
            await engine.vms.list()
        assert caught.value.absent
        assert scripted.asked.count(VMS) == 2
        assert trio.current_time() < 0.1

        scripted.asked.clear()
        scripted.answers[ROOT] = PAGE
        scripted.answers[VMS] = counted(scripted, 3, PAGE)
        assert await engine.vms.list() == []
        assert scripted.asked.count(ROOT) == 3


async def test_a_page_with_404_is_not_believed_of_an_engine_that_has_come_meanwhile(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    """It was deployed between the answer to the path and that to the root."""
    scripted.answers[VMS] = counted(scripted, 1, PAGE)
    async with open_scripted(retries=Retries(attempts=0)) as engine:
        assert await engine.vms.list() == []
    assert scripted.asked.count(VMS) == 2
    assert trio.current_time() < 0.1


async def test_an_engine_that_goes_away_between_two_looks_is_away(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    answers = iter([PAGE, BUSY, reply("<vms/>")])
    scripted.answers[VMS] = lambda: next(answers)
    async with open_scripted(retries=None) as engine:
        assert await engine.vms.list() == []
    assert scripted.asked.count(VMS) == 3
    assert trio.current_time() >= 0.25


async def test_a_path_that_no_service_has_does_not_make_an_outage_longer(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    """Whoever asks for it may be the one that tries, and on whom all others wait."""
    nowhere = "GET /ovirt-engine/api/bookmarks"
    scripted.answers[nowhere] = BUSY
    async with open_scripted(retries=None) as engine, trio.open_nursery() as nursery:

        async def ask_nowhere() -> None:
            with pytest.raises(errors.Unavailable):
                await engine.bookmarks.list()

        nursery.start_soon(ask_nowhere)
        await wait_all_tasks_blocked()
        scripted.answers[VMS] = counted(scripted, 1, BUSY)
        nursery.start_soon(engine.vms.list)
        await wait_all_tasks_blocked()
        scripted.answers[nowhere] = PAGE
    assert trio.current_time() < 2


async def test_an_engine_that_never_answered_is_not_waited_for(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    """At first contact a wrong port is more likely than a restart."""
    scripted.answers[VMS] = BUSY
    options = {"username": None, "password": None, "token": "t", "retries": None}
    async with open_scripted(**options) as engine:
        with pytest.raises(errors.Unavailable):
            await engine.vms.list()
    assert trio.current_time() < 0.1


async def test_an_engine_restart_under_a_thousand_requests(autojump_clock: MockClock) -> None:
    """Refused, then 503, then 404 pages, then dead tokens: a thousand right results."""
    simulated = SimulatedEngine(vms=100, latency=0.01)
    names: dict[int, str | None] = {}

    async with (
        simulated.in_process() as here,
        trivirt.open_engine(
            here.url,
            username=here.username,
            password=here.password,
            network_backend=here.network_backend,
        ) as engine,
    ):
        vms = await engine.vms.list()

        async def ask(number: int) -> None:
            names[number] = (await engine.vms.vm(str(vms[number % 100].id)).get()).name

        async def restart() -> None:
            await trio.sleep(0.05)
            with simulated.outage("stopped"):
                await trio.sleep(20)
            with simulated.outage("starting"):
                await trio.sleep(30)
            with simulated.outage("deploying"):
                await trio.sleep(30)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(restart)
            for number in range(1000):
                nursery.start_soon(ask, number)
        asked = engine.statistics()
    assert names == {number: vms[number % 100].name for number in range(1000)}
    assert trio.current_time() > 80
    assert asked.logins == 2
    # One at a time knocks at the door; the others do not come on top.
    assert asked.sent < 2000


# Patience by itself


async def test_one_leads_and_the_others_wait(autojump_clock: MockClock) -> None:
    patience = Patience(Retries())
    led: list[bool] = []

    async def one() -> None:
        led.append(await patience.wait(errors.Unavailable("away"), 0, None, False))
        if led[-1]:
            patience.recovered()
            patience.resign()

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(one)
    assert sum(led) == 1
    assert len(led) == 50
    assert not patience.away


async def test_a_cancelled_leader_is_followed_by_another(autojump_clock: MockClock) -> None:
    patience = Patience(Retries(first=10, longest=10))
    led: list[bool] = []

    async def other() -> None:
        led.append(await patience.wait(errors.Unavailable("away"), 0, None, False))

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            nursery.start_soon(other)
            await patience.wait(errors.Unavailable("away"), 0, None, False)
    assert led == [True]


@pytest.mark.parametrize(
    "options", [{"attempts": -1}, {"first": 0}, {"first": 20}, {"seconds": -1}]
)
def test_retries_that_cannot_work(options: Any) -> None:
    with pytest.raises(errors.UsageError, match="Retries"):
        Retries(**options)


def test_pauses_double_up_to_a_bound() -> None:
    retries = Retries(first=1, longest=30)
    for turn, longest in enumerate([1, 2, 4, 8, 16, 30, 30]):
        assert longest / 2 <= retries.pause(turn) <= longest
    assert retries.pause(10**6) <= 30
