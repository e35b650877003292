"""Entities that a body refers to, by id or by name."""

from __future__ import annotations

import re

from trivirt.model import Struct, settled
from trivirt.simulator._refusals import Refused, unknown_related
from trivirt.simulator._store import Entry, Store

_UUID = re.compile(r"[0-9A-Fa-f]{1,8}(-[0-9A-Fa-f]{1,4}){3}-[0-9A-Fa-f]{1,12}")


def find_named(store: Store, path: str, wanted: Struct, element: str) -> Entry:
    """The entity that a body refers to by id or name; refused when there is none."""
    values = settled(wanted)
    if (identity := values.get("id")) is not None:
        check_uuid(identity)
        found, how = store.find(path, identity), f"id={identity}"
    else:
        name = values.get("name") or ""
        found, how = store.named(path, name), f"name={name}"
    if found is None:
        raise unknown_related(element, how)
    return found


def check_uuid(text: str) -> None:
    """Refuse what Java cannot read as an id."""
    if _UUID.fullmatch(text) is None:
        raise Refused(400, f"Invalid UUID string: {text}", "Operation failed")
