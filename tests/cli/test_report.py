"""On a terminal: frames and bars if there is room for them, and always whole numbers."""

from __future__ import annotations

import pytest

from trivirt.cli import _report

COLUMNS = ["way", "seconds", "requests", "req/s", "speed-up"]
ROW = ["10 connections, 8 in each pipeline", "0.15", "301", "2006", "22.7x"]


@pytest.fixture
def terminal(monkeypatch):
    def of_width(columns):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    return of_width


@pytest.mark.parametrize("width", [46, 60, 72, 100])
def test_a_table_fits_the_terminal(terminal, capsys, width):
    terminal(width)
    _report.show_table("Title", COLUMNS, [ROW])
    printed = capsys.readouterr().out
    assert ("╭" in printed) == (width >= 72)
    assert all(number in printed for number in ROW[1:])
    assert all(name in printed for name in COLUMNS)


def test_a_table_in_a_pipe_is_one_line_for_each_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    _report.show_table("Title", COLUMNS, [ROW])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["Title"], COLUMNS]
    assert lines[2].startswith(ROW[0])
    assert lines[2].split()[-4:] == ROW[1:]


def test_what_was_found_in_words():
    totals = {
        "vms": {"found": 3, "not_available": 0},
        "disk_attachments": {"found": 4, "not_available": 1},
        "nics": {"found": 0, "not_available": 2},
    }
    assert _report.found(totals) == "3 VMs, 4 disk attachments, 0 NICs"
    assert _report.found_rows(totals) == [
        ["VMs", "3", ""],
        ["disk attachments", "4", "for 1 VM"],
        ["NICs", "0", "for 2 VMs"],
    ]
