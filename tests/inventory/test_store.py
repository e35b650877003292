from __future__ import annotations

import sqlite3

import pytest

from trivirt.errors import StoreError
from trivirt.inventory import Offer, Plan, choose
from trivirt.inventory._schema import table_of
from trivirt.inventory._store import Batch, EngineFacts, Kept, Store
from trivirt.inventory._work import Unit
from trivirt.types import Nic, Vm

PLAN = Plan({"vms": ["nics"]})
WAYS = choose(PLAN, Offer({"vms": 3}, follows=False))
FACTS = EngineFacts("e", "https://e/api", "oVirt Engine", "4.5", "i")
VMS, NICS = table_of("vms"), table_of("vms", "nics")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inventory.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def begin(store, facts=FACTS, **keywords):
    return store.begin(facts, PLAN, WAYS, (7, [5, 7]), **keywords)


def batch(*ids, units=(), done=()):
    made = Batch(done={("vms", "nics"): list(done)} if done else {})
    made.add((VMS, VMS.row("e", None, n, Vm(id=id, name=id))) for n, id in enumerate(ids))
    made.units.extend(("e", *unit, "done", None) for unit in units)
    return made


def one(id, name=None, nics=()):
    rows = {VMS: [VMS.row("e", None, 99, Vm(id=id, name=name or id))]}
    rows[NICS] = [NICS.row("e", id, n, Nic(id=nic)) for n, nic in enumerate(nics)]
    return Kept(id, rows)


def test_a_run_is_recorded_as_unfinished_until_it_ends(store):
    record = begin(store)
    assert (record.number, record.state, record.verdict) == (
        1,
        "running",
        "partial: it has not ended",
    )
    assert (record.plan, record.ways) == (PLAN, WAYS)
    assert (record.event_first, record.events_seen) == (7, (5, 7))
    store.end(record, 4, state="complete", verdict="complete", event_last=9)
    ended = store.last_run("e")
    assert (ended.state, ended.requests, ended.event_last) == ("complete", 4, 9)
    assert ended.ended >= ended.started
    assert store.runs() == [ended]
    assert store.engines() == [FACTS]


def test_a_transaction_is_kept_whole_or_not_at_all(store, path):
    record = begin(store)
    store.write(batch("a", "b", units=[Unit("vms", "", "1")]), record, 1)
    broken = batch("c")
    broken.units.append(("e", "vms", "", "2", None, None))  # A unit without a state.
    with pytest.raises(StoreError, match="NOT NULL"):
        store.write(broken, record, 1)
    assert store.ids("e", "vms") == {"a", "b"}
    assert store.lists_done("e", "vms") == {"1": None}
    assert store.last_run("e").requests == 1


def test_what_is_missing_is_told_in_the_order_of_the_list(store):
    record = begin(store)
    store.write(batch("a", "b", "c", units=[Unit("vms", "", "1")]), record, 1)
    store.write(batch(done=["b", "d"]), record, 1)
    assert store.count_done("e") == 3
    units, after = store.missing("e", WAYS[0], -1)
    assert units == [Unit("vms", "nics", "a"), Unit("vms", "nics", "c")]
    assert store.missing("e", WAYS[0], after) == ([], None)


def test_what_was_done_since_is_not_missing_any_more(store):
    record = begin(store)
    absent = batch("a", "b", "c", "d", units=[Unit("vms", "", "1")], done=["a", "c"])
    absent.units.append(("e", "vms", "nics", "b", "absent", None))
    store.write(absent, record, 1)
    assert store.missing("e", WAYS[0], -1)[0] == [Unit("vms", "nics", "d")]
    store.write(batch(done=["c", "d"]), record, 1)
    assert store.missing("e", WAYS[0], -1)[0] == []


def test_what_was_done_of_an_earlier_run_is_missing_in_the_next(store):
    record = begin(store)
    store.write(batch("a", "b", units=[Unit("vms", "", "1")], done=["a", "b"]), record, 1)
    assert store.missing("e", WAYS[0], -1)[0] == []
    record = begin(store)
    store.write(batch("a", "b", units=[Unit("vms", "", "1")], done=["b"]), record, 1)
    assert store.missing("e", WAYS[0], -1)[0] == [Unit("vms", "nics", "a")]


def test_what_is_done_of_one_engine_is_not_of_another(store):
    other = begin(store, FACTS._replace(name="other"))
    store.write(batch(done=["a", "b"]), other, 1)
    record = begin(store)
    store.write(batch("a", "b", units=[Unit("vms", "", "1")]), record, 1)
    assert len(store.missing("e", WAYS[0], -1)[0]) == 2
    store.end(record, 1, state="complete", verdict="complete")
    assert (store.count_done("e"), store.count_done("other")) == (0, 2)


def test_resuming_tries_again_what_was_refused(store):
    record = begin(store)
    made = batch("a", units=[Unit("vms", "", "1")])
    made.units.append(("e", "vms", "nics", "a", "failed", "no"))
    store.write(made, record, 1)
    assert store.special("e", "failed") == [(Unit("vms", "nics", "a"), "no")]
    store.resume(record)
    assert store.special("e", "failed") == []
    assert store.last_run("e").sessions == 2
    assert store.lists_done("e", "vms") == {"1": None}


def test_resuming_forgets_half_of_a_list_that_came_in_one(store):
    ways = choose(PLAN, Offer(pages=False))
    record = store.begin(FACTS, PLAN, ways, (None, []))
    store.write(batch("a", "b"), record, 1)
    store.resume(record)
    assert store.ids("e", "vms") == set()


def test_a_run_that_begins_forgets_what_was_read_before(store):
    store.write(batch("a", units=[Unit("vms", "", "1")]), begin(store), 1)
    record = begin(store)
    assert record.number == 2
    assert store.ids("e", "vms") == set()
    assert store.lists_done("e", "vms") == {}


def test_an_update_keeps_what_was_read_before(store):
    store.write(batch("a", units=[Unit("vms", "", "1")]), begin(store), 1)
    begin(store, keep=True)
    assert store.ids("e", "vms") == {"a"}


def test_engines_do_not_touch_each_other(store):
    store.write(batch("a", units=[Unit("vms", "", "1")]), begin(store), 1)
    begin(store, FACTS._replace(name="other"))
    assert store.ids("e", "vms") == {"a"}
    assert [record.engine for record in store.runs()] == ["e", "other"]


def test_what_is_done_is_forgotten_when_all_is(store):
    record = begin(store)
    made = batch("a", units=[Unit("vms", "", "1")])
    made.units.append(("e", "vms", "nics", "a", "absent", None))
    store.write(made, record, 1)
    store.end(record, 0, state="complete", verdict="complete")
    assert store.lists_done("e", "vms") == {}
    assert store.special("e", "absent") == [(Unit("vms", "nics", "a"), None)]


def test_merging_tells_what_differs(store):
    record = begin(store)
    parts = ("", "nics")
    assert store.merge(record, "vms", parts, [one("a", nics=["n"]), one("b")]) == {"a", "b"}
    assert store.merge(record, "vms", parts, [one("a", nics=["n"]), one("b")]) == set()
    assert store.merge(record, "vms", parts, [one("a", "new", nics=["n"]), one("b")]) == {"a"}
    both = [one("a", "new"), one("b", nics=["m"])]
    assert store.merge(record, "vms", parts, both, {"a"}) == {"a", "b"}
    assert store.last_run("e").changed == 4


def test_merging_keeps_places_and_adds_at_the_end(store):
    record = begin(store)
    store.write(batch("a", "b"), record, 1)
    store.merge(record, "vms", ("", "nics"), [one("a", "new"), one("c")])
    found = list(store.select("SELECT id, position, name FROM vms ORDER BY position"))
    assert found == [("a", 0, "new"), ("b", 1, "b"), ("c", 2, "c")]


def test_merging_what_is_gone_removes_all_of_it(store):
    record = begin(store)
    store.merge(record, "vms", ("", "nics"), [one("a", nics=["n", "m"])])
    assert store.merge(record, "vms", ("", "nics"), [Kept("a", {})]) == {"a"}
    assert store.ids("e", "vms") == set()
    assert list(store.select("SELECT * FROM vm_nics")) == []


def test_two_cannot_write_one_file(store, path, monkeypatch):
    monkeypatch.setattr("trivirt.inventory._store._PATIENCE", 0)
    with pytest.raises(StoreError, match="in use by another program"):
        Store(path)


def test_a_file_of_another_program_is_refused(path):
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE cats (name TEXT)")
    file.close()
    with pytest.raises(StoreError, match="another program"):
        Store(path)


def test_a_file_that_is_no_database_is_refused(path):
    path.write_text("this is not a database at all, and long enough to be one" * 20)
    with pytest.raises(StoreError, match="not an inventory"):
        Store(path)


def test_a_file_of_the_future_is_refused(store, path):
    store.close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=99")
    file.close()
    with pytest.raises(StoreError, match="newer trivirt"):
        Store(path)


def test_a_file_that_is_not_there_is_refused_if_it_must_be(path):
    with pytest.raises(StoreError, match="no such inventory"):
        Store(path, create=False)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_refused(path):
    with pytest.raises(StoreError, match="cannot be written"):
        Store(path / "in" / "nowhere")


def test_a_full_disk_is_told_and_costs_only_the_transaction(store):
    record = begin(store)
    store.write(batch("a", units=[Unit("vms", "", "1")]), record, 1)
    (pages,) = next(store.select("PRAGMA page_count"))
    list(store.select(f"PRAGMA max_page_count={pages + 2}"))
    with pytest.raises(StoreError, match="disk is full"):
        store.write(batch(*(f"v{n}" for n in range(5000))), record, 1)
    list(store.select("PRAGMA max_page_count=1000000"))
    assert store.ids("e", "vms") == {"a"}
    store.write(batch("b"), record, 1)
    assert list(store.select("PRAGMA integrity_check")) == [("ok",)]
