from __future__ import annotations

import json

import pytest

from trivirt.cli import main

ENGINES = """
default = "prod"

[engines.lab]
url = "https://lab.example.com/ovirt-engine/api"
username = "admin@internal"
password = "Xyzzy-Plugh-42"

[engines.prod]
url = "https://prod.example.com/ovirt-engine/api"
username = "admin@internal"
"""
OLD = "[old]\nengine_url = https://old.example.com\nusername = u\npassword = Xyzzy-Plugh-42\n"


@pytest.fixture
def described(config_home):
    (config_home / "trivirt").mkdir()
    (config_home / "trivirt" / "engines.toml").write_text(ENGINES)
    (config_home / "ovirt.conf").write_text(OLD)


def test_none_is_described_and_where_one_could_be(capsys, config_home):
    assert main(["engines"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(config_home / "trivirt" / "engines.toml") in printed.err


def test_all_are_listed_with_the_default_and_no_secret(capsys, described):
    assert main(["engines", "-o", "json"]) == 0
    printed = capsys.readouterr().out
    assert "Xyzzy" not in printed
    lab, prod, old = json.loads(printed)
    assert (lab["name"], lab["default"], lab["signs_on_by"]) == ("lab", False, "password")
    assert (prod["name"], prod["default"]) == ("prod", True)
    assert prod["signs_on_by"] == "password of keyring, or asked for"
    assert old["url"] == "https://old.example.com/ovirt-engine/api"
    assert "ovirt.conf" in old["described_in"]
    assert main(["engines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] == "*" for line in lines] == [False, False, True, False]


def test_the_environment_comes_first(capsys, described, monkeypatch):
    monkeypatch.setenv("OVIRT_URL", "https://env.example.com/ovirt-engine/api")
    monkeypatch.setenv("OVIRT_TOKEN", "Xyzzy-Plugh-42")
    assert main(["engines", "-o", "json"]) == 0
    printed = capsys.readouterr().out
    assert "Xyzzy" not in printed
    first, *others = json.loads(printed)
    assert (first["name"], first["default"], first["signs_on_by"]) == (None, True, "token")
    assert [one["default"] for one in others] == [False, False, False]


def test_a_broken_file_is_one_sentence(capsys, described, config_home):
    (config_home / "trivirt" / "engines.toml").write_text("[engines.lab]\npassword = Xyzzy")
    assert main(["engines"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("trivirt: ")
    assert "engines.toml is not TOML" in text
    assert "Xyzzy" not in text
