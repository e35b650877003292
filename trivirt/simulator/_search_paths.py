"""The fields of a search: how the values of one are read from an entity, and of what kind they are.

A field can be an attribute, lie behind references (`cluster.data_center.name`), in a collection
below the entity (`@tags.name`), in another type (`host.status`), or be worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trivirt.model import Struct, fields, settled
from trivirt.simulator._search_fields import BESIDE, CLASSES, FIELDS, HOMES, OTHERS
from trivirt.simulator._search_values import BadSearch, Reader
from trivirt.simulator._store import Entry, Glance, Store, identity_of

Values = Callable[[Any], "list[Any]"]


@dataclass(frozen=True)
class Known:
    """A field that can be searched. `kind` is the name of the type of its values.

    What it says can change with the entity alone (scope 0), with any other one (1), or by the
    passing of time (2).
    """

    read: Reader
    kind: str
    scope: int


def known_field(store: Store, cls: type[Struct], name: str) -> Known:
    """A field by the name it has in a search. Raises BadSearch."""
    name = name.lower()
    other, dot, inner = name.partition(".")
    if dot:
        return _field_of_other(store, cls, other, inner)
    path = FIELDS.get(cls.__name__, {}).get(name) or _attribute(cls, name)
    if path.startswith("#"):
        return _WORKED_OUT[path](store)
    plain = "." not in path and not path.startswith("@")
    return Known(_reader(store, cls, path), _kind(cls, path), 0 if plain else 1)


def _attribute(cls: type[Struct], name: str) -> str:
    each = fields(cls).get(name)
    if each is None or name == "href" or each.is_list:
        raise BadSearch("INVALID_CONDITION_FILED")
    if each.is_simple or not each.is_struct:
        return name
    if "name" not in fields(each.cls):
        raise BadSearch("INVALID_CONDITION_FILED")
    return f"{name}.name"


def _kind(cls: type[Struct], path: str) -> str:
    *above, last = path.lstrip("@").split(".")
    for name in above:
        cls = fields(cls)[name].cls
    return fields(cls)[last].type_name


# Walking.


def _reader(store: Store, cls: type[Struct], path: str) -> Reader:
    if path.startswith("@"):
        return _reader_below(store, CLASSES_AT[cls.__name__], path[1:])
    first, _, rest = path.partition(".")
    if not rest:
        return lambda entry: _plain(entry.value, first)
    onward = _onward(store, rest.split("."))

    def read(entry: Entry) -> list[Any]:
        return [value for each in _plain(entry.value, first) for value in onward(each)]

    return read


def _reader_below(store: Store, home: str, path: str) -> Reader:
    """What the members of a collection below have; it is not made for that if need not be."""
    name, *names = path.split(".")
    segment = name.replace("_", "")
    template = f"{home}/{{id}}/{segment}"
    glance, rest = _glance(store, template, names)
    onward = _onward(store, names)

    def read(entry: Entry) -> list[Any]:
        below = f"{entry.path}/{segment}"
        if glance is not None and not store.is_made(below):
            seen = glance(entry.id)
            if seen is not None:
                return seen if rest is None else [value for each in seen for value in rest(each)]
        members = store.collection(below, template)
        return [value for each in members for value in onward(each.value)]

    return read


def _glance(store: Store, template: str, names: list[str]) -> tuple[Glance | None, Values | None]:
    """What answers for as many of these attributes as it can, and what follows the others."""
    for count in range(len(names), 0, -1):
        glance = store.glance(template, ".".join(names[:count]))
        if glance is not None:
            return glance, _onward(store, names[count:]) if names[count:] else None
    return None, None


def _onward(store: Store, names: list[str]) -> Values:
    """Follow attributes and the items of lists; references to where the entity is.

    Many entities point to few: what lies behind a reference is looked up once for each id.
    """
    first, *rest = names
    last = None if not rest else _onward(store, rest)
    seen: dict[tuple[str, str], list[Any]] = {}

    def values(value: Any) -> list[Any]:
        found = _step(store, value, first)
        return found if last is None else [deep for each in found for deep in last(each)]

    def remembered(value: Any) -> list[Any]:
        kind = type(value).__name__
        identity = settled(value).get("id") if kind in HOMES else None
        if identity is None:
            return values(value)
        known = seen.get((kind, identity))
        if known is None:
            known = seen[kind, identity] = values(value)
        return known

    return remembered


def _plain(value: Any, name: str) -> list[Any]:
    found = settled(value).get(name)
    if found is None:
        return []
    return list(found) if isinstance(found, list) else [found]


def _step(store: Store, value: Any, name: str) -> list[Any]:
    """The value or values of one attribute; a bare reference is looked up where it points."""
    found = _plain(value, name)
    if found:
        return found
    home = HOMES.get(type(value).__name__)
    entry = store.find(home, settled(value).get("id", "")) if home else None
    return [] if entry is None else _plain(entry.value, name)


CLASSES_AT = {make().__name__: home for home, make in CLASSES.items()}


# Other types.


def _field_of_other(store: Store, cls: type[Struct], other: str, inner: str) -> Known:
    singular = other[:-1] if other.endswith("s") and other[:-1] in OTHERS else other
    home = OTHERS.get(singular)
    if home is None:
        raise BadSearch("INVALID_CONDITION_FILED")
    theirs = CLASSES[home]()
    field = known_field(store, theirs, inner)
    if theirs is cls:
        return field
    reach = _reached(store, cls, theirs, home)

    return Known(_through(reach, field.read), field.kind, max(1, field.scope))


def _through(reach: Callable[[Entry], list[Entry]], inner: Reader) -> Reader:
    """Each of the others is read once, however many entities point to it."""
    seen: dict[int, list[Any]] = {}

    def read(entry: Entry) -> list[Any]:
        found: list[Any] = []
        for each in reach(entry):
            known = seen.get(id(each))
            if known is None:
                known = seen[id(each)] = inner(each)
            found += known
        return found

    return read


def _reached(
    store: Store, cls: type[Struct], theirs: type[Struct], home: str
) -> Callable[[Entry], list[Entry]]:
    """How to come from an entity to those of another type: by what it says, or by what they say."""
    beside = BESIDE.get((cls.__name__, theirs.__name__))
    if beside is not None:
        below = _reader_below(store, CLASSES_AT[cls.__name__], beside)
        return lambda entry: _found(store, home, map(identity_of, below(entry)))
    towards, back = _references(cls, theirs), _references(theirs, cls)
    if not towards and not back:
        raise BadSearch("INVALID_CONDITION_FILED")
    pointing: dict[str, list[Entry]] = {}  # those of the other type, by the id they point to
    for each in store.collection(home) if back else ():
        for one in _pointed_to(each, back):
            pointing.setdefault(one, []).append(each)

    def reach(entry: Entry) -> list[Entry]:
        there = _found(store, home, _pointed_to(entry, towards))
        return there or pointing.get(entry.id, [])

    return reach


def _found(store: Store, home: str, identities: Iterator[str | None]) -> list[Entry]:
    reached = (store.find(home, one) for one in identities if one is not None)
    return [each for each in reached if each is not None]


def _references(cls: type[Struct], other: type[Struct]) -> list[str]:
    """The attributes of one class that may point to entities of another."""
    known = fields(cls).values()
    return [each.name for each in known if each.type_name == other.__name__]


def _pointed_to(entry: Entry, names: list[str]) -> Iterator[str]:
    """The ids that references inside of an entity point to."""
    values = settled(entry.value)
    for name in names:
        found = values.get(name)
        for one in found if isinstance(found, list) else [found]:
            identity = None if one is None else settled(one).get("id")
            if identity is not None:
                yield identity


# What is worked out.


def _note(store: Store) -> Known:
    return Known(lambda entry: [] if entry.note is None else [entry.note], "str", 0)


def _total_size(store: Store) -> Known:
    def read(entry: Entry) -> list[Any]:
        values = settled(entry.value)
        return [values["available"] + values["used"]] if "used" in values else []

    return Known(read, "int", 0)


def _uptime(store: Store) -> Known:
    now = store.clock.date(store.now)

    def read(entry: Entry) -> list[Any]:
        values = settled(entry.value)
        runs = "host" in values and "start_time" in values
        return [int((now - values["start_time"]).total_seconds())] if runs else []

    return Known(read, "int", 2)


def _cpu_usage(store: Store) -> Known:
    template, name = "/vms/{id}/statistics", "cpu.current.total"
    glance = store.glance(template, name)

    def read(entry: Entry) -> list[Any]:
        below = f"{entry.path}/statistics"
        seen = None if glance is None or store.is_made(below) else glance(entry.id)
        if seen is not None:
            return seen
        members = [settled(each.value) for each in store.collection(below, template)]
        return [each["values"][0].datum for each in members if each["name"] == name]

    return Known(read, "float", 1)


_WORKED_OUT: dict[str, Callable[[Store], Known]] = {
    "#note": _note,
    "#total_size": _total_size,
    "#uptime": _uptime,
    "#cpu_usage": _cpu_usage,
}
