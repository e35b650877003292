"""Synchronous callers: the portal thread, blocking calls, futures."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from threaded_server import served

import trivirt
from trivirt import errors
from trivirt.sync import open_engine

API = "/ovirt-engine/api"
FAULT = "<fault><reason>no</reason></fault>"


@pytest.fixture
def port(scripted: ScriptedEngine) -> Iterator[int]:
    """A scripted engine on a real port."""
    for number in range(100):
        scripted.answers[f"GET {API}/vms/{number}"] = reply(f"<vm id='{number}'/>")
    scripted.answers[f"GET {API}/vms/bad"] = reply(FAULT, status="409 Conflict")
    scripted.answers[f"GET {API}/vms/never"] = b""
    with served(scripted.serve) as number:
        yield number


def opened(port: int, **options: Any) -> Any:
    options = {"username": "admin@internal", "password": "secret", **options}
    return open_engine(f"http://127.0.0.1:{port}{API}", **options)


def portals() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "trivirt portal"]


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


def test_futures(port: int) -> None:
    with opened(port, connections=4) as engine:
        futures = [engine.soon.vms.vm(str(number)).get() for number in range(100)]
        bad = engine.soon.vms.vm("bad").get()
        assert [future.wait().id for future in reversed(futures)] == [
            str(number) for number in reversed(range(100))
        ]
        for _ in range(2):
            with pytest.raises(errors.Conflict):
                bad.wait()
        assert isinstance(bad.exception(), errors.Conflict)
        assert futures[0].exception() is None
        assert futures[0].done()
        pending = engine.soon.vms.vm("never").get()
        assert not pending.done()
        with pytest.raises(errors.TimedOut, match=r"within 0.01 s; it goes on"):
            pending.wait(timeout=0.01)
    for _ in range(2):
        with pytest.raises(errors.Cancelled):
            pending.wait()
    assert futures[5].wait().id == "5"
    with pytest.raises(errors.Cancelled):
        engine.vms.vm("1").get()


def test_the_request_starts_whether_or_not_anybody_waits(
    port: int, scripted: ScriptedEngine
) -> None:
    with opened(port) as engine:
        future = engine.soon.vms.vm("1").get()
        deadline = time.monotonic() + 10
        while not future.done() and time.monotonic() < deadline:
            threading.Event().wait(0.001)
        assert f"GET {API}/vms/1" in scripted.asked


def test_a_limit_of_a_block(port: int) -> None:
    with opened(port) as engine:
        with trivirt.timeouts(first_byte=0.05), pytest.raises(errors.TimedOut, match=r"0\.05 s"):
            engine.vms.vm("never").get()
        assert engine.vms.vm("1").get().id == "1"


def test_a_cancelled_future(port: int) -> None:
    with opened(port) as engine:
        future = engine.soon.vms.vm("never").get()
        future.cancel()
        with pytest.raises(errors.Cancelled, match="GET /vms/never was cancelled"):
            future.wait()
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


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals a thread of its own")
def test_ctrl_c_gives_up_what_it_waited_for_and_nothing_else(port: int) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(engine: Any) -> None:
        while engine.statistics().in_flight < 1:
            threading.Event().wait(0.001)
        signal.pthread_kill(main, signal.SIGINT)

    with opened(port, connections=2) as engine:
        thread = threading.Thread(target=interrupt, args=(engine,))
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            engine.vms.vm("never").get()
        thread.join(10)
        assert engine.vms.vm("1").get().id == "1"
        assert engine.statistics().in_flight == 0


async def test_inside_trio_it_refuses_and_names_the_other_way(port: int) -> None:
    with pytest.raises(errors.UsageError, match=r"async with trivirt.open_engine"):
        with opened(port):
            pytest.fail("opened")


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
