"""Published programs of others do the same with ovirtsdk4 and with trivirt in its place.

Each runs twice, in fresh processes, against a fresh simulated engine: once with the real
ovirtsdk4, once with the folder of `trivirt.compat` on its PYTHONPATH. Compared are exit codes,
what they print, each request that the engine received and everything that it holds afterwards.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from published import BIN, NEEDS, PROGRAMS, Program

from trivirt.compat import stand_in_folder
from trivirt.pytest_plugin import _served as served_in_thread
from trivirt.simulator import Served, SimulatedEngine
from trivirt.simulator._state import save_state
from trivirt.wire import Request, Response

HERE = Path(__file__).parent
PATIENCE = 600  # Seconds for one command; the machine may be busy with other things.

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(4 * PATIENCE),
    pytest.mark.skipif(
        importlib.util.find_spec("ovirtsdk4") is None,
        reason="ovirt-engine-sdk-python (PyPI) is not installed",
    ),
]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What differs from run to run: moments, ports, and how long something took.
MOMENTS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
PORTS = re.compile(r"(localhost|127\.0\.0\.1):\d+")
ADDRESSES = re.compile(r"\b0x[0-9a-f]{6,}\b")
TAKEN = re.compile(r"\b\d+\.\d+ ?(?:s|seconds|MiB/s|GiB/s)\b")


class Outcome(NamedTuple):
    """How a program ended, and what the engine saw of it."""

    printed: list[str]
    asked: list[str]
    read: list[str]
    held: dict[str, Any]


def alike(text: str) -> str:
    """A text without what differs from run to run; ids become numbers in order."""
    known: dict[str, str] = {}
    text = UUID.sub(lambda match: known.setdefault(match[0], f"id-{len(known)}"), text)
    text = ADDRESSES.sub("ADDRESS", text)
    return TAKEN.sub("TAKEN", PORTS.sub(r"\1:PORT", MOMENTS.sub("MOMENT", text)))


class Recorder:
    """Stands before an engine and writes down what it is asked."""

    def __init__(self, engine: SimulatedEngine) -> None:
        self._handle = engine.handle
        self.changing: list[str] = []
        self.reading: set[str] = set()
        engine.handle = self  # type: ignore[method-assign]

    def __call__(self, request: Request) -> Response:
        response = self._handle(request)
        if request.target.startswith("/ovirt-engine/api"):
            if request.method == "GET":
                self.reading.add(UUID.sub("ID", request.target))
            else:
                words = (request.method, request.target, str(response.status))
                self.changing.append(" ".join([*words, request.body.decode()]))
        elif request.target.startswith("/ovirt-engine/sso"):
            self.changing.append(f"{request.method} {request.target.partition('?')[0]}")
        return response


def run(program: Program, folder: Path, environment: dict[str, str]) -> Outcome:
    folder.mkdir()
    engine = SimulatedEngine(seed="examples")
    recorder = Recorder(engine)
    with served_in_thread(engine) as served:
        words = names(served)
        for name, text in program.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(**words), encoding="utf-8")
        printed = []
        for again in ("", "yes") if program.twice else ("",):
            settings = {**environment, **variables(served, folder), "SECOND": again}
            for line in program.lines:
                printed.append(output([word.format(**words) for word in line], folder, settings))
        state = folder / "state"
        save_state(engine.store, state)
    held = json.loads(alike(gzip.decompress(state.read_bytes()).decode()))["collections"]
    asked = alike("\n\n".join(recorder.changing)).split("\n\n")
    return Outcome(printed, asked, sorted(recorder.reading), held)


def names(served: Served) -> dict[str, str]:
    engine = served.url.removesuffix("/ovirt-engine/api")
    return {
        "python": sys.executable,
        "bin": str(BIN),
        "here": str(HERE),
        "url": served.url,
        "engine": engine,
        "host": engine.partition("://")[2],
        "username": served.username,
        "password": served.password,
        "ca_file": str(served.ca_file),
    }


def variables(served: Served, folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "OVIRT_URL": served.url,
        "OVIRT_USERNAME": served.username,
        "OVIRT_PASSWORD": served.password,
        "OVIRT_CAFILE": str(served.ca_file),
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "COLUMNS": "200",
        "LC_ALL": "C.UTF-8",
    }


def output(line: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a command prints, and its exit code."""
    done = subprocess.run(
        line,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    text = done.stdout.replace(str(folder), "FOLDER")
    return f"{alike(text)}\nexit code {done.returncode}"


@pytest.fixture(scope="module")
def seen() -> dict[str, tuple[Outcome, Outcome]]:
    """What was run already; it takes its time."""
    return {}


@pytest.fixture
def outcomes(
    request: pytest.FixtureRequest, tmp_path: Path, seen: dict[str, tuple[Outcome, Outcome]]
) -> tuple[Outcome, Outcome]:
    """How a program ends with the real ovirtsdk4 and with ours."""
    program = PROGRAMS[request.param]
    missing = [name for name in program.needs if not NEEDS[name]()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if request.param not in seen:
        sides: list[tuple[str, dict[str, str]]]
        sides = [("real", {}), ("ours", {"PYTHONPATH": stand_in_folder()})]
        with ThreadPoolExecutor(len(sides)) as threads:
            real, ours = threads.map(lambda side: run(program, tmp_path / side[0], side[1]), sides)
        seen[request.param] = real, ours
    return seen[request.param]


@pytest.mark.parametrize("outcomes", PROGRAMS, indirect=True)
def test_a_published_program_does_the_same(outcomes: tuple[Outcome, Outcome]) -> None:
    real, ours = outcomes
    assert ours.printed == real.printed
    assert ours.asked == real.asked
    assert ours.read == real.read
    assert ours.held.keys() == real.held.keys()
    for path, entries in real.held.items():
        assert ours.held[path] == entries, path
    assert all(text.endswith("exit code 0") for text in real.printed), real.printed


@pytest.mark.parametrize("outcomes", [n for n, p in PROGRAMS.items() if p.twice], indirect=True)
def test_a_second_run_changes_nothing(outcomes: tuple[Outcome, Outcome]) -> None:
    for outcome in outcomes:
        half = len(outcome.printed) // 2
        for text in outcome.printed[half:]:
            assert re.findall(r"changed=(\d+)", text) == ["0"], text
