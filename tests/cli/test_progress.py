"""A bar where somebody looks, lines for a log, and silence over what is done in a moment."""

from __future__ import annotations

import re

import pytest

from trivirt.cli import _progress
from trivirt.inventory import Progress


@pytest.fixture
def terminal(monkeypatch):
    def of_width(columns):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))

    return of_width


def shown(capsys, *states):
    with _progress.show_progress() as watch:
        one = watch("engine")
        for state in states:
            one(state)
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_a_narrow_terminal_shows_figures_and_cuts_titles(terminal, capsys):
    terminal(40)
    with _progress.show_progress() as watch:
        watch("engine.example.com")(Progress(2, 4, 30, 0))
    text = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", capsys.readouterr().err)
    line = next(line for line in text.splitlines() if "%" in line).strip()
    assert re.fullmatch(r"engin…\s+50% 30 objects, \d+/s [-\d:]+", line)
    assert len(line) <= 40


def test_a_terminal_shows_objects_rate_and_errors(terminal, capsys):
    terminal(80)
    text = shown(capsys, Progress(1, 7, 9, 0), Progress(7, 7, 30, 2))
    assert "7/7" in text
    assert "30 objects" in text
    assert "/s, 2 errors" in text


def test_a_wide_terminal_shows_a_bar_and_the_time_left(terminal, capsys):
    terminal(140)
    text = shown(capsys, Progress(7, 7, 30, 1))
    assert "━" in text
    assert "1 error" in text
    assert "1 errors" not in text
    assert "00:0" in text


def test_several_engines_have_a_line_each(terminal, capsys):
    terminal(100)
    with _progress.show_progress() as watch:
        for name in ("north", "south"):
            watch(name)(Progress(3, 4, 9, 0))
    text = capsys.readouterr().err
    assert "north" in text
    assert "south" in text


def test_elsewhere_nothing_is_said_of_a_short_run(capsys):
    assert shown(capsys, Progress(1, 7, 1, 0), Progress(7, 7, 7, 0)) == ""


def test_elsewhere_a_long_run_says_now_and_then_where_it_is(capsys, monkeypatch):
    now = iter([0.0, 1.0, 6.0, 7.0, 15.9, 16.5, 100.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(now))
    lines = shown(capsys, *(Progress(n * 100, 1000, n * 300, n == 3) for n in range(1, 6)))
    assert lines.splitlines() == [
        "engine: 200 of 1000 requests, 600 objects, 33/s, about 24 s left",
        "engine: 500 of 1000 requests, 1500 objects, 30/s, about 16 s left",
    ]


def test_a_terminal_that_can_erase_nothing_gets_lines(terminal, monkeypatch, capsys):
    terminal(80)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(_progress, "_FIRST", 0.0)
    text = shown(capsys, Progress(1, 7, 9, 0))
    assert text.startswith("engine: 1 of 7 requests, 9 objects, ")
    assert text.endswith(" s left\n")
