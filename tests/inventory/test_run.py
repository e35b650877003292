"""The run is tested on a fake engine, whose answers come when the test says so."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trivirt.errors import Fault, NotFound
from trivirt.inventory import VMS, Plan, Progress, open_run


class FakeCollection:
    """A list of objects, with any locator below each of them."""

    def __init__(self, engine, path, answer):
        self._engine, self._path, self._answer = engine, path, answer

    async def list(self):
        return await self._engine.answer(self._path, self._answer)

    def vm(self, id):
        return SimpleNamespace(
            **{part: FakeCollection(self._engine, f"{id}/{part}", [part]) for part in VMS.parts}
        )


class FakeEngine:
    """Answers after `gate` opens; notes how many requests were under way at once."""

    def __init__(self, vms):
        items = [SimpleNamespace(id=str(n)) for n in range(vms)]
        self.vms = FakeCollection(self, "vms", items)
        self.gate = trio.Event()
        self.gate.set()
        self.errors = {}
        self.asked = Counter()
        self.now = self.most = 0

    async def answer(self, path, answer):
        self.asked[path] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await trio.lowlevel.checkpoint()
            if path != "vms":
                await self.gate.wait()
        finally:
            self.now -= 1
        if path in self.errors:
            raise self.errors[path]
        return answer


async def collect(engine, plan=VMS, **keywords):
    async with open_run(engine, plan, **keywords) as run:
        return sorted([record async for record in run], key=lambda record: record.index), run


@pytest.mark.parametrize("in_flight", [1, 2, 7, 80])
async def test_every_part_of_every_object_is_read_once(in_flight):
    engine = FakeEngine(12)
    records, run = await collect(engine, in_flight=in_flight)
    assert [record.index for record in records] == list(range(12))
    assert all(record.parts == {part: [part] for part in VMS.parts} for record in records)
    assert set(engine.asked.values()) == {1}
    assert run.requests == len(engine.asked) == VMS.requests(12)


async def test_never_more_requests_than_in_flight():
    engine = FakeEngine(50)
    await collect(engine, in_flight=7)
    assert engine.most == 7


async def test_one_in_flight_reads_one_after_the_other():
    engine = FakeEngine(5)
    await collect(engine, in_flight=1)
    assert engine.most == 1


async def test_a_slow_reader_holds_the_requests_back():
    engine = FakeEngine(100)
    async with open_run(engine, VMS, in_flight=3) as run:
        await wait_all_tasks_blocked()
        # Three tasks wait to hand on what they have, and the channel holds three more.
        assert run.requests <= 1 + 3 * (3 + 3)
        assert len([record async for record in run]) == 100


async def test_an_empty_engine_is_an_empty_run():
    assert (await collect(FakeEngine(0)))[0] == []


async def test_a_plan_without_parts_reads_the_list_alone():
    records, run = await collect(FakeEngine(3), Plan("vms", "vm"))
    assert [record.parts for record in records] == [{}, {}, {}]
    assert run.requests == 1


async def test_a_part_that_answers_404_is_none_and_the_rest_goes_on():
    engine = FakeEngine(3)
    engine.errors["1/nics"] = NotFound("no such thing", code=404)
    records, _ = await collect(engine)
    assert records[1].parts["nics"] is None
    assert records[1].parts["permissions"] == ["permissions"]
    assert records[2].parts["nics"] == ["nics"]


@pytest.mark.parametrize("path", ["vms", "1/nics"])
async def test_any_other_error_ends_the_run(path):
    engine = FakeEngine(3)
    engine.errors[path] = Fault("no", code=500)
    with pytest.RaisesGroup(Fault, flatten_subgroups=True):
        await collect(engine)


async def test_leaving_the_block_cancels_what_is_under_way():
    engine = FakeEngine(10)
    engine.gate = trio.Event()
    with trio.fail_after(5):
        async with open_run(engine, VMS, in_flight=4):
            await wait_all_tasks_blocked()
            assert engine.now == 4
    assert engine.now == 0


async def test_progress_counts_up_to_the_total():
    seen = []
    await collect(FakeEngine(2), in_flight=1, watch=seen.append)
    assert seen == [Progress(done, 7) for done in range(1, 8)]


async def test_in_flight_of_nothing_is_refused():
    with pytest.raises(ValueError, match="in_flight"):
        async with open_run(FakeEngine(1), VMS, in_flight=0):
            pass
