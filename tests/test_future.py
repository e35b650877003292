"""Futures of the asynchronous engine: one result each, for everybody who asks, for ever."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import outcome
import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from trio.testing import wait_all_tasks_blocked

import trivirt
from trivirt import errors
from trivirt._future import Future, warn_of

API = "/ovirt-engine/api"
FAULT = "<fault><reason>no</reason></fault>"


class Work:
    """Work whose end the test decides."""

    def __init__(self, nursery: trio.Nursery, name: str) -> None:
        self.future: Future[str] = Future(name, UNHEARD)
        self._ends = trio.Event()
        self._result: outcome.Outcome[str]
        nursery.start_soon(self.future.run, self._perform, self)

    async def _perform(self, _: object) -> str:
        await self._ends.wait()
        return self._result.unwrap()

    async def end(self, result: str | Exception) -> None:
        value = isinstance(result, str)
        self._result = outcome.Value(result) if value else outcome.Error(result)  # type: ignore[assignment, arg-type]
        self._ends.set()
        await wait_all_tasks_blocked()


UNHEARD: dict[Future[Any], None] = {}


@pytest.fixture(autouse=True)
def _nothing_unheard_of() -> Iterator[None]:
    yield
    warn_of(UNHEARD, stacklevel=1)


async def test_every_wait_gives_the_same_object(nursery: trio.Nursery) -> None:
    work, seen = Work(nursery, "it"), []

    async def look() -> None:
        seen.append(await work.future.wait())

    async with trio.open_nursery() as waiting:
        for _ in range(3):
            waiting.start_soon(look)
        await wait_all_tasks_blocked()
        result = "".join(["re", "sult"])
        await work.end(result)
    seen.append(await work.future.wait())
    assert all(one is result for one in seen)
    assert len(seen) == 4
    assert repr(work.future) == "<Future it succeeded>"


async def test_every_wait_raises_the_same_error_whose_traceback_does_not_grow(
    nursery: trio.Nursery,
) -> None:
    work, depths = Work(nursery, "it"), set()
    error = errors.Conflict("no", code=409)
    await work.end(error)
    for _ in range(5):
        with pytest.raises(errors.Conflict) as caught:
            await work.future.wait()
        assert caught.value is error
        depths.add(len(traceback.extract_tb(error.__traceback__)))
    assert len(depths) == 1
    assert repr(work.future) == "<Future it failed>"


async def test_cancelling_a_wait_leaves_the_request_and_the_others_alone(
    nursery: trio.Nursery,
) -> None:
    work = Work(nursery, "it")
    with trio.move_on_after(0) as scope:
        await work.future.wait()
    assert scope.cancelled_caught
    assert work.future._callbacks == []
    await work.end("result")
    assert await work.future.wait() == "result"
    with trio.CancelScope() as scope:
        scope.cancel()
        await work.future.wait()
    assert scope.cancelled_caught


async def test_callbacks_are_called_once_each_in_order(nursery: trio.Nursery) -> None:
    work, called = Work(nursery, "it"), []
    for number in range(3):
        work.future.add_done_callback(lambda future, n=number: called.append((n, future)))
    assert called == []
    await work.end("result")
    assert called == [(number, work.future) for number in range(3)]
    work.future.add_done_callback(lambda future: called.append((3, future)))
    assert called[3:] == [(3, work.future)]


async def test_a_callback_that_fails_is_logged_and_harms_nobody(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    work, called = Work(nursery, "it"), []
    work.future.add_done_callback(lambda _: 1 / 0)
    work.future.add_done_callback(called.append)
    with caplog.at_level(logging.ERROR, "trivirt"):
        await work.end("result")
    assert called == [work.future]
    assert "a callback of <Future it succeeded> failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_as_completed_gives_each_as_it_gets_done(nursery: trio.Nursery) -> None:
    works = [Work(nursery, str(number)) for number in range(4)]
    given = []

    async def collect() -> None:
        async for future in trivirt.as_completed(work.future for work in works):
            given.append(future)

    await works[2].end("early")
    async with trio.open_nursery() as waiting:
        waiting.start_soon(collect)
        await wait_all_tasks_blocked()
        assert given == [works[2].future]
        for number in (3, 0, 1):
            await works[number].end(ValueError() if number == 0 else "late")
            assert given[-1] is works[number].future
    with pytest.raises(ValueError):  # noqa: PT011 - it is this one
        await works[0].future.wait()


async def test_as_completed_can_be_left_and_taken_up_again(nursery: trio.Nursery) -> None:
    works = [Work(nursery, str(number)) for number in range(2)]
    completed = trivirt.as_completed([work.future for work in works])
    await works[1].end("result")
    async for future in completed:
        assert future is works[1].future
        break
    with trio.move_on_after(0) as scope:
        await completed.__anext__()
    assert scope.cancelled_caught
    assert repr(completed) == "<as_completed, 1 left>"
    await works[0].end("result")
    assert [future async for future in completed] == [works[0].future]


async def test_as_concurrent_gets_the_result_the_error_and_the_cancellation(
    nursery: trio.Nursery,
) -> None:
    good, bad, given_up = (Work(nursery, name) for name in ("good", "bad", "given up"))
    twins = [work.future.as_concurrent() for work in (good, bad, given_up)]
    assert concurrent.futures.wait(twins, timeout=0).done == set()
    await good.end("result")
    error = ValueError("bad")
    await bad.end(error)
    assert twins[0].result(0) == "result"
    assert twins[1].exception(0) is error
    assert twins[2].cancel()
    await wait_all_tasks_blocked()
    with pytest.raises(errors.Cancelled, match="given up was cancelled"):
        await given_up.future.wait()
    assert good.future.as_concurrent().result(0) == "result"


async def test_a_cancelled_request_is_an_error_for_its_concurrent_future(
    nursery: trio.Nursery,
) -> None:
    work = Work(nursery, "it")
    twin = work.future.as_concurrent()
    work.future.cancel()
    await wait_all_tasks_blocked()
    assert isinstance(twin.exception(0), errors.Cancelled)
    assert not twin.cancel()


async def test_failures_that_nobody_heard_of_are_reported_once_at_close(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    for number in range(5):
        scripted.answers[f"GET {API}/vms/{number}"] = reply(FAULT, status="409 Conflict")
    scripted.answers[f"GET {API}/vms/good"] = reply("<vm/>")
    scripted.answers[f"GET {API}/vms/never"] = b""
    with pytest.warns(RuntimeWarning) as caught:
        await _leave_some_unheard(open_scripted)
    told = sorted(str(one.message) for one in caught)
    assert told == [
        f"GET /vms/{number} failed, and nobody waited for it: Conflict: GET /vms/{number}: "
        "the engine answered 409: no"
        for number in (0, 1)
    ]
    assert {one.filename for one in caught} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of(UNHEARD, stacklevel=1)


async def _leave_some_unheard(open_scripted: Any) -> None:
    async with open_scripted() as engine:
        vms = engine.soon.vms
        sent = [vms.vm(str(number)).get() for number in range(5)]
        vms.vm("good").get()
        vms.vm("never").get()
        with pytest.raises(errors.Conflict):
            await sent[2].wait()
        await wait_all_tasks_blocked()
        assert isinstance(sent[3].exception(), errors.Conflict)
        sent[4].cancel()


async def test_a_request_starts_whether_or_not_anybody_waits(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    scripted.answers[f"GET {API}/vms/1"] = reply("<vm id='1'/>")
    async with open_scripted() as engine:
        future = engine.soon.vms.vm("1").get()
        await wait_all_tasks_blocked()
        assert future.done()
        assert f"GET {API}/vms/1" in scripted.asked


async def test_each_future_has_its_own_result_whatever_the_order_of_waiting(
    scripted: ScriptedEngine, open_scripted: Any
) -> None:
    for number in range(60):
        bad = number % 3 == 0
        body = f"<fault><reason>{number}</reason></fault>" if bad else f"<vm id='{number}'/>"
        status = "409 Conflict" if bad else "200 OK"
        scripted.answers[f"GET {API}/vms/{number}"] = reply(body, status=status)
    async with open_scripted(connections=3) as engine:
        sent = [(n, engine.soon.vms.vm(str(n)).get()) for n in range(60)]
        first = [await _look(future) for n, future in sent[40:]]
        assert first == [str(n) for n in range(40, 60)]
        assert [await _look(future) for n, future in reversed(sent)] == [
            str(n) for n in reversed(range(60))
        ]
    assert [await _look(future) for n, future in sent] == [str(n) for n in range(60)]


async def _look(future: Any) -> str | None:
    try:
        return (await future.wait()).id  # type: ignore[no-any-return]
    except errors.Conflict as exc:
        return exc.reason


def test_asyncio_is_no_loop_for_it_but_takes_its_results() -> None:
    """In trio's guest mode both run in one thread; here only the future of the other kind."""

    async def main() -> str:
        future: Future[str] = Future("it", UNHEARD)
        twin = asyncio.wrap_future(future.as_concurrent())
        future._value = "result"
        future._settle(None)
        return await twin

    assert asyncio.run(main()) == "result"
