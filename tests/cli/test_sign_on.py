from __future__ import annotations

import io

import pytest

from trivirt.cli import main
from trivirt.cli._sign_on import Target, named_engine


@pytest.fixture
def engines(config_home):
    """Describe a simulated engine in engines.toml, with more lines or other values."""

    def write(facts, name="lab", **changes):
        names = ("url", "username", "password", "ca_file")
        values = {**{k: facts[k] for k in names}, **changes}
        lines = [f"[engines.{name}]", *(f"{k} = {v!r}" for k, v in values.items() if v is not None)]
        file = config_home / "trivirt" / "engines.toml"
        file.parent.mkdir(exist_ok=True)
        with file.open("a") as out:
            print(*lines, sep="\n", file=out)
        file.chmod(0o600)
        return file

    return write


def test_the_only_engine_of_a_file_needs_no_name(capsys, engines, simulated):
    engines(simulated)
    assert main(["inventory"]) == 0
    assert simulated["url"] in capsys.readouterr().out


def test_an_engine_by_its_name(capsys, engines, simulated):
    engines(simulated)
    engines(simulated, "prod", url="https://engine.invalid/ovirt-engine/api")
    assert main(["inventory", "--engine", "lab"]) == 0
    assert main(["inventory", "--engine", "prod"]) == 1
    assert "engine.invalid" in capsys.readouterr().err
    assert main(["inventory"]) == 2
    assert "There are several engines, lab, prod" in capsys.readouterr().err
    assert main(["inventory", "--engine", "lap"]) == 2
    assert "did you mean lab?\n" in capsys.readouterr().err


def test_other_settings_of_a_file_go_to_the_engine(engines, simulated):
    engines(simulated, connections=3, proxy="http://proxy.example.com:3128")
    target = named_engine(None, None, None, False)
    assert target.other == {"connections": 3, "proxy": "http://proxy.example.com:3128"}
    assert target.options()["connections"] == 3
    assert target.options()["password"] == simulated["password"]


def test_a_target_shows_no_secret():
    target = Target("u", "me", "Xyzzy", "Plugh", other={"proxy": "http://me:Fee@proxy"})
    assert not any(word in repr(target) for word in ("Xyzzy", "Plugh", "Fee"))


def test_a_password_that_is_nowhere_is_asked_for(capsys, engines, simulated, monkeypatch):
    engines(simulated, password=None)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["inventory"]) == 1
    text = capsys.readouterr().err
    assert f"no password for {simulated['username']} at {simulated['url']}" in text
    assert text.endswith("; there is no terminal to ask on\n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda text: simulated["password"])
    assert main(["inventory"]) == 0


def test_a_token_needs_no_user_and_no_password(monkeypatch):
    monkeypatch.setenv("OVIRT_URL", "https://engine.invalid/ovirt-engine/api")
    assert main(["inventory"]) == 2
    monkeypatch.setenv("OVIRT_TOKEN", "t")
    target = named_engine(None, None, None, False)
    assert (target.token, target.lacks) == ("t", "")


def test_the_name_and_the_url_of_an_engine_are_one_too_many(capsys):
    url = "https://engine.invalid/ovirt-engine/api"
    assert main(["inventory", "--engine", "lab", "--url", url]) == 1
    assert "--url and --engine both name an engine" in capsys.readouterr().err
