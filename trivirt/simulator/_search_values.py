"""How values are compared in a search: patterns, numbers, dates and severities."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from trivirt import types
from trivirt.simulator._store import Entry

Predicate = Callable[[Entry], bool]
Reader = Callable[[Entry], "list[Any]"]

SEVERITIES = ("normal", "warning", "error", "alert")


class BadSearch(Exception):
    """The search cannot be understood; the message is the detail of the fault."""


NUMBERS = ("int", "float")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
}


def comparison(
    read: Reader, kind: str, sign: str, text: str, *, exact: bool, now: datetime
) -> Predicate:
    """Raises BadSearch for what cannot be compared like this, or not with this."""
    if kind == "datetime":
        return _in_time(read, sign, text, now)
    if kind in NUMBERS or kind == "LogSeverity":
        return _in_order(read, sign, _number(text) if kind in NUMBERS else _rank(text))
    if sign not in ("=", "!="):
        raise BadSearch("INVALID_CONDITION_RELATION")
    accepts = pattern(text, exact)
    wanted = sign == "="
    absent = [False] if kind == "bool" else []

    def matches(entry: Entry) -> bool:
        for value in read(entry) or absent:
            if accepts(_text(value)):
                return wanted
        return not wanted

    return matches


def _in_order(read: Reader, sign: str, theirs: float) -> Predicate:
    if sign == "!=":
        return lambda entry: all(_comparable(value) != theirs for value in read(entry))
    holds = OPERATORS[sign]
    return lambda entry: any(holds(_comparable(value), theirs) for value in read(entry))


def _in_time(read: Reader, sign: str, text: str, now: datetime) -> Predicate:
    """The whole of a day counts when a day is given: `time=Today`."""
    if sign not in ("=", "<", ">"):
        raise BadSearch("INVALID_CONDITION_RELATION")
    since, until = _span(text, now)
    if sign == "<":
        return lambda entry: any(value < since for value in read(entry))
    if sign == ">":
        return lambda entry: any(value >= until for value in read(entry))
    return lambda entry: any(since <= value < until for value in read(entry))


def pattern(text: str, exact: bool) -> Callable[[str], bool]:
    """`*` stands for any text; everything else, `_` and `?` included, for itself."""
    if not exact:
        insensitive = pattern(text.lower(), exact=True)
        return lambda value: insensitive(value.lower())
    if "*" not in text:
        return text.__eq__
    inner = text.strip("*")
    if "*" not in inner and text in (f"*{inner}*", f"{inner}*"):
        if text[0] == "*":
            return lambda value: inner in value
        return lambda value: value.startswith(inner)
    regex = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    return lambda value: regex.fullmatch(value) is not None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)  # what an enum is called, too
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadSearch("INVALID_CONDITION_VALUE") from None


def _rank(severity: str) -> int:
    if severity.lower() not in SEVERITIES:
        raise BadSearch("INVALID_CONDITION_VALUE")
    return SEVERITIES.index(severity.lower())


def _span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """From when to when something lasts that a user calls so; a moment ends as it begins."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text.lower() in DAYS:
        since = midnight - timedelta(days=_days_ago(text.lower(), now))
        return since, since + timedelta(days=1)
    for form in FORMATS:
        try:
            since = datetime.strptime(text, form)
        except ValueError:
            continue
        since = since.replace(tzinfo=since.tzinfo or now.tzinfo)
        return since, since + timedelta(days=1) if "%H" not in form else since
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise BadSearch("INVALID_CONDITION_VALUE") from None
    since = since.replace(tzinfo=since.tzinfo or now.tzinfo)
    return since, since


def _days_ago(day: str, now: datetime) -> int:
    if day in ("today", "yesterday"):
        return 0 if day == "today" else 1
    return (now.weekday() - WEEK.index(day)) % 7


WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = ("today", "yesterday", *WEEK)
FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, types.LogSeverity):
        return SEVERITIES.index(value) if value in SEVERITIES else len(SEVERITIES)
    return value if isinstance(value, (int, float)) else str(value).lower()


def sort_key(values: list[Any]) -> tuple[bool, Any]:
    """Entities without a value come first, as an absent value does in the engine's database."""
    if not values:
        return False, 0
    return True, _comparable(values[0])
