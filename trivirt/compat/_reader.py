"""XML as objects of ovirtsdk4: `Reader`, and a class like `VmReader` for each type."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from trivirt.compat import _scalars, _types
from trivirt.compat._errors import HOME
from trivirt.compat._struct import List
from trivirt.compat._xml_reader import XmlReader

MODULE = f"{HOME}.readers"

TZ_OFFSET_RE = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):(?P<minutes>\d{2}$)")
TZ_USEC_RE = re.compile(r"\.\d+$")


class TZ(tzinfo):
    """A time zone: minutes from UTC and a name."""

    def __init__(self, minutes: int, name: str) -> None:
        self._offset = timedelta(minutes=minutes)
        self._name = name

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return self._offset

    def tzname(self, dt: datetime | None) -> str:
        return self._name

    def dst(self, dt: datetime | None) -> timedelta:
        return timedelta(0)

    def __reduce__(self) -> tuple[object, ...]:
        return TZ, (self._offset // timedelta(minutes=1), self._name)


class Reader:
    """Reads any document, and what all readers share. None stands for an absent text."""

    @staticmethod
    def read_string(reader: XmlReader) -> str | None:
        return reader.read_element()

    @staticmethod
    def read_strings(reader: XmlReader) -> list[str | None]:
        return reader.read_elements()

    @staticmethod
    def parse_boolean(text: str | None) -> bool | None:
        return None if text is None else _scalars.read_boolean(text)

    @staticmethod
    def read_boolean(reader: XmlReader) -> bool | None:
        return Reader.parse_boolean(reader.read_element())

    @staticmethod
    def read_booleans(reader: XmlReader) -> list[bool | None]:
        return [Reader.parse_boolean(text) for text in reader.read_elements()]

    @staticmethod
    def parse_integer(text: str | None) -> int | None:
        return None if text is None else _scalars.read_integer(text)

    @staticmethod
    def read_integer(reader: XmlReader) -> int | None:
        return Reader.parse_integer(reader.read_element())

    @staticmethod
    def read_integers(reader: XmlReader) -> list[int | None]:
        return [Reader.parse_integer(text) for text in reader.read_elements()]

    @staticmethod
    def parse_decimal(text: str | None) -> float | None:
        return None if text is None else _scalars.read_decimal(text)

    @staticmethod
    def read_decimal(reader: XmlReader) -> float | None:
        return Reader.parse_decimal(reader.read_element())

    @staticmethod
    def read_decimals(reader: XmlReader) -> list[float | None]:
        return [Reader.parse_decimal(text) for text in reader.read_elements()]

    @staticmethod
    def parse_date(text: str | None) -> datetime | None:
        return None if text is None else _scalars.read_date(text)

    @staticmethod
    def read_date(reader: XmlReader) -> datetime | None:
        return Reader.parse_date(reader.read_element())

    @staticmethod
    def read_dates(reader: XmlReader) -> list[datetime | None]:
        return [Reader.parse_date(text) for text in reader.read_elements()]

    @staticmethod
    def parse_enum(enum_type: type[Any], text: str | None) -> Any:
        """The member for a text; None for a word that the type does not know."""
        return None if text is None else enum_type._value2member_map_.get(text)

    @staticmethod
    def read_enum(enum_type: type[Any], reader: XmlReader) -> Any:
        return Reader.parse_enum(enum_type, reader.read_element())

    @staticmethod
    def read_enums(enum_type: type[Any], reader: XmlReader) -> list[Any]:
        return [Reader.parse_enum(enum_type, text) for text in reader.read_elements()]

    @classmethod
    def register(cls, tag: str, reader: Callable[[XmlReader], Any]) -> None:
        """Let `read` use another function for documents with a root of this name."""
        _registered[tag] = reader

    @classmethod
    def read(cls, source: Any) -> Any:
        """Read a document, or what begins where an `XmlReader` is, as what its root says."""
        if isinstance(source, XmlReader):
            return _read(source)
        if isinstance(source, str):
            source = source.encode()
        elif isinstance(source, io.BytesIO):
            source = source.read()
        elif not isinstance(source, bytes):
            raise AttributeError(
                f"Expected a 'str', 'BytesIO' or 'XmlReader', but got '{type(source)}'"
            )
        if _registered:
            return _read(XmlReader(io.BytesIO(source)))
        from trivirt.compat._decode import decode

        return decode(source)


_registered: dict[str, Callable[[XmlReader], Any]] = {}


def _read(reader: XmlReader) -> Any:
    if not reader.forward():
        return None
    special = _registered.get(reader.node_name() or "")
    if special is not None:
        return special(reader)
    from trivirt.compat._decode import convert_root

    return convert_root(reader.take())


_made: dict[str, type[Reader]] = {}


def names() -> list[str]:
    return sorted(f"{name}Reader" for name in _types.STRUCTS)


def make(name: str) -> type[Reader]:
    """The reader of a name such as `VmReader`. Raises KeyError for others."""
    found = _made.get(name)
    if found is None:
        if name.removesuffix("Reader") not in _types.STRUCTS or not name.endswith("Reader"):
            raise KeyError(name)
        found = _made.setdefault(name, _make(name))
    return found


def _make(name: str) -> type[Reader]:
    declared = _types.declaration(name.removesuffix("Reader"))

    def read_one(reader: XmlReader) -> Any:
        from trivirt.compat._decode import convert

        if not reader.forward():
            return None
        return convert(reader.take(), declared, False)

    def read_many(reader: XmlReader) -> Any:
        from trivirt.compat._decode import convert

        if not reader.forward():
            return List()
        return convert(reader.take(), declared, True)

    space = {
        "__module__": MODULE,
        "read_one": staticmethod(read_one),
        "read_many": staticmethod(read_many),
    }
    return type(name, (Reader,), space)


for _cls in (Reader, TZ):
    _cls.__module__ = f"{HOME}.reader"
