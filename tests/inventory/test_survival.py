"""The command as a process of its own, under all that may happen to it: nothing is lost.

`nox -s tests` runs a job of each kind, `nox -s survival` a hundred; the seeds are printed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from functools import partial

import pytest
import survival

import trivirt.sync
from trivirt.cli._demo_engine import this_trivirt

COUNT = int(os.environ.get("TRIVIRT_SURVIVAL", "1"))
SEED = int(os.environ.get("TRIVIRT_SURVIVAL_SEED", "2"))
LARGE = 100_000 if COUNT >= 100 else 1000
VMS = 80 if COUNT > 10 else 40
SEEDS = range(SEED, SEED + COUNT)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX"),
]


@pytest.fixture(scope="module")
def engine():
    with survival.served(VMS) as engine:
        yield engine


@pytest.fixture(scope="module")
def whole(engine, tmp_path_factory):
    return survival.Whole.read(engine, tmp_path_factory.mktemp("whole"))


def run(one, tmp_path, what):
    tally = survival.survive_all(one, SEEDS, tmp_path)
    print(f"\n{what}: {tally}; seeds {SEEDS[0]} to {SEEDS[-1]}")
    assert tally.runs == COUNT
    # Of a few jobs all may be faster than chance.
    assert tally.accidents or COUNT < 10


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        (signal.SIGKILL, {-signal.SIGKILL}),
        (signal.SIGINT, {130}),
        # In the moment between the opening of the file and the handler it ends the process.
        (signal.SIGTERM, {130, -signal.SIGTERM}),
    ],
    ids=["kill", "interrupt", "terminate"],
)
def test_a_job_that_is_ended_at_any_moment_goes_on(engine, whole, tmp_path, number, codes):
    run(survival.kills(engine, whole, number, codes), tmp_path, number.name)


def test_a_job_that_is_killed_goes_on_over_a_wire_that_breaks(whole, tmp_path, engine):
    survival.break_wire(engine)
    try:
        # What is refused again and again ends a session as partial.
        run(survival.kills(engine, whole, signal.SIGKILL, {-signal.SIGKILL, 3}), tmp_path, "wire")
        assert any(fault["hits"] for fault in engine.control("GET", "/faults")["faults"])
    finally:
        engine.control("DELETE", "/faults")


@pytest.mark.parametrize("patience", ["0", "30"])
def test_a_job_outlives_restarts_of_its_engine(engine, whole, tmp_path, patience):
    options = ("--patience", patience)
    # Patience is for an engine that was there: without one a session does not begin.
    codes = {1, 3} if patience == "0" else {1}
    free = queue.SimpleQueue()
    free.put((engine, whole))

    def one(folder, seed):
        engine, whole = free.get()
        hit = lambda out: partial(survival.restart, engine)  # noqa: E731
        try:
            return survival.survive(engine, whole, folder, seed, hit, codes, options)
        finally:
            free.put((engine, whole))

    with contextlib.ExitStack() as stack:
        # One for each job, or each would meet with the restarts of all others, again and again.
        for number in range(survival.SIDE_BY_SIDE - 1 if COUNT > 1 else 0):
            more = stack.enter_context(survival.served(VMS))
            folder = tmp_path / f"whole {number}"
            folder.mkdir()
            free.put((more, survival.Whole.read(more, folder)))
        run(one, tmp_path, f"restart, patience {patience}")


def test_a_job_that_fills_the_disk_goes_on_when_there_is_room(engine, whole, tmp_path):
    def one(folder, seed):
        disk = folder / "disk"
        disk.mkdir()
        size, most = 100_000, whole.sizes[seed % len(whole.sizes)]
        with survival.small_disk(disk, size) as grow:

            def hit(process, chance, within):
                """More room, but perhaps not enough."""
                nonlocal size
                size += chance.randrange(most // 8, most // 2)
                grow(size)
                return not survival.ended(process, survival.PATIENCE) or process.returncode != 0

            return survival.survive(engine, whole, folder, seed, lambda out: hit, {1, 3}, disk=disk)

    try:
        with survival.small_disk(tmp_path, 4096):
            pass
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    run(one, tmp_path, "full disk")


# Requests of which the engine lets the first wait for long, so that the job is in this phase.
PHASES = {
    "beginning": "/ovirt-engine/api/events?max",
    "reading": "/ovirt-engine/api/vms/",
    "reconciling": "/ovirt-engine/api/events?from",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
@pytest.mark.parametrize("phase", PHASES)
def test_two_signals_at_once_end_any_phase_and_it_goes_on(engine, whole, tmp_path, phase, number):
    out, log, order = tmp_path / "i.sqlite", tmp_path / "log", (*survival.ORDERS[0], *survival.PACE)
    engine.control("POST", "/faults", fault="slow", seconds=60, path=PHASES[phase])
    try:
        with survival.session(engine, out, *order, log=log) as process:
            while engine.control("GET", "/faults")["faults"]:  # Until it has hit.
                assert not survival.ended(process, 0.02), log.read_text()
            process.send_signal(number)
            process.send_signal(number)
            assert process.wait(survival.PATIENCE) == 130, log.read_text()
    finally:
        engine.control("DELETE", "/faults")
    survival.check_valid(out, tmp_path / "copy.sqlite")
    assert "--resume to go on" in log.read_text()
    if phase != "beginning":
        assert survival.last_run(out)["verdict"] == "partial: interrupted"
    again = survival.session(engine, out, *order, "--resume", log=log)
    assert again.wait(survival.PATIENCE) == 0, log.read_text()
    survival.compare(survival.rows(out), whole.rows[0], phase)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_a_signal_while_it_tells_what_it_found_comes_too_late_to_lose_that(
    engine, whole, tmp_path, number
):
    """Its words wait in a pipe that is full, from which somebody reads at last."""
    out = tmp_path / "i.sqlite"
    out.touch()  # So that it has to be put in the place of another.
    line = [*this_trivirt(), "inventory", "--out", str(out), *survival.ORDERS[0], *survival.PACE]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    os.set_blocking(writer, True)
    with subprocess.Popen(line, stdout=writer, env=engine.environment(tmp_path)) as process:
        os.close(writer)
        part = tmp_path / "i.sqlite.part"
        while not (out.stat().st_size and not part.exists()):
            assert not survival.ended(process, 0.02)
        survival.compare(survival.rows(out), whole.rows[0], "when it tells")
        process.send_signal(number)
        with open(reader, "rb") as file:
            file.read()
        # Which of both depends on whether it has begun to tell.
        assert process.wait(survival.PATIENCE) in (0, 130)
    assert os.listdir(tmp_path) == ["i.sqlite"]
    assert survival.last_run(out)["verdict"] == "complete"


MACHINES = "vms=disk_attachments,nics,snapshots"
TABLES = {"vms": 2, "vm_disk_attachments": 1, "vm_nics": 1, "vm_snapshots": 1}


def names_since(client, event):
    """The machines that events name since this one."""
    events = client.events.list(from_=event)
    return {one.vm.id for one in events if one.vm is not None and int(one.id) > event}


def test_a_record_is_true_of_an_engine_that_changes_while_it_is_read(tmp_path):
    """A job beside another client: what it says was so at its last event was so.

    What that client did later is left to `--update`, after which all is as it is now.
    """
    steps, runs = Counter(), Counter()
    with survival.served(60) as engine:
        facts = {name: engine.facts[name] for name in ("url", "username", "password", "ca_file")}
        with trivirt.sync.open_engine(**facts) as client:
            for seed in SEEDS:
                folder = tmp_path / str(seed)
                folder.mkdir()
                chance = random.Random(seed)
                other = survival.Busybody(client, chance)
                runs.update(one_beside(engine, client, other, chance, folder))
                steps.update(other.steps)
    print(f"\nbeside another client: {dict(runs)}; it did {dict(steps)}; seeds {SEEDS}")
    assert runs["runs"] == COUNT
    assert COUNT < 10 or (steps["add"] and runs["changed meanwhile"])


def one_beside(engine, client, other, chance, folder):
    out, log, way = folder / "i.sqlite", folder / "log", chance.choice(["children", "follow"])
    words = ("--plan", MACHINES, "--way", f"vms.*={way}", *survival.PACE)

    def now(name):
        assert survival.session(engine, folder / name, *words, log=log).wait(120) == 0
        return survival.by_machine(survival.rows(folder / name), TABLES)

    with survival.session(engine, out, *words, log=log) as process:
        left = chance.randint(5, 40)
        while not survival.ended(process, chance.uniform(0.0, 0.1)):
            if left:
                other.step()
                left -= 1
    assert process.returncode == 0, log.read_text()
    record = survival.last_run(out)
    found = survival.by_machine(survival.rows(out), TABLES)
    # What was under way comes to its end, and events tell of that.
    engine.control("POST", "/clock", advance=600)
    right = now("now.sqlite")
    later = names_since(client, record["event_last"])
    assert other.untouched <= found.keys()
    for id in (found.keys() | right.keys()) - later:
        assert found.get(id) == right.get(id), (folder, way, id, record["verdict"])
    assert record["changed"] <= len(names_since(client, record["event_first"]))
    told = {"complete"} if not record["changed"] else {"objects", "object"}
    assert told & set(record["verdict"].split())
    assert survival.session(engine, out, *words, "--update", log=log).wait(120) == 0
    assert survival.by_machine(survival.rows(out), TABLES) == now("later.sqlite")
    return {"runs": 1, "changed meanwhile": record["changed"], "changed later": len(later)}


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs the /proc of Linux")
@pytest.mark.parametrize("way", ["follow", "children"])
def test_memory_stays_flat_and_the_engine_sees_no_more_than_allowed(tmp_path, way):
    vms = LARGE if way == "follow" else LARGE // 10
    out, log, sizes = tmp_path / "i.sqlite", tmp_path / "log", []
    words = ("--way", f"vms.*={way}", "--connections", "4", "--pipeline", "3")
    with survival.served(vms, 0.0) as engine:
        engine.control("GET", "/statistics")
        with survival.session(engine, out, *words, log=log) as process:
            while not survival.ended(process, 0.02):
                sizes.append(survival.resident(process.pid) / 1e6)
        seen = engine.control("GET", "/statistics")
    assert process.returncode == 0, log.read_text()
    with contextlib.closing(sqlite3.connect(out)) as db:
        assert db.execute("SELECT count(*) FROM vms").fetchone() == (vms,)
    early, late = sizes[len(sizes) // 3], max(sizes[-len(sizes) // 3 :])
    print(
        f"\n{vms} VMs by {way}: {seen['requests']} requests, memory {early:.0f} MB after a third, "
        f"at most {max(sizes):.0f} MB, {late:.0f} MB in the last third; in flight at most "
        f"{seen['most_connections']} times {seen['most_outstanding']}"
    )
    assert max(sizes) < 200
    assert late < early + 20 or vms < 10_000  # What is done in a moment is all beginning.
    assert seen["most_connections"] <= 4
    assert seen["most_outstanding"] <= 3
