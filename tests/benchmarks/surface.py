"""What it costs to turn XML into objects, beside ovirtsdk4, and whether both find the same.

    python tests/benchmarks/surface.py [lists] [small] [stream] [imports] [peer]

Without a name all parts run. `lists` and `stream` need the yardstick, see `run.py`. Figures are
medians of --rounds. CPU is user and system time of the process, so other load matters little.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kit")]

from listing import DEPENDENCIES, modules_of_a_listing  # noqa: E402  # needs the path above
from run import yardstick  # noqa: E402  # likewise

# As an engine lays it out.
NIC = """
    <nic href="/ovirt-engine/api/vms/1/nics/{n}" id="{n}">
        <actions>
            <link href="/ovirt-engine/api/vms/1/nics/{n}/activate" rel="activate"/>
            <link href="/ovirt-engine/api/vms/1/nics/{n}/deactivate" rel="deactivate"/>
        </actions>
        <name>nic{n}</name>
        <link href="/ovirt-engine/api/vms/1/nics/{n}/reporteddevices" rel="reporteddevices"/>
        <link href="/ovirt-engine/api/vms/1/nics/{n}/statistics" rel="statistics"/>
        <vm href="/ovirt-engine/api/vms/1" id="1"/>
        <interface>virtio</interface>
        <linked>true</linked>
        <mac>
            <address>00:1a:4a:16:01:5{n}</address>
        </mac>
        <plugged>true</plugged>
        <vnic_profile href="/ovirt-engine/api/vnicprofiles/{n}" id="{n}"/>
    </nic>"""
SMALL = f"<nics>{NIC.format(n=1)}{NIC.format(n=2)}\n</nics>"


@contextmanager
def serving(*line: str) -> Iterator[str]:
    """A server that prints one line when it is ready."""
    with subprocess.Popen([sys.executable, *line], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def client(name: str, url: str, ca_file: str) -> dict[str, Any]:
    line = [sys.executable, str(HERE / "list_vms.py"), name, url, ca_file]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def lists(rounds: int) -> None:
    for count in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            engine = [str(yardstick() / "engine.py"), "--vms", str(count), "--dir", folder]
            with serving(*engine, "--latency", "0") as ready:
                about = json.loads(ready)
                runs: dict[str, list[dict[str, Any]]] = {"trivirt": [], "ovirtsdk4": []}
                for _ in range(rounds):
                    for name, found in runs.items():
                        found.append(client(name, about["url"], about["ca_file"]))
                watched = client("stretches", about["url"], about["ca_file"])
        median = {
            (name, key): statistics.median(run[key] for run in found)
            for name, found in runs.items()
            for key in ("cpu_s", "peak_mb")
        }
        ratio = median["trivirt", "cpu_s"] / median["ovirtsdk4", "cpu_s"]
        print(f"list of {count} VMs, ten attributes of each read:")
        for name in runs:
            print(f"  {name:10} {median[name, 'cpu_s']:.3f} s CPU, {median[name, 'peak_mb']} MB")
        print(f"  CPU ratio {ratio:.2f}")
        longest = ", ".join(f"{ms} ms ({task})" for ms, task in watched["longest_ms"])
        print(f"  longest stretches without a checkpoint: {longest}")


def small(rounds: int) -> None:
    from peer import theirs

    from trivirt import codec

    data = SMALL.encode()
    mine = per_call(lambda: codec.decode(data), rounds)
    other = per_call(lambda: theirs(SMALL), rounds)
    print(f"list of 2 NICs, {len(data)} bytes, to objects:")
    print(f"  trivirt {mine:.0f} us, ovirtsdk4 {other:.0f} us, ratio {mine / other:.2f}")


def per_call(function: Callable[[], object], rounds: int) -> float:
    """Microseconds of CPU for one call: the least of some rounds."""
    best = float("inf")
    for _ in range(3 + rounds):
        began = time.process_time()
        for _ in range(1000):
            function()
        best = min(best, time.process_time() - began)
    return best * 1000


def stream(rounds: int) -> None:
    item = yardstick() / "templates" / "vm_up.xml"
    with serving(str(HERE / "paging_server.py"), "100000", str(item)) as url:
        found = client("iterate", url, "")
    megabytes = ", ".join(f"{kb / 1024:.1f}" for kb in found["resident_kb"])
    print(f"iterate over {found['vms']} VMs in pages of 100: {found['cpu_s']} s CPU")
    print(f"  resident after each 10,000: {megabytes} MB; peak {found['peak_mb']} MB")


def imports(rounds: int) -> None:
    """What is imported by opening a simulated engine and listing its VMs, and what that costs.

    Of a long list only the types of the VMs themselves are needed, of a short one also those of
    what is nested in them.
    """
    listings = {f"an engine and a list of {vms} VMs": listing(vms) for vms in (1_000, 3)}
    codes = {
        "Python": "pass",
        "import trivirt": "import trivirt",
        "its four dependencies": DEPENDENCIES,
    }
    for name, modules in listings.items():
        codes[name] = f"{DEPENDENCIES}, {', '.join(modules)}"
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        cost: dict[str, list[float]] = {name: [] for name in codes}
        for turn in range(2 + 4 * rounds):
            for name, code in codes.items():
                spent = cpu_of([sys.executable, "-c", code], env)
                if turn > 1:  # The first fill the cache.
                    cost[name].append(spent)
    bare, alone, peers, *found = (1000 * min(spent) for spent in cost.values())
    print("imports with cached bytecode, CPU beyond bare Python:")
    print(f"  import trivirt {alone - bare:.1f} ms, its four dependencies {peers - bare:.1f} ms")
    for (name, modules), spent in zip(listings.items(), found, strict=True):
        ratio = (spent - bare) / (peers - bare)
        print(f"  with {name} {spent - bare:.1f} ms, ratio {ratio:.2f} ({len(modules)} modules)")


def listing(vms: int) -> list[str]:
    """The modules that are imported to list this many VMs, beside trivirt's dependencies."""
    with serving("-m", "trivirt.simulator", "--vms", str(vms)) as ready:
        about = json.loads(ready)
        return modules_of_a_listing(
            *(about[key] for key in ("url", "username", "password", "ca_file"))
        )


def cpu_of(line: list[str], env: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def peer(rounds: int) -> None:
    """Every class, full and with its links, and every recording, through both."""
    from peer import differences, theirs, without_corrected_links
    from recorded import recorded
    from surface_facts import STRUCTS, sample

    from trivirt import codec

    documents = [sample(name, depth=depth).xml for name in STRUCTS for depth in (0, 1, 2)]
    documents += map(without_corrected_links, recorded())
    found: Counter[str] = Counter()
    for document in documents:
        mine = codec.decode(document.encode())
        found.update(differences(mine, theirs(document), type(mine).__name__))
    print(f"{len(documents)} documents through both, attribute by attribute (but for quirk 26):")
    print(f"  {sum(found.values())} differences")
    for text, count in found.most_common():
        print(f"  {count} x {text}")


PARTS = {"lists": lists, "small": small, "stream": stream, "imports": imports, "peer": peer}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    unknown = set(args.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for name in args.parts or PARTS:
        if name in ("lists", "stream") and not (yardstick() / "engine.py").is_file():
            print(f"{name}: no yardstick in {yardstick()}, so this is left out")
            continue
        PARTS[name](args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
