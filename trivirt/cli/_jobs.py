"""Inventory jobs of one or several engines, side by side into one file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import trio

from trivirt import inventory
from trivirt._patience import Retries
from trivirt.cli._sign_on import Target
from trivirt.engine import open_engine
from trivirt.errors import Error, UsageError

__all__ = ["USUAL", "Order", "Targets", "Way", "plan_requests", "run_job", "run_jobs"]

Watch = Callable[[inventory.Progress], None]
# By the names of engines, None for one that is called by its host: how it is reached, or why not.
Targets = Mapping[str | None, Target | UsageError]


@dataclass(frozen=True)
class Way:
    """How many connections, and how many requests under way on each."""

    connections: int
    pipeline: int

    @property
    def in_flight(self) -> int:
        """One for one after the other; else more than the wire holds, so that it never idles.

        A quarter more: with twice as many, a large job takes a twentieth longer.
        """
        room = self.connections * self.pipeline
        return 1 if room == 1 else room + max(1, room // 4)

    def __str__(self) -> str:
        if self.connections == 1 and self.pipeline == 1:
            return "one request after the other"
        ways = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return ways if self.pipeline == 1 else f"{ways}, {self.pipeline} in each pipeline"


USUAL = Way(10, 8)


@dataclass(frozen=True)
class Order:
    """What shall be done, whichever the engines are.

    Without a `plan` it is that of the last run, or the usual one. `connections` and `pipeline` are
    what is described with the engine when they are None, and what `USUAL` says where that is
    nothing either.
    """

    plan: inventory.Plan | None = None
    connections: int | None = None
    pipeline: int | None = None
    how: inventory.How = "full"
    ways: Mapping[str, str] = field(default_factory=dict)
    patience: float = 0.0
    deadline: float | None = None

    def way(self, target: Target) -> Way:
        """How this engine is read."""
        connections = (self.connections, target.other.get("connections"), USUAL.connections)
        pipeline = (self.pipeline, target.other.get("pipeline"), USUAL.pipeline)
        return Way(*(next(n for n in said if n is not None) for said in (connections, pipeline)))


async def run_jobs(
    targets: Targets,
    order: Order,
    keeper: inventory.Keeper,
    watch: Callable[[str], Watch],
    outcomes: list[inventory.Outcome],
) -> None:
    """Read each engine into the same file; none stops another.

    What came of each is added to `outcomes`, but for jobs that were cancelled: their records tell
    it.
    """

    async def one(name: str | None, target: Target | UsageError) -> None:
        if isinstance(target, UsageError):
            outcomes.append(inventory.Outcome.never(str(name), target, 0.0))
            return
        title = name or urlsplit(target.url).netloc.rpartition("@")[2] or target.url
        outcomes.append(await run_job(name, target, order, keeper, watch(title)))

    async with trio.open_nursery() as nursery:
        for name, target in targets.items():
            nursery.start_soon(one, name, target)


async def run_job(
    name: str | None, target: Target, order: Order, keeper: inventory.Keeper, watch: Watch
) -> inventory.Outcome:
    """Sign on to an engine and read it; whatever it does is told in the outcome."""
    start = time.perf_counter()
    try:
        async with open_engine(**_options(target, order)) as engine:
            return await inventory.collect(
                engine,
                order.plan,
                keeper,
                name=name,
                how=order.how,
                ways=order.ways,
                in_flight=order.way(target).in_flight,
                seconds=order.deadline,
                watch=watch,
            )
    except BaseException as error:
        # Before it began: a host that is not there, a sign-on that is refused.
        cause = inventory.cause_of(error)
        if cause is None:
            raise
        seconds = time.perf_counter() - start
        return inventory.Outcome.never(name or target.url, cause, seconds)


def _options(target: Target, order: Order) -> dict[str, Any]:
    way = order.way(target)
    return {
        **target.options(),
        "connections": way.connections,
        "pipeline": way.pipeline,
        "retries": Retries(seconds=order.patience) if order.patience else Retries(attempts=0),
    }


async def plan_requests(
    targets: Targets, order: Order
) -> list[tuple[inventory.Look, inventory.Itinerary] | inventory.Outcome]:
    """What each engine would be asked, or why it cannot be; that takes two requests of each."""
    found: list[tuple[inventory.Look, inventory.Itinerary] | inventory.Outcome] = []
    for name, target in targets.items():
        try:
            if isinstance(target, UsageError):
                raise target
            async with open_engine(**_options(target, order)) as engine:
                seen = await inventory.look(engine, name)
        except Error as error:
            if len(targets) < 2:
                raise
            found.append(inventory.Outcome.never(str(name), error, 0.0))
        else:
            found.append(
                (seen, inventory.choose(order.plan or inventory.VMS, seen.offer, force=order.ways))
            )
    return found
