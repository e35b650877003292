"""The inventory of a simulated engine in three ways, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trivirt.cli._demo_engine import open_demo_engine
from trivirt.cli._failure import Failure
from trivirt.cli._reading import Reading, Way, read
from trivirt.cli._report import found, progress_bar, show_table, show_text
from trivirt.cli._sign_on import Target

__all__ = ["run_demo"]


async def run_demo(vms: int, latency: float, connections: int, pipeline: int) -> Reading:
    """Read the same engine in each way, compare what came, and show what it took."""
    ways = _ways(connections, pipeline)
    readings = []
    options = ["--vms", str(vms), "--latency", str(latency)]
    async with open_demo_engine(options) as engine:
        target = Target(engine.url, engine.username, engine.password, ca_file=engine.ca_file)
        with progress_bar() as bar:
            for way in ways:
                readings.append(await read(target, way, bar(str(way))))
    _check_equal(ways, readings)
    _show(vms, latency, ways, readings)
    return readings[-1]


def _ways(connections: int, pipeline: int) -> list[Way]:
    return [Way(1, 1), Way(connections, 1), Way(connections, pipeline)]


def _check_equal(ways: Sequence[Way], readings: Sequence[Reading]) -> None:
    """Compare the documents whole: every attribute of every object, in the engine's order."""
    first = readings[0].document()
    for way, reading in zip(ways[1:], readings[1:], strict=True):
        if reading.document() != first:
            raise Failure(
                f"the simulated engine was read in {len(ways)} ways and the results differ: "
                f"'{ways[0]}' is not equal to '{way}'; please report it"
            )


def _show(vms: int, latency: float, ways: Sequence[Way], readings: Sequence[Reading]) -> None:
    show_table(
        f"Inventory of a simulated engine, {vms} VMs, {latency * 1000:g} ms away",
        ["way", "seconds", "requests", "req/s", "speed-up"],
        list(_rows(ways, readings)),
    )
    show_text(f"The {len(ways)} results are equal: {found(readings[0].totals())}.")


def _rows(ways: Sequence[Way], readings: Sequence[Reading]) -> Iterator[list[str]]:
    slowest = readings[0].seconds
    for way, reading in zip(ways, readings, strict=True):
        yield [
            str(way),
            f"{reading.seconds:.2f}",
            str(reading.requests),
            f"{reading.rate:.0f}",
            f"{slowest / reading.seconds:.1f}x",
        ]
