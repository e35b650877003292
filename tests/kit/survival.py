"""Inventory jobs as processes of their own, that meet with accidents and are resumed until done.

What has to come of a job is what an undisturbed one gives, row by row. An accident is a function
that is given the process of a session and does something to it, or to what it needs, at a moment
that chance chooses.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from trivirt import types
from trivirt.cli._demo_engine import this_trivirt
from trivirt.errors import Fault

# Each object asked for in a request of its own; and as an engine is really read, in pages that
# follow links. Slow enough for accidents to happen in the middle.
ORDERS = (
    ("--plan", "vms=disk_attachments,nics,snapshots hosts=nics disks", "--way", "*.*=children"),
    ("--plan", "full"),
)
PACE = ("--connections", "3", "--pipeline", "2")
LATENCY = 0.02
MOST_SESSIONS = 60
SIDE_BY_SIDE = 4  # Jobs.
PATIENCE = 120.0  # Seconds in which a session has to end by itself.

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Served:
    """An engine in a process of its own, and the port by which it is steered."""

    facts: Mapping[str, Any]

    def control(self, method: str, path: str, /, **wish: object) -> dict[str, Any]:
        data = json.dumps(wish).encode() if method == "POST" else None
        asked = urllib.request.Request(self.facts["control_url"] + path, data, method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def environment(self, home: Path) -> dict[str, str]:
        """Of a client that knows this engine and no other."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("OVIRT_", "XDG_"))}
        names = {"URL": "url", "USERNAME": "username", "PASSWORD": "password", "CAFILE": "ca_file"}
        said = {f"OVIRT_{name}": self.facts[fact] for name, fact in names.items()}
        return {**ours, "HOME": str(home), "APPDATA": str(home), **said}


@contextmanager
def served(vms: int, latency: float = LATENCY) -> Iterator[Served]:
    """A simulated engine that ends with the block."""
    words = [*this_trivirt(), "simulate", "--vms", str(vms), "--latency", str(latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(30)


def session(engine: Served, out: Path, *words: str, log: Path) -> subprocess.Popen[bytes]:
    """One session of a job, as somebody types it."""
    line = [*this_trivirt(), "inventory", "--out", str(out), *words]
    with log.open("ab") as output:
        return subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=engine.environment(log.parent),
        )


def rows(path: Path) -> Rows:
    """All that an inventory holds, but for the records of runs."""
    with closing(sqlite3.connect(path)) as db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name != 'run'")
        return {
            name: sorted(db.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for (name,) in names.fetchall()
        }


def last_run(path: Path) -> dict[str, Any]:
    """The record of the last run in a file; nothing if none has begun."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return dict(db.execute("SELECT * FROM run ORDER BY number DESC LIMIT 1").fetchone() or ())


def check_valid(path: Path, copy: Path) -> None:
    """Another program finds a database in order there, whatever happened to who wrote it.

    A copy is looked at: opening the file itself would mend it, and that is for the next session.
    """
    for end in ("", "-journal"):
        copied = Path(f"{copy}{end}")
        copied.unlink(missing_ok=True)
        if Path(f"{path}{end}").exists():
            shutil.copy(f"{path}{end}", copied)
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Accidents.

Accident = Callable[[subprocess.Popen[bytes], Random, float], bool]


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def strike(
    number: signal.Signals, process: subprocess.Popen[bytes], chance: Random, within: float
) -> bool:
    """A signal at a moment within so many seconds: about what a whole job takes."""
    if ended(process, chance.uniform(0.05, within)):
        return False
    process.send_signal(number)
    return True


def strike_when_begun(
    number: signal.Signals,
    out: Path,
    process: subprocess.Popen[bytes],
    chance: Random,
    within: float,
) -> bool:
    """The same once it writes to its file. Before, while Python starts, signals are Python's."""
    before = _written(out)
    while _written(out) == before and not ended(process, 0.005):
        pass
    return strike(number, process, chance, within)


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def restart(
    engine: Served, process: subprocess.Popen[bytes], chance: Random, within: float
) -> bool:
    """One or two restarts of the engine, each in one of the phases that real ones go through."""
    hits, most = 0, chance.randint(1, 2)
    while hits < most and not ended(process, chance.uniform(0.1, within)):
        phase = chance.choice(["stopped", "starting", "deploying"])
        engine.control("POST", "/restart", phase=phase, seconds=chance.uniform(0.05, 0.7))
        hits += 1
    return hits > 0


def break_wire(engine: Served) -> None:
    """From now on one answer in fifty breaks its connection, or is late."""
    for fault in ("reset", "drop", "truncate", "close"):
        engine.control("POST", "/faults", fault=fault, probability=0.005, times=None)
    engine.control("POST", "/faults", fault="slow", seconds=0.2, probability=0.005, times=None)


# Runs.


@dataclass
class Tally:
    """What runs met with, for who wants to know whether there was anything to survive."""

    runs: int = 0
    sessions: int = 0
    accidents: int = 0
    codes: Counter[int] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.runs += other.runs
        self.sessions += other.sessions
        self.accidents += other.accidents
        self.codes += other.codes

    def __str__(self) -> str:
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        return (
            f"{self.runs} runs equal, {self.sessions} sessions, {self.accidents} accidents, "
            f"exit codes {{{codes}}}"
        )


@dataclass(frozen=True)
class Whole:
    """What undisturbed jobs give, how long they take, and the bytes of their files."""

    rows: Sequence[Rows]
    seconds: Sequence[float]
    sizes: Sequence[int]

    @classmethod
    def read(cls, engine: Served, folder: Path) -> Whole:
        found, seconds, sizes = [], [], []
        for number, order in enumerate(ORDERS):
            out, log, start = folder / f"whole-{number}.sqlite", folder / "log", time.monotonic()
            process = session(engine, out, *order, *PACE, log=log)
            assert process.wait(PATIENCE) == 0, log.read_text()
            seconds.append(time.monotonic() - start)
            found.append(rows(out))
            sizes.append(out.stat().st_size)
            assert last_run(out)["verdict"] == "complete"
        return cls(found, seconds, sizes)


def survive(
    engine: Served,
    whole: Whole,
    folder: Path,
    seed: int,
    accident: Callable[[Path], Accident],
    codes: set[int],
    options: tuple[str, ...] = (),
    disk: Path | None = None,
) -> Tally:
    """One job in as many sessions as it takes. Raises AssertionError if it comes out different.

    `codes` are what a session may end with besides 0. `disk` is where its file goes, if that is
    another folder.
    """
    chance, tally = Random(seed), Tally(1)
    which = seed % len(ORDERS)
    out, log = (disk or folder) / "i.sqlite", folder / "log"
    hit = accident(out)
    for number in range(MOST_SESSIONS):
        # Ever later, so that a busy machine, on which all takes longer, gets to an end, too.
        within = whole.seconds[which] * (1 + number / 10)
        again = ["--resume"] if out.exists() else []
        with session(engine, out, *ORDERS[which], *PACE, *options, *again, log=log) as process:
            try:
                tally.accidents += hit(process, chance, within)
                code = process.wait(PATIENCE)
            finally:
                process.kill()
        tally.sessions += 1
        tally.codes[code] += 1
        # A signal that comes while Python ends, when all is written, is Python's own, too.
        fine = code in codes | {0} or (code < 0 and last_run(out).get("state") == "complete")
        assert fine, f"seed {seed}: exit code {code}: {log.read_text()}"
        if code == 0:
            break
        if out.exists():
            check_valid(out, folder / "copy.sqlite")
    else:
        raise AssertionError(f"seed {seed}: not done after {MOST_SESSIONS} sessions")
    assert last_run(out)["state"] == "complete"
    compare(rows(out), whole.rows[which], f"seed {seed}")
    return tally


def compare(found: Rows, expected: Rows, what: str) -> None:
    """Equality row by row, and the first difference."""
    assert found.keys() == expected.keys(), what
    for table, right in expected.items():
        pairs = zip(found[table], right, strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), None)
        counts = f"{len(found[table])} rows for {len(right)}"
        assert found[table] == right, f"{what}: {table}: {counts}, first: {first}"


def survive_all(one: Callable[[Path, int], Tally], seeds: Sequence[int], folder: Path) -> Tally:
    """Several jobs, four at a time."""

    def job(seed: int) -> Tally:
        own = folder / str(seed)
        own.mkdir()
        tally = one(own, seed)
        shutil.rmtree(own)
        return tally

    total = Tally()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for tally in pool.map(job, seeds):
            total.add(tally)
    return total


def kills(engine: Served, whole: Whole, number: signal.Signals, codes: set[int]) -> Any:
    """Runs that a signal ends."""
    if number == signal.SIGKILL:
        hit: Any = lambda out: partial(strike, number)  # noqa: E731
    else:
        hit = lambda out: partial(strike_when_begun, number, out)  # noqa: E731
    return lambda folder, seed: survive(engine, whole, folder, seed, hit, codes)


# A disk that is full.


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[int], None]]:
    """A file system of so many bytes; gives what makes it larger. Raises OSError if it may not."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "trivirt-test", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise OSError("there is no program mount") from None
    if done.returncode:
        raise OSError(done.stderr.strip())

    def grow(size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    try:
        yield grow
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# Another client, that changes what is being read.

_STEPS = ("add", "rename", "nic", "remove", "start", "snapshot")


class Busybody:
    """Adds, changes and removes machines at random moments; `touched` are those it had to do with.

    It leaves the first half of the machines alone.
    """

    def __init__(self, engine: Any, chance: Random) -> None:
        self._engine, self._chance = engine, chance
        vms = sorted(vm.id for vm in engine.vms.list())
        self._names = 0
        self._mine = vms[len(vms) // 2 :]
        self.untouched = frozenset(vms[: len(vms) // 2])
        self.steps: Counter[str] = Counter()

    def step(self) -> None:
        """One change. What the engine refuses, such as starting what runs, is no change."""
        what = self._chance.choice(_STEPS if len(self._mine) > 10 else ("add",))
        with suppress(Fault):
            getattr(self, f"_{what}")()
            self.steps[what] += 1

    def _any(self) -> Any:
        return self._engine.vms.vm(self._chance.choice(self._mine))

    def _name(self) -> str:
        self._names += 1
        return f"busy-{self._names}-{self._chance.getrandbits(40):x}"

    def _add(self) -> None:
        blank = types.Vm(
            name=self._name(),
            cluster=types.Cluster(name="Default"),
            template=types.Template(name="Blank"),
        )
        self._mine.append(self._engine.vms.add(blank).id)

    def _rename(self) -> None:
        self._any().update(types.Vm(comment=self._name()))

    def _nic(self) -> None:
        self._any().nics.add(types.Nic(name=self._name()))

    def _start(self) -> None:
        self._any().start()

    def _snapshot(self) -> None:
        self._any().snapshots.add(types.Snapshot(description=self._name()))

    def _remove(self) -> None:
        id = self._chance.choice(self._mine)
        self._engine.vms.vm(id).remove()
        self._mine.remove(id)


def by_machine(found: Rows, tables: Mapping[str, int]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each machine; `tables` has the column of its id.

    Its place in the list does not count: what came meanwhile is at the end.
    """
    machines: dict[str, list[tuple[Any, ...]]] = {}
    for table, column in tables.items():
        for row in found[table]:
            without = row if column == 1 else (row[0], *row[2:])
            machines.setdefault(row[column], []).append((table, *without))
    return machines


# Memory.


def resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 once it is gone. Linux only."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text()
    except OSError:
        return 0
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")
