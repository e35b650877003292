"""One inventory from sign-on to the last answer, and the ways to do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trivirt import inventory
from trivirt._patience import Retries
from trivirt.cli._sign_on import Target
from trivirt.engine import Engine, open_engine
from trivirt.errors import ResponseError

__all__ = ["PLAN", "Reading", "Way", "read"]

PLAN = inventory.VMS


@dataclass(frozen=True)
class Way:
    """How many connections, and how many requests under way on each."""

    connections: int
    pipeline: int

    @property
    def in_flight(self) -> int:
        """One for one after the other; else twice what the wire holds, so that it never idles."""
        room = self.connections * self.pipeline
        return 1 if room == 1 else 2 * room

    def __str__(self) -> str:
        if self.connections == 1 and self.pipeline == 1:
            return "one request after the other"
        ways = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return ways if self.pipeline == 1 else f"{ways}, {self.pipeline} in each pipeline"


@dataclass(frozen=True)
class Reading:
    """What was read and what it took. `seconds` runs from the sign-on to the last answer."""

    records: list[inventory.Record]
    engine: dict[str, Any]
    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def document(self) -> dict[str, Any]:
        return inventory.document(self.engine, PLAN, self.records)

    def totals(self) -> dict[str, dict[str, int]]:
        return inventory.totals(PLAN, self.records)


async def read(
    target: Target,
    way: Way,
    watch: Callable[[inventory.Progress], None],
    patience: float = 0,
) -> Reading:
    """Read all VMs and what belongs to them; `patience` is for an engine that goes away."""
    start = time.perf_counter()
    options = {
        **target.options(),
        "connections": way.connections,
        "pipeline": way.pipeline,
        "retries": Retries(seconds=patience) if patience else Retries(attempts=0),
    }
    async with open_engine(**options) as engine:
        async with inventory.open_run(engine, PLAN, in_flight=way.in_flight, watch=watch) as run:
            records = [record async for record in run]
        seconds = time.perf_counter() - start
        facts = await _facts(engine, target.url)
    return Reading(records, facts, run.requests, seconds)


async def _facts(engine: Engine, url: str) -> dict[str, Any]:
    """Product and version, not counted: they say what was read, and are no part of it."""
    try:
        api = await engine.get()
    except ResponseError as error:
        # A recording need not hold the root.
        if error.status != 404:
            raise
        api = None
    return inventory.engine_facts(url, api)
