"""Objects as plain data and as short text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from trivirt.model._enum import OpenEnum, read_enum
from trivirt.model._fields import fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from inspect import Signature

    from trivirt.model._fields import Field

_LONGEST = 60


def to_dict(obj: Any) -> dict[str, Any]:
    from trivirt.model._struct import settled

    values = settled(obj)
    return {name: to_plain(values[name]) for name in fields(type(obj)) if name in values}


def to_plain(value: Any) -> Any:
    """Any value of an attribute as `to_dict` has it."""
    from trivirt.model._struct import Items, Struct

    if isinstance(value, Struct):
        return to_dict(value)
    if isinstance(value, list):
        href = value.href if isinstance(value, Items) else None
        return {"href": href} if href and not value else [to_plain(one) for one in value]
    if isinstance(value, OpenEnum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def from_dict(cls: type[Any], data: Mapping[str, Any]) -> Any:
    known = fields(cls)
    values: dict[str, Any] = {}
    for name, value in data.items():
        field = known.get(name)
        values[name] = value if field is None or value is None else _from_plain(cls, field, value)
    return cls(**values)


def _from_plain(owner: type[Any], field: Field, value: Any) -> Any:
    from trivirt.model._struct import Items

    if not field.is_list:
        return _one_from_plain(owner, field, value)
    if isinstance(value, dict):
        extra = set(value) - {"href"}
        if extra:
            raise TypeError(f"{owner.__name__}.{field.name} must be a list, not a dict")
        return Items(href=value.get("href"))
    if not isinstance(value, (list, tuple)):
        return value
    items = Items(_one_from_plain(owner, field, one) for one in value)
    items.href = getattr(value, "href", None)
    return items


def _one_from_plain(owner: type[Any], field: Field, value: Any) -> Any:
    """Convert what JSON cannot say; anything odd goes on to the constructor, which complains."""
    if field.is_simple:
        if field.cls is datetime and isinstance(value, str):
            return _date(owner, field, value)
        return value
    if field.is_enum:
        return read_enum(field.cls, value) if type(value) is str else value
    return from_dict(field.cls, value) if isinstance(value, dict) else value


def _date(owner: type[Any], field: Field, value: str) -> datetime:
    try:
        # Before Python 3.11 fromisoformat does not know the Z.
        return datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith("Z") else value)
    except ValueError:
        raise TypeError(f"{owner.__name__}.{field.name} must be a date, not {value!r}") from None


def show(obj: Any) -> str:
    """Name the class and what is set: nested objects and lists in brief, secrets not at all."""
    from trivirt.model._struct import settled

    values = settled(obj)
    parts = []
    for name, field in fields(type(obj)).items():
        if name in values:
            shown = "'***'" if field.secret else _brief(values[name])
            parts.append(f"{name}={shown}")
    return f"{type(obj).__name__}({', '.join(parts)})"


def _brief(value: Any) -> str:
    from trivirt.model._struct import Items, Struct, settled

    if isinstance(value, Struct):
        inside = settled(value)
        for name in ("id", "name"):
            if name in inside:
                return f"{type(value).__name__}({name}={_brief(inside[name])})"
        return f"{type(value).__name__}({'...' if inside else ''})"
    if isinstance(value, list):
        href = value.href if isinstance(value, Items) else None
        return f"<{len(value)} items>" if value or not href else "<link>"
    if isinstance(value, OpenEnum):
        return str(value)
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{text[-1]}"


def show_list(items: Any) -> str:
    """Show the first items in brief."""
    shown = [_brief(one) for one in items[:5]]
    if len(items) > 5:
        shown.append(f"... {len(items)} items")
    href = f", href={items.href!r}" if items.href else ""
    return f"Items([{', '.join(shown)}]{href})"


def signature(cls: type[Any]) -> Signature:
    from inspect import Parameter, Signature

    return Signature(
        [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=None,
                annotation=f"Items[{f.type_name}] | None" if f.is_list else f"{f.type_name} | None",
            )
            for name, f in fields(cls).items()
        ]
    )
