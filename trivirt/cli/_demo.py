"""The inventory of a simulated engine in three ways, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import trio

from trivirt import inventory
from trivirt.cli._demo_engine import open_demo_engine
from trivirt.cli._failure import Failure
from trivirt.cli._jobs import USUAL, Order, Way, run_job
from trivirt.cli._progress import Watch, show_progress
from trivirt.cli._report import found, show_table, show_text
from trivirt.cli._sign_on import Target

__all__ = ["run_demo"]

# The same requests in each way; otherwise the planner would ask for pages that hold everything.
_CHILDREN = {"vms.*": "children"}


class Reading(NamedTuple):
    """One way, what it took, and the file that it went to."""

    way: Way
    outcome: inventory.Outcome
    keeper: inventory.Keeper


def run_demo(
    vms: int,
    latency: float,
    connections: int | None,
    pipeline: int | None,
    out: inventory.Destination | None,
) -> int:
    """Read the same engine in each way, compare what came, show what it took."""
    connections, pipeline = connections or USUAL.connections, pipeline or USUAL.pipeline
    ways = [Way(1, 1), Way(connections, 1), Way(connections, pipeline)]
    trio.run(_run, vms, latency, ways, out)
    return 0


async def _run(
    vms: int, latency: float, ways: Sequence[Way], out: inventory.Destination | None
) -> None:
    options = ["--vms", str(vms), "--latency", str(latency)]
    async with (
        inventory.open_store(":memory:") as one,
        inventory.open_store(":memory:") as two,
        inventory.open_store(":memory:") as three,
    ):
        async with open_demo_engine(options) as engine:
            target = Target(engine.url, engine.username, engine.password, ca_file=engine.ca_file)
            readings = []
            with show_progress() as watch:
                for way, keeper in zip(ways, (one, two, three), strict=True):
                    readings.append(await _read(target, way, keeper, watch(str(way))))
        _check_equal(readings)
        _show(vms, latency, readings)
        if out is not None:
            _write(readings[-1].keeper, out)


async def _read(target: Target, way: Way, keeper: inventory.Keeper, watch: Watch) -> Reading:
    outcome = await run_job(
        "demo",
        target,
        Order(connections=way.connections, pipeline=way.pipeline, ways=_CHILDREN),
        keeper,
        watch,
    )
    if outcome.state != "complete":
        raise outcome.error or Failure(outcome.verdict)
    return Reading(way, outcome, keeper)


def _check_equal(readings: Sequence[Reading]) -> None:
    """Compare what was kept whole: every row of every table."""
    first = _rows(readings[0].keeper)
    for reading in readings[1:]:
        if _rows(reading.keeper) != first:
            raise Failure(
                f"the simulated engine was read in {len(readings)} ways and the results differ: "
                f"'{readings[0].way}' is not equal to '{reading.way}'; please report it"
            )


def _rows(keeper: inventory.Keeper) -> list[list[tuple[object, ...]]]:
    tables = ["vms", *(f"vm_{part}" for part in inventory.VMS["vms"])]
    return [sorted(keeper.store.table(name)[0], key=repr) for name in tables]


def _write(keeper: inventory.Keeper, out: inventory.Destination) -> None:
    inventory.export(keeper.store, out)
    show_text(f"Written to {out}.")


def _show(vms: int, latency: float, readings: Sequence[Reading]) -> None:
    show_table(
        f"Inventory of a simulated engine, {vms} VMs, {latency * 1000:g} ms away",
        ["way", "seconds", "requests", "req/s", "speed-up"],
        list(_lines(readings)),
    )
    store = readings[0].keeper.store
    (record,) = store.runs()
    totals = inventory.totals(store, record)
    show_text(f"The {len(readings)} results are equal: {found(totals)}.")


def _lines(readings: Sequence[Reading]) -> Iterator[list[str]]:
    slowest = readings[0].outcome.seconds
    for way, outcome, _ in readings:
        yield [
            str(way),
            f"{outcome.seconds:.2f}",
            str(outcome.requests),
            f"{outcome.requests / outcome.seconds:.0f}",
            f"{slowest / outcome.seconds:.1f}x",
        ]
