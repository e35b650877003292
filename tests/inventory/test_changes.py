"""An engine that changes while it is read, and since: what is kept is what it has in the end."""

from __future__ import annotations

import re

import pytest
import trio

from trivirt.errors import Unavailable
from trivirt.inventory import Plan, collect, open_store
from trivirt.simulator import SimulatedEngine
from trivirt.wire import Response

PLAN = Plan({"vms": ["nics", "disk_attachments", "snapshots"], "disks": [], "clusters": []})
EACH = {"vms.*": "children"}
NEW = (
    "<vm><name>{name}</name><cluster><name>Default</name></cluster>"
    "<template><name>Blank</name></template></vm>"
)


async def kept_now(engine, rows_of_all, plan=PLAN):
    """What a run keeps that nothing disturbs."""
    async with open_store(":memory:") as keeper:
        outcome = await collect(engine, plan, keeper, name="e")
        assert outcome.verdict == "complete"
        return without_places(rows_of_all(keeper.store))


def without_places(tables):
    """What came meanwhile is kept at the end; the engine would have it elsewhere in its list."""
    return {
        name: sorted(((row[0], *row[2:]) if name in PLAN else row for row in rows), key=repr)
        for name, rows in tables.items()
        if name not in ("done", "unit")
    }


def at(done, *changes):
    """A watcher that lets things happen after so many answers."""
    left = list(changes)

    def watch(state):
        if state.done >= done and left:
            left.pop(0)()

    return watch


@pytest.fixture
def machines(simulated, another):
    """The ids of its machines that are down, so that anything may be done to them."""
    found = another("GET", "/vms?search=status%3Ddown")
    return re.findall(r'<vm href="[^"]*" id="([^"]*)"', found)


def rename(another, id, name="renamed"):
    return lambda: another("PUT", f"/vms/{id}", f"<vm><name>{name}</name></vm>")


def remove(another, id):
    return lambda: another("DELETE", f"/vms/{id}")


def add(another, name):
    return lambda: another("POST", "/vms", NEW.format(name=name))


def give_nic(another, id):
    return lambda: another("POST", f"/vms/{id}/nics", "<nic><name>more</name></nic>")


@pytest.mark.parametrize("ways", [{}, EACH], ids=["follow", "children"])
async def test_a_machine_that_changes_while_it_is_read(
    simulated, connect, store, another, machines, rows_of_all, ways
):
    watch = at(1, rename(another, machines[0]), rename(another, machines[1], "too"))
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, name="e", ways=ways, watch=watch)
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert outcome.state == "complete"
    # By chance the engine was asked before or after the change, and only then it differs.
    assert outcome.verdict in (
        "complete",
        *(f"complete with {n} object{'s' * (n > 1)} changed meanwhile" for n in (1, 2)),
    )


async def test_a_machine_that_was_read_before_it_changed_is_counted(
    simulated, connect, store, another, machines, rows_of_all
):
    watch = at(40, rename(another, machines[0]))
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, name="e", ways=EACH, watch=watch, in_flight=1)
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert outcome.verdict == "complete with 1 object changed meanwhile"
    assert store.store.last_run("e").changed == 1


async def test_a_machine_that_changes_again_and_again_is_counted_once(
    simulated, connect, store, another, machines, rows_of_all
):
    real, names = simulated.handle, ["second", "third"]

    def handle(request):
        if names and "/events?from" in request.target and "page+1" in request.target:
            simulated.handle = real
            rename(another, machines[0], names.pop(0))()
            simulated.handle = handle
        return real(request)

    watch = at(40, rename(another, machines[0]))
    simulated.handle = handle
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, name="e", ways=EACH, watch=watch, in_flight=1)
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert not names
    assert outcome.verdict == "complete with 1 object changed meanwhile"
    assert store.store.last_run("e").changed == 1


async def test_machines_that_come_and_go_while_they_are_read(
    simulated, connect, store, another, machines, rows_of_all
):
    watch = at(
        20, add(another, "aaa-first"), remove(another, machines[0]), remove(another, machines[3])
    )
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, name="e", ways=EACH, watch=watch, in_flight=1)
        simulated.clock.advance(600)
        await collect(engine, PLAN, store, name="e", how="update")
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert outcome.state == "complete"
    assert "changed meanwhile" in outcome.verdict
    names = {name for (name,) in store.store.select("SELECT name FROM vms")}
    assert "aaa-first" in names


async def test_machines_that_slip_through_shifted_pages_are_found(
    connect, store, rows_of_all, make_another
):
    """One removed from a page that was read moves the first of the next page out of sight."""
    simulated = SimulatedEngine(vms=600)
    another = make_another(simulated)
    found = another("GET", "/vms?search=status%3Ddown")
    down = re.findall(r'<vm href="[^"]*" id="([^"]*)"', found)
    plan = Plan({"vms": []})
    names = [f"VM{n}" for n in range(3)]
    watch = at(3, *(remove(another, id) for id in down[:5]), *(add(another, n) for n in names))
    async with connect(simulated) as engine:
        outcome = await collect(engine, plan, store, name="e", watch=watch, in_flight=1)
        kept = store.store.ids("e", "vms")
        simulated.clock.advance(600)
        there = {vm.id for vm in await engine.vms.list()}
    # All that existed throughout.
    assert there - {id for id in there if id not in found} <= kept | set(down[:5])
    assert "changed meanwhile" in outcome.verdict
    assert outcome.requests < 40


async def test_an_update_reads_what_changed_and_nothing_else(
    simulated, connect, store, another, machines, rows_of_all
):
    async with connect(simulated) as engine:
        await collect(engine, PLAN, store, name="e")
        still = await collect(engine, PLAN, store, name="e", how="update")
        rename(another, machines[0])()
        remove(another, machines[1])()
        give_nic(another, machines[2])()
        add(another, "new")()
        simulated.clock.advance(600)
        outcome = await collect(engine, PLAN, store, name="e", how="update")
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert still.requests <= 5
    assert outcome.requests < 25
    assert outcome.changed >= 4
    (record,) = store.store.runs()
    assert (record.number, record.state) == (3, "complete")


async def test_an_update_after_the_events_are_gone_reads_everything(
    simulated, connect, store, another, machines, rows_of_all
):
    async with connect(simulated) as engine:
        await collect(engine, PLAN, store, name="e")
        newest = store.store.last_run("e").event_last
        rename(another, machines[0])()
        another("DELETE", f"/events/{newest}")
        outcome = await collect(engine, PLAN, store, name="e", how="update")
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
    assert any("events since the last run are gone" in note for note in outcome.notes)


async def test_an_engine_that_never_holds_still_is_told(simulated, connect, store, another):
    """Each time it is read again, something else has happened."""
    real, names = simulated.handle, iter(range(10_000))
    ids = re.findall(r'<vm href="[^"]*" id="([^"]*)"', another("GET", "/vms"))

    def handle(request):
        if request.method == "GET" and "search=id" in request.target:
            rename(another, ids[0], f"name{next(names)}")()
        return real(request)

    simulated.handle = handle
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, watch=at(1, rename(another, ids[0], "once")))
    assert outcome.state == "complete"
    assert "the engine kept changing" in outcome.notes[-1]


async def test_a_part_that_is_absent_of_a_machine_that_is_there_stays_absent(
    simulated, connect, store, machines
):
    where = f"/vms/{machines[0]}/nics"
    missing = simulated.faults.status(
        404, times=None, only=lambda request: request.target.endswith(where)
    )
    with missing:
        async with connect(simulated) as engine:
            outcome = await collect(engine, PLAN, store, name="e", ways=EACH)
    assert outcome.state == "complete"
    ((unit, _),) = store.store.special("e", "absent")
    assert (unit.object, unit.part) == (machines[0], "nics")


async def test_one_page_with_404_takes_nothing_of_a_machine_that_is_read_again(
    simulated, connect, store, another, machines, rows_of_all
):
    """It may be the last word of an engine that was starting, and is there now."""
    where = f"/vms/{machines[0]}/nics"
    page = simulated.faults.status(404, after=2, only=lambda asked: asked.target.endswith(where))
    watch = at(40, rename(another, machines[0]))
    async with connect(simulated) as engine:
        with page:
            outcome = await collect(
                engine, PLAN, store, name="e", ways=EACH, watch=watch, in_flight=1
            )
        assert page.hits == 1
        assert outcome.changed == 1
        assert store.store.special("e", "absent") == []
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)


async def test_an_engine_that_is_deployed_while_changes_are_read_takes_nothing_away(
    simulated, connect, store, another, machines, rows_of_all
):
    where = f"/vms/{machines[0]}/nics"
    outages = []
    real = simulated.handle

    def handle(request):
        if request.target.endswith(where):
            outages.append(request)
            if len(outages) == 2:
                outages.append(simulated.outage("deploying"))
                outages[-1].__enter__()
        return real(request)

    simulated.handle = handle
    watch = at(1, rename(another, machines[0]))
    async with connect(simulated) as engine:
        outcome = await collect(engine, PLAN, store, name="e", ways=EACH, watch=watch)
        assert isinstance(outcome.error, Unavailable)
        assert outcome.state == "partial"
        assert store.store.special("e", "absent") == []
        outages[-1].__exit__(None, None, None)
        again = await collect(engine, PLAN, store, name="e", how="resume")
        assert again.state == "complete"
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)


@pytest.mark.parametrize("code", ["98765", None])
async def test_an_event_of_any_code_makes_what_it_names_be_read_again(
    simulated, connect, store, another, machines, rows_of_all, code
):
    """Engines have a thousand codes, and each version some more."""
    renumbered = b"" if code is None else f"<code>{code}</code>".encode()
    real = simulated.handle

    def handle(request):
        response = real(request)
        if "/events" not in request.target:
            return response
        body = re.sub(rb"<code>\d+</code>", renumbered, b"".join(response.parts))
        headers = [h for h in response.headers if h[0].lower() != "content-length"]
        return Response(response.status, tuple(headers), body)

    simulated.handle = handle
    (nic, *_) = re.findall(r'<nic href="([^"]*)"', another("GET", f"/vms/{machines[0]}/nics"))
    disks = another("GET", f"/vms/{machines[2]}/diskattachments").count("<disk_attachment ")
    async with connect(simulated, compress=False) as engine:
        await collect(engine, PLAN, store, name="e")
        another("PUT", nic.removeprefix("/ovirt-engine/api"), "<nic><name>other</name></nic>")
        another("POST", f"/vms/{machines[1]}/nics", "<nic><name>new</name></nic>")
        another("DELETE", f"/vms/{machines[2]}")
        outcome = await collect(engine, PLAN, store, name="e", how="update")
        assert outcome.requests < 25
        assert outcome.changed == 3 + disks  # Those go with their machine.
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)


@pytest.mark.parametrize("how", ["resume", "update"])
@pytest.mark.parametrize("requests", range(1, 11, 2))
async def test_an_update_that_is_ended_at_any_request_goes_on(
    simulated, connect, store, another, machines, rows_of_all, requests, how
):
    real, scope, left = simulated.handle, trio.CancelScope(), 0

    def handle(request):
        nonlocal left
        left -= 1
        if not left:
            scope.cancel()
        return real(request)

    simulated.handle = handle
    async with connect(simulated) as engine:
        await collect(engine, PLAN, store, name="e")
        rename(another, machines[0])()
        remove(another, machines[1])()
        another("POST", "/vms", NEW.format(name="new"))
        left = requests
        with scope:
            await collect(engine, PLAN, store, name="e", how="update")
        assert left <= 0
        rename(another, machines[2], "later")()
        outcome = await collect(engine, PLAN, store, name="e", how=how)
        assert outcome.state == "complete"
        assert without_places(rows_of_all(store.store)) == await kept_now(engine, rows_of_all)
