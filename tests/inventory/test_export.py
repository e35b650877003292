"""What real readers make of an inventory: the standard library, pyarrow, DuckDB, sqlite3."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
import trio

from trivirt.errors import UsageError
from trivirt.inventory import (
    Destination,
    EngineFacts,
    Plan,
    _export,
    check_form,
    choose,
    collect,
    export,
    open_store,
)
from trivirt.inventory._store import Store

PLAN = Plan({"vms": ["nics", "snapshots"], "hosts": ["statistics"]})


async def _read(simulated, connect, path, plan, names):
    async with connect(simulated) as engine, open_store(path) as keeper:
        for name in names:
            await collect(engine, plan, keeper, name=name)
        return await engine.vms.list(follow="nics")


@pytest.fixture
def filled(simulated, connect, tmp_path):
    """A store with an inventory, and the machines of the engine."""
    path = tmp_path / "kept.sqlite"
    vms = trio.run(_read, simulated, connect, path, PLAN, ["e"])
    with closing(Store(path)) as store:
        yield store, vms


@pytest.fixture
def two_engines(simulated, connect, tmp_path):
    path = tmp_path / "kept.sqlite"
    trio.run(_read, simulated, connect, path, Plan({"vms": ["nics"]}), ["north", "south"])
    with closing(Store(path)) as store:
        yield store


def test_json_is_one_document_with_parts_inside_of_objects(filled, tmp_path):
    store, vms = filled
    assert export(store, Destination(tmp_path / "a.json")) == [str(tmp_path / "a.json")]
    document = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert list(document) == ["engine", "run", "totals", "vms", "hosts"]
    assert document["engine"]["product"] == "oVirt Engine"
    assert document["run"]["verdict"] == "complete"
    assert document["totals"]["vms.nics"]["found"] == sum(len(vm.nics) for vm in vms)
    for found, vm in zip(document["vms"], vms, strict=True):
        assert found["nics"] == [nic.to_dict() for nic in vm.nics]
        assert "not_available" not in found
        expected = vm.to_dict()
        for part in ("nics", "snapshots"):
            del found[part], expected[part]
        assert found == expected


def test_a_part_that_the_engine_does_not_have_is_null_and_named(simulated, connect, tmp_path):
    first = []

    def of_the_first(request):
        if request.target.endswith("/nics") and not first:
            first.append(request.target)
        return request.target in first

    with simulated.faults.status(404, times=None, only=of_the_first):
        trio.run(_read_each, simulated, connect, tmp_path / "kept.sqlite")
    with closing(Store(tmp_path / "kept.sqlite")) as store:
        export(store, Destination(tmp_path / "a.json"))
    document = json.loads((tmp_path / "a.json").read_text("utf-8"))
    (missing,) = [vm for vm in document["vms"] if vm["nics"] is None]
    assert f"/vms/{missing['id']}/nics" in first[0]
    assert missing["not_available"] == ["nics"]
    assert document["totals"]["nics"]["not_available"] == 1


async def _read_each(simulated, connect, path):
    async with connect(simulated) as engine, open_store(path) as keeper:
        await collect(engine, Plan({"vms": ["nics"]}), keeper, name="e", ways={"*": "children"})


def test_several_engines_are_several_documents(two_engines, tmp_path):
    export(two_engines, Destination(tmp_path / "a.json"))
    documents = json.loads((tmp_path / "a.json").read_text("utf-8"))["engines"]
    assert len(documents) == 2
    assert documents[0]["vms"] == documents[1]["vms"]


def test_every_line_of_ndjson_is_an_object(filled, tmp_path):
    store, vms = filled
    export(store, Destination(tmp_path / "a.ndjson"))
    lines = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text("utf-8").splitlines()]
    assert lines[0]["table"] == "run"
    machines = [line["attributes"] for line in lines if line["table"] == "vms"]
    assert [vm["name"] for vm in machines] == [vm.name for vm in vms]
    nics = [line for line in lines if line["table"] == "vm_nics"]
    assert {(nic["vm_id"], nic["id"]) for nic in nics} == {
        (vm.id, nic.id) for vm in vms for nic in vm.nics
    }


def test_csv_is_a_file_for_each_table(filled, tmp_path):
    store, vms = filled
    files = export(store, Destination(tmp_path / "a.csv"))
    assert [file.rpartition("/")[2] for file in files] == [
        *("a.csv", "a.vm_nics.csv", "a.vm_snapshots.csv", "a.hosts.csv"),
        "a.host_statistics.csv",
    ]
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [vm.name for vm in vms]
    assert [int(row["memory"]) for row in rows] == [vm.memory for vm in vms]
    assert "attributes" not in rows[0]


def test_pyarrow_reads_the_parquet(filled, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(_export, "_BATCH", 7)
    store, vms = filled
    export(store, Destination(tmp_path / "a.parquet"))
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["name"].to_pylist() == [vm.name for vm in vms]
    assert table["memory"].to_pylist() == [vm.memory for vm in vms]
    assert table["stateless"].to_pylist() == [vm.stateless for vm in vms]
    assert json.loads(table["attributes"][0].as_py())["id"] == vms[0].id
    assert pq.read_table(tmp_path / "a.vm_nics.parquet").num_rows == sum(len(v.nics) for v in vms)


def test_an_empty_table_is_a_parquet_with_its_columns(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    plan = Plan({"vms": []})
    with closing(Store(tmp_path / "kept.sqlite")) as store:
        store.begin(EngineFacts("e", "u"), plan, choose(plan), (None, ()))
        export(store, Destination(tmp_path / "a.parquet"))
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.num_rows == 0
    assert "memory" in table.column_names


def test_duckdb_reads_its_database(filled, tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(_export, "_BATCH", 7)
    store, vms = filled
    export(store, Destination(tmp_path / "a.duckdb"))
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as db:
        query = "SELECT v.name, count(*) FROM vms v JOIN vm_nics n ON n.vm_id = v.id GROUP BY 1"
        found = dict(db.execute(query).fetchall())
        verdict = db.execute("SELECT verdict FROM run").fetchall()
    assert found == {vm.name: len(vm.nics) for vm in vms if vm.nics}
    assert verdict == [("complete",)]


def test_sqlite3_reads_the_file_itself(filled, tmp_path):
    store, vms = filled
    store.close()
    query = "SELECT name, json_extract(attributes, '$.cpu.topology.cores') FROM vms"
    with closing(sqlite3.connect(tmp_path / "kept.sqlite")) as file:
        found = file.execute(f"{query} ORDER BY position").fetchall()
    assert found == [(vm.name, vm.cpu.topology.cores) for vm in vms]
    assert [file.name for file in tmp_path.iterdir()] == ["kept.sqlite"]


def test_the_program_sqlite3_reads_the_file_itself(filled, tmp_path):
    if shutil.which("sqlite3") is None:
        pytest.skip("there is no program sqlite3 here")
    filled[0].close()
    query = "PRAGMA integrity_check; SELECT count(*) FROM vms"
    words = ["sqlite3", str(tmp_path / "kept.sqlite"), query]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ok", "30"]


def test_a_library_that_is_missing_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("trivirt.inventory._export.import_module", missing)
    check_form("json")
    for form, library in (("parquet", "pyarrow"), ("duckdb", "pyarrow")):
        with pytest.raises(UsageError, match=rf"needs {library}.*trivirt\["):
            check_form(form)


def test_a_copy_is_an_inventory_itself(filled, tmp_path):
    store, _ = filled
    target = tmp_path / "copy.sqlite"
    target.write_text("old")
    assert export(store, Destination(target)) == [str(target)]
    with closing(Store(target)) as copy:
        assert copy.runs() == store.runs()
        for name in ("engine", "vms", "vm_nics"):
            assert copy.table(name) == store.table(name)


class CancelledMeanwhile(Destination):
    """A place where the wait for the writing is cancelled when it has begun."""

    def cancelled_with(self, scope):
        self._scope = scope
        return self

    def write(self, write):
        def begin(path):
            trio.from_thread.run_sync(self._scope.cancel)
            write(path)

        super().write(begin)


@pytest.fixture(params=["json", "ndjson", "csv", "parquet", "duckdb"])
def form(request):
    if request.param in ("parquet", "duckdb"):
        pytest.importorskip("pyarrow")
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
    return request.param


async def test_who_waits_for_it_can_cancel_it(simulated, connect, tmp_path, form):
    target = tmp_path / "there"
    target.write_text("old")
    async with connect(simulated) as engine, open_store(tmp_path / "kept.sqlite") as keeper:
        await collect(engine, PLAN, keeper)
        with trio.CancelScope() as scope:
            where = CancelledMeanwhile(target, form).cancelled_with(scope)
            await keeper.do(export, keeper.store, where)
        assert scope.cancelled_caught
    assert target.read_text() == "old"
    assert {file.name for file in tmp_path.iterdir()} == {"kept.sqlite", "there"}
