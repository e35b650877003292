"""Between the answers of a run and the store: rows are made here, and written in batches.

Rows are made in trio's thread, in steps of about a millisecond, because the interpreter could not
make them beside it anyway; SQLite works in another thread, and needs the interpreter for little of
that. Nothing here waits for the network: while a transaction is written, answers wait on the belt.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio

from trivirt.errors import Error
from trivirt.inventory._run import Run
from trivirt.inventory._schema import Table, table_of
from trivirt.inventory._store import Batch, RunRecord, Store
from trivirt.inventory._ways import Route
from trivirt.inventory._work import Answer, Unit
from trivirt.model import Items

__all__ = ["Keeper", "KeptDone", "keep_answers", "rows_of"]

T = TypeVar("T")
Row = tuple[Table, tuple[Any, ...]]
Unreadable = list[tuple[Any, Error]]  # With the id of the object that it is about.

_ROWS = 4000  # Of a transaction, about.
_SECONDS = 1.0  # After which a transaction is worth its while.
_STEP = 60  # Rows between two looks at what other tasks want: about a millisecond.


class Keeper:
    """A store that several tasks use: one at a time, each in a thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._limiter = trio.CapacityLimiter(1)

    async def do(self, work: Callable[..., T], *args: object) -> T:
        """Call a method of the store. Once it has begun, cancellation waits for its end."""
        return await trio.to_thread.run_sync(work, *args, limiter=self._limiter)


class KeptDone:
    """What earlier sessions of a run have left in the store; see `Done`."""

    def __init__(self, keeper: Keeper, engine: str) -> None:
        self._keeper, self._engine = keeper, engine

    async def count(self) -> int:
        return await self._keeper.do(self._keeper.store.count_done, self._engine)

    async def lists(self, collection: str) -> dict[str, str | None]:
        return await self._keeper.do(self._keeper.store.lists_done, self._engine, collection)

    async def shared(self, collection: str) -> set[str]:
        return await self._keeper.do(self._keeper.store.shared_done, self._engine, collection)

    async def missing(self, route: Route) -> AsyncIterator[Unit]:
        after: int | None = -1
        while after is not None:
            units, after = await self._keeper.do(
                self._keeper.store.missing, self._engine, route, after
            )
            for unit in units:
                yield unit


def rows_of(
    answer: Answer, route: Route, engine: str, unreadable: Unreadable | None = None
) -> Iterator[Row]:
    """The rows of an answer. What was followed leaves its object and gets rows of its own.

    What is nested in an object is read only now, and may be malformed. Then there is no row of it:
    that is added to `unreadable`, or raised where there is no such list.
    """
    errors: Unreadable = [] if unreadable is None else unreadable
    yield from _rows_of(answer, route, engine, errors)
    if errors and unreadable is None:
        raise errors[0][1]


def _rows_of(answer: Answer, route: Route, engine: str, unreadable: Unreadable) -> Iterator[Row]:
    unit = answer.unit
    if not unit.part:
        table = table_of(unit.collection)
        followed = [(part, table_of(unit.collection, part)) for part in route.by("follow")]
        for position, value in enumerate(answer.found, answer.first):
            for part, below in followed:
                items = None
                try:
                    items = getattr(value, part)
                    for place, one in enumerate(items or ()):
                        yield below, below.row(engine, value.id, place, one)
                except Error as error:
                    unreadable.append((value.id, error))
                # As it would be there, had it not been followed.
                href = None if items is None else items.href
                setattr(value, part, Items(href=href) if href else None)
            try:
                yield table, table.row(engine, None, position, value)
            except Error as error:
                unreadable.append((value.id, error))
        return
    table = table_of(unit.collection, unit.part)
    by = route.parts[unit.part].by
    if not by or unit.object:
        for position, value in enumerate(answer.found):
            try:
                yield table, table.row(engine, unit.object, position, value)
            except Error as error:
                unreadable.append((value.id, error))
        return
    places: Counter[str] = Counter()
    for value in answer.found:
        owner = getattr(value, by)
        if owner is not None:
            try:
                yield table, table.row(engine, owner.id, places[owner.id], value)
            except Error as error:
                unreadable.append((value.id, error))
            places[owner.id] += 1


class _Writer:
    def __init__(self, keeper: Keeper, record: RunRecord) -> None:
        self._keeper, self._record = keeper, record
        self._routes = {route.collection: route for route in record.ways}
        self._batch = Batch()
        self._requests = self._made = 0
        self._written = trio.current_time()

    async def add(self, answer: Answer) -> None:
        """Make rows of an answer. They are written with the state of its unit, or not at all.

        Only a list of more rows than a transaction should have goes ahead of its unit; `resume`
        knows of that.
        """
        engine, unit = self._record.engine, answer.unit
        rows: list[Row] = []
        unreadable: Unreadable = []
        for row in rows_of(answer, self._routes[unit.collection], engine, unreadable):
            rows.append(row)
            self._made += 1
            if self._made % _STEP == 0:
                if len(rows) >= _ROWS:
                    self._batch.add(rows)
                    rows = []
                    await self.write()
                await trio.lowlevel.checkpoint()
        self._batch.add(rows)
        name, part, object = unit
        state, why = answer.state, answer.why
        if unreadable:
            id, error = unreadable[0]
            state, why = "failed", f"{error} (of {id})"
        if part and object and state == "done":
            self._batch.done.setdefault((name, part), []).append(object)
        else:
            self._batch.units.append((engine, name, part, object, state, why))
        self._requests += 1
        if self._batch.weight >= _ROWS or trio.current_time() - self._written > _SECONDS:
            await self.write()

    async def write(self) -> None:
        batch, self._batch = self._batch, Batch()
        requests, self._requests = self._requests, 0
        if requests or batch.weight:
            await self._keeper.do(self._keeper.store.write, batch, self._record, requests)
        self._written = trio.current_time()


async def keep_answers(run: Run, keeper: Keeper, record: RunRecord) -> None:
    """Write all answers of a run to the store.

    Cancelled, or when the run fails, it still writes what had been answered by then: that takes a
    moment and no network.
    """
    writer = _Writer(keeper, record)
    answers: deque[Answer] = deque()
    try:
        while answers := await run.take():
            while answers:
                await writer.add(answers.popleft())
    finally:
        with trio.CancelScope(shield=True):
            for answer in (*answers, *run.take_nowait()):
                await writer.add(answer)
            await writer.write()


@asynccontextmanager
async def open_store(path: str | Path, *, create: bool = True) -> AsyncIterator[Keeper]:
    """Open an inventory file, and lock it, for as long as the block lasts; `:memory:` is none.

    Raises StoreError when it is another program's, in use, or cannot be made; without `create`
    also when there is none.
    """
    store = await trio.to_thread.run_sync(lambda: Store(path, create=create))
    try:
        yield Keeper(store)
    finally:
        store.close()
