from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from trivirt.errors import StoreError, UsageError
from trivirt.inventory import Destination, _destination
from trivirt.inventory._store import Store

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def text(content):
    return lambda path: path.write_text(content, "utf-8")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "json"),
        ("a.NDJSON", "ndjson"),
        ("a.csv", "csv"),
        ("a.sqlite", "sqlite"),
        ("a.db", "sqlite"),
        ("a.parquet", "parquet"),
        ("a.duckdb", "duckdb"),
        ("a", "sqlite"),
    ],
)
def test_the_suffix_says_the_form(tmp_path, name, form):
    assert Destination(tmp_path / name).form == form
    assert Destination(f"file://{tmp_path}/{name}").form == form


def test_a_form_that_is_given_counts(tmp_path):
    assert Destination(tmp_path / "a.txt", "csv").form == "csv"
    assert Destination(tmp_path / "a.json", "sqlite").form == "sqlite"


def test_a_url_may_say_the_form(tmp_path):
    found = Destination(f"sqlite://{tmp_path}/my%20file")
    assert (found.form, found.path.name) == ("sqlite", "my file")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.txt", r"\.txt is none of"),
        ("ftp://host/a.json", "nothing is known of ftp"),
        ("file://host/a.json", "three slashes"),
        ("", "is empty"),
    ],
)
def test_names_that_say_nothing_are_refused(name, why):
    with pytest.raises(UsageError, match=why):
        Destination(name)


def test_a_file_appears_whole_and_nothing_else_is_left(tmp_path):
    Destination(tmp_path / "out.json").write(text("new"))
    assert (tmp_path / "out.json").read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_trying_a_place_changes_nothing(tmp_path):
    target = tmp_path / "out.json"
    Destination(target)
    assert list(tmp_path.iterdir()) == []
    target.write_text("old")
    Destination(target)
    assert target.read_text() == "old"


@pytest.mark.parametrize("error", [TypeError("what"), OSError(28, "No space left on device")])
def test_an_error_leaves_the_earlier_file(tmp_path, error):
    target = tmp_path / "out.json"
    target.write_text("old")

    def fail(path):
        path.write_text("half")
        raise error

    with pytest.raises((TypeError, StoreError), match=r"what|No space left on device;"):
        Destination(target).write(fail)
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


@posix
def test_a_link_stays_and_a_mode_stays(tmp_path):
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    Destination(link).write(text("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@posix
def test_a_device_is_written_to_and_not_replaced():
    Destination(os.devnull, "json").write(text("x"))
    assert not os.path.isfile(os.devnull)
    assert Destination(os.devnull, "json").fresh() is None


@posix
@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_is_written_to_and_not_replaced(name, tmp_path):
    """Also where it is a pipe, which has no name, or a file, which others have open."""
    start = "import sys; sys.path[:] = {!r}; from trivirt.inventory import Destination\n"
    write = "Destination({!r}, 'json').write(lambda path: open(path, 'w').write('it'))"
    line = [sys.executable, "-c", (start + write).format(sys.path, name)]
    assert subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout == b"it"
    with open(tmp_path / "out", "w+b") as file:
        subprocess.run(line, stdout=file, check=True)
        assert file.read() == b"it"
    assert os.listdir(tmp_path) == ["out"]


@posix
@pytest.mark.parametrize("form", ["sqlite", "csv", "parquet", "duckdb"])
def test_a_form_of_several_files_or_with_an_index_needs_a_file(form):
    with pytest.raises(StoreError, match="/dev/null is no file; what goes there is json or ndjson"):
        Destination("/dev/null", form)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere"):
        Destination(tmp_path / "nowhere" / "out.json")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        Destination(tmp_path, "json")


@posix
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anything")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_protected_place_is_refused(tmp_path, what):
    target = tmp_path / "out.json"
    target.write_text("old")
    protected = target if what == "file" else tmp_path
    protected.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        Destination(target)
    protected.chmod(0o700)


# Where a run is kept.


def test_a_new_database_is_the_file_itself(tmp_path):
    target = tmp_path / "a.sqlite"
    assert Destination(target).fresh() == target


def test_a_run_does_not_touch_an_earlier_database_before_it_ends(tmp_path):
    target = tmp_path / "a.sqlite"
    target.write_text("old")
    work = Destination(target).fresh()
    assert work == tmp_path / "a.sqlite.part"
    work.write_text("new")
    assert Destination(target).unfinished() == work
    Destination(target).take(work)
    assert target.read_text() == "new"
    assert Destination(target).unfinished() == target


def test_other_forms_are_kept_beside_until_they_are_written(tmp_path):
    where = Destination(tmp_path / "a.json")
    assert where.unfinished() is None
    work = where.fresh()
    assert work == tmp_path / "a.json.part"
    work.write_text("")
    (tmp_path / "a.json.part-journal").write_text("")
    assert where.unfinished() == work
    where.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_new_run_forgets_one_that_was_left(tmp_path):
    where = Destination(tmp_path / "a.json")
    where.part.write_text("left")
    assert where.fresh() == where.part
    assert not where.part.exists()


def test_tables_of_one_file_have_names_of_their_own(tmp_path):
    other = Destination(tmp_path / "a.csv").sibling("vm_nics")
    assert (other.path.name, other.form) == ("a.vm_nics.csv", "csv")


def leave_a_hot_journal(path):
    """A database as a program leaves it that was killed in the middle of a transaction."""
    source = path.with_name("source")
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size=1")
        db.execute("CREATE TABLE earlier (text TEXT)")
        db.executemany("INSERT INTO earlier VALUES (?)", [("x" * 500,)] * 500)
        db.execute("BEGIN")
        db.execute("UPDATE earlier SET text = upper(text)")
        for end in ("", "-journal"):
            shutil.copy(f"{source}{end}", f"{path}{end}")
        db.execute("ROLLBACK")
    source.unlink()
    assert path.with_name(f"{path.name}-journal").stat().st_size > 1000


def test_a_journal_that_a_kill_has_left_does_not_spoil_what_takes_its_place(tmp_path):
    """SQLite would mend the new file with it: all of its tables were gone."""
    target = tmp_path / "a.sqlite"
    leave_a_hot_journal(target)
    where = Destination(target)
    work = where.fresh()
    Store(work).close()
    leave_a_hot_journal(target)  # Another program has come and gone meanwhile.
    where.take(work)
    assert [file.name for file in tmp_path.iterdir()] == ["a.sqlite"]
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT count(*) FROM run").fetchall() == [(0,)]


def test_a_run_that_is_under_way_keeps_its_file(tmp_path, monkeypatch):
    """Another run beside it would take it away, and publish it when it is half done."""
    monkeypatch.setattr(_destination, "_PATIENCE", 0.0)
    target = tmp_path / "a.sqlite"
    with closing(Store(target)):
        with pytest.raises(StoreError, match=r"a.sqlite: it is in use by another program"):
            Destination(target).fresh()
    work = Destination(target).fresh()
    with closing(Store(work)):
        for where in (Destination(target), Destination(target, "json")):
            with pytest.raises(StoreError, match=r"a.sqlite.part: it is in use"):
                where.fresh()
        with pytest.raises(StoreError, match="in use"):
            where.discard()
        assert work.exists()


def test_an_inventory_in_use_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(_destination, "_PATIENCE", 0.0)
    target = tmp_path / "a.sqlite"
    Store(target).close()
    where = Destination(target)
    work = where.fresh()
    Store(work).close()
    with closing(Store(target)), pytest.raises(StoreError, match="in use"):
        where.take(work)
    assert work.exists()


def test_the_log_of_a_database_that_is_replaced_goes_with_it(tmp_path):
    """DuckDB opens no database beside the log of another one."""
    target = tmp_path / "a.duckdb"
    target.write_text("old")
    (tmp_path / "a.duckdb.wal").write_text("of the old one")
    Destination(target).write(text("new"))
    assert [file.name for file in tmp_path.iterdir()] == ["a.duckdb"]


@pytest.mark.parametrize("sibling", [None, "vm_nics"])
def test_what_a_kill_has_left_is_swept_and_nothing_else(tmp_path, sibling):
    where = Destination(tmp_path / "a.csv")
    written = where if sibling is None else where.sibling(sibling)
    names = []

    def note(path):
        path.write_text("half")
        names.append(path.name)
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError):
        written.write(note)
    assert list(tmp_path.iterdir()) == []
    (left,) = names
    for name in (left, f"{left}.wal", f"{left}2", f".b{left[2:]}", "a.csv", "a.csv.part"):
        (tmp_path / name).touch()
    where.sweep()
    kept = {f"{left}2", f".b{left[2:]}", "a.csv", "a.csv.part"}
    assert {file.name for file in tmp_path.iterdir()} == kept


def test_nothing_is_swept_where_there_is_no_folder():
    Destination(os.devnull, "json").sweep()


def test_a_file_that_cannot_be_replaced_is_told_of(tmp_path, monkeypatch):
    target = tmp_path / "a.sqlite"
    target.touch()
    where = Destination(target)
    work = where.fresh()
    with pytest.raises(StoreError, match=r"a.sqlite cannot be written: No such file"):
        where.take(work)
