"""Run the drivers here beside others, under a yardstick kept outside of this project.

    python tests/benchmarks/run.py [--vms 1000] [--rounds 3] [--touch] [--latency 0 --latency 0.01]

The environment variable TRIVIRT_BENCH names the folder of the yardstick, which holds `compare.py`
and `drivers/`; without it the folder `../shared/bench` beside the project is taken. When there is
none, this says so and succeeds. It fails when a driver of ours does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent

OURS = ("trivirt_async", "trivirt_soon", "trivirt_sync", "trivirt_compat", "trivirt_inventory")
WIRE = "c10:p40"


def yardstick() -> Path:
    return Path(os.environ.get("TRIVIRT_BENCH") or PROJECT.parent / "shared" / "bench").resolve()


def drivers(touch: bool) -> list[str]:
    """What to compare; with `touch` every client that makes objects also reads them."""
    last = ":touch" if touch else ""
    return [
        f"ovirtsdk4_async:{WIRE}:repair{last}",
        *(f"{HERE / name}.py:{WIRE}{last}" for name in OURS),
        f"raw_pipelined:{WIRE}",
    ]


def compare(bench: Path, latency: float, args: argparse.Namespace) -> list[str]:
    """Run the comparison once, which prints its table; return what our drivers failed of."""
    path = os.pathsep.join([str(bench / "drivers"), str(HERE), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "results.jsonl")
        subprocess.run(
            [
                *(sys.executable, str(bench / "compare.py")),
                *("--vms", str(args.vms), "--latency", str(latency)),
                *("--rounds", str(args.rounds), "--save", str(saved)),
                *drivers(args.touch),
            ],
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
            check=True,
        )
        if args.save:
            with open(args.save, "a", encoding="utf-8") as file:
                file.write(saved.read_text("utf-8"))
        results = json.loads(saved.read_text("utf-8"))["results"]
    ours = [run for name, runs in results.items() if name.startswith(str(HERE)) for run in runs]
    return [run.get("error", "it took too long") for run in ours if "wall_s" not in run]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vms", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, action="append", help="default: 0 and 0.01")
    parser.add_argument("--touch", action="store_true", help="read ten attributes of each VM")
    parser.add_argument("--save", metavar="FILE", help="append the results as JSON lines")
    args = parser.parse_args()
    bench = yardstick()
    if not (bench / "compare.py").is_file():
        print(f"no yardstick in {bench}: set TRIVIRT_BENCH to its folder; nothing was measured")
        return 0
    failures = []
    for latency in args.latency or [0.0, 0.01]:
        failures += compare(bench, latency, args)
    for failure in failures:
        print(f"a driver failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
