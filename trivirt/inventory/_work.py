"""What a run consists of: units of work, their answers, and a belt that carries answers on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trivirt.inventory._ways import Route

__all__ = ["Answer", "Belt", "Done", "Nothing", "Unit"]

T = TypeVar("T")


class Unit(NamedTuple):
    """One piece of work, done as a whole or not at all: nearly always one request.

    Of a list `part` is empty and `object` the number of the page, empty for the whole of it. Below
    an object `object` is its id; in what is shared by all objects it is empty.
    """

    collection: str
    part: str = ""
    object: str = ""

    def __str__(self) -> str:
        if not self.part:
            return f"{self.collection} page {self.object}" if self.object else self.collection
        return f"{self.collection}.{self.part} of {self.object or 'all'}"


class Answer(NamedTuple):
    """What came of a unit.

    `state` is `done`, or `absent`: the engine has no such thing, or `failed`: it refused, and
    `why` is its reason. `first` is the place of the first object in the engine's list.
    """

    unit: Unit
    found: list[Any]
    state: str = "done"
    why: str | None = None
    first: int = 0


class Done(Protocol):
    """What an earlier session of the same run has done, so that it is not repeated."""

    async def count(self) -> int:
        """How many units are done."""
        ...

    async def lists(self, collection: str) -> dict[str, str | None]:
        """The lists or pages that are done, by `Unit.object`, with what was noted of each."""
        ...

    async def shared(self, collection: str) -> set[str]:
        """The parts that were read as a shared collection."""
        ...

    def missing(self, route: Route) -> AsyncIterator[Unit]:
        """The units below objects that are listed already which are not done."""
        ...


class Nothing:
    """A run that begins."""

    async def count(self) -> int:
        return 0

    async def lists(self, collection: str) -> dict[str, str | None]:
        return {}

    async def shared(self, collection: str) -> set[str]:
        return set()

    async def missing(self, route: Route) -> AsyncIterator[Unit]:
        nothing: tuple[Unit, ...] = ()
        for unit in nothing:
            yield unit


class Belt(Generic[T]):
    """Carries things from many tasks to one, which takes all that is there at once.

    `weight` bounds what lies on it. Cheaper than a memory channel, where each item costs two
    checkpoints; here only waiting does.
    """

    def __init__(self, weight: int) -> None:
        self._limit, self._weight = weight, 0
        self._things: deque[T] = deque()
        self._full = trio.lowlevel.ParkingLot()
        self._empty = trio.lowlevel.ParkingLot()
        self._closed = False

    async def put(self, thing: T, weight: int = 1) -> None:
        """Lay something on the belt; wait while it is full. Cancelled, nothing was laid there."""
        while self._weight >= self._limit:
            await self._full.park()
        self._things.append(thing)
        self._weight += max(1, weight)
        if self._empty:
            self._empty.unpark()

    async def take(self) -> deque[T]:
        """Everything that is there, and at least one; nothing once it is closed and empty."""
        while not self._things and not self._closed:
            await self._empty.park()
        return self.take_nowait()

    def take_nowait(self) -> deque[T]:
        things, self._things = self._things, deque()
        self._weight = 0
        if self._full:
            self._full.unpark_all()
        return things

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._empty.unpark_all()
