"""Objects of the API as JSON, and values out of them, as the rows of an inventory have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trivirt.model import Items, Struct, settled

if TYPE_CHECKING:
    from trivirt.model import OpenEnum

__all__ = ["Path", "deep", "linked", "to_json", "word"]

Path = tuple[str, ...]


def word(value: OpenEnum | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value._value_)


def deep(value: Any, path: Path) -> Any:
    """What a path leads to, from the value of its first step."""
    for name in path[1:]:
        value = getattr(value, name)
        if value is None:
            return None
    return value if type(value) in (str, int, bool, float) else word(value)


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    if isinstance(value, Struct):
        own = settled(value)
        for one in own.values():
            if type(one) is Items and not one:
                return {name: linked(one) for name, one in own.items()}
        return own
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"no JSON for a {type(value).__name__}")


def linked(value: Any) -> Any:
    """Tell a list that is only linked from one that is empty."""
    return {"href": value.href} if type(value) is Items and not value and value.href else value


#: Gives an object as JSON, as `json.dumps(value.to_dict(), sort_keys=True)` does, and in half the
#: time: the encoder is written in C and asks back only for objects. It never meets a circle.
to_json: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    separators=(",", ":"),
    sort_keys=True,
    default=_plain,
).encode
