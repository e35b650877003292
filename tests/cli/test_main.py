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
from trivirt.cli._demo_engine import this_trivirt
from trivirt.cli._main import _COMMANDS


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


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("click", ["--help"]),
        ("click", ["inventory", "--demo"]),
        ("rich", ["inventory", "--demo"]),
        ("yaml", ["engines", "-o", "yaml"]),
    ],
)
def test_without_its_libraries_it_says_what_to_install(missing, words, monkeypatch, capsys):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    for name in list(sys.modules):
        if name.startswith("trivirt.cli._"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert main(words) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "pip install 'trivirt[cli]'" in printed.err


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_that_is_listed_is_there(name, capsys):
    assert main(["--help"]) == 0
    assert f"\n  {name} " in capsys.readouterr().out
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: trivirt {name} ")


def test_the_help_and_the_version_load_no_command():
    """Nor what commands need: a shell that completes, and people, do not wait for trio."""
    code = "import sys, trivirt.cli; trivirt.cli.main([sys.argv[1]]); print(*sys.modules)"
    for word in ("--help", "--version"):
        line = [sys.executable, "-c", code, word]
        environ = {**os.environ, "PYTHONPATH": str(Path(trivirt.__file__).parent.parent)}
        done = subprocess.run(line, capture_output=True, text=True, check=True, env=environ)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "click" in loaded
        assert not loaded & {"trio", "rich", "lxml", "ssl", "yaml", "httpcore"}
        assert not any(name.startswith(("trivirt.services", "trivirt.types")) for name in loaded)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells of closed pipes in another way")
@pytest.mark.parametrize("words", [["--help"], ["completion", "bash"]])
def test_a_reader_that_has_seen_enough_is_not_complained_of(words):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = subprocess.run([*this_trivirt(), *words], stdout=out, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of POSIX")
@pytest.mark.parametrize(("closed", "out", "err"), [(">&-", "", ""), ("2>&-", "name,", "")])
def test_an_output_that_is_closed_is_done_without(closed, out, err, config_home):
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *this_trivirt(), "engines", "-o", "csv"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, done.stdout[:5], done.stderr) == (0, out, err)


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
