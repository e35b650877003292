"""The reading of an itinerary: child tasks in a nursery, bounded, with back-pressure.

Each route has a task that lists its collection, page by page where the engine cuts pages, several
pages abreast while it is known that they are there. What is below the objects becomes units in a
queue of bounded length, from which a crew of tasks works; a task is started when there is a unit
and none is free, and ends when the queue is empty. `Pace` bounds the requests of all of them.
Answers go on a belt that holds a bounded number of objects. So when its reader is slow, the crew
waits at the belt, the lists wait for room in the queue, and the engine is asked for nothing more.

What the engine refuses of one unit is an answer, too, and the rest goes on. What ends a run is
trouble that repeating did not cure: a network that stays broken, an engine that stays away, a
sign-on that is refused, or one refusal after the other.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from trivirt.errors import Error, Fault, RemoteProtocolError, ResponseError, Unavailable
from trivirt.inventory._pace import Pace
from trivirt.inventory._surface import collection
from trivirt.inventory._ways import Itinerary, Route
from trivirt.inventory._work import Answer, Belt, Done, Nothing, Unit
from trivirt.model import Items

if TYPE_CHECKING:
    from trivirt.engine import Engine

__all__ = ["Item", "Progress", "Run", "open_run"]

_ABREAST = 4  # Pages of one collection that are asked for at the same time.
_HOPELESS = 50  # Refusals in a row after which nothing else is tried.


class Item(NamedTuple):
    """One object as it streams by: of a collection, or of a `part` of the object `owner`."""

    collection: str
    part: str
    owner: str | None
    value: Any


class Progress(NamedTuple):
    """How far a session has come: requests answered of those expected, objects, refusals."""

    done: int
    total: int
    objects: int
    failed: int


class Run:
    """A run under way. Iterate over it to get each `Item`, in the order of the answers.

    `requests` counts the answers so far, `objects` what they held.
    """

    def __init__(
        self,
        engine: Engine,
        itinerary: Itinerary,
        pace: Pace,
        done: Done,
        watch: Callable[[Progress], None] | None,
    ) -> None:
        self.engine, self.itinerary, self.pace = engine, itinerary, pace
        self.requests = self.objects = self.failed = 0
        self.notes: list[str] = []
        self._expected = itinerary.requests
        self._done, self._watch = done, watch
        self._belt: Belt[Answer] = Belt(max(2000, pace.most))
        self._todo: deque[Unit] = deque()
        self._room = trio.lowlevel.ParkingLot()
        self._crew = self._in_row = 0
        self._nursery: trio.Nursery

    async def __aiter__(self) -> AsyncIterator[Item]:
        while answers := await self.take():
            for answer in answers:
                for item in _items(answer, self._route(answer.unit)):
                    yield item

    async def take(self) -> deque[Answer]:
        """The answers that have come, at least one; none at the end."""
        return await self._belt.take()

    def take_nowait(self) -> deque[Answer]:
        """What lies ready, for when the block has to be left early."""
        return self._belt.take_nowait()

    def _route(self, unit: Unit) -> Route:
        return next(route for route in self.itinerary if route.collection == unit.collection)

    async def _read(self) -> None:
        try:
            self._expected -= await self._done.count()
            async with trio.open_nursery() as self._nursery:
                for route in self.itinerary:
                    self._nursery.start_soon(self._follow, route)
        finally:
            self._belt.close()

    # Lists.

    async def _follow(self, route: Route) -> None:
        """All of one route, but for what the crew does."""
        shared = await self._done.shared(route.collection)
        for part in route.by("shared"):
            if part not in shared:
                self._nursery.start_soon(self._list_shared, route, part)
        done = await self._done.lists(route.collection)
        if done:
            async for unit in self._done.missing(route):
                await self._queue(unit)
        if route.page is None:
            if "" not in done:
                await self._deliver(await self._ask_list(route, Unit(route.collection), {}), route)
        else:
            await self._list_pages(route, done)

    async def _list_shared(self, route: Route, part: str) -> None:
        service: Any = getattr(self.engine, route.parts[part].source)
        unit = Unit(route.collection, part)
        await self._belt.put(await self._ask(unit, part, service.list))

    async def _list_pages(self, route: Route, done: dict[str, str | None]) -> None:
        """Pages abreast as far as the engine has said that there are objects, then one by one."""
        pages = _Pages(route, done)
        async with trio.open_nursery() as nursery:
            for _ in range(min(_ABREAST, pages.sure)):
                nursery.start_soon(self._turn_pages, route, pages, True)
        await self._turn_pages(route, pages, False)
        self._expect(route, pages.objects)

    async def _turn_pages(self, route: Route, pages: _Pages, sure: bool) -> None:
        assert route.page is not None
        while (number := pages.next(sure)) is not None:
            unit = Unit(route.collection, "", str(number))
            query = {"max": route.page, "search": f"page {number}"}
            answer = await self._ask_list(route, unit, query)
            if answer.state == "done":
                if len(answer.found) > route.page:
                    self._note(f"{route.collection}: the engine does not cut pages; one list")
                last = pages.seen(number, answer.found)
                first = (number - 1) * route.page
                answer = answer._replace(first=first, why="last" if last else None)
            else:
                pages.stopped = True
            await self._deliver(answer, route)

    async def _ask_list(self, route: Route, unit: Unit, query: dict[str, Any]) -> Answer:
        """A list or a page of it, with what can be followed; else each object is asked for it."""
        listing = getattr(self.engine, route.collection).list
        followed = route.by("follow")
        if not followed:
            return await self._ask(unit, route.collection, partial(listing, **query))
        follow = ",".join(followed)
        answer = await self._ask(
            unit, f"{unit.collection}+", partial(listing, **query, follow=follow)
        )
        if answer.state == "done":
            return answer
        # Released engines fail of one object that cannot be followed (oVirt 4.4, 4.5: 500).
        plain = await self._ask(unit, route.collection, partial(listing, **query))
        if plain.state == "done":
            self.failed -= 1
            self._note(f"{route.collection}: follow={follow} failed, each object was asked instead")
            await self._fill(route, plain.found, followed)
        return plain

    async def _fill(self, route: Route, objects: list[Any], parts: tuple[str, ...]) -> None:
        async def fill(one: Any, part: str) -> None:
            unit = Unit(route.collection, part, one.id)
            answer = await self._ask(unit, part, self._listing_of(unit))
            setattr(one, part, Items(answer.found))

        async with trio.open_nursery() as nursery:
            for one in objects:
                for part in parts:
                    nursery.start_soon(fill, one, part)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _expect(self, route: Route, objects: int) -> None:
        """Now it is known how many objects there are."""
        self._expected += (objects - route.objects) * len(route.by("children"))

    async def _deliver(self, answer: Answer, route: Route) -> None:
        """First the list, then what is below its objects: so it is kept in this order."""
        ids = [one.id for one in answer.found]
        if route.page is None:
            self._expect(route, len(ids))
        await self._belt.put(answer, len(ids))
        del answer  # The list may be large, and what is below it takes long.
        below = route.by("children")
        for id in ids if below else ():
            for part in below:
                await self._queue(Unit(route.collection, part, id))

    # What is below the objects.

    async def _queue(self, unit: Unit) -> None:
        """Give a unit to the crew; wait while it has enough to do."""
        while len(self._todo) > self.pace.most:
            await self._room.park()
        self._todo.append(unit)
        if self._crew < self.pace.most:
            self._crew += 1
            self._nursery.start_soon(self._work)

    async def _work(self) -> None:
        todo = self._todo
        while todo:
            unit = todo.popleft()
            if self._room and len(todo) <= self.pace.most:
                self._room.unpark_all()
            answer = await self._ask(unit, unit.part, self._listing_of(unit))
            await self._belt.put(answer, len(answer.found))
        self._crew -= 1

    def _listing_of(self, unit: Unit) -> Callable[[], Any]:
        """What asks for a part of an object."""
        objects: Any = getattr(self.engine, unit.collection)
        one = getattr(objects, collection(unit.collection).item)(unit.object)
        listing: Callable[[], Any] = getattr(one, unit.part).list
        return listing

    async def _ask(self, unit: Unit, kind: str, call: Callable[[], Any]) -> Answer:
        """Make one request in its turn; what the engine refuses is an answer like others."""
        pace = self.pace
        await pace.enter()
        try:
            start = trio.current_time()
            found = await call()
            if not unit.part and any(one.id is None for one in found):
                raise RemoteProtocolError(f"{kind}: the engine listed an object without an id")
            pace.answered(kind, trio.current_time() - start)
        except Error as error:
            answer = self._refused(unit, error)
        else:
            self._in_row = 0
            self.objects += len(found)
            answer = Answer(unit, found)
        finally:
            pace.leave()
        self.requests += 1
        if self._watch is not None:
            total = max(self._expected, self.requests)
            self._watch(Progress(self.requests, total, self.objects, self.failed))
        return answer

    def _refused(self, unit: Unit, error: Error) -> Answer:
        absent = isinstance(error, ResponseError) and error.absent
        if absent and unit.part:
            return Answer(unit, [], "absent")
        if not (absent or isinstance(error, (Fault, RemoteProtocolError))):
            if isinstance(error, Unavailable):
                self.pace.refused()
            raise error
        self.failed += 1
        self._in_row += 1
        if self._in_row > _HOPELESS:
            raise error
        return Answer(unit, [], "failed", str(error))


class _Pages:
    """Which page of a list is next. `stopped` when one was refused, so that the end is unknown."""

    def __init__(self, route: Route, done: dict[str, str | None]) -> None:
        assert route.page is not None
        self.stopped = False
        self.objects = 0
        self.sure = -(-route.objects // route.page) if route.known else 0
        self._done = done
        self._size = route.page
        self._number = 0
        lasts = [int(number) for number, noted in done.items() if noted == "last"]
        self._last = min(lasts, default=sys.maxsize)
        self._firsts: dict[str, int] = {}

    def next(self, sure: bool) -> int | None:
        """The next page that is not done; None at the end, or of what is `sure` to be there."""
        while self._number < self._last and not (sure and self._number >= self.sure):
            if self.stopped and not sure:
                return None
            self._number += 1
            if str(self._number) not in self._done:
                return self._number
            self.objects += self._size
        return None

    def seen(self, number: int, found: list[Any]) -> bool:
        """Take note of a page; tell whether it is the last one.

        Raises RemoteProtocolError when it begins as another did, so that it never goes on for ever.
        """
        self.objects += len(found)
        if found and (other := self._firsts.setdefault(found[0].id, number)) != number:
            raise RemoteProtocolError(
                f"page {number} of {self._size} begins as page {other} did: the engine does not "
                "cut pages, or the list changed by more than a page meanwhile"
            )
        # A page of an engine that does not cut them has everything.
        if len(found) != self._size:
            self._last = min(self._last, number)
        return len(found) != self._size


def _items(answer: Answer, route: Route) -> Iterable[Item]:
    unit = answer.unit
    if not unit.part:
        followed = route.by("follow")
        for value in answer.found:
            yield Item(unit.collection, "", None, value)
            for part in followed:
                for below in getattr(value, part) or ():
                    yield Item(unit.collection, part, value.id, below)
        return
    by = route.parts[unit.part].by
    for value in answer.found:
        owner = getattr(value, by) if by else None
        yield Item(unit.collection, unit.part, owner.id if owner else unit.object, value)


@asynccontextmanager
async def open_run(
    engine: Engine,
    itinerary: Itinerary,
    *,
    in_flight: int = 80,
    done: Done = Nothing(),  # noqa: B008 - it has no state
    watch: Callable[[Progress], None] | None = None,
) -> AsyncIterator[Run]:
    """Read what an itinerary names while the block iterates over the run.

    `in_flight` bounds the requests handed to the engine's pool at one time; 1 reads one after the
    other. `watch` is called after each answer and must not block.

    Leaving the block, by whatever way, cancels what is still under way. An error that ends the run
    ends the iteration and leaves the block as an exception group, as all errors out of nurseries
    do.
    """
    if in_flight < 1:
        raise ValueError("in_flight must be 1 or more")
    run = Run(engine, itinerary, Pace(in_flight), done, watch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run._read)
        try:
            yield run
        finally:
            nursery.cancel_scope.cancel()
