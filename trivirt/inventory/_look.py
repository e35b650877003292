"""The first look at an engine: who it is, what it offers, and which event is the newest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from trivirt.errors import Fault, NotFound, ResponseError
from trivirt.inventory._store import EngineFacts
from trivirt.inventory._ways import Offer

if TYPE_CHECKING:
    from trivirt.engine import Engine
    from trivirt.model import Future, Items
    from trivirt.types import Api, Event

__all__ = ["Cursor", "Look", "events_since", "look", "still_known"]

# The newest events that are remembered, so that those which become visible out of order are found:
# concurrent transactions of an engine commit their events in any order.
_OVERLAP = 50


class Cursor(NamedTuple):
    """Where the log of events was read up to; without `newest` the engine tells none."""

    newest: int | None = None
    seen: tuple[int, ...] = ()


class Look(NamedTuple):
    facts: EngineFacts
    offer: Offer
    cursor: Cursor
    notes: tuple[str, ...]


async def look(engine: Engine, name: str | None = None) -> Look:
    """Two requests that tell what is needed before anything is planned.

    Pages are cut by queries of their own, so that what is added or removed meanwhile shifts the
    rest. Only the log of events tells whether that happened, and only for who sees all of it; and
    for others the engine cuts pages before it filters. So everybody else gets one list.
    """
    # Both at once: what matters is that events are noted before anything is read.
    events = engine.soon.events.list(max=_OVERLAP)
    try:
        api = await _root(engine)
        cursor = await _cursor(events)
    finally:
        events.cancel()
    facts = _facts(engine.url, name, api)
    counts = _counts(api)
    notes = []
    if cursor.newest is None:
        notes.append(
            "the engine tells no events, so what changed while it was read is not known; "
            "collections were read in one list each"
        )
    elif not counts:
        notes.append("not signed on as an administrator: collections were read in one list each")
    pages = cursor.newest is not None and bool(counts)
    return Look(facts, Offer(counts, pages, _follows(facts.version)), cursor, tuple(notes))


async def _root(engine: Engine) -> Api | None:
    try:
        return await engine.get()
    except NotFound:
        # A recording need not hold the root. A page with 404 is another thing: an engine that
        # starts, and has no path at all yet.
        return None


def _facts(url: str, name: str | None, api: Api | None) -> EngineFacts:
    info = api.product_info if api is not None else None
    version = info.version if info is not None else None
    return EngineFacts(
        name or urlsplit(url).netloc.rpartition("@")[2] or url,
        url,
        info.name if info is not None else None,
        version.full_version if version is not None else None,
        info.instance_id if info is not None else None,
    )


def _counts(api: Api | None) -> dict[str, int]:
    summary = api.summary if api is not None else None
    found = {}
    for name in ("hosts", "storage_domains", "users", "vms"):
        count = getattr(summary, name, None)
        if count is not None and count.total is not None:
            found[name] = count.total
    return found


def _follows(version: str | None) -> bool:
    """Since oVirt 4.2. An engine that does not say is not one that would."""
    match = re.match(r"(\d+)\.(\d+)", version or "")
    return match is not None and (int(match[1]), int(match[2])) >= (4, 2)


async def _cursor(newest: Future[Items[Event]]) -> Cursor:
    """The newest events, to begin from. For who may see none it is as if there were none."""
    try:
        events = await newest.wait()
    except (Fault, ResponseError) as error:
        if error.status not in (403, 404):
            raise
        return Cursor()
    ids = _ids(events)
    return Cursor(max(ids), tuple(sorted(ids))) if ids else Cursor()


async def events_since(engine: Engine, cursor: Cursor) -> tuple[list[Event], Cursor]:
    """What happened since, oldest first, and the cursor behind it.

    A page at a time, because there may be many; sorted by time, because with `from` alone an
    engine cuts off the oldest.
    """
    start = min(cursor.seen, default=cursor.newest or 0)
    seen = set(cursor.seen)
    events, ids = [], list(cursor.seen)
    listed = engine.events.iterate(from_=start, search="sortby time asc", max=500)
    async for event in listed:
        number = int(event.id or 0)
        if number > start and number not in seen:
            events.append(event)
            ids.append(number)
    newest = max([cursor.newest or 0, *ids])
    return events, Cursor(newest, tuple(sorted(set(ids))[-_OVERLAP:]))


async def still_known(engine: Engine, cursor: Cursor) -> bool:
    """Whether the log reaches back to the cursor; engines drop events after some weeks."""
    if cursor.newest is None:
        return False
    try:
        await engine.events.event(str(cursor.newest)).get()
    except NotFound:
        return False
    return True


def _ids(events: list[Event]) -> list[int]:
    return [int(event.id) for event in events if event.id and event.id.isdecimal()]
