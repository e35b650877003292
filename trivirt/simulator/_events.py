"""The event log. Ids grow; clients see the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice, takewhile

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._store import Entry, Store

KEPT = 30 * 86400.0
MOST = 8_000  # engines keep all of 30 days; so many are a few MB

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
    entry = store.add("/events", event)
    _forget_old(store)
    return entry


def is_known(store: Store, origin: str, custom_id: int) -> bool:
    """Whether another system has told of this before."""
    known = (settled(each.value) for each in store.collection("/events"))
    return any((e.get("origin"), e.get("custom_id")) == (origin, custom_id) for e in known)


def _forget_old(store: Store) -> None:
    """As the housekeeping of engines does, which looks once a day: many at a time."""
    log = store.collection("/events")
    spare = len(log) - MOST
    if spare > MOST // 10:
        for entry in list(islice(log, spare)):
            store.remove(entry)
    aged = store.clock.date(store.now - KEPT)
    for entry in list(takewhile(lambda entry: settled(entry.value)["time"] < aged, log)):
        store.remove(entry)


def log_sign_on(store: Store, code: int, name: str) -> None:
    """Somebody came (30), went (31) or was refused (114)."""
    store.settle()
    what, severity = {
        30: ("logged in", NORMAL),
        31: ("logged out", NORMAL),
        114: ("failed to log in", types.LogSeverity.ERROR),
    }[code]
    user = store.user(name) if code != 114 else None
    shown = name if user is None else user.name
    text = f"User {shown} connecting from '127.0.0.1' {what}."
    add_event(store, code, text, severity=severity, user=user)


def pointer(entry: Entry) -> Struct:
    """A reference to an entity as events have it: with the name it has now."""
    values = settled(entry.value)
    return type(entry.value)(id=entry.id, href=values["href"], name=values.get("name"))
