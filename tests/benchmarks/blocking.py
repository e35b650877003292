"""What synchronous callers pay: 1,000 small gets one after the other, and 10,000 futures at once.

    python tests/benchmarks/blocking.py [--rounds 5]

Each client runs in a process of its own, against one engine 0 ms away, in turns. Of a blocked
call that is handed to the portal, the price is its CPU less that of the same request awaited in
trio; with more than one connection allowed, calls in a row are not handed over at all. Finds the
yardstick as `run.py` does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from run import HERE, yardstick

SEQUENTIAL = {
    "ovirtsdk4": "ovirtsdk4_sync:c10",
    "awaited": f"{HERE / 'trivirt_async.py'}:c10:sequential",
    "blocked": f"{HERE / 'trivirt_sync.py'}:c10:blocking",
    "blocked, handed over": f"{HERE / 'trivirt_sync.py'}:c1:blocking",
    "compat": f"{HERE / 'trivirt_compat.py'}:c10:sequential",
}
FUTURES = {"futures": f"{HERE / 'trivirt_sync.py'}:c10:auto"}

Results = dict[str, list[dict[str, float]]]


def measure(bench: Path, vms: int, drivers: dict[str, str], rounds: int) -> Results:
    """The results of all rounds, by the names of the clients."""
    path = os.pathsep.join([str(bench / "drivers"), str(HERE)])
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "results.jsonl")
        subprocess.run(
            [
                *(sys.executable, str(bench / "compare.py"), "--vms", str(vms)),
                *("--rounds", str(rounds), "--save", str(saved), *drivers.values()),
            ],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found: Results = json.loads(saved.read_text("utf-8"))["results"]
    return {name: found[driver] for name, driver in drivers.items()}


def median(runs: list[dict[str, float]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    bench = yardstick()
    if not (bench / "compare.py").is_file():
        print(f"no yardstick in {bench}: set TRIVIRT_BENCH to its folder; nothing was measured")
        return 0
    gets = measure(bench, 334, SEQUENTIAL, rounds)
    print(f"1,002 gets one after the other, medians of {rounds} rounds")
    print("| client | wall s | CPU s | wall / ovirtsdk4 | CPU us per get beyond awaited |")
    print("|---|---|---|---|---|")
    for name, runs in gets.items():
        pairs = list(zip(runs, gets["ovirtsdk4"], gets["awaited"], strict=True))
        wall = statistics.median(mine["wall_s"] / base["wall_s"] for mine, base, _ in pairs)
        extra = statistics.median(mine["cpu_s"] - base["cpu_s"] for mine, _, base in pairs)
        cells = [name, f"{median(runs, 'wall_s'):.3f}", f"{median(runs, 'cpu_s'):.3f}"]
        print(
            f"| {' | '.join([*cells, f'{wall:.2f}', f'{extra / 1002 * 1e6:+.0f}'])} |", flush=True
        )
    many = measure(bench, 3334, FUTURES, min(rounds, 3))["futures"]
    seconds = f"{median(many, 'wall_s'):.2f} s, CPU {median(many, 'cpu_s'):.2f} s"
    memory = f"{median(many, 'peak_rss_kb') / 1024:.0f} MB"
    print(
        "10,002 futures at once, and the list of 3,334 machines that they belong to: "
        f"{seconds}, {memory}, {median(many, 'connections'):.0f} connections"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
