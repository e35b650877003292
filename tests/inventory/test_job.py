"""Jobs against the simulated engine: what is kept, what is said of it, and how it goes on."""

from __future__ import annotations

import gc
import random
import sqlite3
from contextlib import closing

import pytest
import trio

import trivirt
from trivirt.errors import AuthError, Fault, StoreError, Unavailable
from trivirt.inventory import (
    PRESETS,
    VMS,
    EngineFacts,
    Offer,
    Plan,
    choose,
    collect,
    open_store,
)
from trivirt.inventory._schema import table_of
from trivirt.inventory._store import Batch
from trivirt.simulator import SimulatedEngine
from trivirt.types import Vm

EACH = {"*": "children"}
PLAN = Plan({"vms": ["nics", "disk_attachments", "snapshots"], "hosts": ["nics"], "disks": []})
FULL = PRESETS["full"]


async def read(simulated, connect, plan=VMS, rows_of_all=None, **keywords):
    """An uninterrupted run, into memory; its outcome and all that it kept."""
    async with connect(simulated) as engine, open_store(":memory:") as keeper:
        outcome = await collect(engine, plan, keeper, name="e", **keywords)
        return outcome, rows_of_all(keeper.store)


async def test_a_job_keeps_what_the_engine_has(simulated, connect, store):
    async with connect(simulated) as engine:
        outcome = await collect(engine, VMS, store)
        vms = await engine.vms.list()
    assert (outcome.state, outcome.verdict, outcome.ended) == ("complete", "complete", True)
    found = list(store.store.select("SELECT id, name, status, memory, host_id FROM vms"))
    assert sorted(found) == sorted(
        (vm.id, vm.name, vm.status.value, vm.memory, vm.host.id if vm.host else None) for vm in vms
    )


@pytest.mark.parametrize("plan", [VMS, PLAN, FULL], ids=["vms", "several", "full"])
async def test_all_ways_lead_to_the_same(simulated, connect, plan, rows_of_all):
    _, followed = await read(simulated, connect, plan, rows_of_all)
    _, asked = await read(simulated, connect, plan, rows_of_all, ways=EACH)
    assert followed.keys() == asked.keys()
    for name, rows in followed.items():
        assert rows == asked[name], name


async def test_what_one_collection_shares_is_what_each_object_has(simulated, connect, rows_of_all):
    plan = Plan({"networks": ["vnic_profiles"], "clusters": ["cpu_profiles"]})
    _, shared = await read(simulated, connect, plan, rows_of_all)
    _, asked = await read(simulated, connect, plan, rows_of_all, ways=EACH)
    assert shared["network_vnic_profiles"]
    for name in ("network_vnic_profiles", "cluster_cpu_profiles"):
        assert {row[1:] for row in shared[name]} == {row[1:] for row in asked[name]}


async def test_one_failed_part_makes_it_partial_and_says_which(simulated, connect, store):
    fault = simulated.faults.status(
        500, only=lambda request: request.target.endswith("/nics"), after=3, times=2
    )
    async with connect(simulated) as engine:
        with fault:
            outcome = await collect(engine, VMS, store, ways=EACH)
        assert outcome.state == "partial"
        assert outcome.ended
        assert "partial: vms.nics of " in outcome.verdict
        assert outcome.verdict.endswith(", and 1 more")
        again = await collect(engine, VMS, store, how="resume")
    assert (again.state, again.requests) == ("complete", 2 + 1 + 2 + 1)


async def test_an_engine_without_events_is_read_in_one_list_and_that_is_said(
    simulated, connect, store
):
    nothing = simulated.faults.status(
        404, times=None, only=lambda request: "/events" in request.target
    )
    with nothing:
        async with connect(simulated) as engine:
            outcome = await collect(engine, VMS, store)
    assert outcome.verdict == "complete"
    assert "the engine tells no events" in outcome.notes[0]
    (record,) = store.store.runs()
    assert record.ways[0].page is None
    assert record.event_first is None
    assert record.notes == outcome.notes


async def test_a_wrong_plan_for_what_is_kept_begins_anew(simulated, connect, store):
    async with connect(simulated) as engine:
        await collect(engine, VMS, store)
        outcome = await collect(engine, PLAN, store, how="update")
    assert outcome.state == "complete"
    assert "another plan" in outcome.notes[0]


@pytest.mark.parametrize("how", ["resume", "update"])
async def test_a_file_that_has_nothing_of_this_engine_is_told(simulated, connect, store, how):
    async with connect(simulated) as engine:
        await collect(engine, VMS, store, name="other")
        outcome = await collect(engine, VMS, store, name="e", how=how)
    assert outcome.verdict == "complete"
    assert outcome.notes == ("the file had nothing of this engine, so everything was read",)
    assert list(store.store.select("SELECT engine, count(*) FROM vms GROUP BY engine")) == [
        ("e", 30),
        ("other", 30),
    ]


@pytest.mark.parametrize("state", ["running", "complete"])
async def test_another_engine_of_the_same_name_is_no_continuation(
    simulated, connect, store, rows_of_all, state
):
    """As after a new setup: other objects, and events that are counted from one again."""
    earlier = EngineFacts("e", "https://e/ovirt-engine/api", instance_id="another")
    async with connect(simulated) as engine:
        (newest,) = await engine.events.list(max=1)
        begun = store.store.begin(
            earlier, VMS, choose(VMS, Offer({"vms": 1})), (int(newest.id), [int(newest.id)])
        )
        gone = table_of("vms").row("e", None, 0, Vm(id="gone"))
        store.store.write(Batch({table_of("vms"): [gone]}), begun, 1)
        store.store.end(begun, 0, state=state, event_last=int(newest.id))
        outcome = await collect(engine, VMS, store, name="e", how="resume")
    assert outcome.notes[0].startswith("another engine has this name now, so everything was read")
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    assert rows_of_all(store.store) == whole


# Interruptions. Whatever it is, the run goes on where it was and comes to the same.


async def interrupted(simulated, connect, path, stop, plan=VMS, **keywords):
    """A session that `stop` ends: it is called with the scope after each answer."""
    scope = trio.CancelScope()
    async with connect(simulated) as engine, open_store(path) as keeper:
        with scope:
            return await collect(
                engine, plan, keeper, name="e", watch=lambda state: stop(scope, state), **keywords
            )


async def resumed(simulated, connect, path, rows_of_all, plan=VMS):
    async with connect(simulated) as engine, open_store(path, create=False) as keeper:
        outcome = await collect(engine, plan, keeper, name="e", how="resume")
        return outcome, rows_of_all(keeper.store), keeper.store.last_run("e")


@pytest.mark.parametrize("ways", [{}, EACH], ids=["follow", "children"])
@pytest.mark.parametrize("seed", range(4))
async def test_a_cancelled_run_goes_on_where_it_was(
    simulated, connect, tmp_path, seed, ways, rows_of_all
):
    simulated = SimulatedEngine(vms=300 if not ways else 60)
    _, whole = await read(simulated, connect, PLAN, rows_of_all, ways=ways)
    path, chance = tmp_path / "i.sqlite", random.Random(seed)
    at = chance.randrange(1, 6 if not ways else 150)
    simulated.statistics.reset()
    outcome = await interrupted(
        simulated,
        connect,
        path,
        lambda scope, state: scope.cancel() if state.done == at else None,
        PLAN,
        ways=ways,
    )
    assert outcome is None
    async with open_store(path) as keeper:
        record = keeper.store.last_run("e")
        assert (record.state, record.verdict) == ("partial", "partial: interrupted")
        assert record.requests >= at - 1  # What was answered is kept.
    outcome, rows, record = await resumed(simulated, connect, path, rows_of_all, PLAN)
    assert outcome.state == "complete"
    assert rows == whole
    assert record.sessions == 2


async def test_finished_work_is_not_repeated(simulated, connect, tmp_path, rows_of_all):
    path, asked = tmp_path / "i.sqlite", []
    real = simulated.handle

    def handle(request):
        asked.append(request.target)
        return real(request)

    simulated.handle = handle
    await interrupted(
        simulated,
        connect,
        path,
        lambda scope, state: scope.cancel() if state.done == 40 else None,
        ways=EACH,
        in_flight=1,
    )
    await resumed(simulated, connect, path, rows_of_all)
    below = [target for target in asked if target.endswith(("/nics", "/permissions"))]
    assert len(below) <= len(set(below)) + 1  # The one that was under way.
    assert len(set(below)) == 60


async def test_a_deadline_ends_it_in_an_orderly_way(
    simulated, connect, tmp_path, rows_of_all, autojump_clock
):
    slow = simulated.faults.slow(
        1.0, times=None, only=lambda request: request.target.endswith("/nics")
    )
    path = tmp_path / "i.sqlite"
    async with connect(simulated) as engine, open_store(path) as keeper:
        with slow:
            outcome = await collect(
                engine, VMS, keeper, name="e", ways=EACH, seconds=2.5, in_flight=2
            )
    assert outcome.verdict == "partial: the deadline of 2.5 s has passed"
    assert (outcome.ended, outcome.error) == (False, None)
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    outcome, rows, _ = await resumed(simulated, connect, path, rows_of_all)
    assert outcome.verdict == "complete"
    assert rows == whole


async def test_an_engine_that_goes_away_ends_it_and_it_goes_on_after(
    simulated, connect, tmp_path, rows_of_all
):
    path = tmp_path / "i.sqlite"
    gone = simulated.faults.status(
        503, times=None, after=20, only=lambda request: request.target.endswith("/nics")
    )
    async with connect(simulated) as engine, open_store(path) as keeper:
        with gone:
            outcome = await collect(engine, VMS, keeper, name="e", ways=EACH)
    assert outcome.state == "partial"
    assert "503" in outcome.verdict
    assert outcome.error.status == 503
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    assert (await resumed(simulated, connect, path, rows_of_all))[1] == whole


async def test_a_token_that_dies_is_renewed_and_nobody_notices(
    simulated, connect, store, rows_of_all
):
    async with connect(simulated) as engine:
        outcome = await collect(
            engine,
            VMS,
            store,
            name="e",
            ways=EACH,
            watch=lambda state: simulated.expire_tokens() if state.done % 30 == 0 else None,
        )
        assert engine.statistics().renewals >= 2
    assert outcome.verdict == "complete"
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    assert rows_of_all(store.store) == whole


async def test_a_sign_on_that_is_refused_ends_it(simulated, connect, store):
    def change(state):
        if state.done == 20:
            simulated.sign_on.users["admin@internal"] = "another"
            simulated.expire_tokens()

    async with connect(simulated) as engine:
        outcome = await collect(engine, VMS, store, ways=EACH, watch=change)
    assert outcome.state == "partial"
    assert isinstance(outcome.error, AuthError)
    (record,) = store.store.runs()
    assert record.verdict == outcome.verdict
    assert record.requests >= 20


async def test_a_disk_that_fills_up_ends_it_and_it_goes_on_after(
    simulated, connect, tmp_path, rows_of_all
):
    path = tmp_path / "i.sqlite"

    async with connect(simulated) as engine, open_store(path) as keeper:
        list(keeper.store.select("PRAGMA max_page_count=16"))
        outcome = await collect(engine, VMS, keeper, name="e")
        assert outcome.state == "partial"
        assert "the disk is full" in outcome.verdict
        assert isinstance(outcome.error, StoreError)
        assert list(keeper.store.select("PRAGMA integrity_check")) == [("ok",)]
        assert keeper.store.last_run("e").state in ("running", "partial")
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    outcome, rows, _ = await resumed(simulated, connect, path, rows_of_all)
    assert outcome.verdict == "complete"
    assert rows == whole


async def test_faults_on_the_wire_change_nothing(simulated, connect, rows_of_all):
    """Each of these breaks a connection under many requests, again and again."""
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    faults = simulated.faults
    for breaks in (faults.reset, faults.drop, faults.truncate, faults.close):
        breaks(probability=0.02, times=5)
    async with simulated.in_process() as here:
        async with trivirt.open_engine(
            here.url,
            username=here.username,
            password=here.password,
            network_backend=here.network_backend,
        ) as engine:
            async with open_store(":memory:") as keeper:
                outcome = await collect(engine, VMS, keeper, name="e", ways=EACH)
                rows = rows_of_all(keeper.store)
    assert outcome.verdict == "complete"
    assert rows == whole


async def test_a_fault_of_ours_is_not_swallowed(simulated, connect, store, monkeypatch):
    monkeypatch.setattr("trivirt.inventory._keeper.rows_of", lambda *_: 1 / 0)
    async with connect(simulated) as engine:
        with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True, allow_unwrapped=True):
            await collect(engine, VMS, store)
    gc.collect()


async def test_an_engine_that_refuses_its_root_ends_it_before_it_begins(simulated, connect, store):
    with simulated.faults.status(500, times=None):
        async with connect(simulated) as engine:
            outcome = await collect(engine, VMS, store)
    assert outcome.state == "partial"
    assert isinstance(outcome.error, Fault)
    assert store.store.runs() == []


async def test_an_engine_that_has_no_paths_yet_is_no_engine_without_a_root(
    simulated, connect, store
):
    async with connect(simulated) as engine:
        await engine.get()
        with simulated.outage("deploying"):
            outcome = await collect(engine, VMS, store)
    assert isinstance(outcome.error, Unavailable)
    assert store.store.runs() == []


async def test_one_page_with_404_is_not_believed(simulated, connect, store, rows_of_all):
    """It may be the last word of an engine that was starting, and is there now."""
    page = simulated.faults.status(
        404, after=3, times=1, only=lambda request: request.target.endswith("/nics")
    )
    async with connect(simulated) as engine:
        with page:
            outcome = await collect(engine, VMS, store, name="e", ways=EACH, in_flight=1)
    assert page.hits == 1
    assert outcome.verdict == "complete"
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    found = rows_of_all(store.store)
    assert found["vm_nics"] == whole["vm_nics"]


@pytest.mark.parametrize("phase", ["stopped", "starting", "deploying"])
async def test_a_restart_that_outlasts_our_patience_ends_it_and_leaves_no_gaps(
    simulated, connect, tmp_path, rows_of_all, phase
):
    """While it is deployed an engine has no path at all; that does not mean that machines go."""
    path = tmp_path / "i.sqlite"
    outages = []

    def watch(state):
        if state.done == 30:
            outages.append(simulated.outage(phase))
            outages[0].__enter__()

    async with connect(simulated) as engine, open_store(path) as keeper:
        outcome = await collect(engine, VMS, keeper, name="e", ways=EACH, watch=watch)
        assert outcome.state == "partial"
        assert not outcome.ended
        assert keeper.store.special("e", "absent") == []
    outages[0].__exit__(None, None, None)
    _, whole = await read(simulated, connect, VMS, rows_of_all)
    assert (await resumed(simulated, connect, path, rows_of_all))[1] == whole


@pytest.mark.parametrize("change", ["ALTER TABLE vms DROP COLUMN fqdn", "DROP TABLE vm_nics"])
@pytest.mark.parametrize("how", ["update", "resume"])
async def test_a_file_with_fewer_columns_is_read_again(
    simulated, connect, tmp_path, rows_of_all, change, how
):
    """Those that an earlier version did not have would be empty where nothing has changed."""
    if sqlite3.sqlite_version_info < (3, 35):
        pytest.skip("this SQLite cannot drop a column")
    path = tmp_path / "i.sqlite"
    async with connect(simulated) as engine:
        async with open_store(path) as keeper:
            await collect(engine, VMS, keeper, name="e")
            whole = rows_of_all(keeper.store)
        with closing(sqlite3.connect(path)) as db:
            db.execute(change)
        async with open_store(path) as keeper:
            outcome = await collect(engine, VMS, keeper, name="e", how=how)
            names = keeper.store.table("vms")[1]
            found = rows_of_all(keeper.store)
    assert "an earlier trivirt kept less of it" in outcome.notes[0]
    assert outcome.verdict == "complete"
    assert "fqdn" in names
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len(rows) for name, rows in whole.items()
    }
