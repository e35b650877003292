"""The event log. Ids grow; clients see the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._store import Entry, Store

NORMAL = types.LogSeverity.NORMAL


def add_event(
    store: Store,
    code: int,
    description: str,
    *,
    severity: types.LogSeverity = NORMAL,
    time: datetime | None = None,
    correlation_id: str | None = None,
    user: types.User | None = None,
    about: Mapping[str, Entry | None] | None = None,
) -> Entry:
    """Write one event; `time` is now unless given, `about` are the entities it refers to."""
    number = store.next_number()
    event = types.Event(
        id=str(number),
        code=code,
        description=description,
        correlation_id=correlation_id,
        custom_id=-1,
        flood_rate=30,
        index=number,
        origin="oVirt",
        severity=severity,
        time=time or store.clock.date(store.now),
        user=user,
    )
    for name, entry in (about or {}).items():
        if entry is not None:
            setattr(event, name, pointer(entry))
    return store.add("/events", event)


def pointer(entry: Entry) -> Struct:
    """A reference to an entity as events have it: with the name it has now."""
    values = settled(entry.value)
    return type(entry.value)(id=entry.id, href=values["href"], name=values.get("name"))
