"""Synchronous callers: blocking calls, from wherever they come."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from scripted_engine import XML, ScriptedEngine, reply
from synchronous import API, opened, portals

import trivirt
from trivirt import errors
from trivirt.jobs import Watch
from trivirt.sync import open_engine
from trivirt.wire import Request


def test_a_script(port: int, scripted: ScriptedEngine) -> None:
    assert portals() == []
    context = opened(port)
    assert portals() == []
    with context as engine:
        assert len(portals()) == 1
        assert engine.vms.vm("7").get().id == "7"
        with pytest.raises(errors.Conflict):
            engine.vms.vm("bad").get()
        assert engine.statistics().logins == 1
        assert "open" in repr(engine)
    assert portals() == []
    assert scripted.logouts == ["token-1"]


def settled(engine: Any) -> Any:
    """After some calls in a row a connection is borrowed for those that follow."""
    for _ in range(100):
        assert engine.vms.vm("0").get().id == "0"
        if engine._line is not None and engine._line._opened:
            return engine._line
    raise AssertionError("no connection was borrowed")


def test_calls_in_a_row_are_made_by_the_calling_thread(
    port: int, scripted: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(port) as engine:
        line = settled(engine)
        with monkeypatch.context() as patch:
            patch.setattr(engine._portal, "soon", None)
            assert [engine.vms.vm(str(n)).get().id for n in range(20)] == [*map(str, range(20))]
            with pytest.raises(errors.Conflict) as caught:
                engine.vms.vm("bad").get()
            assert caught.value.path == "/vms/bad"
            with pytest.raises(errors.NotFound):
                engine.vms.vm("missing").get()
        assert engine._line is line
        assert engine.statistics().opened == 1
    assert scripted.logouts == ["token-1"]
    assert engine.statistics().opened == 1  # It is given back in time for signing off.
    assert engine.statistics().sent == len(scripted.asked)
    with pytest.raises(errors.Cancelled):
        engine.vms.vm("1").get()


def test_a_future_ends_the_borrowing_and_changes_do_not(
    port: int, scripted: ScriptedEngine
) -> None:
    scripted.answers[f"POST {API}/vms/1/start"] = reply("<action/>")
    with opened(port, connections=2, pipeline=1) as engine:
        line = settled(engine)
        engine.vms.vm("1").start()
        assert engine._line is line
        assert not line.over
        assert engine.vms.vm("2").get().id == "2"
        futures = [engine.soon.vms.vm(str(number)).get() for number in range(50)]
        assert line.over
        assert [future.wait().id for future in futures] == [*map(str, range(50))]
        assert settled(engine) is not line
        assert engine.statistics().opened == 2


def test_a_token_that_dies_under_calls_in_a_row(port: int, scripted: ScriptedEngine) -> None:
    def live() -> bytes:
        if any(f"Bearer {token}\r\n" in scripted.heads[-1] for token in scripted.live):
            return reply("<vm id='live'/>")
        return reply("<html>", status="401 Unauthorized", headers=["Content-Type: text/html"])

    scripted.answers[f"GET {API}/vms/live"] = live
    with opened(port) as engine:
        settled(engine)
        assert engine.vms.vm("live").get().id == "live"
        scripted.live.clear()
        assert [engine.vms.vm("live").get().id for _ in range(3)] == ["live"] * 3
        assert engine.statistics().renewals == 1


def test_a_connection_that_was_closed_under_calls_in_a_row(
    port: int, scripted: ScriptedEngine
) -> None:
    """Apache closes after 100 requests, and connections that are idle for 5 s."""
    last = reply("<vm id='last'/>", headers=["Connection: close", *XML])
    scripted.answers[f"GET {API}/vms/last"] = last
    scripted.answers[f"GET {API}/vms/cut"] = last[:-3]
    with opened(port) as engine:
        for _ in range(3):
            settled(engine)
            assert engine.vms.vm("last").get().id == "last"
            assert engine.vms.vm("1").get().id == "1"
        assert engine.statistics().opened == 4


def test_an_engine_that_goes_away_under_calls_in_a_row(port: int, scripted: ScriptedEngine) -> None:
    page = reply("<html>starting</html>", status="503 Busy", headers=["Content-Type: text/html"])
    pages = [page, page, page, reply("<vm id='back'/>")]
    scripted.answers[f"GET {API}/vms/back"] = lambda: pages.pop(0)
    with opened(port, retries=trivirt.Retries(first=0.01)) as engine:
        settled(engine)
        assert engine.vms.vm("back").get().id == "back"
        assert engine.vms.vm("1").get().id == "1"


def test_limits_count_for_calls_in_a_row(port: int) -> None:
    with opened(port) as engine:
        settled(engine)
        with trivirt.timeouts(first_byte=0.05), pytest.raises(errors.TimedOut) as caught:
            engine.vms.vm("never").get()
        assert "within 0.05 s" in str(caught.value)
        assert (caught.value.method, caught.value.path) == ("GET", "/vms/never")
        assert engine.vms.vm("1").get().id == "1"


def test_closing_ends_a_call_that_is_made_by_its_own_thread(port: int) -> None:
    def work() -> None:
        try:
            engine.vms.vm("never").get()
        except errors.Cancelled:
            ended.append("cancelled")

    ended: list[str] = []
    with opened(port) as engine:
        line = settled(engine)
        thread = threading.Thread(target=work)
        thread.start()
        while not line.busy:
            threading.Event().wait(0.001)
        assert engine.statistics().in_flight == 1
    thread.join(30)
    assert ended == ["cancelled"]


def test_with_one_connection_nothing_is_borrowed(port: int) -> None:
    with opened(port, connections=1) as engine:
        for number in range(10):
            assert engine.vms.vm(str(number)).get().id == str(number)
        assert engine._line is None
        assert engine._lonely < 0


def test_requests_of_other_packages_are_made_likewise(port: int, scripted: ScriptedEngine) -> None:
    request = Request("GET", f"{API}/vms/1", (("Accept", "application/xml"),))
    change = Request("POST", f"{API}/vms/1/start", (), b"<action/>")
    with opened(port) as engine:
        line = settled(engine)
        assert engine.send(request, lambda response: response.body) == b"<vm id='1'/>"
        assert engine.send(change, lambda response: response.status) == 200
        assert engine._line is line
        scripted.live.clear()
        dead = Request("GET", f"{API}/nothing")
        assert engine.send(dead, lambda response: response.status) == 200
        assert engine.statistics().logins == 2


@pytest.mark.ovirt(vms=5)
def test_calls_in_a_row_over_tls(ovirt_engine_url: Any) -> None:
    served = ovirt_engine_url
    with open_engine(
        served.url, username=served.username, password=served.password, ca_file=served.ca_file
    ) as engine:
        vms = engine.vms.list()
        for _ in range(3):
            assert [engine.vms.vm(vm.id).get().name for vm in vms] == [vm.name for vm in vms]
        assert engine._line is not None
        assert engine.statistics().opened == 1


def test_a_limit_of_a_block(port: int) -> None:
    with opened(port) as engine:
        with trivirt.timeouts(first_byte=0.05), pytest.raises(errors.TimedOut, match=r"0\.05 s"):
            engine.vms.vm("never").get()
        assert engine.vms.vm("1").get().id == "1"


def test_many_threads_share_an_engine_and_its_futures(port: int) -> None:
    results: list[list[str | None]] = []

    def work(engine: Any, shared: Any) -> None:
        mine = [engine.vms.vm(str(number)).get().id for number in range(20)]
        results.append([*mine, shared.wait().id])

    with opened(port) as engine:
        shared = engine.soon.vms.vm("50").get()
        threads = [threading.Thread(target=work, args=(engine, shared)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert results == [[*map(str, range(20)), "50"]] * 20


def test_many_threads_make_calls_in_a_row(port: int) -> None:
    """They find one connection to borrow among them, and each its own answers."""

    def work(first: int) -> None:
        for number in range(first, first + 40):
            found.append(engine.vms.vm(str(number % 100)).get().id == str(number % 100))

    found: list[bool] = []
    with opened(port, connections=3) as engine:
        for _ in range(3):
            threads = [threading.Thread(target=work, args=(n,)) for n in range(0, 100, 5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert engine.soon.vms.vm("1").get().wait().id == "1"
        assert sum(connection.lent for connection in engine._core._pool._connections) <= 1
        assert engine.statistics().opened <= 3
    assert found == [True] * 3 * 20 * 40


def test_two_engines_share_the_portal(port: int) -> None:
    with opened(port) as one:
        with opened(port) as two:
            assert len(portals()) == 1
            assert one.vms.vm("1").get() == two.vms.vm("1").get()
        assert len(portals()) == 1
        assert one.vms.vm("2").get().id == "2"
    assert portals() == []


def test_failing_to_open_leaves_no_thread(port: int) -> None:
    with pytest.raises(errors.AuthError), opened(port, password="wrong"):
        pytest.fail("opened")
    assert portals() == []


async def test_inside_trio_it_refuses_and_names_the_other_way(
    port: int, scripted: ScriptedEngine
) -> None:
    with pytest.raises(errors.UsageError, match=r"async with trivirt.open_engine"):
        opened(port).__enter__()
    context = opened(port)
    engine = await trio.to_thread.run_sync(context.__enter__)
    vm = engine.vms.vm("7")
    calls = {
        "`await engine.service('vms/7').get(...)`": vm.get,
        "`await engine.service('vms/7').start(...)`": vm.start,
        "`await engine.get(...)`": engine.get,
        "`await` before the same call": Watch(vm).until,
    }
    for words, call in calls.items():
        with pytest.raises(errors.UsageError) as caught:
            call(*(["up"] if call == calls["`await` before the same call"] else []))
        assert words in str(caught.value)
        assert "async with trivirt.open_engine" in str(caught.value)
    await trio.to_thread.run_sync(context.__exit__, None, None, None)
    assert [one for one in scripted.asked if "/api" in one] == []


async def test_inside_trio_requests_can_be_started(port: int) -> None:
    context = opened(port)
    engine = await trio.to_thread.run_sync(context.__enter__)
    future = engine.soon.vms.vm("7").get()
    assert (await trio.to_thread.run_sync(future.wait)).id == "7"
    assert future.wait().id == "7"
    await trio.to_thread.run_sync(context.__exit__, None, None, None)


def test_inside_asyncio_it_works(port: int) -> None:
    async def main() -> str | None:
        with opened(port) as engine:
            assert (await asyncio.to_thread(engine.vms.vm("2").get)).id == "2"
            value: str | None = engine.vms.vm("3").get().id
            return value

    assert asyncio.run(main()) == "3"


def test_inside_the_loop_of_jupyter_it_works(port: int, tmp_path: Path) -> None:
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    manager = pytest.importorskip("jupyter_client.manager", reason="it comes with ipykernel")
    cell = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(trivirt.__file__).parents[1])!r})
import trivirt.sync
url = "http://127.0.0.1:{port}{API}"
with trivirt.sync.open_engine(url, username="admin@internal", password="secret") as engine:
    found = [engine.vms.vm("4").get().id, engine.soon.vms.vm("5").get().wait().id]
found.append(asyncio.get_running_loop().is_running())
"""
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path)}
    kernel, client = manager.start_new_kernel(env=environment)
    try:
        answer = client.execute(
            cell, user_expressions={"found": "found"}, reply=True, timeout=60, silent=True
        )
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    content = answer["content"]
    assert content["status"] == "ok", content
    assert content["user_expressions"]["found"]["data"]["text/plain"] == "['4', '5', True]"


async def test_from_a_worker_thread_of_trio_it_works(port: int) -> None:
    def work() -> str | None:
        with opened(port) as engine:
            value: str | None = engine.vms.vm("3").get().id
            return value

    assert await trio.to_thread.run_sync(work) == "3"


def test_the_same_errors_as_in_trio() -> None:
    for function in trivirt.open_engine, open_engine:
        with pytest.raises(errors.UsageError, match="at least 1"):
            function(f"https://e{API}", token="t", connections=0)
