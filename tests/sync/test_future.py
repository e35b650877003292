"""Futures for threads: one result each, callbacks, `as_completed`, other kinds of futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import traceback
import warnings
from typing import Any

import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from synchronous import API, opened

from trivirt import errors
from trivirt.sync import as_completed


def gated(scripted: ScriptedEngine, name: str) -> threading.Event:
    """A VM whose answer, and what is behind it on its connection, waits for an event."""
    scripted.answers[f"GET {API}/vms/{name}"] = reply(f"<vm id='{name}'/>")
    gate = scripted.gates[f"GET {API}/vms/{name}"] = threading.Event()
    return gate


def test_a_request_starts_whether_or_not_anybody_waits(port: int, scripted: ScriptedEngine) -> None:
    with opened(port) as engine:
        done = threading.Event()
        engine.soon.vms.vm("1").get().add_done_callback(lambda _: done.set())
        assert done.wait(30)
        assert f"GET {API}/vms/1" in scripted.asked


def test_results_in_any_order_and_after_closing(port: int) -> None:
    with opened(port, connections=4) as engine:
        futures = [engine.soon.vms.vm(str(number)).get() for number in range(100)]
        bad = engine.soon.vms.vm("bad").get()
        assert [future.wait().id for future in reversed(futures)] == [
            str(number) for number in reversed(range(100))
        ]
        error = bad.exception()
        assert isinstance(error, errors.Conflict)
        assert futures[0].exception() is None
    assert [future.wait().id for future in futures] == [str(number) for number in range(100)]
    assert futures[3].wait() is futures[3].wait()
    depths = set()
    for _ in range(4):
        with pytest.raises(errors.Conflict) as caught:
            bad.wait()
        assert caught.value is error
        depths.add(len(traceback.extract_tb(error.__traceback__)))
    assert len(depths) == 1


def test_several_threads_wait_for_one_future(port: int, scripted: ScriptedEngine) -> None:
    gate = gated(scripted, "gated")
    with opened(port) as engine:
        future = engine.soon.vms.vm("gated").get()
        seen: list[Any] = []
        threads = [threading.Thread(target=lambda: seen.append(future.wait())) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert not future.done()
        gate.set()
        for thread in threads:
            thread.join(30)
        assert len(seen) == 8
        assert all(one is future.wait() for one in seen)


def test_what_is_pending_at_close_raises_cancelled_in_every_thread(port: int) -> None:
    told: list[BaseException] = []

    def wait() -> None:
        try:
            future.wait()
        except errors.Cancelled as exc:
            told.append(exc)

    with opened(port) as engine:
        future = engine.soon.vms.vm("never").get()
        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(30)
    assert len(told) == 3
    assert future.done()
    for call in (future.wait, future.wait, engine.vms.vm("1").get, engine.soon.vms.list().wait):
        with pytest.raises(errors.Cancelled):
            call()


@pytest.mark.parametrize("timeout", [0.01, 0, -1])
def test_a_wait_that_takes_too_long(port: int, timeout: float) -> None:
    with opened(port) as engine:
        future = engine.soon.vms.vm("never").get()
        with pytest.raises(errors.TimedOut, match=r"GET /vms/never pending.*; it goes on"):
            future.wait(timeout)
        with pytest.raises(errors.TimedOut):
            future.exception(timeout)
        with pytest.raises(errors.TimedOut, match="1 futures were not done"):
            next(iter(as_completed([future], timeout)))
        assert not future.done()
        assert engine.soon.vms.vm("1").get().wait(float("inf")).id == "1"


def test_a_cancelled_future(port: int) -> None:
    with opened(port) as engine:
        future = engine.soon.vms.vm("never").get()
        future.cancel()
        with pytest.raises(errors.Cancelled, match="GET /vms/never was cancelled"):
            future.wait()
        assert engine.vms.vm("1").get().id == "1"


def test_callbacks_are_called_once_each(
    port: int, scripted: ScriptedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    gate, called = gated(scripted, "gated"), []
    with opened(port) as engine, caplog.at_level(logging.ERROR, "trivirt"):
        future = engine.soon.vms.vm("gated").get()
        future.add_done_callback(lambda _: 1 / 0)
        future.add_done_callback(lambda done: called.append((done, done.wait().id)))
        gate.set()
        future.wait()
        engine.vms.vm("1").get()  # The callbacks may be under way, in the portal.
        assert called == [(future, "gated")]
        future.add_done_callback(called.append)
        assert called[1:] == [future]
    assert "ZeroDivisionError" in caplog.text


def test_callbacks_left_by_many_threads_while_it_gets_done(port: int) -> None:
    called = []

    def leave(future: Any) -> None:
        for number in range(50):
            future.add_done_callback(lambda _, n=number: called.append(n))

    with opened(port) as engine:
        for _ in range(20):
            called.clear()
            future = engine.soon.vms.vm("1").get()
            threads = [threading.Thread(target=leave, args=(future,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            future.wait()
            engine.vms.vm("1").get()
            assert sorted(called) == sorted([*range(50)] * 4)


def test_a_callback_can_start_requests_and_is_told_that_it_cannot_wait(port: int) -> None:
    outcomes: list[Any] = []

    def callback(_: object) -> None:
        outcomes.append(engine.soon.vms.vm("2").get())
        try:
            engine.vms.vm("3").get()
        except errors.UsageError as exc:
            outcomes.append(str(exc))
        went_on.set()

    went_on = threading.Event()
    with opened(port) as engine:
        engine.soon.vms.vm("1").get().add_done_callback(callback)
        assert went_on.wait(30)
        future, refused = outcomes
        assert "await engine.service('vms/3').get(" in refused
        assert future.wait().id == "2"


def test_as_completed_gives_each_as_it_gets_done(port: int, scripted: ScriptedEngine) -> None:
    gates = {name: gated(scripted, name) for name in "ab"}
    with opened(port, connections=3, pipeline=1) as engine:
        a, b, bad = (engine.soon.vms.vm(name).get() for name in ("a", "b", "bad"))
        completed = as_completed([a, b, bad])
        assert next(completed) is bad
        gates["b"].set()
        assert next(completed) is b
        gates["a"].set()
        assert [future.wait().id for future in completed] == ["a"]
        assert isinstance(bad.exception(), errors.Conflict)
    assert set(as_completed([a, b, bad])) == {a, b, bad}
    assert list(as_completed([])) == []


def test_concurrent_futures_can_wait_for_it(port: int) -> None:
    with opened(port) as engine:
        good, bad, never = (
            engine.soon.vms.vm(i).get().as_concurrent() for i in ("1", "bad", "never")
        )
        assert concurrent.futures.wait([good, bad], timeout=30).done == {good, bad}
        assert concurrent.futures.wait([never], timeout=0).not_done == {never}
        assert good.result().id == "1"
        assert isinstance(bad.exception(), errors.Conflict)
        assert next(concurrent.futures.as_completed([good])) is good
        assert never.cancel()
        assert never.cancelled()
    assert good.result().id == "1"


def test_asyncio_can_await_it_and_cancel_it(port: int) -> None:
    async def main(engine: Any) -> list[str | None]:
        futures = [engine.soon.vms.vm(str(number)).get() for number in range(10)]
        vms = await asyncio.gather(*(asyncio.wrap_future(one.as_concurrent()) for one in futures))
        with pytest.raises(errors.Conflict):
            await asyncio.wrap_future(engine.soon.vms.vm("bad").get().as_concurrent())
        never = engine.soon.vms.vm("never").get()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(never.as_concurrent()), 0.01)
        assert isinstance(never.exception(30), errors.Cancelled)
        return [vm.id for vm in vms]

    with opened(port) as engine:
        assert asyncio.run(main(engine)) == [str(number) for number in range(10)]


def test_failures_that_nobody_heard_of_are_reported_once_at_close(port: int) -> None:
    def leave_some_unheard() -> None:
        with opened(port) as engine:
            sent = [engine.soon.vms.vm("bad").get() for _ in range(6)]
            engine.soon.vms.vm("never").get()
            for future in as_completed(sent):
                assert future.done()
            with pytest.raises(errors.Conflict):
                sent[0].wait()
            assert sent[1].exception() is not None
            assert sent[2].as_concurrent().exception() is not None
            sent[3].cancel()

    with pytest.warns(RuntimeWarning) as caught:
        leave_some_unheard()
    assert [str(one.message) for one in caught] == [
        "GET /vms/bad failed, and nobody waited for it: Conflict: GET /vms/bad: "
        "the engine answered 409: no"
    ] * 2
    assert {one.filename for one in caught} == {__file__}


def test_an_error_at_the_end_of_a_block_is_not_lost_to_a_warning(port: int) -> None:
    def fail() -> None:
        with opened(port) as engine:
            list(as_completed([engine.soon.vms.vm("bad").get()]))
            raise ZeroDivisionError

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning) as caught:
            fail()
    assert isinstance(caught.value.__context__, ZeroDivisionError)


async def test_waiting_in_a_trio_task_is_refused(port: int) -> None:
    def start() -> Any:
        context = opened(port)
        return context, context.__enter__().soon.vms.vm("never").get()

    context, future = await trio.to_thread.run_sync(start)
    with pytest.raises(errors.UsageError, match=r"`await future\.wait\(\)`"):
        future.wait()
    with pytest.raises(errors.UsageError, match=r"`await future\.wait\(\)`"):
        next(iter(as_completed([future])))
    assert not future.done()
    await trio.to_thread.run_sync(context.__exit__, None, None, None)
    with pytest.raises(errors.Cancelled):
        future.wait()  # It does not block.
