from __future__ import annotations

import json

import pytest

from trivirt.cli import main


@pytest.fixture
def ask(capsys, simulated, to_engine):
    def ask(*words, code=0):
        assert main([*to_engine(simulated), "--ansible", *words]) == code
        return capsys.readouterr()

    return ask


def test_the_list_has_every_machine_with_its_variables_and_groups(ask):
    found = json.loads(ask("--list").out)
    variables = found["_meta"]["hostvars"]
    assert len(variables) == 7
    assert found["ungrouped"]["hosts"] == list(variables)
    up = [name for name, one in variables.items() if one["status"]["__ansible_unsafe"] == "up"]
    assert found["status_up"]["hosts"] == up
    first = variables[up[0]]
    assert first["statistics"]["memory.installed"] > 0
    assert first["devices"]
    assert first["host"]
    assert set(found["all"]["children"]) == set(found) - {"_meta", "all"}


def test_one_host_has_the_variables_that_the_list_has(ask):
    variables = json.loads(ask("--list").out)["_meta"]["hostvars"]
    for name in list(variables)[:2]:
        assert json.loads(ask("--host", name).out) == variables[name]


def test_a_host_that_is_not_there_has_no_variables(ask):
    assert json.loads(ask("--host", "xyzzy").out) == {}


def test_it_is_asked_for_all_or_for_one(ask, capsys):
    assert "--ansible needs --list or --host NAME" in ask(code=2).err
    assert "--ansible needs --list or --host NAME" in ask("--list", "--host", "x", code=2).err
    for words in (["--list"], ["--host", "x"]):
        assert main(["inventory", *words]) == 2
        assert "--list and --host are for --ansible." in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--out", "i.json"], ["--format", "json"], ["--plan", "full"], ["--demo"]]
)
def test_what_is_for_other_inventories_is_refused(ask, words):
    assert f"{words[0]} is not for --ansible." in ask("--list", *words, code=2).err
