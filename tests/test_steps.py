"""Work of several requests through an engine: each thing once, seen in all four views."""

from __future__ import annotations

import gzip
import inspect
import pydoc
import threading
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from threaded_server import served

import trivirt
from trivirt import _replies, errors
from trivirt.errors import UsageError
from trivirt.jobs import Watch
from trivirt.sync import open_engine
from trivirt.types import Host, Vm

API = "/ovirt-engine/api"
PAGES = [["1", "2"], ["3", "4"], ["5"], []]


@pytest.fixture(autouse=True)
def script(scripted: ScriptedEngine) -> None:
    for number, ids in enumerate(PAGES, 1):
        vms = "".join(f"<vm id='{id}'/>" for id in ids)
        request = f"GET {API}/vms?max=2&search=page+{number}"
        scripted.answers[request] = reply(f"<vms>{vms}</vms>")
    states = cycle(["powering_up", "up"])
    scripted.answers[f"GET {API}/vms/1"] = lambda: reply(
        f"<vm href='{API}/vms/1' id='1'><status>{next(states)}</status>"
        f"<host href='{API}/hosts/h'/><link rel='nics' href='{API}/vms/1/nics'/></vm>"
    )
    scripted.answers[f"GET {API}/hosts/h"] = reply("<host id='h'/>")
    scripted.answers[f"GET {API}/vms/1/nics"] = reply("<nics><nic id='n'/></nics>")
    scripted.answers[f"GET {API}/vms/asleep"] = reply("<vm><status>down</status></vm>")


@pytest.fixture
def port(scripted: ScriptedEngine) -> Iterator[int]:
    with served(scripted.serve) as number:
        yield number


def opened(port: int) -> Any:
    url = f"http://127.0.0.1:{port}{API}"
    return open_engine(url, username="admin@internal", password="secret")


async def test_awaited(open_scripted: Any) -> None:
    async with open_scripted() as engine:
        assert [vm.id async for vm in engine.vms.iterate(max=2)] == list("12345")
        vm = await Watch(engine.vms.vm("1"), pause=0).until("up")
        assert (await engine.follow(vm.host)).id == "h"
        assert [nic.id for nic in await engine.follow(vm.nics)] == ["n"]
        assert [nic.id for nic in await engine.service("vms/1/nics").list()] == ["n"]


async def test_soon(open_scripted: Any) -> None:
    async with open_scripted() as engine:
        assert [vm.id async for vm in engine.soon.vms.iterate(max=2)] == list("12345")
        future = Watch(engine.soon.vms.vm("1"), pause=0).until("up")
        assert repr(future) == "<Future Watch.until /vms/1 pending>"
        vm = await future.wait()
        assert (await engine.soon.follow(vm.host).wait()).id == "h"


async def test_soon_is_one_page_ahead(open_scripted: Any, scripted: ScriptedEngine) -> None:
    async with open_scripted() as engine:
        vms = engine.soon.vms.iterate(max=2)
        asked = []
        for _ in range(3):
            await anext(vms)
            await trio.testing.wait_all_tasks_blocked()
            asked.append(sum("page" in request for request in scripted.asked))
        assert asked == [2, 2, 3]


def test_blocking(port: int) -> None:
    with opened(port) as engine:
        vms = engine.vms.iterate(max=2)
        assert iter(vms) is vms
        assert [vm.id for vm in vms] == list("12345")
        vm = Watch(engine.vms.vm("1"), pause=0).until("up")
        assert engine.follow(vm.host).id == "h"
        assert [nic.id for nic in engine.follow(vm.nics)] == ["n"]
        assert [nic.id for nic in engine.service("vms/1/nics").list()] == ["n"]


def test_blocking_soon(port: int) -> None:
    with opened(port) as engine:
        assert [vm.id for vm in engine.soon.vms.iterate(max=2)] == list("12345")
        vm = Watch(engine.soon.vms.vm("1"), pause=0).until("up").wait()
        assert engine.soon.follow(vm.host).wait(timeout=5).id == "h"


def test_steps_of_other_threads_do_not_wait_for_each_other(port: int) -> None:
    with opened(port) as engine:
        asleep = Watch(engine.soon.vms.vm("asleep"), pause=1000).until("up")
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.extend(engine.vms.iterate(max=2)))
        thread.start()
        thread.join(20)
        assert len(found) == 5
        assert not asleep.done()
    with pytest.raises(errors.Cancelled):
        asleep.wait()


async def test_closing_does_not_wait_for_steps_that_sleep(
    open_scripted: Any, autojump_clock: Any
) -> None:
    async with open_scripted() as engine:
        future = Watch(engine.soon.vms.vm("asleep"), pause=1000).until("up")
        await trio.testing.wait_all_tasks_blocked()
    assert trio.current_time() < 10
    with pytest.raises(errors.Cancelled):
        await future.wait()


async def test_the_wrong_loop_for_the_view(open_scripted: Any) -> None:
    async with open_scripted() as engine:
        for view in (engine, engine.soon):
            with pytest.raises(TypeError, match="use `async for`"):
                next(view.vms.iterate())


def test_the_wrong_loop_for_a_synchronous_engine(port: int, scripted: ScriptedEngine) -> None:
    scripted.answers[f"GET {API}/vms?max=100&search=page+1"] = b""  # Never comes.

    async def wrong(view: Any) -> None:
        await anext(view.vms.iterate())

    with opened(port) as engine:
        for view in (engine, engine.soon):
            with pytest.raises(UsageError, match="blocks its thread"):
                trio.run(wrong, view)


def check_help(engine: Any) -> None:
    for view in (engine, engine.soon):
        for operation in (view.vms.list, view.vms.iterate):
            signature = inspect.signature(operation)
            assert list(signature.parameters)[-3:] == ["search", "headers", "query"]
            text = pydoc.plain(pydoc.render_doc(operation))
            # Before Python 3.14 annotations have quotes here.
            assert "search: str | None = None" in text.replace("'", "")
        assert "List virtual machines." in pydoc.plain(pydoc.render_doc(view.vms.list))
        assert "page by page" in pydoc.plain(pydoc.render_doc(view.vms.iterate))
        assert "`href`" in pydoc.plain(pydoc.render_doc(view.follow))
        assert "first was one of these" in (inspect.getdoc(Watch(view.vms.vm("1")).until) or "")


async def test_help_in_the_asynchronous_views(open_scripted: Any) -> None:
    async with open_scripted() as engine:
        check_help(engine)


def test_help_in_the_synchronous_views(port: int) -> None:
    with opened(port) as engine:
        check_help(engine)


class TestFollow:
    @pytest.mark.parametrize(
        ("obj", "complaint"),
        [
            (None, "nothing to follow"),
            (Vm(id="1"), "has no href"),
            (Vm(href="/elsewhere/api/vms/1"), "is not below '/ovirt-engine/api'"),
            (Vm(href="http://other/ovirt-engine/api/vms/1"), "is not below"),
            (Vm(href="/ovirt-engine/apis/vms/1"), "is not below"),
            (Vm(href=f"{API}/vms/../../x"), "leads to nothing"),
            (Vm(href=f"{API}/vms/1\r\nX: y"), "line break"),
            (trivirt.types.Vm(nics=[]).nics, "has no href"),
        ],
    )
    async def test_refused(self, open_scripted: Any, obj: Any, complaint: str) -> None:
        async with open_scripted() as engine:
            with pytest.raises(UsageError, match=complaint):
                await engine.follow(obj)

    async def test_a_list_that_is_no_list(self, open_scripted: Any) -> None:
        from trivirt.model import Items

        async with open_scripted() as engine:
            for href in (f"{API}/vms/1", f"{API}/no/such/thing"):
                with pytest.raises(UsageError, match="leads to nothing"):
                    await engine.follow(Items[Any](href=href))

    async def test_not_an_object(self, open_scripted: Any) -> None:
        async with open_scripted() as engine:
            with pytest.raises(TypeError, match="not '/vms/1'"):
                await engine.follow("/vms/1")

    async def test_what_only_a_newer_engine_has(
        self, open_scripted: Any, scripted: ScriptedEngine
    ) -> None:
        scripted.answers[f"GET {API}/racks/1%2F2"] = reply("<host id='new'/>")
        async with open_scripted() as engine:
            assert (await engine.follow(Host(href=f"{API}/racks/1%2F2"))).id == "new"

    async def test_ids_and_queries_arrive_as_they_are(
        self, open_scripted: Any, scripted: ScriptedEngine
    ) -> None:
        request = f"GET {API}/vms/a%2Fb%20c?current=true&x=1"
        scripted.answers[request] = reply("<vm id='odd'/>")
        async with open_scripted() as engine:
            href = f"{API}/vms/a%2Fb%20c?current=true"
            assert (await engine.follow(Vm(href=href), query={"x": 1})).id == "odd"


class TestLongAnswers:
    """They are read in steps, between which other tasks run."""

    @pytest.fixture
    def long(self) -> str:
        return f"<vms>{'<vm><name>a</name><cpu/></vm>' * 50_000}</vms>"

    @pytest.mark.parametrize("coding", ["plain", "gzip"])
    async def test_other_tasks_run_meanwhile(
        self, open_scripted: Any, scripted: ScriptedEngine, long: str, coding: str
    ) -> None:
        body = gzip.compress(long.encode()) if coding == "gzip" else long.encode()
        more = "Content-Encoding: gzip\r\n" if coding == "gzip" else ""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n{more}"
        scripted.answers[f"GET {API}/vms"] = (
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        steps = Steps()
        async with open_scripted() as engine:
            trio.lowlevel.add_instrument(steps)
            vms = await engine.vms.list()
            trio.lowlevel.remove_instrument(steps)
        assert len(vms) == 50_000
        # One step for each piece of 64 kB, and a few for the network.
        assert steps.most >= len(long) // _replies._PIECE

    async def test_a_short_answer_takes_no_step(
        self, open_scripted: Any, scripted: ScriptedEngine, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("trivirt.engine.read_long_reply", None)
        async with open_scripted() as engine:
            assert [nic.id for nic in await engine.vms.vm("1").nics.list()] == ["n"]

    async def test_errors_name_the_request(
        self, open_scripted: Any, scripted: ScriptedEngine, long: str
    ) -> None:
        scripted.answers[f"GET {API}/vms"] = reply(long[:-9])
        scripted.answers[f"GET {API}/hosts"] = reply(long)
        async with open_scripted() as engine:
            with pytest.raises(errors.DecodeError, match="GET /vms: malformed XML") as caught:
                await engine.vms.list()
            assert (caught.value.path, caught.value.correlation_id) == ("/vms", "c-1")
            with pytest.raises(errors.DecodeError, match="GET /hosts: expected a document <hosts>"):
                await engine.hosts.list()

    async def test_a_long_refusal(self, open_scripted: Any, scripted: ScriptedEngine) -> None:
        fault = f"<fault><detail>{'no ' * 50_000}</detail></fault>"
        scripted.answers[f"GET {API}/vms"] = reply(fault)
        scripted.answers[f"GET {API}/hosts"] = reply(fault, status="409 Conflict")
        async with open_scripted() as engine:
            with pytest.raises(errors.Fault, match="no no"):
                await engine.vms.list()
            with pytest.raises(errors.Conflict, match="no no"):
                await engine.hosts.list()

    async def test_an_object_and_an_action(
        self, open_scripted: Any, scripted: ScriptedEngine
    ) -> None:
        text = "x" * 100_000
        scripted.answers[f"GET {API}/vms/1"] = reply(f"<vm><comment>{text}</comment></vm>")
        scripted.answers[f"POST {API}/vms/1/ticket"] = reply(
            f"<action><ticket><value>{text}</value></ticket></action>"
        )
        async with open_scripted() as engine:
            assert (await engine.vms.vm("1").get()).comment == text
            assert (await engine.vms.vm("1").ticket()).value == text


class Steps(trio.abc.Instrument):
    """Counts how often each task ran; between two runs others may."""

    def __init__(self) -> None:
        self.runs: dict[str, int] = {}

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.runs[task.name] = self.runs.get(task.name, 0) + 1

    @property
    def most(self) -> int:
        return max(self.runs.values())


def test_the_pieces_are_those_of_the_decoder() -> None:
    from trivirt.codec._decode import PIECE

    assert _replies._PIECE == PIECE
