"""Truth values, numbers and dates of ovirtsdk4, with its complaints."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache

#: Marks an element written as `<x/>`; what came as `<x></x>` looks the same to most parsers.
EMPTY = "_"

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def read_boolean(text: str) -> bool:
    value = _TRUTH.get(text.lower())
    if value is None:
        raise ValueError(f"The text '{text.lower()}' isn't a valid boolean value")
    return value


def read_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"The text '{text}' isn't a valid integer value") from None


def read_decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"The text '{text}' isn't a valid decimal value") from None


def read_date(text: str) -> datetime:
    try:
        from trivirt.codec._scalars import read_date as read  # With the codec comes lxml.

        value = read(text)
    except ValueError:
        raise ValueError(f"The text '{text}' isn't a valid date value") from None
    if value.tzinfo is None or text[-1] == "Z":
        return value
    return value.replace(tzinfo=_named_zone(text[-6:], value.tzinfo))


@cache
def _named_zone(name: str, zone: tzinfo) -> timezone:
    """A zone that calls itself `+01:00`; Python's would be `UTC+01:00`."""
    return timezone(zone.utcoffset(None) or timedelta(0), name)
