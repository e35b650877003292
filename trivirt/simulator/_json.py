"""Objects as an engine writes them in JSON: the tree of the XML through its adapters.

Numbers and truth values are texts, dates are milliseconds since 1970, decimals stay numbers, and
a list is an object whose one member has the name of an item.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from trivirt.model import Field, Items, Struct, settled
from trivirt.simulator._render import NOTHING, Shape, plan_of


def json_entity(obj: Struct, shape: Shape = NOTHING) -> dict[str, Any]:
    """One object as JSON would hold it."""
    values = settled(obj)
    plan = plan_of(type(obj))
    out: dict[str, Any] = {}
    if shape.has_actions:
        href = values.get("href")
        out["actions"] = {
            "link": [{"href": f"{href}/{action}", "rel": action} for action in shape.actions]
        }
    links = [{"href": f"{values.get('href')}/{rel}", "rel": rel} for rel in shape.links]
    for name, value in values.items():
        each = plan.known[name]
        if each.is_list:
            if value or value.href is None:
                out[each.wire] = _json_list(each, value)
            continue
        out[each.wire] = _json_value(each, value)
    if links:
        out["link"] = links
    return out


def json_collection(singular: str, items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A list: an object whose one member has the name of an item; `{}` when it is empty."""
    members = list(items)
    return {singular: members} if members else {}


def _json_list(each: Field, items: Items[Any]) -> dict[str, Any]:
    if each.is_simple or not each.is_struct:
        return json_collection(each.item, [_json_value(each, item) for item in items])
    return json_collection(each.cls.element, [json_entity(item) for item in items])


def _json_value(each: Field, value: Any) -> Any:
    if isinstance(value, Struct):
        return json_entity(value)
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        return str(value)
    return str(value)
