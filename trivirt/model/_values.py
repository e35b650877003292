"""Which Python values an attribute takes, checked when a caller gives them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivirt.model._fields import Field

_WORDS = {str: "a str", int: "an int", float: "a float", bool: "a bool", datetime: "a datetime"}


def accept(owner: type[Any], field: Field, value: Any) -> Any:
    """Give the value as the attribute keeps it, or raise a `TypeError` that names the attribute.

    A list or tuple becomes `Items`; an int is taken for a float. A truth value is no number, a
    text is no enum, and an object must be of the declared class itself: the engine would refuse
    elements that only a subclass has.
    """
    if not field.is_list:
        return _accept_one(owner, field, value)
    from trivirt.model._struct import Items

    if not isinstance(value, (list, tuple)):
        raise TypeError(_complaint(owner, field, value, f"a list of {field.type_name}"))
    for one in value:
        _accept_one(owner, field, one)
    return value if isinstance(value, Items) else Items(value)


def _accept_one(owner: type[Any], field: Field, value: Any) -> Any:
    wanted = field.cls
    given = type(value)
    if given is wanted:
        return value
    if wanted is float and given is int:
        return float(value)
    if field.is_simple and issubclass(given, wanted) and given is not bool:
        return value
    if not field.is_simple and field.is_enum:
        hint = f"a {wanted.__name__}"
        if given is str and value in field.cls._value2member_map_:
            hint += f" such as {wanted.__name__}({value!r})"
        raise TypeError(_complaint(owner, field, value, hint))
    raise TypeError(_complaint(owner, field, value, _WORDS.get(wanted, f"a {wanted.__name__}")))


def _complaint(owner: type[Any], field: Field, value: Any, wanted: str) -> str:
    given = type(value).__name__
    return f"{owner.__name__}.{field.name} must be {wanted}, not {given}"
