"""Columns of a table: which there can be, which are shown unasked, and what an object has there.

A column is the name of an attribute, or several joined by dots: `name`, `cpu.topology.cores`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from trivirt.model import Field, Struct, fields
from trivirt.model._plain import to_plain

__all__ = ["check_columns", "flatten", "usual_columns", "value_at"]

# What is worth a column, in this order, where an object has it.
_USUAL = (
    *("name", "time", "severity", "status", "snapshot_type", "date", "type", "address"),
    *("mac.address", "fqdn", "user_name", "interface", "provisioned_size", "available", "used"),
    *(
        "values.datum",
        "unit",
        "description",
        "start_time",
        "disk.id",
        "role.id",
        "user.id",
        "group.id",
        "id",
    ),
)


def check_columns(kind: type[Struct], columns: Iterable[str]) -> list[str]:
    """The columns as attributes are spelt. Raises a usage error for one that cannot be."""
    return [".".join(field.name for field in _way(kind, column)) for column in columns]


def _way(kind: type[Struct], column: str) -> Iterator[Field]:
    here: type[Any] | None = kind
    for name in column.strip().split("."):
        known = fields(here) if here is not None else {}
        field = known.get(name) or known.get(f"{name}_")  # `from` is `from_` in Python.
        if field is None:
            text = _unknown(column, name, here, list(known))
            raise click.BadParameter(text, param_hint="--columns")
        yield field
        here = field.cls if field.is_struct else None


def _unknown(column: str, name: str, kind: type[Any] | None, known: list[str]) -> str:
    if kind is None:
        return f"{column!r} is no column: there is nothing below {column.rpartition('.')[0]}."
    near = difflib.get_close_matches(name, known, 3, 0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}."
    return f"{column!r} is no column: a {kind.__name__} has no {name!r}; {hint}"


def usual_columns(kind: type[Struct], objects: Sequence[Struct]) -> list[str]:
    """The columns to show unasked: of those worth it, the ones where something is."""
    there = [c for c in _USUAL if c.partition(".")[0] in fields(kind)]
    used = [c for c in there if any(value_at(one, c) is not None for one in objects)]
    return used or (["href"] if objects else [c for c in there if c in ("name", "status", "id")])


def value_at(thing: Any, column: str) -> Any:
    """What an object has in a column, as plain data; of a list, a list of what each has.

    It looks at nothing else of the object: to make plain data of all takes a hundred times as long.
    """
    for name in column.split("."):
        if isinstance(thing, list):
            thing = [getattr(one, name, None) for one in thing] or None
        else:
            thing = getattr(thing, name, None)
    return to_plain(thing)


def flatten(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of an object with its column; a list is a value, a link to one is left out."""
    for name, value in record.items():
        if not isinstance(value, dict):
            yield f"{before}{name}", value
        elif set(value) != {"href"}:
            yield from flatten(value, f"{before}{name}.")
