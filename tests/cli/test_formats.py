from __future__ import annotations

import csv
import io
import json
import re

import pytest
import yaml

from trivirt.cli._formats import show_records, show_rows, write_out

COLUMNS = ["name", "status", "description", "id"]
LONG = "a machine with a rather long description"
ID = "e0ba90f1-9b19-465c-aa24-f34740f512c7"
ROWS = [["web", "up", LONG, ID], ["db", "down", None, ID]]
RECORDS = [{"name": 'ü, "x"\n', "on": True, "n": 3, "none": None, "l": ["a", "b"]}]


@pytest.fixture
def terminal(monkeypatch):
    def of_width(columns):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    return of_width


@pytest.fixture
def printed(capsys):
    """What was printed, without bold and colours."""
    return lambda: re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)


def test_in_a_pipe_a_row_is_a_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert show_rows(COLUMNS, ROWS, fit=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["name", "web", "db"]
    assert lines[1] == f"web   up      {LONG}  {ID}"
    assert lines[2].endswith(f"  {ID}")
    assert not any(line.endswith(" ") for line in lines)


def test_wide_characters_are_aligned(capsys):
    show_rows(["a", "b"], [["日本", "x"], ["ab", "y"]])
    assert capsys.readouterr().out == "a     b\n日本  x\nab    y\n"


@pytest.mark.parametrize("width", [60, 100, 120])
def test_on_a_terminal_no_line_is_longer_than_it_is_wide(terminal, printed, width):
    terminal(width)
    show_rows(COLUMNS, ROWS)
    text = printed()
    assert max(map(len, text.splitlines())) <= width
    assert ("╭" in text) == (width >= 72)


@pytest.mark.parametrize(
    ("width", "left_out", "there"),
    [
        (120, 0, COLUMNS),
        (90, 0, COLUMNS),
        (72, 1, ["name", "status", "id"]),
        (50, 1, ["name", "status", "id"]),
        (49, 2, ["name", "id"]),
        (42, 2, ["name", "id"]),
        (41, 1, ["name", "status", "description"]),
        (30, 2, ["name", "status"]),
        (4, 3, ["name"]),
    ],
)
def test_columns_without_room_are_left_out(terminal, printed, width, left_out, there):
    """The first is always there, the id if it can be, and an id is never folded."""
    terminal(width)
    assert show_rows(COLUMNS, ROWS, fit=True) == left_out
    text = printed()
    assert [name for name in COLUMNS if name in text] == there
    assert (ID in text) == ("id" in there)
    assert max(map(len, text.splitlines())) <= width


def test_what_would_steer_the_terminal_is_taken_out(terminal, capsys):
    terminal(80)
    show_rows(["name"], [["a\x1b[31mb\n\u202ec\x07"]])
    assert "a [31mb  c " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        ({"name": "n", "id": "i"}, "n"),
        ({"id": "i", "href": "h"}, "i"),
        ({"href": "h"}, ""),
        (["a", None, {"name": "n"}], "a, n"),
        ("2024-03-04T22:11:12.345000+01:00", "2024-03-04 22:11:12+01:00"),
        ("2024-03-04T22:11:12", "2024-03-04 22:11:12"),
        ("at 2024-03-04T22:11:12", "at 2024-03-04T22:11:12"),
    ],
)
def test_how_a_value_looks(capsys, value, text):
    show_rows(["x"], [[value]])
    assert capsys.readouterr().out == f"x\n{text}\n"


def test_json_and_yaml_and_lines_give_back_what_was_written(capsys):
    show_records("json", RECORDS, [])
    assert json.loads(capsys.readouterr().out) == RECORDS
    show_records("yaml", RECORDS, [])
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == RECORDS
    assert "ü" in printed
    show_records("ndjson", RECORDS * 2, [])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == RECORDS * 2


def test_yaml_keeps_the_order_and_what_looks_like_something_else(capsys):
    value = {"z": "no", "a": "0123", "b": "2024-03-04T22:11:12"}
    write_out("yaml", value)
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == value
    assert list(yaml.safe_load(printed)) == ["z", "a", "b"]


def test_csv_has_a_cell_for_each_column(capsys):
    show_records("csv", [*RECORDS, {"n": 4}], ["name", "on", "n", "none", "l"])
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [
        ["name", "on", "n", "none", "l"],
        ['ü, "x"\n', "true", "3", "", "a, b"],
        ["", "", "4", "", ""],
    ]
