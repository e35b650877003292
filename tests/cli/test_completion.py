from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from trivirt.cli import main
from trivirt.cli._demo_engine import this_trivirt


def complete(*words):
    """What a shell is offered for the last of these words, in a process as it starts one."""
    environ = {
        **os.environ,
        "_TRIVIRT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["trivirt", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        this_trivirt(), env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["e"], ["engines"]),
        (["ls", "vms/1/ni"], ["vms/1/nics"]),
        (["get", "storaged"], ["storagedomains"]),
        (["ls", "vms", "--col"], ["--columns"]),
        (["ls", "vms", "-o", "y"], ["yaml"]),
    ],
    ids=" ".join,
)
def test_commands_and_paths_and_options_are_completed(words, found):
    assert complete(*words) == found


def test_engines_are_completed_by_name(config_home):
    assert complete("ls", "vms", "--engine", "") == []
    (config_home / "trivirt").mkdir()
    file = config_home / "trivirt" / "engines.toml"
    url = "url = 'https://engine.example.com/ovirt-engine/api'"
    file.write_text(f"[engines.lab]\n{url}\n[engines.lap]\n{url}\n[engines.prod]\n{url}\n")
    assert complete("ls", "vms", "--engine", "la") == ["lab", "lap"]
    file.write_text("[engines.lab")
    assert complete("ls", "vms", "--engine", "la") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "_TRIVIRT_COMPLETE" in capsys.readouterr().out


def test_the_shell_of_the_environment_is_meant(capsys, monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert main(["completion"]) == 0
    assert "complete --no-files --command trivirt" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/sh")
    assert main(["completion"]) == 2
    assert "Name a shell: bash, zsh, fish." in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_itself_takes_the_script_and_completes(tmp_path, capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out
    if "4.4" in subprocess.run(["bash", "--version"], capture_output=True, text=True).stderr:
        pytest.skip("this bash is older than 4.4")
    program = tmp_path / "trivirt"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:] = {sys.path!r}\n"
        "from trivirt.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    ask = "COMP_WORDS=(trivirt ls vm); COMP_CWORD=2; _trivirt_completion trivirt"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{ask}; echo "${{COMPREPLY[@]}}"'],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["vmpools", "vms"], done.stderr
