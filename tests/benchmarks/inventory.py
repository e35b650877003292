"""What an inventory job costs beside the bare client, and beside the old SDK's, each in one run.

    python tests/benchmarks/inventory.py [--rounds 7]

1,000 VMs at 10 ms; all reach into the same 3,001 answers. The job keeps every attribute of them in
an SQLite file, with the record of the run; the bare client makes objects, of which it reads ten
attributes each, or none. Ratios are medians of ratios within a round. Finds the yardstick as
`run.py` does.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from run import HERE, WIRE, yardstick
from wire import measure, ratio

SDK = f"ovirtsdk4_async:{WIRE}:block:repair"
JOB = f"{HERE / 'trivirt_inventory.py'}:{WIRE}"
BARE = f"{HERE / 'trivirt_async.py'}:{WIRE}"
READING = f"{BARE}:touch"

TITLES = {
    SDK: "ovirtsdk4, asynchronous",
    BARE: "trivirt",
    READING: "trivirt, attributes read",
    JOB: "trivirt's inventory job",
}
MOST = {SDK: 0.2, BARE: 1.5, READING: 1.5}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    bench = yardstick()
    if not (bench / "compare.py").is_file():
        print(f"no yardstick in {bench}: set TRIVIRT_BENCH to its folder; nothing was measured")
        return 0
    words = ["--vms", "1000", "--latency", "0.01", "--rounds", str(args.rounds)]
    results = measure(bench, words, list(TITLES))
    print(f"{args.rounds} rounds; wall / CPU seconds are medians")
    for name, title in TITLES.items():
        wall, cpu = (
            statistics.median(run[k] for run in results[name]) for k in ("wall_s", "cpu_s")
        )
        line = f"{title:26} {wall:6.3f} / {cpu:.3f}"
        if name in MOST:
            found = ratio(results, "wall_s", JOB, name)
            kept = "yes" if found <= MOST[name] else "NO"
            line += f"   the job takes {found:.2f} of it (at most {MOST[name]}): {kept}"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
