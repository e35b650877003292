"""Objects of ovirtsdk4 as XML: `Writer`, and a class like `VmWriter` for each type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from trivirt.compat import _types
from trivirt.compat._errors import HOME, Error
from trivirt.compat._order import is_link
from trivirt.compat._xml_writer import XmlWriter
from trivirt.model import Field, fields

MODULE = f"{HOME}.writers"


class Writer:
    """Writes any object, and what all writers share."""

    @staticmethod
    def write_string(writer: XmlWriter, name: str, value: str) -> None:
        writer.write_element(name, value)

    @staticmethod
    def render_boolean(value: bool) -> str:
        if not isinstance(value, bool):
            raise TypeError("The 'value' parameter must be a boolean")
        return "true" if value else "false"

    @staticmethod
    def write_boolean(writer: XmlWriter, name: str, value: bool) -> None:
        writer.write_element(name, Writer.render_boolean(value))

    @staticmethod
    def render_integer(value: int) -> str:
        if not isinstance(value, int):
            raise TypeError("The 'value' parameter must be an integer")
        return str(value)

    @staticmethod
    def write_integer(writer: XmlWriter, name: str, value: int) -> None:
        writer.write_element(name, Writer.render_integer(value))

    @staticmethod
    def render_decimal(value: float) -> str:
        if not isinstance(value, float):
            raise TypeError("The 'value' parameter must be a decimal")
        return str(value)

    @staticmethod
    def write_decimal(writer: XmlWriter, name: str, value: float) -> None:
        writer.write_element(name, Writer.render_decimal(value))

    @staticmethod
    def render_date(value: datetime) -> str:
        if not isinstance(value, datetime):
            raise TypeError("The 'value' parameter must be a date")
        return value.isoformat()

    @staticmethod
    def write_date(writer: XmlWriter, name: str, value: datetime) -> None:
        writer.write_element(name, Writer.render_date(value))

    @classmethod
    def register(cls, typ: type[Any], writer: Callable[..., None]) -> None:
        """Let `write` use another function for a type."""
        _registered[typ] = writer

    @classmethod
    def write(
        cls,
        obj: Any,
        target: XmlWriter | None = None,
        root: str | None = None,
        indent: bool = False,
    ) -> str | None:
        """Give the XML of an object, or of a list whose element is `root`, as text.

        With `target` it is written there, and None is given.
        """
        if target is not None and not isinstance(target, XmlWriter):
            raise Error(f"Expected an 'XmlWriter', but got '{type(target)}'")
        into = target if target is not None else XmlWriter(None, indent=indent)
        if isinstance(obj, list):
            if root is None:
                raise Error("The 'root' parameter is mandatory when writing lists.")
            into.write_start(root)
            for item in obj:
                cls._write_one(item, into, None)
            into.write_end()
        else:
            cls._write_one(obj, into, root)
        return into.string() if target is None else None

    @classmethod
    def _write_one(cls, obj: Any, into: XmlWriter, root: str | None) -> None:
        kind = type(obj)
        special = _registered.get(kind)
        if special is not None:
            special(obj, into, root)
            return
        declared = _types.DECLARED.get(kind)
        if declared is None or not issubclass(kind, _types.Struct):
            raise Error(f"Can't find a writer for type '{kind}'")
        write_object(obj, declared, into, root or declared.element)


_registered: dict[type[Any], Callable[..., None]] = {}

_WRITE: dict[type[Any], Callable[[XmlWriter, str, Any], None]] = {
    str: Writer.write_string,
    bool: Writer.write_boolean,
    int: Writer.write_integer,
    float: Writer.write_decimal,
    datetime: Writer.write_date,
}


def write_object(obj: Any, declared: type[Any], into: XmlWriter, tag: str) -> None:
    """Write an object as the type that is declared, which must have the same attributes."""
    into.write_start(tag)
    if obj.href is not None:
        into.write_attribute("href", obj.href)
    known = fields(declared)
    identity = known.get("id")
    if identity is not None and obj.id is not None:
        into.write_attribute("id", _identity(identity, obj.id))
    for field in _in_order(declared):
        value = getattr(obj, field.name)
        if value is not None:
            _write_field(field, value, into)
    into.write_end()


def _identity(field: Field, value: Any) -> str:
    if not field.is_simple:
        value = value.value
    # A number may be given as text: programs write `Vlan("5")`. Other texts are checked.
    text: str = str(value) if field.cls is int else value
    return text


_orders: dict[type[Any], list[Field]] = {}


def _in_order(declared: type[Any]) -> list[Field]:
    """The elements of a type: by name, what links to other objects behind the rest."""
    order = _orders.get(declared)
    if order is None:
        elements = [one for one in fields(declared).values() if not one.is_xml_attribute]
        order = sorted(elements, key=lambda one: (is_link(declared, one), one.name))
        _orders[declared] = order
    return order


def _write_field(field: Field, value: Any, into: XmlWriter) -> None:
    if not field.is_list:
        _write_value(field, field.wire, value, into)
        return
    tag = field.item
    if not field.is_simple and field.is_struct:
        tag = field.cls.element
        into.write_start(field.wire)
        if getattr(value, "href", None) is not None:
            into.write_attribute("href", value.href)
    else:
        into.write_start(field.wire)
        value = [item for item in value if item is not None]
    for item in value:
        _write_value(field, tag, item, into)
    into.write_end()


def _write_value(field: Field, tag: str, value: Any, into: XmlWriter) -> None:
    if field.is_simple:
        _WRITE[field.cls](into, tag, value)
    elif field.is_enum:
        into.write_element(tag, value.value)
    else:
        write_object(value, field.cls, into, tag)


_made: dict[str, type[Writer]] = {}


def names() -> list[str]:
    return sorted(f"{name}Writer" for name in _types.STRUCTS)


def make(name: str) -> type[Writer]:
    """The writer of a name such as `VmWriter`. Raises KeyError for others."""
    found = _made.get(name)
    if found is None:
        if name.removesuffix("Writer") not in _types.STRUCTS or not name.endswith("Writer"):
            raise KeyError(name)
        found = _made.setdefault(name, _make(name))
    return found


def _make(name: str) -> type[Writer]:
    declared = _types.declaration(name.removesuffix("Writer"))

    def write_one(obj: Any, writer: XmlWriter, singular: str | None = None) -> None:
        write_object(obj, declared, writer, singular or declared.element)

    def write_many(
        objs: Iterable[Any],
        writer: XmlWriter,
        singular: str | None = None,
        plural: str | None = None,
    ) -> None:
        writer.write_start(plural or declared.plural)
        for obj in objs:
            write_object(obj, declared, writer, singular or declared.element)
        writer.write_end()

    space = {
        "__module__": MODULE,
        "write_one": staticmethod(write_one),
        "write_many": staticmethod(write_many),
    }
    return type(name, (Writer,), space)


Writer.__module__ = f"{HOME}.writer"
