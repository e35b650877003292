"""Synchronous callers: blocking calls, from wherever they come."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from scripted_engine import ScriptedEngine
from synchronous import API, opened, portals

import trivirt
from trivirt import errors
from trivirt.jobs import Watch
from trivirt.sync import open_engine


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
