"""Answers into the types of ovirtsdk4: the codec of trivirt with another family of classes."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from trivirt.codec import find_class
from trivirt.codec._parse import parse
from trivirt.codec._tables import Convert, Table, read_items, read_object
from trivirt.compat import _later
from trivirt.compat._errors import Error
from trivirt.compat._scalars import EMPTY, read_boolean, read_date, read_decimal, read_integer
from trivirt.compat._struct import List, dict_of
from trivirt.compat._types import make
from trivirt.errors import DecodeError
from trivirt.model import Field

_SELF_CLOSED = re.compile(rb"<([A-Za-z_][\w.-]*)\s*/>")


_new_list = list.__new__


class _Words(dict[str, Any]):
    """Members by text; None for a word that is not known, as ovirtsdk4 reads it."""

    def __missing__(self, text: str) -> None:
        return None


class SdkTable(Table):
    """How to read one type of ovirtsdk4. `kept_fields` are the nested ones, by their keys."""

    __slots__ = ("kept_fields",)

    converters: Mapping[type[Any], Convert | None] = {
        str: None,
        bool: read_boolean,
        int: read_integer,
        float: read_decimal,
        datetime: read_date,
    }

    def __init__(self, cls: type[Any]) -> None:
        super().__init__(cls)
        self.dict_of = dict_of
        self.kept_fields = {self.key(field.name): field for field in self.inside.values()}

    def class_for(self, cls: type[Any]) -> type[Any]:
        return make(cls.__name__)

    def table_of(self, cls: type[Any]) -> Table:
        return sdk_table(cls)

    def key(self, name: str) -> str:
        return f"_{name}"

    def rels(self, field: Field) -> Iterable[str]:
        return field.rels[:1]  # The names in addition are corrections that ovirtsdk4 has not.

    def new_items(self, values: Iterable[Any]) -> List:
        items = _new_list(List)
        items._href = None
        items.extend(values)
        return items

    def new_values(self, values: list[Any]) -> list[Any]:
        return values

    def words(self, field: Field) -> Convert:
        members: Any = make(field.type_name)
        if field.is_xml_attribute:
            read: Convert = members
            return read  # Raises ValueError for a word that is not known.
        return _Words((member.value, member) for member in members).__getitem__

    def put_empty(self, own: dict[str, Any], name: str, convert: Convert | None, el: Any) -> None:
        own[name] = self.empty_item(convert, el)

    def empty_item(self, convert: Convert | None, el: Any) -> Any:
        return "" if convert is None and el.get(EMPTY) is None else None


_TABLES: dict[type[Any], SdkTable] = {}


def sdk_table(cls: type[Any]) -> SdkTable:
    """The table for a class of `trivirt.types`."""
    table = _TABLES.get(cls)
    if table is None:
        table = _TABLES[cls] = SdkTable(cls)
    return table


def decode(data: bytes) -> Any:
    """Read a document into an object or a `List`, chosen by the name of its root.

    Raises Error for what is no XML or no document of the API, and ValueError for a value that
    cannot be read.
    """
    try:
        if len(data) < _later.LONG:
            return convert_root(parse(marked(data)))
        with _without_collection():
            items = _later.read_list(data, _find)
            return convert_root(parse(marked(data))) if items is None else items
    except DecodeError as exc:
        raise Error(f"The XML of the response can't be read: {exc}") from exc


def marked(data: bytes) -> bytes:
    """The document with a mark at elements that are written as `<x/>`."""
    # An element without attributes is seldom empty, and counting costs next to nothing.
    if data.count(b"/>") != data.count(b'"/>') and b"<!" not in data:
        return _SELF_CLOSED.sub(rb'<\1 _=""/>', data)
    return data


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from looking for garbage.

    A long list becomes a hundred thousand objects that all stay; to look through them again and
    again, as Python does when their number grows, takes as long as to make them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def convert_root(root: Any) -> Any:
    """Read the root element of a document; lxml's, or one of `xml.etree`."""
    cls, is_list = _find_class(root.tag)
    return convert(root, cls, is_list)


def _find(tag: str) -> tuple[SdkTable, bool]:
    cls, is_list = _find_class(tag)
    return sdk_table(cls), is_list


def _find_class(tag: str) -> tuple[type[Any], bool]:
    try:
        return find_class(tag, None)
    except DecodeError as exc:
        raise Error(f"Can't find a reader for tag '{tag}'") from exc


def convert(element: Any, cls: type[Any], is_list: bool) -> Any:
    """Read an element as an object of a class of `trivirt.types`, whatever its name."""
    table = sdk_table(cls)
    with translated():
        return read_items(element, table) if is_list else read_object(element, table)


class translated:
    """What the codec says against a value, as ovirtsdk4 says it."""

    # A class, because one made of a generator costs more than a short answer.

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DecodeError):
            if isinstance(error.__cause__, ValueError):
                raise error.__cause__ from None
            raise Error(str(error)) from error
