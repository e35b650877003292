from __future__ import annotations

import gzip
import json
import os
import re
import signal
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from trivirt.cli import main

RECORDING = Path(__file__).parent.parent / "recordings" / "dev.jsonl.gz"
API = "/ovirt-engine/api"
PARTS = {"disk_attachments": "diskattachments", "nics": "nics", "permissions": "permissions"}
TITLES = {"disk_attachments": "disk attachments", "nics": "NICs", "permissions": "permissions"}


def cells(text, title):
    """The numbers of the line of a table that begins with the title."""
    (line,) = (line for line in text.splitlines() if line.strip(" │|").startswith(title))
    return [float(word) for word in re.findall(r"[\d.]+", line.strip(" │|")[len(title) :])]


def test_the_demo_compares_three_ways(capsys, tmp_path):
    out = tmp_path / "demo.json"
    words = ["inventory", "--demo", "--vms", "4", "--latency", "0.002", "--out", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for way in ("one request after the other", "10 connections ", "10 connections, 8 in each"):
        assert way in printed.out
    assert "The 3 results are equal: 4 VMs, " in printed.out
    assert printed.out.count(" 16 ") == 3
    vms = json.loads(out.read_text("utf-8"))["vms"]
    assert len(vms) == 4
    assert all(isinstance(vm[part], list) for vm in vms for part in PARTS)


def test_the_demo_of_an_empty_engine(capsys):
    assert main(["inventory", "--demo", "--vms", "0", "--latency", "0"]) == 0
    assert "0 VMs" in capsys.readouterr().out


def test_the_demo_takes_other_numbers(capsys):
    words = ["inventory", "--demo", "--vms", "1", "--latency", "0"]
    assert main([*words, "--connections", "2", "--pipeline", "3"]) == 0
    assert "2 connections, 3 in each pipeline" in capsys.readouterr().out


def test_an_engine_is_read_into_a_table_and_a_file(capsys, tmp_path, simulated, to_engine):
    out = tmp_path / "out.json"
    assert main([*to_engine(simulated), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    document = json.loads(out.read_text("utf-8"))
    assert document["engine"]["url"] == simulated["url"]
    assert document["engine"]["version"].startswith("4.")
    assert cells(printed, "VMs") == [7] == [len(document["vms"])]
    for part, title in TITLES.items():
        assert cells(printed, title) == [sum(len(vm[part]) for vm in document["vms"])]
    assert "4 requests in " in printed
    assert simulated["password"] not in printed + out.read_text()


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs the devices of POSIX")
def test_what_goes_to_standard_output_is_the_inventory_alone(capfd, simulated, to_engine):
    assert main([*to_engine(simulated), "--format", "json", "--out", "-"]) == 0
    printed = capfd.readouterr()
    assert len(json.loads(printed.out)["vms"]) == 7
    assert cells(printed.err, "VMs") == [7]


def test_the_environment_names_the_engine(capsys, simulated, monkeypatch):
    monkeypatch.setenv("OVIRT_URL", simulated["url"])
    monkeypatch.setenv("OVIRT_USERNAME", simulated["username"])
    monkeypatch.setenv("OVIRT_PASSWORD", simulated["password"])
    monkeypatch.setenv("OVIRT_CAFILE", simulated["ca_file"])
    assert main(["inventory"]) == 0
    assert "7" in capsys.readouterr().out


def test_the_password_is_asked_for_on_a_terminal(capsys, simulated, to_engine, monkeypatch):
    words = to_engine(simulated)
    monkeypatch.delenv("OVIRT_PASSWORD")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda text: simulated["password"])
    assert main(words) == 0


def recorded():
    """{source: {path: body of the last answer}} of those that hold a list of VMs."""
    sources = {}
    with gzip.open(RECORDING, "rt", encoding="utf-8") as lines:
        for exchange in map(json.loads, lines):
            if exchange["method"] == "GET" and exchange["status"] == 200:
                path = exchange["path_and_query"]
                sources.setdefault(exchange["source"], {})[path] = exchange["body"]
    return {source: paths for source, paths in sources.items() if f"{API}/vms" in paths}


SOURCES = recorded()


def count(source):
    """Count in the XML itself: {what: (found, not available)}."""
    paths = SOURCES[source]
    ids = etree.fromstring(paths[f"{API}/vms"].encode()).xpath("/vms/vm/@id")
    counts = {"VMs": (len(ids), 0)}
    for part, segment in PARTS.items():
        bodies = [paths.get(f"{API}/vms/{id}/{segment}") for id in ids]
        there = [etree.fromstring(body.encode()) for body in bodies if body is not None]
        counts[TITLES[part]] = (sum(map(len, there)), bodies.count(None))
    return counts


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: urlsplit(source).path.split("/")[-1])
def test_a_recorded_engine_gives_what_its_xml_holds(
    source, capsys, tmp_path, simulation, to_engine
):
    out = tmp_path / "out.json"
    with simulation("--recording", RECORDING, "--source", source) as facts:
        assert main([*to_engine(facts), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    document = json.loads(out.read_text("utf-8"))
    for title, (found, missing) in count(source).items():
        assert cells(printed, title) == ([found, missing] if missing else [found])
    for part, title in TITLES.items():
        found, missing = count(source)[title]
        assert document["totals"][part] == {"found": found, "not_available": missing}
        absent = [vm for vm in document["vms"] if vm[part] is None]
        assert len(absent) == missing
        assert all(part in vm["not_available"] for vm in absent)
    assert "not available" in printed


def test_six_recorded_engines_hold_vms():
    assert len(SOURCES) == 6


def test_ctrl_c_ends_the_demo_and_its_engine(capsys, monkeypatch, tmp_path):
    """The engine's folder, which holds its CA, is gone with it."""
    folders = []

    @contextmanager
    def interrupting():
        def watch(state):
            if state.done >= 10 and not folders:
                folders.extend(tmp_path.iterdir())
                signal.raise_signal(signal.SIGINT)

        yield lambda title: watch

    monkeypatch.setattr("trivirt.cli._demo.show_progress", interrupting)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert main(["inventory", "--demo", "--vms", "20"]) == 130
    assert capsys.readouterr() == ("", "trivirt: interrupted\n")
    assert len(folders) == 1
    assert list(tmp_path.iterdir()) == []
