"""The reading of a plan: child tasks in a nursery, bounded, with back-pressure from the reader.

A fixed crew of tasks shares one iterator of units, a unit being one child request. So there are
never more than `in_flight` requests and never more tasks than that, whatever the size of the
engine; a task that finishes a unit takes the next one. Units of one object follow each other, so
objects are complete early and can be handed on; a channel of bounded size takes them, and when its
reader is slow the crew waits there and asks the engine for nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

from trivirt.errors import ResponseError
from trivirt.inventory._plan import Plan

if TYPE_CHECKING:
    from trivirt.engine import Engine

__all__ = ["Progress", "Record", "Run", "open_run"]


@dataclass
class Record:
    """One object of the collection with what was read below it.

    `parts` has a key for each part of the plan; the value is None when the engine answered 404,
    that is, when it does not have this part for this object.
    """

    index: int
    item: Any
    parts: dict[str, list[Any] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a run has come: requests answered so far, and how many it takes in all."""

    done: int
    total: int


class Run:
    """A run under way: iterate over it to get each `Record` as soon as it is complete.

    The order is that of completion; `Record.index` is the place in the engine's list.
    """

    def __init__(
        self, engine: Engine, plan: Plan, in_flight: int, watch: Callable[[Progress], None]
    ) -> None:
        self.requests = 0
        self._plan = plan
        self._in_flight = in_flight
        self._watch = watch
        self._collection: Any = getattr(engine, plan.collection)
        self._send, self._receive = trio.open_memory_channel[Record](in_flight)

    def __aiter__(self) -> AsyncIterator[Record]:
        return self._receive

    async def _read(self) -> None:
        # Not `async with`: its checkpoint could be cancelled and put that in place of an error.
        with self._send:
            items = await self._collection.list()
            total = self._plan.requests(len(items))
            self._answered(total)
            if not self._plan.parts:
                for index, item in enumerate(items):
                    await self._send.send(Record(index, item))
                return
            units = self._units(items)
            async with trio.open_nursery() as nursery:
                for _ in range(min(self._in_flight, total - 1)):
                    nursery.start_soon(self._work, units, total)

    def _units(self, items: list[Any]) -> Iterator[tuple[Record, str]]:
        for index, item in enumerate(items):
            record = Record(index, item)
            for part in self._plan.parts:
                yield record, part

    async def _work(self, units: Iterator[tuple[Record, str]], total: int) -> None:
        wanted = len(self._plan.parts)
        for record, part in units:
            record.parts[part] = await self._part(record, part)
            self._answered(total)
            if len(record.parts) == wanted:
                await self._send.send(record)

    async def _part(self, record: Record, part: str) -> list[Any] | None:
        service = getattr(getattr(self._collection, self._plan.item)(record.item.id), part)
        try:
            answer: list[Any] = await service.list()
        except ResponseError as error:
            if error.status != 404:
                raise
            return None
        return answer

    def _answered(self, total: int) -> None:
        self.requests += 1
        self._watch(Progress(self.requests, total))


@asynccontextmanager
async def open_run(
    engine: Engine,
    plan: Plan,
    *,
    in_flight: int = 80,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> AsyncIterator[Run]:
    """Read the plan from the engine while the block iterates over the run.

    `in_flight` bounds the requests handed to the engine's pool at one time; 1 reads one after the
    other. `watch` is called after each answer and must not block. Leaving the block, by whatever
    way, cancels what is still under way. An error of the engine ends the iteration and leaves the
    block as an exception group, as all errors out of nurseries do.
    """
    if in_flight < 1:
        raise ValueError("in_flight must be 1 or more")
    run = Run(engine, plan, in_flight, watch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run._read)
        try:
            yield run
        finally:
            nursery.cancel_scope.cancel()
            run._receive.close()
