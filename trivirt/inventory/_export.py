"""An inventory in other forms than the file it is kept in. All of them stream, row by row.

    json      one document, whole: engine, run, totals, and each collection with what is below its
              objects inside of them; of several engines {"engines": [such documents]}
    ndjson    a line for each run and each object: {"table": ..., <its keys>, "attributes": {...}}
    csv       a file for each table: the first in FILE, the others in FILE's name with theirs;
              the columns of the table but for `attributes`
    parquet   likewise, with `attributes` as JSON
    duckdb    the same tables in a DuckDB database
    sqlite    a copy of the file it is kept in

Parquet needs pyarrow, DuckDB both (`pip install 'trivirt[parquet]'`, `'trivirt[duckdb]'`); they are
imported when they are used.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivirt.errors import UsageError
from trivirt.inventory._destination import Destination
from trivirt.inventory._schema import Table, quote, table_of, tables_of
from trivirt.inventory._store import RunRecord, Store

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["check_form", "engine_document", "export", "totals"]

_BATCH = 5000  # Rows that are in memory at a time.


def export(store: Store, destination: Destination) -> list[str]:
    """Write what the store holds into the destination; give the names of the files.

    Blocks; in a thread of trio's (`Keeper.do`) it is cancelled with who waits for it, and leaves
    the file that was there before. Raises StoreError when that cannot be written, UsageError when
    a library is missing.
    """
    return _EXPORTS[destination.form](store, destination)


def check_form(form: str) -> None:
    """Raise UsageError when the library for a form is not installed."""
    if form in ("parquet", "duckdb"):
        _arrow()
    if form == "duckdb":
        _duckdb()


# JSON.


def totals(store: Store, record: RunRecord) -> dict[str, dict[str, int]]:
    """For each collection and part: how many there are, for how many objects there was 404."""
    absent: dict[tuple[str, str], int] = {}
    for unit, _ in store.special(record.engine, "absent"):
        key = unit.collection, unit.part
        absent[key] = absent.get(key, 0) + 1
    counts = {}
    for name in record.plan:
        for part in ("", *record.plan[name]):
            table = table_of(name, part)
            query = f"SELECT count(*) FROM {quote(table.name)} WHERE engine = ?"
            ((found,),) = store.select(query, record.engine)
            counts[_title(record, name, part)] = {
                "found": found,
                "not_available": absent.get((name, part), 0),
            }
    return counts


def _title(record: RunRecord, name: str, part: str) -> str:
    """What a part is called in totals: alone if there is only one collection."""
    return name if not part else part if len(record.plan) == 1 else f"{name}.{part}"


def engine_document(store: Store, record: RunRecord) -> dict[str, Any]:
    """What a document says of an engine before its objects."""
    facts = next(facts for facts in store.engines() if facts.name == record.engine)
    return {
        "engine": {"url": facts.url, "product": facts.product, "version": facts.version},
        "run": _run_data(record),
        "totals": totals(store, record),
    }


def _run_data(record: RunRecord) -> dict[str, Any]:
    names = ("started", "ended", "state", "verdict", "notes", "sessions", "requests", "changed")
    data = {name: getattr(record, name) for name in names}
    return {
        **data,
        "notes": [*record.notes],
        "events": [record.event_first, record.event_last],
        "plan": {name: [*parts] for name, parts in record.plan.items()},
        "ways": [str(line) for line in str(record.ways).splitlines()],
    }


def _write_json(store: Store, destination: Destination) -> list[str]:
    def write(path: Path) -> None:
        records = store.runs()
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            if len(records) == 1:
                _write_document(store, records[0], file)
            else:
                file.write('{"engines": [\n')
                for number, record in enumerate(records):
                    file.write(",\n" if number else "")
                    _write_document(store, record, file)
                file.write("]}\n")

    destination.write(write)
    return [str(destination)]


def _write_document(store: Store, record: RunRecord, file: TextIO) -> None:
    head = json.dumps(engine_document(store, record), ensure_ascii=False, indent=1)
    file.write(head.rstrip().removesuffix("}").rstrip())
    for name in record.plan:
        file.write(f',\n "{name}": [')
        for number, value in enumerate(_objects(store, record, name)):
            file.write(",\n  " if number else "\n  ")
            json.dump(value, file, ensure_ascii=False)
        file.write("]")
    file.write("\n}\n")


def _objects(store: Store, record: RunRecord, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a collection in the order of the engine, with their parts in them.

    A part that the engine does not have is null and named in `not_available`, so that it cannot
    be mistaken for an empty one.
    """
    parts = {part: table_of(name, part) for part in record.plan[name]}
    absent: dict[str, set[str]] = {}
    for unit, _ in store.special(record.engine, "absent"):
        if unit.collection == name:
            absent.setdefault(unit.object, set()).add(unit.part)
    query = f"SELECT id, attributes FROM {quote(name)} WHERE engine = ? ORDER BY position, id"
    for id, attributes in store.select(query, record.engine):
        value = json.loads(attributes)
        missing = absent.get(id, set())
        for part, table in parts.items():
            value[part] = None if part in missing else _below(store, record.engine, table, id)
        if missing:
            value["not_available"] = sorted(missing)
        yield value


def _below(store: Store, engine: str, table: Table, id: str) -> list[Any]:
    where = f"WHERE engine = ? AND {quote(table.key[0])} = ? ORDER BY position"
    rows = store.select(f"SELECT attributes FROM {quote(table.name)} {where}", engine, id)
    return [json.loads(attributes) for (attributes,) in rows]


def _write_ndjson(store: Store, destination: Destination) -> list[str]:
    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for record in store.runs():
                head = {"table": "run", "engine": record.engine, "attributes": _run_data(record)}
                print(json.dumps(head, ensure_ascii=False), file=file)
            for table in _tables(store):
                _write_lines(store, table, file)

    destination.write(write)
    return [str(destination)]


def _write_lines(store: Store, table: Table, file: TextIO) -> None:
    keys = ["engine", *([table.owner] if table.owner else []), "position", "id"]
    names = ", ".join(map(quote, keys))
    for *values, attributes in store.select(
        f"SELECT {names}, attributes FROM {quote(table.name)} {_ordered(table)}"
    ):
        head = {"table": table.name, **dict(zip(keys, values, strict=True))}
        text = json.dumps(head, ensure_ascii=False).removesuffix("}")
        file.write(f'{text}, "attributes": {attributes}}}\n')


# Tables.


def _tables(store: Store) -> list[Table]:
    found = {table.name: table for record in store.runs() for table in tables_of(record.plan)}
    return list(found.values())


def _ordered(table: Table) -> str:
    order = ["engine", *([table.owner] if table.owner else []), "position"]
    return f"ORDER BY {', '.join(map(quote, order))}"


def _rows(store: Store, table: Table, names: list[str]) -> Iterator[tuple[Any, ...]]:
    columns = ", ".join(map(quote, names))
    return store.select(f"SELECT {columns} FROM {quote(table.name)} {_ordered(table)}")


def _write_each(
    store: Store, destination: Destination, write: Callable[[Store, Table, Path], None]
) -> list[str]:
    """A file for each table; the first has the name that was given."""
    files = []
    for number, table in enumerate(_tables(store)):
        file = destination.sibling(table.name) if number else destination
        file.write(lambda path, table=table: write(store, table, path))  # type: ignore[misc]  # mypy infers no lambda with defaults
        files.append(str(file))
    return files


def _write_csv(store: Store, table: Table, path: Path) -> None:
    names = [name for name, _ in table.columns if name != "attributes"]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(_rows(store, table, names))


def _batches(store: Store, table: Table) -> Iterator[Any]:
    """Record batches of Arrow, and at least one."""
    pa = _arrow()
    words = {"TEXT": "string", "INTEGER": "int64", "REAL": "float64", "BOOLEAN": "bool"}
    names = [name for name, _ in table.columns]
    types = [words[kind.split()[0]] for _, kind in table.columns]
    schema = pa.schema([(n, pa.type_for_alias(t)) for n, t in zip(names, types, strict=True)])
    rows = _rows(store, table, names)
    more = True
    while more:
        some = list(islice(rows, _BATCH))
        more = len(some) == _BATCH
        columns = zip(*some, strict=True) if some else ((),) * len(names)
        arrays = [
            pa.array(_truths(column) if kind == "bool" else column, pa.type_for_alias(kind))
            for column, kind in zip(columns, types, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _truths(column: Iterable[int | None]) -> list[bool | None]:
    return [None if one is None else bool(one) for one in column]


def _write_parquet(store: Store, table: Table, path: Path) -> None:
    _arrow()
    pq: Any = import_module("pyarrow.parquet")

    batches = _batches(store, table)
    first = next(batches)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _write_duckdb(store: Store, destination: Destination) -> list[str]:
    duckdb, pa = _duckdb(), _arrow()

    def write(path: Path) -> None:
        with duckdb.connect(str(path)) as db:
            for name in ("engine", "run", "unit"):
                rows, names = store.table(name)
                columns = {n: [row[i] for row in rows] for i, n in enumerate(names)}
                db.register("rows", pa.table(columns))
                db.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM rows")
            for table in _tables(store):
                for number, batch in enumerate(_batches(store, table)):
                    db.register("rows", pa.Table.from_batches([batch]))
                    make = (
                        f"INSERT INTO {quote(table.name)}"
                        if number
                        else (f"CREATE TABLE {quote(table.name)} AS")
                    )
                    db.execute(f"{make} SELECT * FROM rows")

    destination.write(write)
    return [str(destination)]


def _arrow() -> Any:
    return _library("pyarrow", "parquet")


def _duckdb() -> Any:
    return _library("duckdb", "duckdb")


def _library(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise UsageError(
            f"this form needs {name}, which is not installed here; "
            f"run: pip install 'trivirt[{extra}]'"
        ) from None


def _write_sqlite(store: Store, destination: Destination) -> list[str]:
    destination.write(store.copy)
    return [str(destination)]


_EXPORTS: dict[str, Callable[[Store, Destination], list[str]]] = {
    "sqlite": _write_sqlite,
    "json": _write_json,
    "ndjson": _write_ndjson,
    "csv": lambda store, destination: _write_each(store, destination, _write_csv),
    "parquet": lambda store, destination: _write_each(store, destination, _write_parquet),
    "duckdb": _write_duckdb,
}
