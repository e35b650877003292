"""From objects to the bytes an engine accepts: what is not set is not there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from trivirt.codec._scalars import (
    write_attribute_text,
    write_boolean,
    write_date,
    write_decimal,
    write_integer,
    write_text,
)
from trivirt.errors import EncodeError
from trivirt.model import Field, Items, OpenEnum, Struct, fields, settled

_WRITE: dict[type[Any], Callable[[Any, str], str]] = {
    OpenEnum: lambda value, _: write_text(value.value),
    str: lambda value, _: write_text(value),
    bool: lambda value, _: write_boolean(value),
    int: write_integer,
    float: write_decimal,
    datetime: lambda value, _: write_date(value),
}

# Deeper than any request, and well within what parsers accept.
_DEEPEST = 100


def encode(value: Struct | Items[Any], *, root: str | None = None) -> bytes:
    """Write an object or a list as a document, without declaration, in UTF-8.

    The root element is that of the class, or of the class of the items, unless `root` names
    another. Raises `EncodeError` naming the attribute for a value that cannot be carried.
    """
    parts: list[str] = []
    if isinstance(value, Struct):
        _write_object(parts, root or value.element, value, 0)
    else:
        _write_list(parts, root or _plural(value), value)
    return "".join(parts).encode()


def _plural(items: Items[Any]) -> str:
    if not items:
        raise EncodeError("an empty list does not tell its element: name it with root=")
    plural: str = items[0].plural
    return plural


def _write_list(parts: list[str], tag: str, items: Items[Any]) -> None:
    classes = {type(item) for item in items}
    if len(classes) > 1 or not all(issubclass(one, Struct) for one in classes):
        raise EncodeError(f"the items of <{tag}> must be objects of one class")
    parts.append(f"<{tag}>")
    for item in items:
        _write_object(parts, item.element, item, 1)
    parts.append(f"</{tag}>")


def _write_object(parts: list[str], tag: str, value: Struct, depth: int) -> None:
    if depth > _DEEPEST:
        raise EncodeError(f"{type(value).__name__} is nested too deep: does it contain itself?")
    values = settled(value)
    parts.append(f"<{tag}")
    for name in ("href", "id"):
        if name in values:
            _write_attribute(parts, fields(type(value))[name], value, values[name])
    opened = len(parts)
    parts.append(">")
    for name in sorted(values):
        if name not in ("href", "id"):
            _write_field(parts, fields(type(value))[name], value, values[name], depth)
    if len(parts) == opened + 1:
        parts[opened] = "/>"
    else:
        parts.append(f"</{tag}>")


def _write_attribute(parts: list[str], field: Field, owner: Struct, value: Any) -> None:
    text = value if type(value) is str else _text(field, owner, value)
    try:
        parts.append(f' {field.wire}="{write_attribute_text(text)}"')
    except ValueError as error:
        raise _refused(field, owner, str(error)) from None


def _write_field(parts: list[str], field: Field, owner: Struct, value: Any, depth: int) -> None:
    if not field.is_list:
        _write_one(parts, field.wire, field, owner, value, depth)
        return
    if not isinstance(value, list):
        raise _refused(field, owner, f"must be a list, not {type(value).__name__}")
    attribute = _list_href(field, owner, value)
    items = [item for item in value if item is not None]
    if not items:
        parts.append(f"<{field.wire}{attribute}/>")
        return
    tag = field.cls.element if field.is_struct else field.item
    parts.append(f"<{field.wire}{attribute}>")
    for item in items:
        _write_one(parts, tag, field, owner, item, depth)
    parts.append(f"</{field.wire}>")


def _list_href(field: Field, owner: Struct, value: list[Any]) -> str:
    href = getattr(value, "href", None)
    if not href or not field.is_struct:
        return ""
    try:
        return f' href="{write_attribute_text(href)}"'
    except ValueError as error:
        raise _refused(field, owner, f"has an href that {error}") from None


def _write_one(
    parts: list[str], tag: str, field: Field, owner: Struct, value: Any, depth: int
) -> None:
    if isinstance(value, Struct):
        if type(value) is not field.cls:
            wanted, given = field.cls.__name__, type(value).__name__
            raise _refused(field, owner, f"must be a {wanted}, not {given}")
        _write_object(parts, tag, value, depth + 1)
    else:
        parts.append(f"<{tag}>{_text(field, owner, value)}</{tag}>")


def _text(field: Field, owner: Struct, value: Any) -> str:
    """Write a simple value; lists are changed behind our back, so types are checked here again."""
    wanted = field.cls
    if not isinstance(value, wanted) or (wanted is not bool and type(value) is bool):
        raise _refused(field, owner, f"must be a {wanted.__name__}, not {type(value).__name__}")
    try:
        return _WRITE[OpenEnum if field.is_enum else wanted](value, field.xs)
    except ValueError as error:
        raise _refused(field, owner, str(error)) from None


def _refused(field: Field, owner: Struct, why: str) -> EncodeError:
    return EncodeError(f"{type(owner).__name__}.{field.name} {why}")
