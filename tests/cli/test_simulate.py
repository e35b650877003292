from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from trivirt.cli import main
from trivirt.cli._demo_engine import this_trivirt

KEYS = {"url", "ca_file", "username", "password", "control_url", "pid"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def start(*options, **keywords):
    words = [*this_trivirt(), "simulate", *options]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **keywords)


def test_the_first_line_is_all_a_program_needs(simulated):
    assert set(simulated) == KEYS
    assert simulated["url"].startswith("https://")
    assert simulated["url"].endswith("/ovirt-engine/api")
    assert os.path.isabs(simulated["ca_file"])
    trust = ssl.create_default_context(cafile=simulated["ca_file"])
    request = Request(simulated["url"].replace("/api", "/services/health"))
    with urlopen(request, context=trust, timeout=20) as answer:
        assert answer.status == 200


def test_statistics_are_at_the_control_url(simulated):
    with urlopen(simulated["control_url"].rstrip("/") + "/statistics", timeout=20) as answer:
        assert isinstance(json.load(answer), dict)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_it_and_removes_the_ca_file(number):
    with start("--vms", "1") as process:
        facts = json.loads(process.stdout.readline())
        assert facts["pid"] == process.pid
        assert os.path.exists(facts["ca_file"])
        process.send_signal(number)
        assert process.stdout.read() == ""
        process.wait(20)
    assert not os.path.exists(facts["ca_file"])


def test_it_ends_with_the_program_that_started_it():
    with start("--vms", "1", "--until-eof", stdin=subprocess.PIPE) as process:
        facts = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(20) == 0
    assert not os.path.exists(facts["ca_file"])


def test_it_runs_a_program_and_passes_on_its_exit_code(capfd):
    program = "import os; print(sorted(n for n in os.environ if n[:5] == 'OVIRT')); exit(7)"
    words = ["simulate", "--vms", "1", "--", sys.executable, "-c", program]
    assert main(words) == 7
    expected = ["OVIRT_CAFILE", "OVIRT_PASSWORD", "OVIRT_URL", "OVIRT_USERNAME"]
    assert capfd.readouterr().out == f"{expected}\n"


def test_a_program_that_is_not_there(capsys):
    assert main(["simulate", "--vms", "1", "--", "no-such-program"]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "no-such-program" in printed.err


@pytest.mark.parametrize("content", [None, b"not gzip", b""], ids=["missing", "text", "empty"])
def test_a_recording_that_is_none(content, capsys, tmp_path):
    file = tmp_path / "recording.jsonl.gz"
    if content is not None:
        file.write_bytes(content)
    assert main(["simulate", "--recording", str(file)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert str(file) in printed.err
    assert "Traceback" not in printed.err


def test_a_source_that_the_recording_does_not_hold(capsys, write_recording):
    file = write_recording({"/ovirt-engine/api/vms": (200, "application/xml", "<vms/>")})
    assert main(["simulate", "--recording", str(file), "--source", "other"]) == 1
    assert "other" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys, simulated):
    port = simulated["url"].split(":")[2].split("/")[0]
    assert main(["simulate", "--vms", "1", "--port", port]) == 1
    assert port in capsys.readouterr().err
