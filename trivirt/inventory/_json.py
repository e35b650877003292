"""Objects of the API as JSON, and values out of them, as the rows of an inventory have them."""

from __future__ import annotations

import json
from datetime import datetime
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING, Any

from trivirt.model import Struct, settled

if TYPE_CHECKING:
    from trivirt.model import OpenEnum

__all__ = ["Path", "deep", "quoted", "to_json", "word"]

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


def to_json(value: Any) -> str:
    """A value as `json.dumps(value.to_dict(), sort_keys=True)` gives it, but quicker."""
    if isinstance(value, str):  # Or an enumeration, which is its word.
        return quoted(value)
    if isinstance(value, Struct):
        own = settled(value)
        return f"{{{','.join([_pair(name, own[name]) for name in sorted(own)])}}}"
    if isinstance(value, list):
        href = None if value else getattr(value, "href", None)
        if href:  # That it is only linked tells it from one that is empty.
            return f'{{"href":{quoted(href)}}}'
        return f"[{','.join(map(to_json, value))}]"
    if isinstance(value, datetime):
        return quoted(value.isoformat())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        return json.dumps(value)
    raise TypeError(f"no JSON for a {type(value).__name__}")


def _pair(name: str, value: Any) -> str:
    return f'"{name}":{to_json(value)}'
