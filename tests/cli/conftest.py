from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from trivirt.cli._demo_engine import this_trivirt


@contextmanager
def simulate(*options):
    """`trivirt simulate` as its users run it; yields the line it prints, as a dict."""
    process = subprocess.Popen(
        [*this_trivirt(), "simulate", *map(str, options)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="session")
def simulation():
    """The way to start one with options of its own."""
    return simulate


@pytest.fixture(scope="session")
def simulated():
    """One engine for all tests that only read."""
    with simulate("--vms", 7) as facts:
        yield facts


@pytest.fixture(autouse=True)
def config_home(monkeypatch, tmp_path_factory):
    """Engines, files and passwords of who runs the tests are not for them.

    Gives the folder where files that describe engines go.
    """
    for name in [name for name in os.environ if name.startswith(("OVIRT_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    folder = home / ".config"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("APPDATA", str(folder))
    monkeypatch.setitem(sys.modules, "keyring", None)
    return folder


@pytest.fixture
def to_engine(monkeypatch):
    """Arguments of `inventory` for an engine, with its password in the environment."""

    def arguments(facts, **changes):
        facts = {**facts, **changes}
        monkeypatch.setenv("OVIRT_PASSWORD", facts["password"])
        words = ["inventory", "--url", facts["url"], "--username", facts["username"]]
        return [*words, "--ca-file", facts["ca_file"]]

    return arguments


@pytest.fixture
def write_recording(tmp_path):
    """Make a recording of {path: (status, content type, body)}."""

    def write(answers):
        file = tmp_path / "recording.jsonl.gz"
        with gzip.open(file, "wt", encoding="utf-8") as out:
            for path, (status, kind, body) in answers.items():
                record = {
                    "source": "made",
                    "method": "GET",
                    "path_and_query": path,
                    "request_body": None,
                    "status": status,
                    "headers": {"content-type": kind},
                    "body": body,
                }
                print(json.dumps(record), file=out)
        return file

    return write
