"""Each example, and each program of the README, is run against a simulated engine of its own."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trivirt
from trivirt.cli._demo_engine import this_trivirt

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# Those that are whole programs; others are pieces of some.
README = re.findall(
    r"```python\n(import .*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
)


def run(*words, vms=4):
    simulate = [*this_trivirt(), "simulate", "--vms", str(vms), "--"]
    done = subprocess.run(
        [*simulate, sys.executable, "-W", "error", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(trivirt.__file__).parent.parent)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_says_what_it_shows_and_runs(file):
    text = file.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert "`trivirt simulate -- python FILE" in first
    assert len(text.splitlines()) <= 45
    assert run(file) != ""


def test_both_inventories_find_the_same():
    in_trio = run(ROOT / "examples" / "read_inventory.py")
    with_futures = run(ROOT / "examples" / "read_inventory_with_futures.py")
    assert sorted(in_trio.splitlines()) == sorted(with_futures.splitlines())
    assert len(in_trio.splitlines()) >= 4


def test_a_started_vm_is_up():
    assert run(ROOT / "examples" / "start_vm.py") == "db-0002 is up\n"


def test_a_search_finds_what_it_says():
    found = run(ROOT / "examples" / "find_vms.py", "name=db-0002").splitlines()
    assert len(found) == 1
    assert found[0].startswith("db-0002: down, ")


def test_events_are_listed_oldest_first():
    lines = run(ROOT / "examples" / "list_events.py", "3").splitlines()
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_the_three_programs_of_the_readme_say_the_same():
    assert len(README) == 3
    results = {run("-c", program) for program in README}
    assert len(results) == 1
    assert len(results.pop().splitlines()) >= 4
