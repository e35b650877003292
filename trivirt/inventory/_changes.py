"""Making what was read true again, after an engine changed while it was read, or since.

Events name the objects of seven collections. An object that is named since the cursor is read
again, with all that is below it, and takes the place of what is kept of it, if it differs; one that
is no more there goes. When objects came or went, pages may have shifted under the reader, so the
list is read once more, and what it has and we do not, or the other way round, is read as well. The
objects of the other collections (disks, networks, ...) are not named by events: those that come in
pages are listed once more when anything happened at all. All this is repeated until no event names
anything, or until it becomes clear that the engine does not hold still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from trivirt.errors import Fault, NotFound, ResponseError
from trivirt.inventory._keeper import Keeper, rows_of
from trivirt.inventory._look import Cursor, events_since
from trivirt.inventory._run import open_run
from trivirt.inventory._store import Batch, Kept, RunRecord
from trivirt.inventory._surface import collection
from trivirt.inventory._ways import Itinerary, Route
from trivirt.inventory._work import Answer, Unit

if TYPE_CHECKING:
    from trivirt.engine import Engine
    from trivirt.types import Event

__all__ = ["Reconciler"]

T = TypeVar("T")

# Which attribute of an event names an object of which collection.
_NAMED = {
    "clusters": "cluster",
    "data_centers": "data_center",
    "hosts": "host",
    "storage_domains": "storage_domain",
    "templates": "template",
    "users": "user",
    "vms": "vm",
}
# Found by id in a search, so that many are one request, and come as they come in the list.
_SEARCHED = frozenset({"disks", "vms"})
_TOGETHER = 20  # Ids in one search: a request line has 8190 bytes.
_COMINGS = frozenset({30, 31})  # Codes of signing on and off (oVirt 4).
_ROUNDS = 6


class Reconciler:
    """Brings what is kept of one engine up to date with its events.

    `requests` counts what that took, `changed` the objects that differed, `notes` what could not
    be known.
    """

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        record: RunRecord,
        in_flight: int,
        watch: Callable[[int], None] = lambda changed: None,
    ) -> None:
        self.requests = self.changed = 0
        self.notes: list[str] = []
        self._engine, self._keeper, self._record = engine, keeper, record
        self._routes = {route.collection: route for route in record.ways}
        self._limiter = trio.CapacityLimiter(in_flight)
        self._in_flight, self._watch = in_flight, watch
        self._counted: dict[str, set[str]] = {}  # An object may change in several rounds.

    async def catch_up(self, cursor: Cursor, *, again: bool) -> Cursor:
        """Follow events until there are none; give the cursor behind the last.

        With `again` all that events do not name is listed again, as after a long time.
        """
        vanished = await self._suspects()
        for _ in range(_ROUNDS):
            events, cursor = await self._events(cursor)
            named = self._named(events)
            for name, ids in vanished.items():
                named.setdefault(name, set()).update(ids)
            vanished = {}
            if any(event.code not in _COMINGS for event in events):
                await self._list_unnamed(again)
                again = False
            if not any(named.values()):
                return cursor
            for name, ids in named.items():
                if await self._read_again(name, ids):
                    await self._list_again(name)
        self.notes.append("the engine kept changing while changes were read")
        return cursor

    async def _events(self, cursor: Cursor) -> tuple[list[Event], Cursor]:
        self.requests += 1
        return await events_since(self._engine, cursor)

    async def _suspects(self) -> dict[str, set[str]]:
        """Objects of which a part was not there: perhaps they are not, either."""
        found: dict[str, set[str]] = {}
        for unit, _ in await self._keeper.do(
            self._keeper.store.special, self._record.engine, "absent"
        ):
            if unit.object:
                found.setdefault(unit.collection, set()).add(unit.object)
        return found

    def _named(self, events: Iterable[Event]) -> dict[str, set[str]]:
        named: dict[str, set[str]] = {}
        for name, attribute in _NAMED.items():
            if name in self._routes:
                objects = [getattr(event, attribute) for event in events]
                named[name] = {one.id for one in objects if one is not None and one.id}
        return named

    async def _list_unnamed(self, everything: bool) -> None:
        for name, route in self._routes.items():
            if name not in _NAMED and (everything or route.page):
                await self._list_again(name)
            if everything:
                for part in route.by("shared"):
                    await self._share_again(route, part)

    # Lists.

    async def _list_again(self, name: str) -> None:
        """Go through a list once more: what differs, what is new, what is missing."""
        route, store = self._routes[name], self._keeper.store
        kept = await self._keeper.do(store.ids, self._record.engine, name)
        plain = Route(name, route.page, _followed(route), route.objects, route.known, 1)
        listed: set[str] = set()
        async with open_run(self._engine, Itinerary([plain]), in_flight=self._in_flight) as run:
            while answers := await run.take():
                for answer in answers:
                    known = [value for value in answer.found if value.id in kept]
                    await self._merge(name, ("", *plain.parts), self._kept(known, plain))
                    listed.update(value.id for value in answer.found)
            self.requests += run.requests
        if run.failed:
            self.notes.append(f"{name} could not be listed again")
            return
        await self._read_again(name, listed ^ kept)

    async def _share_again(self, route: Route, part: str) -> None:
        way = route.parts[part]
        found = await self._ask(getattr(self._engine, way.source).list)
        owners = await self._keeper.do(
            self._keeper.store.ids, self._record.engine, route.collection
        )
        kept = {id: Kept(id, {}) for id in owners}
        answer = Answer(Unit(route.collection, part), found)
        for table, row in rows_of(answer, route, self._record.engine):
            if row[1] in kept:
                kept[row[1]].rows.setdefault(table, []).append(row)
        await self._merge(route.collection, (part,), list(kept.values()))

    # Objects.

    async def _read_again(self, name: str, ids: Iterable[str]) -> bool:
        """Read objects with all that is below them; tell whether any came or went."""
        route, store = self._routes[name], self._keeper.store
        before = await self._keeper.do(store.ids, self._record.engine, name) if ids else set()
        membership = False
        for some in _chunks(ids, _TOGETHER):
            found = await self._find(route, some)
            kept, absent = await self._complete(route, some, found)
            membership |= any((one.id in before) != bool(one.rows) for one in kept)
            await self._merge(name, ("", *route.parts), kept)
            await self._keeper.do(store.forget_units, self._record.engine, name, some)
            batch = Batch()
            for part, id in absent:
                batch.units.append((self._record.engine, name, part, id, "absent", None))
            await self._keeper.do(store.write, batch, self._record, 0)
        return membership

    async def _find(self, route: Route, ids: list[str]) -> dict[str, Any]:
        """The objects that are there, by id, with what is followed."""
        follow = ",".join(route.by("follow")) or None
        objects: Any = getattr(self._engine, route.collection)
        if route.collection in _SEARCHED and route.page:
            search = " or ".join(f"id={id}" for id in ids)
            try:
                found = await self._ask(partial(objects.list, search=search, follow=follow))
                return {value.id: value for value in found}
            except Fault:
                pass  # Perhaps of one that cannot be followed; then one by one.
        there: dict[str, Any] = {}
        query = {"follow": follow} if follow else {}

        async def get(id: str) -> None:
            one = getattr(objects, collection(route.collection).item)(id)
            with suppress(NotFound):
                there[id] = await self._ask(partial(one.get, **query))

        async with trio.open_nursery() as nursery:
            for id in ids:
                nursery.start_soon(get, id)
        return there

    async def _complete(
        self, route: Route, ids: list[str], found: dict[str, Any]
    ) -> tuple[list[Kept], list[tuple[str, str]]]:
        """Add what is read by a request of its own; give the parts that are absent, too."""
        kept = {one.id: one for one in self._kept(list(found.values()), route)}
        absent: list[tuple[str, str]] = []

        async def add(id: str, part: str) -> None:
            one = getattr(
                getattr(self._engine, route.collection), collection(route.collection).item
            )
            unit = Unit(route.collection, part, id)
            try:
                answer = Answer(unit, await self._ask(getattr(one(id), part).list))
            except ResponseError as error:
                if not error.absent:
                    raise
                absent.append((part, id))
                return
            for table, row in rows_of(answer, route, self._record.engine):
                kept[id].rows.setdefault(table, []).append(row)

        async with trio.open_nursery() as nursery:
            for id in found:
                for part in (*route.by("children"), *route.by("shared")):
                    nursery.start_soon(add, id, part)
        gone = [Kept(id, {}) for id in ids if id not in found]
        return [*kept.values(), *gone], absent

    def _kept(self, objects: list[Any], route: Route) -> list[Kept]:
        kept = []
        for value in objects:
            one = Kept(value.id, {})
            answer = Answer(Unit(route.collection), [value])
            for table, row in rows_of(answer, route, self._record.engine):
                one.rows.setdefault(table, []).append(row)
            kept.append(one)
        return kept

    async def _merge(self, name: str, parts: Iterable[str], kept: list[Kept]) -> None:
        store, counted = self._keeper.store, self._counted.setdefault(name, set())
        counted |= await self._keeper.do(store.merge, self._record, name, parts, kept, counted)
        self.changed = sum(map(len, self._counted.values()))
        self._watch(self.changed)

    async def _ask(self, call: Callable[[], Any]) -> Any:
        async with self._limiter:
            self.requests += 1
            return await call()


def _followed(route: Route) -> dict[str, Any]:
    return {part: route.parts[part] for part in route.by("follow")}


def _chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(sorted(things))  # type: ignore[type-var]  # only ids come here
    while some := list(islice(rest, size)):
        yield some
