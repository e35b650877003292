"""Truth values, numbers and dates of ovirtsdk4, with its complaints."""

from __future__ import annotations

from datetime import datetime

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

        return read(text)
    except ValueError:
        raise ValueError(f"The text '{text}' isn't a valid date value") from None
