from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from trivirt.inventory._work import Belt, Nothing, Unit


def test_units_say_what_they_are():
    assert str(Unit("vms")) == "vms"
    assert str(Unit("vms", "", "3")) == "vms page 3"
    assert str(Unit("vms", "nics", "v1")) == "vms.nics of v1"
    assert str(Unit("networks", "vnic_profiles")) == "networks.vnic_profiles of all"


async def test_a_belt_gives_all_that_lies_on_it():
    belt = Belt(10)
    await belt.put("a")
    await belt.put("b")
    assert list(await belt.take()) == ["a", "b"]


async def test_a_full_belt_holds_who_puts():
    belt, put = Belt(10), []

    async def putter():
        for number in range(6):
            await belt.put(number, 5)
            put.append(number)
        belt.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(putter)
        await wait_all_tasks_blocked()
        assert put == [0, 1]
        taken = list(await belt.take())
        await wait_all_tasks_blocked()
        assert put == [0, 1, 2, 3]
        while more := await belt.take():
            taken.extend(more)
    assert taken == list(range(6))


async def test_a_thing_heavier_than_the_belt_passes_alone():
    belt = Belt(10)
    await belt.put("heavy", 1000)
    assert list(await belt.take()) == ["heavy"]


async def test_who_gives_up_putting_has_put_nothing():
    belt = Belt(1)
    await belt.put("a")
    with trio.move_on_after(0):
        await belt.put("b")
    assert list(await belt.take()) == ["a"]
    assert not belt.take_nowait()


async def test_a_closed_belt_ends_for_who_waits():
    belt = Belt(1)
    async with trio.open_nursery() as nursery:

        async def taker():
            assert not await belt.take()

        nursery.start_soon(taker)
        await wait_all_tasks_blocked()
        belt.close()


async def test_of_a_run_that_begins_nothing_is_done():
    nothing = Nothing()
    assert await nothing.count() == 0
    assert await nothing.lists("vms") == {}
    assert await nothing.shared("vms") == set()
    assert [unit async for unit in nothing.missing(None)] == []
