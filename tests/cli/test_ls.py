from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from trivirt.cli import main


@pytest.fixture
def named(monkeypatch, simulated):
    """The simulated engine in the environment."""
    names = {"URL": "url", "USERNAME": "username", "PASSWORD": "password", "CAFILE": "ca_file"}
    for variable, name in names.items():
        monkeypatch.setenv(f"OVIRT_{variable}", simulated[name])
    return simulated


@pytest.fixture
def run(named, capsys):
    def run(*words, code=0):
        assert main(list(words)) == code
        return capsys.readouterr()

    return run


def ids(run):
    return [vm["id"] for vm in json.loads(run("ls", "vms", "--columns", "id", "-o", "json").out)]


def test_a_collection_as_a_table(run):
    lines = run("ls", "vms").out.splitlines()
    assert len(lines) == 8
    assert lines[0].split()[:2] == ["name", "status"]
    assert lines[0].split()[-1] == "id"


def test_below_an_object(run):
    (first, *_) = ids(run)
    found = json.loads(run("ls", f"vms/{first}/diskattachments", "-o", "json").out)
    assert found[0]["disk"]["id"] == found[0]["id"]


def test_a_search_and_a_limit(run):
    up = json.loads(run("ls", "vms", "--search", "status=up", "-o", "json").out)
    assert {vm["status"] for vm in up} == {"up"}
    assert len(run("ls", "vms", "--search", "status=up", "--max", "1").out.splitlines()) == 2


def test_a_search_that_the_engine_refuses(run):
    text = run("ls", "vms", "--search", "xyzzy=1", code=1).err
    assert text.startswith("trivirt: GET /vms: the engine answered 400")


def test_columns_in_every_form(run):
    words = ["ls", "vms", "--max", "1", "--columns", "name,cpu.topology.cores,host"]
    (record,) = json.loads(run(*words, "-o", "json").out)
    assert list(record) == ["name", "cpu.topology.cores", "host"]
    assert yaml.safe_load(run(*words, "-o", "yaml").out) == [record]
    assert json.loads(run(*words, "-o", "ndjson").out) == record
    header, row = csv.reader(io.StringIO(run(*words, "-o", "csv").out))
    assert header == list(record)
    assert row == [record["name"], str(record["cpu.topology.cores"]), record["host"]["id"]]
    assert run(*words).out.split() == [*header, *row]


def test_all_that_is_there_unasked(run):
    (record,) = json.loads(run("ls", "vms", "--max", "1", "-o", "json").out)
    header, row = csv.reader(io.StringIO(run("ls", "vms", "--max", "1", "-o", "csv").out))
    flat = dict(zip(header, row, strict=True))
    assert flat["name"] == record["name"]
    assert flat["cpu.topology.cores"] == str(record["cpu"]["topology"]["cores"])
    assert "nics" in record
    assert "nics" not in flat


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["ls"], "Missing argument 'PATH'"),
        (["ls", "vmz"], "did you mean vms?"),
        (["ls", "vms/1"], "/vms/1 is one object: see it with trivirt get. Below it there are "),
        (["ls", "options"], "There is nothing to list at /options"),
        (["get", "options"], "There is nothing to get at /options"),
        (["ls", "vms", "--columns", "nmae"], "for --columns: 'nmae' is no column"),
        (["ls", "tags", "--search", "x"], "The engine takes no --search for /tags"),
        (["ls", "vms", "-o", "xml"], "'xml' is not one of"),
        (["get", "vms/1/nic"], "did you mean nics?"),
        (["get", "vms/1/nics", "--columns", "x"], "No such option"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told_before_anything_is_sent(words, hint, capsys):
    """No engine is named here, and that is not what is complained of."""
    assert main(words) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert hint in text
    assert "engine is named" not in text


def test_an_engine_has_to_be_named(capsys):
    assert main(["ls", "vms"]) == 2
    assert "No engine is named" in capsys.readouterr().err


def test_a_wide_terminal_shows_all_and_a_narrow_one_tells(run, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "250")
    assert run("ls", "vms").err == ""
    monkeypatch.setenv("COLUMNS", "60")
    assert " more in a wider terminal, or with --columns." in run("ls", "vms").err
    assert run("ls", "vms", "--columns", "name,fqdn,description,id").err == ""


def test_one_object_whole(run):
    (first, *_) = ids(run)
    record = yaml.safe_load(run("get", f"vms/{first}").out)
    assert record["id"] == first
    assert json.loads(run("get", f"vms/{first}", "-o", "json").out) == record
    assert json.loads(run("get", record["href"], "-o", "ndjson").out) == record
    header, row = csv.reader(io.StringIO(run("get", f"vms/{first}", "-o", "csv").out))
    assert dict(zip(header, row, strict=True))["name"] == record["name"]
    table = run("get", f"vms/{first}", "-o", "table").out
    assert ["name", record["name"]] in [line.split() for line in table.splitlines()]


def test_the_engine_itself_is_an_object(run):
    assert yaml.safe_load(run("get", "/").out)["product_info"]["version"]["major"] == 4


def test_a_collection_whole(run):
    assert len(yaml.safe_load(run("get", "vms").out)) == 7
    assert len(run("get", "vms", "-o", "table").out.splitlines()) == 8


def test_an_object_that_is_not_there(run):
    text = run("get", "vms/00000000-0000-0000-0000-00000000dead", code=1).err
    assert "the engine answered 404" in text
    assert "trivirt ls shows the ids and the names" in text
    assert text.count("\n") == 1
