"""The file in which an inventory is kept: SQLite, written by one connection in transactions.

Everything here blocks and is called in threads, by one at a time (`_keeper`). A transaction holds
rows and the state of the units they came of, so a kill between two of them loses nothing that was
said to be done. The file is locked for as long as it is open: two runs cannot share one. There is
no write-ahead log, so between transactions the file is one file; every transaction is on the disk
(`synchronous=FULL`) before the next begins.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import trio

from trivirt.errors import StoreError
from trivirt.inventory._plan import Plan
from trivirt.inventory._schema import (
    APPLICATION,
    FRAME,
    VERSION,
    Table,
    quote,
    table_of,
    tables_of,
)
from trivirt.inventory._ways import Itinerary, Route
from trivirt.inventory._work import Unit

__all__ = ["Batch", "EngineFacts", "Kept", "RunRecord", "Store"]

_PATIENCE = 5.0  # Seconds that another program may take to leave the file.
_PAGE = 16384  # Bytes.
_CHUNK = 500  # Objects that are looked up at a time when a run is resumed, or when it is exported.


class EngineFacts(NamedTuple):
    """Which engine it is; None for what it did not say."""

    name: str
    url: str
    product: str | None = None
    version: str | None = None
    instance_id: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """The record of a run, as the table `run` has it."""

    engine: str
    number: int
    plan: Plan
    ways: Itinerary
    started: str
    ended: str | None
    state: str
    verdict: str
    notes: tuple[str, ...]
    sessions: int
    requests: int
    changed: int
    event_first: int | None
    event_last: int | None
    events_seen: tuple[int, ...]


class Kept(NamedTuple):
    """An object and what is below it, as it shall be kept; without rows it is gone."""

    id: str
    rows: dict[Table, list[tuple[Any, ...]]]


@dataclass
class Batch:
    """What one transaction writes: rows, and the units that are done with them.

    `done` has the ids of objects by collection and part, `units` all other units.
    """

    rows: dict[Table, list[tuple[Any, ...]]] = field(default_factory=dict)
    done: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    units: list[tuple[str, str, str, str, str, str | None]] = field(default_factory=list)
    weight: int = 0

    def add(self, rows: Iterable[tuple[Table, tuple[Any, ...]]]) -> None:
        for table, row in rows:
            self.rows.setdefault(table, []).append(row)
            self.weight += 1


class Store:
    """An open inventory file. Raises StoreError for whatever SQLite or the disk refuses."""

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = path
        if not (create or Path(path).exists()):
            raise StoreError(f"{path}: there is no such inventory")
        with self._said():
            self._db = sqlite3.connect(
                path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None
            )
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def __repr__(self) -> str:
        return f"<Store {self.path}>"

    def _open(self) -> None:
        with self._said():
            # Of a new file: rows are a few kilobytes, and writing few large pages is quicker.
            self._db.execute(f"PRAGMA page_size={_PAGE}")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                (application,) = self._db.execute("PRAGMA application_id").fetchone()
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if not tables:
                    for statement in FRAME.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id={APPLICATION}")
                    self._db.execute(f"PRAGMA user_version={VERSION}")
                elif application != APPLICATION:
                    raise StoreError(f"{self.path} is a database of another program; name another")
                elif version > VERSION:
                    raise StoreError(
                        f"{self.path} was written by a newer trivirt (schema {version}, here "
                        f"{VERSION}); upgrade trivirt, or name another file"
                    )

    def close(self) -> None:
        self._db.close()

    # Runs.

    def last_run(self, engine: str) -> RunRecord | None:
        query = "SELECT * FROM run WHERE engine = ? ORDER BY number DESC LIMIT 1"
        rows = self._records(query, engine)
        return rows[0] if rows else None

    def runs(self) -> list[RunRecord]:
        """The last run of each engine."""
        last = "SELECT max(number) FROM run WHERE engine = r.engine"
        return self._records(f"SELECT * FROM run r WHERE number = ({last}) ORDER BY engine")

    def _records(self, query: str, *values: object) -> list[RunRecord]:
        with self._said():
            cursor = self._db.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [_record(dict(zip(names, row, strict=True))) for row in cursor]

    def engines(self) -> list[EngineFacts]:
        with self._said():
            return [EngineFacts(*row) for row in self._db.execute("SELECT * FROM engine")]

    def holds(self, plan: Plan) -> bool:
        """Whether all tables and columns of a plan are there; an earlier trivirt had fewer."""
        with self._said():
            return not any(self._lacks(table) for table in tables_of(plan))

    def _lacks(self, table: Table) -> list[str]:
        """What is to be done to a table so that it has all of its columns."""
        there = self._db.execute(f"PRAGMA table_info({quote(table.name)})").fetchall()
        return table.create([column[1] for column in there])

    def begin(
        self,
        facts: EngineFacts,
        plan: Plan,
        ways: Itinerary,
        events: tuple[int | None, Iterable[int]],
        *,
        keep: bool = False,
    ) -> RunRecord:
        """Begin a run of an engine; `keep` what was read of it before, or forget it."""
        last = self.last_run(facts.name)
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO engine VALUES (?, ?, ?, ?, ?)", facts)
            if not keep:
                self._forget(facts.name)
            self._forget_done(facts.name)
            for table in tables_of(plan):
                for statement in self._lacks(table):
                    self._db.execute(statement)
            number = last.number + 1 if last else 1
            self._db.execute(
                "INSERT INTO run (engine, number, plan, ways, started, state, verdict, notes,"
                " event_first, events_seen) VALUES (?, ?, ?, ?, ?, 'running', ?, '[]', ?, ?)",
                (
                    *(facts.name, number, json.dumps({**plan}), json.dumps(ways.as_data())),
                    *(now(), _UNFINISHED, events[0], json.dumps([*events[1]])),
                ),
            )
        record = self.last_run(facts.name)
        assert record is not None
        return record

    def _forget(self, engine: str) -> None:
        for record in self._records("SELECT * FROM run WHERE engine = ?", engine):
            for table in tables_of(record.plan):
                name = quote(table.name)
                if self._db.execute(f"PRAGMA table_info({name})").fetchone():
                    self._db.execute(f"DELETE FROM {name} WHERE engine = ?", (engine,))
        self._db.execute("DELETE FROM unit WHERE engine = ?", (engine,))

    def _forget_done(self, engine: str) -> None:
        self._db.execute("DELETE FROM unit WHERE engine = ? AND state = 'done'", (engine,))
        self._db.execute("DELETE FROM done WHERE engine = ?", (engine,))

    def resume(self, record: RunRecord) -> None:
        """Go on with a run: another session of it, in which what was refused is tried again."""
        with self._transaction():
            self._db.execute(
                "UPDATE run SET state = 'running', verdict = ?, ended = NULL,"
                " sessions = sessions + 1 WHERE engine = ? AND number = ?",
                (_UNFINISHED, record.engine, record.number),
            )
            failed = "DELETE FROM unit WHERE engine = ? AND state = 'failed'"
            self._db.execute(failed, (record.engine,))
            for route in record.ways:
                if route.page is None and not self.lists_done(record.engine, route.collection):
                    # Part of a list, of which other parts may have changed since.
                    name = quote(route.collection)
                    self._db.execute(f"DELETE FROM {name} WHERE engine = ?", (record.engine,))

    def end(self, record: RunRecord, requests: int, **values: object) -> None:
        """Write how the run ended, as columns of the table `run`; add requests made besides."""
        sets = ", ".join(f"{name} = ?" for name in values)
        with self._transaction():
            self._db.execute(
                f"UPDATE run SET {sets}, ended = ?, requests = requests + ?"
                " WHERE engine = ? AND number = ?",
                (*values.values(), now(), requests, record.engine, record.number),
            )
            if values.get("state") == "complete":
                self._forget_done(record.engine)

    # Rows and units.

    def write(self, batch: Batch, record: RunRecord, requests: int) -> None:
        """One transaction: the rows, the state of their units, and what it took so far."""
        with self._transaction():
            for table, rows in batch.rows.items():
                self._insert(table, rows)
            self._db.executemany(
                "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?)", batch.units
            )
            self._db.executemany(
                "INSERT INTO done VALUES (?, ?, ?, ?)",
                [(record.engine, *where, json.dumps(ids)) for where, ids in batch.done.items()],
            )
            self._db.execute(
                "UPDATE run SET requests = requests + ? WHERE engine = ? AND number = ?",
                (requests, record.engine, record.number),
            )

    def merge(
        self,
        record: RunRecord,
        collection: str,
        parts: Iterable[str],
        kept: Iterable[Kept],
        counted: Collection[str] = (),
    ) -> set[str]:
        """Put objects, and these parts of them, in the place of what is kept of them.

        Gives the ids of those that differ. All but those `counted` already count as changed.
        """
        tables = [table_of(collection, part) for part in parts]
        with self._transaction():
            changed = {one.id for one in kept if self._replace(record.engine, tables, one)}
            self._db.execute(
                "UPDATE run SET changed = changed + ? WHERE engine = ? AND number = ?",
                (len(changed.difference(counted)), record.engine, record.number),
            )
        return changed

    def _replace(self, engine: str, tables: list[Table], kept: Kept) -> bool:
        differs = False
        for table in tables:
            rows = kept.rows.get(table, [])
            where = f"{quote(table.name)} WHERE engine = ? AND {quote(table.key[0])} = ?"
            before = self._db.execute(
                f"SELECT attributes, position FROM {where} ORDER BY position", (engine, kept.id)
            ).fetchall()
            if [attributes for attributes, _ in before] == [row[-1] for row in rows]:
                continue
            differs = True
            if table.owner is None and rows:
                place = before[0][1] if before else self._end(engine, table)
                rows = [(rows[0][0], place, *rows[0][2:])]
            self._db.execute(f"DELETE FROM {where}", (engine, kept.id))
            self._insert(table, rows)
        return differs

    def _insert(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        try:
            self._db.executemany(table.insert(), rows)
        except OverflowError:  # Of a number that no column holds. The attributes do, as text.
            held = [tuple(None if _is_huge(value) else value for value in row) for row in rows]
            self._db.executemany(table.insert(), held)

    def _end(self, engine: str, table: Table) -> int:
        query = f"SELECT coalesce(max(position) + 1, 0) FROM {quote(table.name)} WHERE engine = ?"
        place: int = self._db.execute(query, (engine,)).fetchone()[0]
        return place

    # What is there.

    def count_done(self, engine: str) -> int:
        query = "SELECT count(*) FROM unit WHERE engine = ? AND state != 'failed'"
        with self._said():
            count: int = self._db.execute(query, (engine,)).fetchone()[0]
            done = self._db.execute("SELECT objects FROM done WHERE engine = ?", (engine,))
            return count + sum(len(json.loads(objects)) for (objects,) in done)

    def lists_done(self, engine: str, collection: str) -> dict[str, str | None]:
        with self._said():
            query = (
                "SELECT object, why FROM unit WHERE engine = ? AND collection = ?"
                " AND part = '' AND state = 'done'"
            )
            return dict(self._db.execute(query, (engine, collection)).fetchall())

    def shared_done(self, engine: str, collection: str) -> set[str]:
        query = (
            "SELECT part FROM unit WHERE engine = ? AND collection = ? AND object = ''"
            " AND part != '' AND state = 'done'"
        )
        with self._said():
            return {part for (part,) in self._db.execute(query, (engine, collection))}

    def missing(self, engine: str, route: Route, after: int) -> tuple[list[Unit], int | None]:
        """Some of the units below kept objects that are not done, and where to look on."""
        table = quote(route.collection)
        query = (
            f"SELECT id, position FROM {table} WHERE engine = ? AND position > ? ORDER BY position"
        )
        with self._said():
            if after < 0:
                self._spread(engine, route.collection)
            rows = self._db.execute(f"{query} LIMIT {_CHUNK}", (engine, after)).fetchall()
            key = "engine = ? AND collection = ? AND part = ? AND object = ?"
            done = f"SELECT 1 FROM finished WHERE {key} UNION ALL SELECT 1 FROM unit WHERE {key}"
            units = [
                Unit(route.collection, part, id)
                for id, _ in rows
                for part in route.by("children")
                if not self._db.execute(done, 2 * (engine, route.collection, part, id)).fetchone()
            ]
        return units, rows[-1][1] if rows else None

    def _spread(self, engine: str, collection: str) -> None:
        """A row for each unit that is done, outside of the file, where they can be looked up."""
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS finished (engine, collection, part, object,"
            " PRIMARY KEY (engine, collection, part, object)) WITHOUT ROWID"
        )
        where = "WHERE engine = ? AND collection = ?"
        query = f"SELECT part, objects FROM done {where}"
        with self._transaction():
            # What is there is of an earlier session, and may not hold any more.
            self._db.execute(f"DELETE FROM finished {where}", (engine, collection))
            for part, objects in self._db.execute(query, (engine, collection)):
                self._db.executemany(
                    "INSERT OR IGNORE INTO finished VALUES (?, ?, ?, ?)",
                    [(engine, collection, part, id) for id in json.loads(objects)],
                )

    def ids(self, engine: str, collection: str) -> set[str]:
        query = f"SELECT id FROM {quote(collection)} WHERE engine = ?"
        with self._said():
            return {id for (id,) in self._db.execute(query, (engine,))}

    def special(self, engine: str, state: str) -> list[tuple[Unit, str | None]]:
        """The units that are in this state, and why."""
        query = "SELECT collection, part, object, why FROM unit WHERE engine = ? AND state = ?"
        with self._said():
            rows = self._db.execute(query, (engine, state)).fetchall()
        return [(Unit(*unit), why) for *unit, why in rows]

    def forget_units(self, engine: str, collection: str, ids: Iterable[str]) -> None:
        """What was noted of objects that are gone, or were read again."""
        query = "DELETE FROM unit WHERE engine = ? AND collection = ? AND part != '' AND object = ?"
        with self._transaction():
            self._db.executemany(query, [(engine, collection, id) for id in ids])

    def table(self, name: str) -> tuple[list[tuple[Any, ...]], list[str]]:
        """All of a small table: its rows and the names of its columns."""
        with self._said():
            cursor = self._db.execute(f"SELECT * FROM {quote(name)}")
            return cursor.fetchall(), [column[0] for column in cursor.description]

    def select(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, as they are asked for, until who waits for this thread is cancelled."""
        with self._said():
            for number, row in enumerate(self._db.execute(query, values)):
                if number % _CHUNK == 0:
                    _check_cancelled()
                yield row

    def copy(self, path: Path) -> None:
        """Write all of it to a new file."""
        with self._said():
            self._db.execute("VACUUM INTO ?", (str(path),))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._said():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say what SQLite refused in the words of our users."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {_sentence(error)}") from error


_UNFINISHED = "partial: it has not ended"


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _record(row: dict[str, Any]) -> RunRecord:
    row["plan"] = Plan(json.loads(row["plan"]))
    row["ways"] = Itinerary.from_data(json.loads(row["ways"]))
    row["notes"] = tuple(json.loads(row["notes"]))
    row["events_seen"] = tuple(json.loads(row["events_seen"]))
    return RunRecord(**row)


def _is_huge(value: object) -> bool:
    return type(value) is int and not -(2**63) <= value < 2**63


def _check_cancelled() -> None:
    with suppress(RuntimeError):  # This is no thread of trio's, so nobody can cancel it.
        trio.from_thread.check_cancelled()


def _sentence(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return "it is in use by another program; wait for that, or name another file"
    if "full" in text:
        return "the disk is full; make room and resume"
    if "not a database" in text or "malformed" in text:
        return "this is not an inventory, or it is damaged; name another file"
    return f"it cannot be written or read: {text}"
