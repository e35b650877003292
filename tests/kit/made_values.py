"""Hypothesis strategies that make objects of the API, of every class of the facts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st
from surface_facts import ENUMS, Fact, attributes

import trivirt.types
from trivirt.model import Items

#: What XML 1.0 can carry.
TEXT = st.text(
    st.characters(
        exclude_categories=("Cs",),
        exclude_characters="".join(map(chr, {*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13})),
    ),
    max_size=12,
)
_ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
DATES = st.datetimes(datetime(1000, 1, 1), datetime(9998, 1, 1), timezones=_ZONES)
_RANGES = {"": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1), "unsignedInt": (0, 2**32 - 1)}
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def _simple(fact: Fact, kind: str) -> st.SearchStrategy[Any]:
    if kind == "integer":
        low, high = _RANGES[fact.get("xs", "")]
        return st.integers(low, high)
    if kind == "enum":
        cls = getattr(trivirt.types, fact["type"])
        return st.sampled_from([cls(word) for word in ENUMS[fact["type"]]["values"].values()])
    simple = {"string": TEXT, "boolean": st.booleans(), "decimal": _FLOATS, "date": DATES}
    return simple[kind]


def _value(fact: Fact, depth: int) -> st.SearchStrategy[Any]:
    if fact["kind"] == "struct":
        return objects(fact["type"], depth - 1)
    if fact["kind"] != "list":
        return _simple(fact, fact["kind"])
    inside = (
        objects(fact["type"], depth - 1) if fact["of"] == "struct" else _simple(fact, fact["of"])
    )
    return st.lists(inside, max_size=3).map(Items)


@cache
def objects(struct: str, depth: int = 1) -> st.SearchStrategy[Any]:
    """Objects of a class with any attributes set; within them others, `depth` levels deep."""
    cls = getattr(trivirt.types, struct)
    values = {
        name: _value(fact, depth)
        for name, fact in attributes(struct).items()
        if depth > 0 or "type" not in fact or fact["kind"] == "enum"
    }
    values["href"] = TEXT
    return st.fixed_dictionaries({}, optional=values).map(lambda given: cls(**given))
