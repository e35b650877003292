from __future__ import annotations

import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest

import trivirt
from trivirt import __version__
from trivirt.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ["--nonsense"],
        ["nonsense"],
        ["inventory"],
        ["inventory", "--nonsense"],
        ["inventory", "--url", "https://localhost/ovirt-engine/api"],
        ["inventory", "--demo", "--vms", "-1"],
        ["inventory", "--demo", "--vms", "many"],
        ["inventory", "--demo", "--latency", "nan"],
        ["inventory", "--demo", "--latency", "-0.1"],
        ["inventory", "--demo", "--latency", "soon"],
        ["inventory", "--demo", "--connections", "0"],
        ["inventory", "--demo", "--pipeline", "0"],
        ["inventory", "--demo", "--url", "https://localhost/ovirt-engine/api"],
        ["inventory", "--url", "https://localhost/ovirt-engine/api", "--vms", "3"],
        ["inventory", "--password", "secret"],
        ["simulate", "--port", "70000"],
        ["simulate", "--vms", "x"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_exit_code_2(words, capsys):
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Error: " in printed.err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("words", [["--help"], ["inventory", "-h"], ["simulate", "--help"]])
def test_help_is_no_failure(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("Usage: trivirt")


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"trivirt {__version__}\n"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_libraries_it_says_what_to_install(missing, monkeypatch, capsys):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    for name in list(sys.modules):
        if name.startswith("trivirt.cli._"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert main(["--help"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "pip install 'trivirt[cli]'" in printed.err


def test_a_missing_module_of_our_own_is_not_hidden(monkeypatch):
    monkeypatch.setitem(sys.modules, "trivirt.cli._main", None)
    with pytest.raises(ModuleNotFoundError):
        main([])


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "trivirt", "--nonsense"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(trivirt.__file__).parent.parent)},
        cwd=Path(__file__).parent,
    )
    assert done.returncode == 2
    assert "--nonsense" in done.stderr
