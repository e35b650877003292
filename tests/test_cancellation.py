"""Cancel an engine's life at every step: nothing stays behind, every token is given back."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import trio
from scripted_engine import URL, ScriptedEngine, reply
from scripted_network import ScriptedNetwork
from trio.testing import MockClock

import trivirt
from trivirt import errors
from trivirt.auth import Session
from trivirt.wire import Pool
from trivirt.wire._connection import Connection

API = "/ovirt-engine/api"


class CancelAt(trio.abc.Instrument):
    """Cancels a scope when the run has taken so many steps."""

    def __init__(self, step: int, scope: trio.CancelScope) -> None:
        self.left, self.scope = step, scope

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


def _prepare(scripted: ScriptedEngine) -> None:
    scripted.__init__()  # type: ignore[misc]  # as new, for the network that serves it already

    def list_vms() -> bytes:
        if scripted.asked.count(f"GET {API}/vms") == 1:
            scripted.live.clear()  # The token dies under what follows.
        return reply("<vms><vm id='1'/><vm id='2'/></vms>")

    scripted.answers[f"GET {API}/vms"] = list_vms
    for number in "12":
        scripted.answers[f"GET {API}/vms/{number}"] = live(scripted, f"<vm id='{number}'/>")
    scripted.answers[f"POST {API}/vms/1/start"] = live(scripted, "<action/>")


def live(scripted: ScriptedEngine, body: str) -> Any:
    def made() -> bytes:
        if any(f"Bearer {token}\r\n" in scripted.heads[-1] for token in scripted.live):
            return reply(body)
        return reply("<html>", status="401 Unauthorized", headers=["Content-Type: text/html"])

    return made


async def _life(open_scripted: Any, results: list[str | None]) -> None:
    async with open_scripted(connections=2) as engine:
        vms = await engine.vms.list()
        futures = [engine.soon.vms.vm(vm.id).get() for vm in vms]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.vms.vm("1").start)
            for vm, future in zip(vms, futures, strict=True):
                assert (await future.wait()).id == vm.id
                results.append(vm.id)


async def test_cancel_an_engine_at_every_step(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    step, reached = 0, True
    while reached:
        step += 1
        _prepare(scripted)
        results: list[str | None] = []
        started = trio.current_time()
        with trio.CancelScope() as scope:
            instrument = CancelAt(step, scope)
            trio.lowlevel.add_instrument(instrument)
            try:
                await _life(open_scripted, results)
            finally:
                trio.lowlevel.remove_instrument(instrument)
        reached = instrument.left <= 0
        assert results == ["1", "2"][: len(results)]
        assert scripted.live == set(), f"a token was left behind at step {step}"
        assert len(scripted.logouts) == len(set(scripted.logouts)) == scripted.logins
        assert trio.current_time() - started < 8
    assert step > 60
    assert results == ["1", "2"]


async def test_cancelling_a_wait_leaves_the_request_alone(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[f"GET {API}/vms/1"] = reply("<vm id='1'/>")
    async with open_scripted() as engine:
        future = engine.soon.vms.vm("1").get()
        with trio.CancelScope() as scope:
            scope.cancel()
            await future.wait()
        assert scope.cancelled_caught
        assert (await future.wait()).id == "1"


async def test_cancelling_a_future_spares_the_others(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    for number in "123":
        scripted.answers[f"GET {API}/vms/{number}"] = reply(f"<vm id='{number}'/>")
    async with open_scripted(connections=1) as engine:
        futures = [engine.soon.vms.vm(number).get() for number in "123"]
        futures[1].cancel()
        assert (await futures[0].wait()).id == "1"
        assert (await futures[2].wait()).id == "3"
        try:
            await futures[1].wait()
        except errors.Cancelled as exc:
            assert "GET /vms/2 was cancelled" in str(exc)  # noqa: PT017 - it may have been done


async def test_a_limit_of_a_block_counts_for_the_tasks_started_in_it(
    scripted: ScriptedEngine, open_scripted: Any, autojump_clock: MockClock
) -> None:
    scripted.answers[f"GET {API}/vms/1"] = b""
    async with open_scripted() as engine:
        with trivirt.timeouts(first_byte=3):
            future = engine.soon.vms.vm("1").get()
            with trivirt.timeouts(silence=1):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_expect_timeout, engine, 3)
        assert isinstance(future.exception(), errors.TimedOut)
        await _expect_timeout(engine, 300)


async def _expect_timeout(engine: trivirt.Engine, seconds: float) -> None:
    start = trio.current_time()
    try:
        await engine.vms.vm("1").get()
    except errors.TimedOut:
        assert seconds <= trio.current_time() - start < 2 * seconds + 1
    else:
        raise AssertionError("it was answered")


# Ctrl-C


def _interrupt_in(monkeypatch: pytest.MonkeyPatch, where: type, name: str, turn: int) -> list[int]:
    """Press Ctrl-C when a method is called for the n-th time; counts the calls."""
    original, calls = getattr(where, name), [0]

    def interrupted(self: Any, *args: Any, **keywords: Any) -> Any:
        calls[0] += 1
        if calls[0] == turn:
            signal.raise_signal(signal.SIGINT)
        return original(self, *args, **keywords)

    monkeypatch.setattr(where, name, interrupted)
    return calls


def _run_interrupted(scripted: ScriptedEngine) -> None:
    """A trio run of its own, since Ctrl-C is for the main task of one."""
    for number in range(200):
        scripted.answers[f"GET {API}/vms/{number}"] = reply(f"<vm id='{number}'/>")

    async def use(network: ScriptedNetwork) -> None:
        async with trivirt.open_engine(
            URL, username="u", password="secret", network_backend=network
        ) as engine:
            futures = [engine.soon.vms.vm(str(number)).get() for number in range(200)]
            for future in futures:
                await future.wait()

    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as servers:
                await use(ScriptedNetwork(servers, scripted.serve))

    # Where SIGINT is ignored, as in the background of a shell, trio leaves it so.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        trio.run(main)
    finally:
        signal.signal(signal.SIGINT, handler)


def _leaves(error: BaseException) -> list[BaseException]:
    parts = getattr(error, "exceptions", None)
    return [error] if parts is None else [leaf for part in parts for leaf in _leaves(part)]


def _interrupt(
    scripted: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, where: type, name: str, turn: int
) -> None:
    """Press Ctrl-C in this call, and see that it is what ends the run."""
    calls = _interrupt_in(monkeypatch, where, name, turn)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group, in which it is
        _run_interrupted(scripted)
    assert {type(error) for error in _leaves(caught.value)} == {KeyboardInterrupt}
    assert calls[0] >= turn


@pytest.mark.parametrize(
    ("where", "name", "turn"),
    [
        (Connection, "_deliver", 1),
        (Connection, "_deliver", 5),
        (Connection, "_take", 3),
        (Pool, "_serve", 1),
        (Pool, "_open", 4),
        (Pool, "_pump", 20),
        (Pool, "_settle", 50),
        (Session, "_describe", 1),
    ],
)
def test_ctrl_c_in_any_code_ends_the_run_and_signs_off(
    scripted: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, where: type, name: str, turn: int
) -> None:
    _interrupt(scripted, monkeypatch, where, name, turn)
    assert scripted.live == set()
    assert len(scripted.logouts) == scripted.logins == 1


@pytest.mark.parametrize(
    ("where", "name", "turn"), [(Session, "owed", 1), (Pool, "give_up", 1), (Pool, "close", 1)]
)
def test_ctrl_c_while_an_engine_is_being_left_ends_the_run(
    scripted: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, where: type, name: str, turn: int
) -> None:
    _interrupt(scripted, monkeypatch, where, name, turn)
