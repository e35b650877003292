"""The run is tested on a fake engine, whose answers come when the test says so."""

from __future__ import annotations

from collections import Counter
from functools import partial
from types import SimpleNamespace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trivirt.errors import ConnectionLost, Fault, NotFound, RemoteProtocolError, Unavailable
from trivirt.inventory import VMS, Offer, Plan, Progress, choose, open_run
from trivirt.inventory._work import Unit
from trivirt.model import Items
from trivirt.types import Network, Nic, Vm, VnicProfile

PARTS = VMS["vms"]
LISTS = choose(VMS, Offer(pages=False))
EACH = {"vms.*": "children"}


class FakeCollection:
    """A list of objects, with any locator below each of them."""

    def __init__(self, engine, path, answer):
        self._engine, self._path, self._answer = engine, path, answer

    async def list(self, **query):
        return await self._engine.answer(self._path, self._answer, query)

    def vm(self, id):
        return SimpleNamespace(
            **{part: FakeCollection(self._engine, f"{id}/{part}", [Nic(id=part)]) for part in PARTS}
        )


class FakeEngine:
    """Answers after `gate` opens; notes how many requests were under way at once."""

    def __init__(self, vms, *, cuts=True):
        self.items = [Vm(id=str(n), nics=Items([Nic(id=f"n{n}")])) for n in range(vms)]
        self.vms = FakeCollection(self, "vms", self.items)
        self.gate = trio.Event()
        self.gate.set()
        self.cuts = cuts
        self.errors = {}
        self.asked = Counter()
        self.now = self.most = 0

    async def answer(self, path, answer, query):
        asked = path + "".join(f" {name}={value}" for name, value in sorted(query.items()))
        self.asked[asked] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await trio.lowlevel.checkpoint()
            if path != "vms":
                await self.gate.wait()
        finally:
            self.now -= 1
        for name, error in self.errors.items():
            if asked.startswith(name):
                raise error
        if "search" in query and self.cuts:
            page, size = int(query["search"].removeprefix("page ")), query["max"]
            return answer[(page - 1) * size : page * size]
        return list(answer)


async def collect(engine, itinerary=LISTS, **keywords):
    async with open_run(engine, itinerary, **keywords) as run:
        return [item async for item in run], run


def paged(vms, size=10, known=True, **force):
    (route,) = choose(VMS, Offer({"vms": vms} if known else {}), force={**EACH, **force})
    return type(LISTS)([route._replace(page=size)])


@pytest.mark.parametrize("in_flight", [1, 2, 7, 80])
async def test_every_part_of_every_object_is_read_once(in_flight):
    engine = FakeEngine(12)
    items, run = await collect(engine, in_flight=in_flight)
    assert [item.value.id for item in items if not item.part] == [str(n) for n in range(12)]
    parts = {(item.owner, item.part) for item in items if item.part}
    assert parts == {(str(n), part) for n in range(12) for part in PARTS}
    assert set(engine.asked.values()) == {1}
    assert run.requests == len(engine.asked) == 37
    assert run.objects == 48


async def test_never_more_requests_than_in_flight():
    engine = FakeEngine(50)
    _, run = await collect(engine, in_flight=7)
    assert engine.most == run.pace.highest == 7


async def test_one_in_flight_reads_one_after_the_other():
    engine = FakeEngine(25)
    await collect(engine, paged(25), in_flight=1)
    assert engine.most == 1


async def test_a_slow_reader_holds_the_requests_back():
    engine = FakeEngine(10_000)
    async with open_run(engine, paged(10_000), in_flight=3) as run:
        await wait_all_tasks_blocked()
        # What the belt holds, what the crew has in its hands, and pages that wait for room.
        assert run.objects <= 2000 + 3 + 4 * 10
        assert run.requests < 2100
        assert len([item async for item in run if not item.part]) == 10_000


async def test_an_empty_engine_is_an_empty_run():
    assert (await collect(FakeEngine(0)))[0] == []
    assert (await collect(FakeEngine(0), paged(0)))[0] == []


async def test_a_plan_without_parts_reads_the_list_alone():
    items, run = await collect(FakeEngine(3), choose(Plan({"vms": ()}), Offer(pages=False)))
    assert [item.value.id for item in items] == ["0", "1", "2"]
    assert run.requests == 1


# Pages.


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("vms", [0, 1, 9, 10, 11, 95, 100])
async def test_every_page_is_read_once(vms, known):
    engine = FakeEngine(vms)
    items, _ = await collect(engine, paged(vms, known=known))
    assert sorted(int(item.value.id) for item in items if not item.part) == list(range(vms))
    assert set(engine.asked.values()) == {1}


async def test_pages_that_are_known_to_be_there_are_asked_for_abreast():
    engine = FakeEngine(95)
    await collect(engine, paged(95))
    assert engine.most > 1
    assert sum(count for asked, count in engine.asked.items() if "page" in asked) == 10


async def test_more_objects_than_the_engine_said_are_found():
    items, _ = await collect(FakeEngine(95), paged(20))
    assert len([item for item in items if not item.part]) == 95


async def test_fewer_objects_than_the_engine_said_are_no_trouble():
    items, _ = await collect(FakeEngine(15), paged(95))
    assert len([item for item in items if not item.part]) == 15


async def test_an_engine_that_does_not_cut_pages_has_told_all_at_once():
    items, run = await collect(FakeEngine(25, cuts=False), paged(5, known=False))
    assert len([item for item in items if not item.part]) == 25
    assert run.notes == ["vms: the engine does not cut pages; one list"]


async def test_an_engine_that_repeats_its_page_for_ever_is_noticed():
    engine = FakeEngine(10, cuts=False)
    with pytest.RaisesGroup(
        pytest.RaisesExc(RemoteProtocolError, match="begins as page 1"), flatten_subgroups=True
    ):
        await collect(engine, paged(10, known=False))


# Following.


async def test_what_is_followed_streams_with_its_object():
    itinerary = choose(Plan({"vms": ["nics"]}), Offer({"vms": 3}))
    items, run = await collect(FakeEngine(3), itinerary)
    assert [(item.owner, item.part, item.value.id) for item in items[:2]] == [
        (None, "", "0"),
        ("0", "nics", "n0"),
    ]
    assert run.requests == 1


async def test_what_cannot_be_followed_is_asked_for_each():
    """A released engine fails the whole list of one object that lacks the attribute."""
    engine = FakeEngine(3)
    engine.errors["vms follow="] = Fault("Internal Server Error", code=500)
    itinerary = choose(Plan({"vms": ["nics"]}), Offer({"vms": 3}))
    items, run = await collect(engine, itinerary)
    assert [item.value.id for item in items if item.part] == ["nics"] * 3
    assert run.requests == 1 + 1 + 3
    assert run.failed == 0
    assert run.notes == ["vms: follow=nics failed, each object was asked instead"]


async def test_what_is_shared_says_whose_it_is():
    engine = FakeEngine(0)
    networks, profiles = [Network(id="n")], [VnicProfile(id="p", network=Network(id="n"))]
    engine.networks = SimpleNamespace(list=partial(engine.answer, "networks", networks, {}))
    engine.vnic_profiles = SimpleNamespace(list=partial(engine.answer, "p", profiles, {}))
    itinerary = choose(Plan({"networks": ["vnic_profiles"]}), Offer(pages=False))
    items, run = await collect(engine, itinerary)
    found = {(item.part, item.owner, item.value.id) for item in items}
    assert found == {("", None, "n"), ("vnic_profiles", "n", "p")}
    assert engine.asked == {"networks": 1, "p": 1}
    assert run.requests == 2


# What goes wrong.


@pytest.mark.parametrize("error", [NotFound("no such thing", code=404), Unavailable("a page")])
async def test_a_part_that_answers_404_is_absent_and_the_rest_goes_on(error):
    engine = FakeEngine(3)
    engine.errors["1/nics"] = error
    error.absent = True
    async with open_run(engine, LISTS) as run:
        states = {}
        while answers := await run.take():
            states.update({answer.unit: answer.state for answer in answers})
    assert states.pop(Unit("vms", "nics", "1")) == "absent"
    assert set(states.values()) == {"done"}
    assert len(states) == 9
    assert run.failed == 0


async def test_what_the_engine_refuses_of_one_object_is_told_and_the_rest_goes_on():
    engine = FakeEngine(3)
    engine.errors["1/nics"] = Fault("no", code=500)
    items, run = await collect(engine)
    assert len([item for item in items if item.part]) == 8
    assert run.failed == 1


async def test_an_object_without_an_id_is_refused_with_its_list():
    engine = FakeEngine(3)
    engine.items[1].id = None
    itinerary = choose(Plan({"vms": []}), Offer(pages=False))
    async with open_run(engine, itinerary) as run:
        (answer,) = await run.take()
        assert not await run.take()
    assert (answer.unit, answer.state) == (Unit("vms"), "failed")
    assert "listed an object without an id" in answer.why


async def test_one_refusal_after_the_other_ends_the_run():
    engine = FakeEngine(100)
    for part in PARTS:
        engine.errors.update({f"{n}/{part}": Fault("no", code=500) for n in range(100)})
    with pytest.RaisesGroup(Fault, flatten_subgroups=True):
        await collect(engine, in_flight=1)
    assert len(engine.asked) < 60


@pytest.mark.parametrize("error", [ConnectionLost("gone"), Unavailable("away")])
@pytest.mark.parametrize("path", ["vms", "1/nics"])
async def test_trouble_that_does_not_pass_ends_the_run(path, error):
    engine = FakeEngine(3)
    engine.errors[path] = error
    with pytest.RaisesGroup(type(error), flatten_subgroups=True):
        await collect(engine)


async def test_leaving_the_block_cancels_what_is_under_way():
    engine = FakeEngine(10)
    engine.gate = trio.Event()
    with trio.fail_after(5):
        async with open_run(engine, LISTS, in_flight=4):
            await wait_all_tasks_blocked()
            assert engine.now == 4
    assert engine.now == 0


# Going on.


class Earlier:
    """What a test says that an earlier session has done."""

    def __init__(self, lists, missing=(), count=0):
        self._lists, self._missing, self._count = lists, missing, count

    async def count(self):
        return self._count

    async def lists(self, collection):
        return self._lists

    async def shared(self, collection):
        return set()

    async def missing(self, route):
        for unit in self._missing:
            yield unit


async def test_a_list_that_is_done_is_not_asked_for_again():
    engine = FakeEngine(5)
    done = Earlier({"": None}, [Unit("vms", "nics", "3")])
    await collect(engine, done=done)
    assert engine.asked == {"3/nics": 1}


async def test_only_pages_that_are_missing_are_asked_for():
    engine = FakeEngine(35)
    await collect(engine, paged(35), done=Earlier({"1": None, "4": "last"}))
    pages = {asked.split()[-1] for asked in engine.asked if "page" in asked}
    assert pages == {"2", "3"}


async def test_progress_counts_up_to_the_total():
    seen = []
    await collect(FakeEngine(2), in_flight=1, watch=seen.append)
    assert [(state.done, state.total) for state in seen[1:]] == [(n, 7) for n in range(2, 8)]
    assert seen[-1] == Progress(7, 7, 8, 0)


async def test_progress_of_a_session_that_goes_on_counts_what_is_left():
    seen = []
    done = Earlier({"": None}, [Unit("vms", "nics", "1")], count=6)
    itinerary = choose(VMS, Offer({"vms": 2}, pages=False, follows=False))
    await collect(FakeEngine(2), itinerary, done=done, watch=seen.append)
    assert seen == [Progress(1, 1, 1, 0)]


async def test_in_flight_of_nothing_is_refused():
    with pytest.raises(ValueError, match="in_flight"):
        async with open_run(FakeEngine(1), LISTS, in_flight=0):
            pass
