"""The tables of an inventory, and how an object of the API becomes a row.

Version 1 of the schema. The file says `PRAGMA application_id` 0x74724976 ("trIv") and
`PRAGMA user_version` 1.

    engine    one row for each engine: name, url, product, version, instance_id
    run       one row for each run: engine, number (from 1), plan, ways, started, ended,
              state ('running', 'complete', 'partial'), verdict (the state in words), notes (what
              could not be known), sessions (1, and one more for each resumption), requests,
              changed (objects that changed meanwhile), event_first and event_last (the newest
              event before and after; null when the engine tells none)
    unit      what is special about a piece of work: engine, collection, part, object, state, why.
              'absent': the engine has no such part for this object; 'failed': it refused; until
              the run is complete also 'done', for lists
    done      until the run is complete: of which objects a part is there, one row for each
              transaction: engine, collection, part, objects (their ids, as JSON)

and one table for each collection of the plan, of its own name (`vms`), and for each relation,
named after the object and the part (`vm_nics`). All of them have

    engine      the name of the engine
    <owner>_id  in relations: the id of the object above (`vm_id`)
    position    the place in the engine's list, from 0
    id          the id that the engine gives
    ...         a column for each simple attribute, under its name; a reference to another object
                as `<name>_id`; and some that are nested deeper, as `cpu_topology_sockets`
    attributes  all attributes as JSON, under their Python names; a list that is only linked is
                {"href": ...}. The order is that of names, simple attributes before others

Times are ISO 8601 with offset, truth values 0 and 1, enumerations their words, sizes bytes.
Key is (engine, id), in relations (engine, owner, position). Later versions only add.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import repeat
from math import nan
from typing import Any, NamedTuple

from trivirt.codec import kept_reference
from trivirt.inventory._json import Path, deep, quoted, to_json, word
from trivirt.inventory._plan import Plan
from trivirt.inventory._surface import collection, relation
from trivirt.model import Field, Struct, fields

__all__ = ["APPLICATION", "FRAME", "NULL", "VERSION", "Table", "quote", "table_of", "tables_of"]

APPLICATION = 0x74724976
VERSION = 1

#: Stands for NULL in a row: that is what SQLite keeps of a number that is none. For None, Python's
#: module looks for an adapter each time, and half of all values are missing.
NULL = nan

_MOST_KNOWN = 1000
_NULLS = repeat(NULL)

FRAME = """
CREATE TABLE engine (
  name TEXT PRIMARY KEY, url TEXT, product TEXT, version TEXT, instance_id TEXT
);
CREATE TABLE run (
  engine TEXT NOT NULL, number INTEGER NOT NULL,
  plan TEXT NOT NULL,      -- {"vms": ["nics", ...], ...}
  ways TEXT NOT NULL,      -- how each relation is reached
  started TEXT NOT NULL, ended TEXT,
  state TEXT NOT NULL,     -- running, complete, partial
  verdict TEXT NOT NULL,   -- the state in words
  notes TEXT NOT NULL,     -- ["what could not be known", ...]
  sessions INTEGER NOT NULL DEFAULT 1,
  requests INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  event_first INTEGER, event_last INTEGER,
  events_seen TEXT NOT NULL DEFAULT '[]', -- ids of the newest events when the run began
  PRIMARY KEY (engine, number)
);
CREATE TABLE unit (
  engine TEXT NOT NULL, collection TEXT NOT NULL,
  part TEXT NOT NULL,      -- '' for the collection itself
  object TEXT NOT NULL,    -- the id of the object; of a list the number of the page, or ''
  state TEXT NOT NULL,     -- done, absent, failed
  why TEXT,
  PRIMARY KEY (engine, collection, part, object)
) WITHOUT ROWID;
CREATE TABLE done (
  engine TEXT NOT NULL, collection TEXT NOT NULL, part TEXT NOT NULL, objects TEXT NOT NULL
);
"""

# Worth a column though nested deeper, by the element of the object.
_DEEPER: Mapping[str, tuple[str, ...]] = {
    "vm": (
        *("cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads"),
        *("os.type", "memory_policy.guaranteed", "high_availability.enabled", "bios.type"),
        *("guest_operating_system.distribution", "guest_operating_system.version.full_version"),
        *("display.type", "display.address", "display.port"),
    ),
    "template": (
        *("cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads"),
        *("os.type", "version.version_name", "version.version_number"),
    ),
    "host": (
        *("cpu.name", "cpu.topology.sockets", "cpu.topology.cores", "cpu.topology.threads"),
        *("os.type", "os.version.full_version", "version.full_version", "spm.status"),
        *("hardware_information.manufacturer", "hardware_information.product_name"),
        *("hardware_information.serial_number", "summary.active", "summary.total"),
    ),
    "cluster": ("cpu.type", "cpu.architecture", "version.major", "version.minor"),
    "data_center": ("version.major", "version.minor"),
    "storage_domain": ("storage.type", "storage.address", "storage.path"),
    "nic": ("mac.address",),
    "host_nic": ("mac.address", "ip.address", "ip.netmask"),
    "network": ("ip.address", "ip.netmask"),
    "reported_device": ("mac.address",),
}


def quote(name: str) -> str:
    return f'"{name}"'


#: What a nested attribute comes to: a piece of JSON, in which a NUL stands for the `href` of the
#: object, and values of columns.
Fragment = tuple[str, dict[str, Any]]


class Shape(NamedTuple):
    """The attributes that an object has, in the order of its JSON: each under its key in the dict.

    `scalars` have the beginning of their JSON, `others` their name and what is remembered of the
    texts that are kept for them, None for those that were read.
    """

    scalars: list[tuple[str, str]]
    others: list[tuple[str, str, dict[object, Fragment] | None]]


class Table:
    """One table: its columns, and how a row is made of an object."""

    def __init__(self, name: str, kind: type[Struct], owner: str | None) -> None:
        self.name, self.kind, self.owner = name, kind, owner
        known = fields(kind)
        ours = {"engine", "position", "attributes", owner}
        own = sorted((f for f in known.values() if f.name not in ours), key=_last)
        self._plain = [f.name for f in own if _is_plain(f)]
        self._words = dict.fromkeys(f.name for f in own if _is_word(f))
        self._nested: dict[str, list[Path]] = {}
        for field in own:
            if _is_reference(field) and f"{field.name}_id" != owner:
                self._nested[field.name] = [(field.name, "id")]
        self._scalars = frozenset(
            f.name for f in known.values() if not f.is_list and (f.is_simple or f.is_enum)
        )
        self._references = {f.name for f in known.values() if _is_reference(f, "str")}
        for text in _DEEPER.get(kind.element, ()):
            path = tuple(text.split("."))
            if path[0] in known:
                self._nested.setdefault(path[0], []).append(path)
        self._paths = {"_".join(path): path for paths in self._nested.values() for path in paths}
        self._above = owner and owner.removesuffix("_id")
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._known: dict[str, dict[object, Fragment]] = {}
        self.columns = list(self._columns())

    def __repr__(self) -> str:
        return f"<Table {self.name}, {len(self.columns)} columns>"

    def _columns(self) -> Iterator[tuple[str, str]]:
        yield "engine", "TEXT NOT NULL"
        if self.owner:
            yield self.owner, "TEXT NOT NULL"
        yield "position", "INTEGER NOT NULL"
        known = fields(self.kind)
        for name in self._plain:
            yield name, _SQL[known[name].type_name]
        for name in self._words:
            yield name, "TEXT"
        for name, path in self._paths.items():
            yield name, _SQL.get(_field_at(self.kind, path).type_name, "TEXT")
        yield "attributes", "TEXT NOT NULL"

    @property
    def key(self) -> tuple[str, str]:
        """What tells rows of one engine apart."""
        return (self.owner, "position") if self.owner else ("id", "")

    def create(self, there: Collection[str] = ()) -> list[str]:
        """What makes the table; or adds what it lacks, when it has the columns `there`."""
        if there:
            return [
                f"ALTER TABLE {quote(self.name)} ADD COLUMN {quote(name)} {kind}"
                for name, kind in self.columns
                if name not in there
            ]
        key = ", ".join(quote(name) for name in ("engine", *self.key) if name)
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in self.columns)
        return [f"CREATE TABLE {quote(self.name)} ({columns}, PRIMARY KEY ({key}))"]

    def insert(self) -> str:
        names = ", ".join(quote(name) for name, _ in self.columns)
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT OR REPLACE INTO {quote(self.name)} ({names}) VALUES ({marks})"

    def row(self, engine: str, owner: str | None, position: int, value: Struct) -> tuple[Any, ...]:
        """The row of an object.

        Machines are much alike: what the order of their attributes comes to, and each text that
        is kept in them, is found once and remembered. That takes a third of the time.
        """
        own = value.__dict__
        keys = tuple(own)
        shape = self._shapes.get(keys) or self._learn_shape(keys)
        words: dict[str, str] = {}
        pieces = []
        for name, begin in shape.scalars:
            one = own[name]
            kind = type(one)
            if kind is str:
                pieces.append(begin + quoted(one))
            elif kind is bool:
                pieces.append(f"{begin}true" if one else f"{begin}false")
            elif kind is int:
                pieces.append(f"{begin}{one}")
            elif kind is float:
                pieces.append(begin + to_json(one))
            else:
                words[name] = text = word(one)
                pieces.append(begin + quoted(text))
        nested: dict[str, Any] = {}
        for key, name, known in shape.others:
            one = own[key]
            if known is None:
                piece, columns = self._fragment(name, one)
            else:
                piece, columns = known.get(one) or self._learn(value, name, one, known)
            pieces.append(piece)
            if columns:
                nested.update(columns)
        text = f"{{{','.join(pieces)}}}"
        if "\0" in text:
            text = text.replace("\0", quoted(own["href"])[1:-1])
        return (
            *((engine, position) if owner is None else (engine, owner, position)),
            *map(own.get, self._plain, _NULLS),
            *map(words.get, self._words, _NULLS),
            *map(nested.get, self._paths, _NULLS),
            text,
        )

    def _learn_shape(self, keys: tuple[str, ...]) -> Shape:
        scalars = sorted(self._scalars.intersection(keys))
        there = {key: key for key in keys if key[0] != "\0" and key not in self._scalars}
        kept = {key[1:]: key for key in keys if key[0] == "\0" and key != "\0"}
        shape = Shape(
            [(name, f'"{name}":') for name in scalars],
            [
                (key, name, None if name in there else self._known.setdefault(name, {}))
                for name, key in sorted({**kept, **there}.items())
            ],
        )
        if len(self._shapes) >= _MOST_KNOWN:
            self._shapes.clear()
        self._shapes[keys] = shape
        return shape

    def _learn(
        self, value: Struct, name: str, kept: object, known: dict[object, Fragment]
    ) -> Fragment:
        """What a kept text comes to, read as little as possible."""
        reference = kept_reference(kept)
        if reference is None:
            found = self._fragment(name, getattr(value, name))
        else:
            href, id = reference
            said = quoted(href)
            if href[:1] == "~":
                said = f'"\0{said[2:]}'
            if id is None:
                found = (f'"{name}":{{"href":{said}}}' if href else f'"{name}":{{}}'), {}
                if href[:1] != "~":  # No other object has this link.
                    return found
            elif name not in self._references:
                # Not remembered, because what is read has the href of this object.
                return self._fragment(name, getattr(value, name))
            else:
                linked = f'"href":{said},' if href else ""
                found = f'"{name}":{{{linked}"id":{quoted(id)}}}', {f"{name}_id": id}
                if name == self._above:
                    return found
        if isinstance(kept, str):
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[kept] = found
        return found

    def _fragment(self, name: str, value: Any) -> Fragment:
        found = {"_".join(path): deep(value, path) for path in self._nested.get(name, ())}
        columns = {column: one for column, one in found.items() if one is not None}
        return f'"{name}":{to_json(value)}', columns


_SQL = {"str": "TEXT", "int": "INTEGER", "bool": "BOOLEAN", "float": "REAL", "datetime": "TEXT"}


def _last(field: Field) -> int:
    """What names an object comes before its attributes, and what people wrote behind them."""
    return {"id": -2, "name": -1, "comment": 1, "description": 1}.get(field.name, 0)


def _is_plain(field: Field) -> bool:
    simple = field.type_name in ("str", "int", "bool", "float")
    return simple and not (field.is_list or field.secret or field.name == "href")


def _is_word(field: Field) -> bool:
    """Enumerations and times."""
    if field.is_list or field.secret or _is_plain(field) or field.type_name == "str":
        return False
    return field.type_name == "datetime" or (not field.is_simple and field.is_enum)


def _is_reference(field: Field, kind: str = "") -> bool:
    single = not (field.is_list or field.is_simple or field.is_enum)
    id = fields(field.cls).get("id") if single else None
    return id is not None and id.is_simple and kind in ("", id.type_name)


def _field_at(kind: type[Struct], path: tuple[str, ...]) -> Field:
    *above, last = path
    for name in above:
        kind = fields(kind)[name].cls
    return fields(kind)[last]


def table_of(name: str, part: str = "") -> Table:
    """The table of a collection, or of one of its parts; always the same one."""
    return _table_of(name, part)


@cache
def _table_of(name: str, part: str) -> Table:
    if not part:
        return Table(name, collection(name).kind, None)
    below = relation(name, part)
    return Table(below.table, below.kind, f"{below.owner.element}_id")


def tables_of(plan: Plan) -> list[Table]:
    return [table_of(name, part) for name in plan for part in ("", *plan[name])]
