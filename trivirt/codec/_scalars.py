"""Numbers, truth values and dates as text, both ways."""

from __future__ import annotations

import math
import re
import sys
from datetime import datetime, timedelta

_DATE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
).fullmatch

_FULL_ISO = sys.version_info >= (3, 11)

_RANGES = {"": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1), "unsignedInt": (0, 2**32 - 1)}

# What XML 1.0 cannot carry, not even as a reference.
_IMPOSSIBLE = "[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"


class _Truth(dict[str, bool]):
    def __missing__(self, text: str) -> bool:
        value = self.get(text.lower())
        if value is None:
            raise ValueError("is neither true nor false")
        return value


#: Called for each value of a document, so it is a plain look-up for what engines send.
read_boolean = _Truth({"true": True, "false": False, "1": True, "0": False}).__getitem__


def read_date(text: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM:SS`, perhaps with a fraction, perhaps with a zone; else it is naive.

    `datetime.fromisoformat` would also take forms that are no dates of XML, so a pattern decides.
    Before Python 3.11 it knows neither `Z` nor every length of a fraction.
    """
    match = _DATE(text)
    if match is None:
        raise ValueError("is not a date with a time")
    if _FULL_ISO:
        return datetime.fromisoformat(text)
    whole, fraction, zone = match.groups()
    micro = f".{fraction:0<6}" if fraction else ""
    return datetime.fromisoformat(whole + micro + (zone or "").replace("Z", "+00:00"))


def write_boolean(value: bool) -> str:
    return "true" if value else "false"


def write_integer(value: int, xs: str) -> str:
    low, high = _RANGES[xs]
    if not low <= value <= high:
        raise ValueError(f"must be between {low} and {high}, not {value}")
    return str(value)


def write_decimal(value: float, xs: str) -> str:
    """Write the shortest text that reads back the same; an exponent only where it is allowed."""
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value}")
    text = repr(float(value))
    if "e" in text and xs != "double":
        from decimal import Decimal  # seldom needed, and slow to import

        return format(Decimal(text), "f")
    return text


def write_date(value: datetime) -> str:
    offset = value.utcoffset()
    if offset is not None and offset % timedelta(minutes=1):
        raise ValueError("must have a zone of whole minutes")
    return value.isoformat()


def write_text(value: str) -> str:
    """Escape text so that every character arrives, carriage returns included."""
    bad = re.search(_IMPOSSIBLE, value)
    if bad:
        raise ValueError(f"has the character {bad[0]!r}, which XML cannot carry")
    if "&" in value:
        value = value.replace("&", "&amp;")
    if "<" in value:
        value = value.replace("<", "&lt;")
    if ">" in value:
        value = value.replace(">", "&gt;")
    if "\r" in value:
        value = value.replace("\r", "&#13;")
    return value


def write_attribute_text(value: str) -> str:
    """Escape the value of an XML attribute, where line breaks and quotes would not survive."""
    text = write_text(value).replace('"', "&quot;")
    return text.replace("\t", "&#9;").replace("\n", "&#10;")
