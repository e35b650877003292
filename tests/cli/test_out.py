from __future__ import annotations

import json
import os
import stat
import sys
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from trivirt.cli._failure import Failure
from trivirt.cli._out import OutFile

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def test_a_document_is_utf8_json_and_nothing_else_is_left(tmp_path):
    OutFile(str(tmp_path / "out.json")).write({"name": "Zürich", "none": None})
    text = (tmp_path / "out.json").read_bytes().decode("utf-8")
    assert "Zürich" in text
    assert json.loads(text) == {"name": "Zürich", "none": None}
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_times_and_decimals_become_text(tmp_path):
    when = datetime(2024, 3, 5, 10, 11, 12, 345000, timezone.utc)
    OutFile(str(tmp_path / "o")).write({"time": when, "value": Decimal("1.50")})
    assert json.loads((tmp_path / "o").read_text()) == {
        "time": "2024-03-05T10:11:12.345000+00:00",
        "value": "1.50",
    }


def test_trying_a_place_changes_nothing(tmp_path):
    target = tmp_path / "out.json"
    OutFile(str(target))
    assert list(tmp_path.iterdir()) == []
    target.write_text("old")
    OutFile(str(target))
    assert target.read_text() == "old"


def test_an_error_leaves_the_earlier_file(tmp_path):
    target = tmp_path / "out.json"
    target.write_text("old")
    with pytest.raises(TypeError):
        OutFile(str(target)).write({"what": object()})
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_a_failing_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    target = tmp_path / "out.json"
    target.write_text("old")
    file = OutFile(str(target))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Failure, match="No space left on device"):
        file.write({})
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


@posix
def test_a_link_stays_and_a_mode_stays(tmp_path):
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    OutFile(str(link)).write({"new": True})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"new": True}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@posix
def test_a_device_is_written_to_and_not_replaced():
    OutFile(os.devnull).write({"a": 1})
    assert not os.path.isfile(os.devnull)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(Failure, match=r"there is no folder .*nowhere"):
        OutFile(str(tmp_path / "nowhere" / "out.json"))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(Failure, match="is a folder"):
        OutFile(str(tmp_path))


@posix
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anything")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_protected_place_is_refused(tmp_path, what):
    target = tmp_path / "out.json"
    target.write_text("old")
    protected = target if what == "file" else tmp_path
    protected.chmod(0o500)
    with pytest.raises(Failure, match="cannot be written"):
        OutFile(str(target))
    protected.chmod(0o700)
