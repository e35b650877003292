"""What a person sees of a run: exit codes, words, and what is in the file afterwards."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace

import pytest

from trivirt.cli import _inventory_run, main
from trivirt.errors import AuthError, StoreError
from trivirt.inventory import Destination, Outcome

STOPPED = Outcome("e", "partial", "partial: the deadline", (), 4, 0, 1.0, 0, False)
NEVER = Outcome.never("e", AuthError("no"), 1.0)
DONE = Outcome("e", "complete", "complete", (), 4, 0, 1.0, 0, True)

ENGINE = """
[engines.{name}]
url = "{url}"
username = "{username}"
password = "{password}"
ca_file = "{ca_file}"
"""
SLOW = ("--way", "vms.*=children", "--connections", "1", "--pipeline", "1")


def ask(path, query):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def far(simulation):
    """An engine so far away that there is time to stop."""
    with simulation("--vms", 12, "--latency", 0.1) as facts:
        yield facts


@pytest.fixture
def describe(config_home):
    def write(**engines):
        folder = config_home / "trivirt"
        folder.mkdir()
        text = "".join(ENGINE.format(name=name, **facts) for name, facts in engines.items())
        text = "".join(line for line in text.splitlines(True) if not line.endswith('""\n'))
        (folder / "engines.toml").write_text(text)
        (folder / "engines.toml").chmod(0o600)

    return write


def test_a_deadline_is_partial_and_resume_makes_it_complete(capsys, tmp_path, far, to_engine):
    out = tmp_path / "i.sqlite"
    words = [*to_engine(far), "--out", str(out), *SLOW]
    assert main([*words, "--deadline", "1.5"]) == 3
    printed = capsys.readouterr().out
    assert "Partial: the deadline of 1.5 s has passed." in printed
    assert "Run the same command with --resume to go on." in printed
    assert main([*words, "--resume"]) == 0
    printed = capsys.readouterr().out
    assert "Complete." in printed
    assert f"Written to {out}." in printed
    assert ask(out, "SELECT state, sessions FROM run") == [("complete", 2)]
    assert ask(out, "SELECT count(*) FROM vms") == [(12,)]


def test_an_earlier_inventory_stays_until_another_is_done(capsys, tmp_path, far, to_engine):
    out = tmp_path / "i.sqlite"
    words = [*to_engine(far), "--out", str(out)]
    assert main(words) == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert main([*words, *SLOW, "--deadline", "1.5"]) == 3
    assert f"{out} was not written; what was read is kept in {out}.part." in " ".join(
        capsys.readouterr().out.split()
    )
    assert out.read_bytes() == before
    assert main([*words, *SLOW, "--resume"]) == 0
    assert ask(out, "SELECT number, sessions FROM run") == [(1, 2)]
    assert list(tmp_path.iterdir()) == [out]


def test_what_a_kill_has_left_beside_the_file_goes(tmp_path, simulated, to_engine):
    left = tmp_path / ".i.json.trivirt-0123456789abcdef.new"
    left.touch()
    assert main([*to_engine(simulated), "--out", str(tmp_path / "i.json")]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["i.json"]


@pytest.mark.parametrize("name", ["i.json", "i.sqlite"])
def test_what_was_read_stays_when_the_file_cannot_be_written(
    capsys, tmp_path, simulated, to_engine, monkeypatch, name
):
    """As when the disk is full, or a program has begun to use the file meanwhile."""
    out = tmp_path / name
    out.touch()
    words = [*to_engine(simulated), "--out", str(out)]
    with monkeypatch.context() as patch:

        def refuse(self, fresh):
            raise StoreError(f"{self} cannot be written: it is full")

        patch.setattr(Destination, "_put", refuse)
        assert main(words) == 3
    printed = capsys.readouterr()
    assert printed.err == f"trivirt: {out} cannot be written: it is full\n"
    said = " ".join(printed.out.split())
    assert f"Complete. {out} was not written; what was read is kept in {out}.part." in said
    assert said.endswith("Run the same command with --resume to go on.")
    assert out.stat().st_size == 0
    assert main([*words, "--resume"]) == 0
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert out.stat().st_size > 1000


def test_other_forms_are_written_when_all_is_there(capsys, tmp_path, far, to_engine):
    out = tmp_path / f"{100 * 'i'}.json"
    words = [*to_engine(far), "--out", str(out), *SLOW]
    assert main([*words, "--deadline", "1.5"]) == 3
    assert f"what was read is kept in {out}.part" in capsys.readouterr().out
    assert not out.exists()
    assert main([*words, "--resume"]) == 0
    assert len(json.loads(out.read_text("utf-8"))["vms"]) == 12
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("option", ["--resume", "--update"])
def test_where_nothing_is_there_is_nothing_to_go_on_with(
    capsys, tmp_path, simulated, to_engine, option
):
    assert main([*to_engine(simulated), "--out", str(tmp_path / "i.sqlite"), option]) == 1
    assert f"leave out {option} to begin one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_update_without_changes_asks_little(capsys, tmp_path, simulated, to_engine):
    words = [*to_engine(simulated), "--out", str(tmp_path / "i.sqlite")]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words, "--update"]) == 0
    assert capsys.readouterr().out.splitlines()[-3].startswith("4 requests in ")


@pytest.mark.parametrize("option", ["--update", "--resume"])
def test_without_a_plan_what_the_file_has_is_gone_on_with(
    capsys, tmp_path, simulated, to_engine, option
):
    """Who forgets it must not lose all that another plan does not name."""
    words = [*to_engine(simulated), "--out", str(tmp_path / "i.sqlite")]
    assert main([*words, "--plan", "clusters hosts=nics"]) == 0
    before = ask(tmp_path / "i.sqlite", "SELECT * FROM host_nics")
    capsys.readouterr()
    assert main([*words, option]) == 0
    assert "Note: " not in capsys.readouterr().out
    assert ask(tmp_path / "i.sqlite", "SELECT * FROM host_nics") == before
    assert main([*words, option, "--plan", "clusters"]) == 0
    assert "Note: the file has another plan" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcomes", "new", "code"),
    [
        ([DONE], True, 0),
        ([DONE, NEVER], False, 3),  # An update that found nothing changed.
        ([STOPPED], True, 1),
        ([STOPPED], False, 3),  # The file has what was there before, and its record says so.
        ([NEVER], False, 1),
        ([replace(STOPPED, objects=1)], True, 3),
    ],
)
def test_exit_codes_tell_nothing_from_something(outcomes, new, code):
    assert _inventory_run._code(outcomes, new) == code


def test_one_engine_that_fails_does_not_stop_the_others(capsys, tmp_path, simulated, far, describe):
    describe(near=simulated, wrong={**simulated, "password": "wrong"}, far=far)
    out = tmp_path / "i.sqlite"
    words = ["inventory", "--out", str(out)]
    for name in ("near", "wrong", "far"):
        words += ["--engine", name]
    assert main(words) == 3
    printed = capsys.readouterr()
    assert "wrong: Sign-on as 'admin@internal' was refused" in printed.err
    counts = ask(out, "SELECT engine, count(*) FROM vms GROUP BY engine ORDER BY engine")
    assert counts == [("far", 12), ("near", 7)]
    assert ask(out, "SELECT engine, verdict FROM run ORDER BY engine") == [
        ("far", "complete"),
        ("near", "complete"),
    ]


@pytest.mark.parametrize(
    "facts", [{"url": "nonsense"}, {"ca_file": "none.pem"}, {"username": ""}, {"password": ""}]
)
def test_what_is_wrong_with_the_description_of_one_does_not_stop_the_others(
    capsys, tmp_path, simulated, describe, facts
):
    describe(near=simulated, wrong={**simulated, **facts})
    out = tmp_path / "i.sqlite"
    words = ["inventory", "--out", str(out), "--engine", "wrong", "--engine", "near"]
    assert main(words) == 3
    assert capsys.readouterr().err.startswith("trivirt: wrong: ")
    assert ask(out, "SELECT engine, verdict FROM run") == [("near", "complete")]
    assert main([*words, "--update"]) == 3
    printed = capsys.readouterr()
    assert f"Written to {out}." in " ".join(printed.out.split())
    assert "near: " not in printed.err
    assert main([*words, "--dry-run"]) == 3
    printed = capsys.readouterr()
    assert printed.out.startswith("oVirt Engine")
    assert printed.err.startswith("trivirt: wrong: ")


def test_a_name_that_describes_no_engine_is_told_before_anything_begins(
    capsys, tmp_path, simulated, describe
):
    describe(near=simulated)
    words = ["--out", str(tmp_path / "i.sqlite"), "--engine", "near", "--engine", "neer"]
    assert main(["inventory", *words]) == 2
    assert "did you mean near?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_could_be_read_no_file_is_left(capsys, tmp_path, simulated, describe):
    describe(wrong={**simulated, "password": "wrong"})
    assert main(["inventory", "--engine", "wrong", "--out", str(tmp_path / "i.sqlite")]) == 1
    assert "was refused" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_shows_ways_and_requests_and_writes_nothing(
    capsys, tmp_path, simulated, to_engine
):
    out = tmp_path / "i.sqlite"
    words = [*to_engine(simulated), "--dry-run", "--out", str(out), "--way", "vms.nics=children"]
    assert main(words) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["nics", "children"] in lines
    assert ["disk_attachments", "follow"] in lines
    assert lines[-1] == ["8", "requests"]
    assert list(tmp_path.iterdir()) == []
