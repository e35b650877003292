"""How values are compared in a search: patterns, numbers, dates and severities."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from trivirt import types
from trivirt.simulator._store import Entry

Predicate = Callable[[Entry], bool]
Reader = Callable[[Entry], "list[Any]"]

SEVERITIES = ("normal", "warning", "error", "alert")


class BadSearch(Exception):
    """The search cannot be understood; the message is the detail of the fault."""


def comparison(read: Reader, operator: str, text: str, exact: bool) -> Predicate:
    if operator in ("=", "!="):
        accepts = pattern(text, exact)
        wanted = operator == "="

        def matches(entry: Entry) -> bool:
            return any(accepts(_text(value)) for value in read(entry)) is wanted

        return matches

    def compares(entry: Entry) -> bool:
        return any(_ordered(value, operator, text) for value in read(entry))

    return compares


def pattern(text: str, exact: bool) -> Callable[[str], bool]:
    """`*` stands for any text; everything else, `_` and `?` included, for itself."""
    if not exact:
        text = text.lower()
    if "*" not in text:
        return (lambda value: value == text) if exact else (lambda value: value.lower() == text)
    regex = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    if exact:
        return lambda value: regex.fullmatch(value) is not None
    return lambda value: regex.fullmatch(value.lower()) is not None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ordered(value: Any, operator: str, text: str) -> bool:
    mine, theirs = _comparable(value), _comparable_text(value, text)
    if theirs is None:
        raise BadSearch("INVALID_CONDITION_VALUE")
    if operator == "<":
        return bool(mine < theirs)
    if operator == ">":
        return bool(mine > theirs)
    return bool(mine <= theirs) if operator == "<=" else bool(mine >= theirs)


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, types.LogSeverity):
        return _rank(value.value)
    return value if isinstance(value, (int, float)) else str(value).lower()


def _comparable_text(value: Any, text: str) -> Any:
    try:
        if isinstance(value, datetime):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=moment.tzinfo or value.tzinfo).timestamp()
        if isinstance(value, types.LogSeverity):
            return SEVERITIES.index(text.lower())
        return float(text) if isinstance(value, (int, float)) else text.lower()
    except ValueError:
        return None


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def sort_key(values: list[Any]) -> tuple[bool, Any]:
    """Entities without a value come first, as an absent value does in the engine's database."""
    if not values:
        return False, 0
    return True, _comparable(values[0])
