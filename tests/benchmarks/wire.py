"""The speed that the wire promises, beside the old SDK and the raw limit, each in one run.

    python tests/benchmarks/wire.py [--rounds 5] [--only "10 ms"]

Ratios are medians of ratios within a round, to `ovirtsdk4_async:c10:p40:repair`. Every client that
makes objects reads ten attributes of each. Finds the yardstick as `run.py` does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from run import HERE, yardstick

BASE = "ovirtsdk4_async:c10:p40:repair:touch"
FLOOR = "raw_pipelined:c10:p40"
OURS = f"{HERE / 'trivirt_async.py'}:c10"

Results = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Row:
    """One situation, and the ratios to the base that are promised for it."""

    title: str
    engine: str  # Words for compare.py.
    pipeline: str
    wall: float | None = None
    cpu: float | None = None


ROWS = [
    Row("0 ms", "--vms 1000", "p40", wall=0.45, cpu=0.45),
    Row("0 ms, automatic", "--vms 1000", "auto"),
    Row(
        "1 ms, gzip and chunked",
        "--vms 1000 --latency 0.001 --engine=--gzip%--chunked",
        "p40",
        wall=0.30,
    ),
    Row("10 ms", "--vms 1000 --latency 0.01", "p40", wall=0.14),
    Row("10 ms, automatic", "--vms 1000 --latency 0.01", "auto", wall=0.14),
    Row("50 ms", "--vms 1000 --latency 0.05", "p40", wall=0.08),
    Row("50 ms, automatic", "--vms 1000 --latency 0.05", "auto", wall=0.08),
    Row(
        "10 ms, service time 5 ms, 100 VMs",
        "--vms 100 --latency 0.01 --service-time 0.005",
        "auto",
        wall=0.5,
    ),
    Row("0 ms, pipeline off", "--vms 1000", "p1", cpu=0.6),
]


def measure(bench: Path, words: list[str], drivers: list[str]) -> Results:
    """The results of all rounds by driver, in the order of the rounds."""
    path = os.pathsep.join([str(bench / "drivers"), str(HERE)])
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "results.jsonl")
        subprocess.run(
            [sys.executable, str(bench / "compare.py"), *words, "--save", str(saved), *drivers],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        results: Results = json.loads(saved.read_text("utf-8"))["results"]
    return results


def ratio(results: Results, key: str, mine: str, other: str) -> float:
    pairs = zip(results[mine], results[other], strict=True)
    return statistics.median(a[key] / b[key] for a, b in pairs)


def report(row: Row, results: Results) -> tuple[str, bool]:
    """The line of a row, and whether its promises are kept."""
    mine = next(name for name in results if name.startswith(OURS))
    median = {
        name: (
            statistics.median(run["wall_s"] for run in runs),
            statistics.median(run["cpu_s"] for run in runs),
        )
        for name, runs in results.items()
    }
    wall, cpu = (ratio(results, key, mine, BASE) for key in ("wall_s", "cpu_s"))
    kept = wall <= (row.wall or wall) and cpu <= (row.cpu or cpu)
    cells = [row.title]
    cells += [f"{median[name][0]:.3f} / {median[name][1]:.3f}" for name in (BASE, mine, FLOOR)]
    cells += [f"{wall:.2f}" + (f" (at most {row.wall})" if row.wall else "")]
    cells += [f"{cpu:.2f}" + (f" (at most {row.cpu})" if row.cpu else "")]
    cells += ["yes" if kept else "NO"]
    return f"| {' | '.join(cells)} |", kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    args = parser.parse_args()
    bench = yardstick()
    if not (bench / "compare.py").is_file():
        print(f"no yardstick in {bench}: set TRIVIRT_BENCH to its folder; nothing was measured")
        return 0
    print(f"{args.rounds} rounds; wall / CPU seconds are medians")
    print("| situation | ovirtsdk4 | trivirt | raw | wall ratio | CPU ratio | kept |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for row in ROWS:
        if args.only in row.title:
            words = [word.replace("%", " ") for word in row.engine.split()]
            words += ["--rounds", str(args.rounds)]
            drivers = [BASE, f"{OURS}:{row.pipeline}:touch", FLOOR]
            line, _ = report(row, measure(bench, words, drivers))
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
