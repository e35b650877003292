from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

import pytest

import trivirt
from trivirt.configuration import engine_names
from trivirt.configuration._files import engines_file, read_engines
from trivirt.errors import UsageError

SECRET = "Xyzzy-Plugh-42"
LAB = """
    [engines.lab]
    url = "https://lab.example.com/ovirt-engine/api"
"""


def values(home, name):
    source = read_engines(home.environ).sources[name]
    return {option: setting.value for option, setting in source.values.items()}


def test_without_files_there_are_no_engines(home):
    assert engine_names(home.environ) == []
    assert read_engines(home.environ).default is None


def test_a_file_in_the_place_of_the_folder_is_no_file(home):
    home.write("trivirt", "")
    assert engine_names(home.environ) == []


def test_every_setting_of_an_engine(home):
    home.toml("""
        default = "lab"
        [engines.lab]
        url = "https://lab.example.com/ovirt-engine/api"
        username = "admin@internal"
        password = "p"
        password_file = "~/secret"
        token = "t"
        kerberos = true
        ca_file = "lab.pem"
        client_cert = ["me.pem", "/etc/me.key"]
        insecure = true
        proxy = false
        connections = 3
        pipeline = 4
        sso_url = "https://sso.example.com/token"
        sso_revoke_url = "https://sso.example.com/revoke"
        sso_token_name = "token"
    """)
    folder = home.path / ".config" / "trivirt"
    assert values(home, "lab") == {
        "url": "https://lab.example.com/ovirt-engine/api",
        "username": "admin@internal",
        "password": "p",
        "password_file": str(Path("~/secret").expanduser()),
        "token": "t",
        "kerberos": True,
        "ca_file": str(folder / "lab.pem"),
        "client_cert": (str(folder / "me.pem"), str(folder / Path("/etc/me.key"))),
        "insecure": True,
        "proxy": False,
        "connections": 3,
        "pipeline": 4,
        "sso_url": "https://sso.example.com/token",
        "sso_revoke_url": "https://sso.example.com/revoke",
        "sso_token_name": "token",
    }


def test_a_setting_knows_its_line_of_which_file(home):
    file = home.toml(LAB)
    setting = read_engines(home.environ).sources["lab"].values["url"]
    assert setting.origin == f"url in [engines.lab] of {file}"


def test_the_example_of_the_readme(home):
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    home.toml(example)
    assert engine_names(home.environ) == ["lab", "prod"]
    assert read_engines(home.environ).default == "lab"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[engines.lab", "is not TOML: "),
        ("engine = 3", "has no setting 'engine'; did you mean engines?"),
        ("zzz = 3", "has no setting 'zzz'; there are default, engines"),
        ("engines = 3", "engines has to be tables such as"),
        ("[engines]\nlab = 3", "[engines.lab] of ENGINES has to be a table"),
        ("[engines.lab]\nusername = 'x'", "[engines.lab] of ENGINES has no url"),
        ("[engines.lab]\nurl = 3", "url in [engines.lab] of ENGINES has to be a text"),
        ("[engines.lab]\nurl = ''", "url in [engines.lab] of ENGINES has to be a text"),
        (LAB + "passwrd = 'x'", "has no setting 'passwrd'; did you mean password?"),
        (LAB + "insecure = 'no'", "insecure in [engines.lab] of ENGINES has to be true or false"),
        (LAB + "pipeline = true", "has to be a whole number"),
        (LAB + "proxy = true", "has to be a text or false"),
        (LAB + "client_cert = ['one']", "has to be a text or a list of two files"),
        (LAB + "client_cert = ['one', 2]", "has to be a text or a list of two files"),
        ("default = 'prod'" + LAB, "default = 'prod' is none of the engines (lab)"),
        ("default = 'prod'", "default = 'prod' is none of the engines (no engine at all)"),
    ],
)
def test_a_mistake_in_our_file_is_told(home, text, words):
    file = home.toml(text)
    with pytest.raises(UsageError) as caught:
        read_engines(home.environ)
    assert words.replace("ENGINES", str(file)) in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("broken", [f'password = "{SECRET}', f"password = {SECRET}"])
def test_a_broken_line_is_not_quoted(home, broken):
    home.toml(LAB + broken)
    with pytest.raises(UsageError, match="is not TOML") as caught:
        read_engines(home.environ)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_file_that_is_not_text(home):
    home.toml("").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"engines\.toml cannot be read: it is not UTF-8"):
        read_engines(home.environ)


def test_a_file_that_is_a_folder(home):
    (home.path / ".config" / "trivirt" / "engines.toml").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"engines\.toml cannot be read: "):
        read_engines(home.environ)


CONF = """
    [DEFAULT]
    username = admin@internal

    [one]
    engine_url = https://one.example.com
    password = 50%; #{secret}
    cafile = /etc/one.pem
    backup_dir = /var/backup

    [two]
    engine_url = https://two.example.com/ovirt-engine/api
    username = backup@internal
    secure = no

    [not-an-engine]
    colour = red
"""


def test_what_other_tools_have_in_their_file(home):
    home.write("ovirt.conf", CONF.format(secret="x"))
    assert engine_names(home.environ) == ["one", "two"]
    assert values(home, "one") == {
        "url": "https://one.example.com/ovirt-engine/api",
        "username": "admin@internal",
        "password": "50%; #x",
        "ca_file": "/etc/one.pem",
    }
    assert values(home, "two") == {
        "url": "https://two.example.com/ovirt-engine/api",
        "username": "backup@internal",
        "insecure": True,
    }


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (f"password {SECRET}\n", "in line 1"),
        (f"[one]\npassword {SECRET}\n", "in line 2"),
        (f"[one]\npassword = x\npassword = {SECRET}\n", "in line 3"),
    ],
)
def test_a_broken_file_of_another_tool_is_passed_over(home, caplog, broken, where):
    home.toml(LAB)
    file = home.write("ovirt.conf", broken)
    assert engine_names(home.environ) == ["lab"]
    assert f"{file} cannot be read: something is wrong {where}" in caplog.text
    assert SECRET not in caplog.text


def test_a_file_of_another_tool_that_is_not_text_is_passed_over(home, caplog):
    home.write("ovirt-img.conf", "").write_bytes(b"\xff\xfe\x00")
    with caplog.at_level(logging.WARNING):
        assert engine_names(home.environ) == []
    assert "ovirt-img.conf cannot be read: it is not UTF-8" in caplog.text


def test_our_file_may_say_which_engine_of_another_file_is_the_default(home):
    home.write("ovirt.conf", "[a]\nengine_url = https://a\n[b]\nengine_url = https://b\n")
    assert read_engines(home.environ).default is None
    home.toml("default = 'b'")
    assert read_engines(home.environ).default == "b"
    home.write("ovirt.conf", "[a]\nengine_url = https://a\n")
    with pytest.raises(UsageError, match=r"default = 'b' is none of the engines \(a\)"):
        read_engines(home.environ)


def test_the_first_file_to_use_a_name_has_it(home):
    home.toml(LAB)
    home.write("ovirt.conf", "[lab]\nengine_url = https://other\n[b]\nengine_url = https://b\n")
    home.write("ovirt-img.conf", "[b]\nengine_url = https://other\n[c]\nengine_url = https://c\n")
    engines = read_engines(home.environ)
    assert list(engines.sources) == ["lab", "b", "c"]
    assert engines.sources["lab"].get("url").startswith("https://lab.")
    assert engines.sources["b"].get("url").startswith("https://b/")


def test_an_engine_url_that_is_none_holds_up_no_other_engine(home):
    home.write("ovirt.conf", "[a]\nengine_url = https://u:s3cret@[x\n[b]\nengine_url = https://b\n")
    engines = read_engines(home.environ)
    assert engines.sources["b"].get("url") == "https://b/ovirt-engine/api"
    with pytest.raises(UsageError) as caught:
        trivirt.open_engine(engines.sources["a"].get("url"), username="u", password="p")
    assert "s3cret" not in str(caught.value)


TWO = LAB + LAB.replace("lab", "prod")
ONE_CONF = "[old]\nengine_url = https://old\n"
TWO_CONF = ONE_CONF + "[older]\nengine_url = https://older\n"


@pytest.mark.parametrize(
    ("toml", "conf", "default"),
    [
        (LAB, "", "lab"),
        (LAB, ONE_CONF, "lab"),
        (TWO, "", None),
        (TWO, ONE_CONF, None),
        ('default = "prod"' + TWO, ONE_CONF, "prod"),
        ("", ONE_CONF, "old"),
        ("", TWO_CONF, None),
    ],
)
def test_the_engine_that_is_meant_when_none_is_named(home, toml, conf, default):
    home.toml(toml)
    home.write("ovirt.conf", conf)
    assert read_engines(home.environ).default == default


def test_the_folder_of_the_environment(tmp_path):
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    if sys.platform != "win32":
        assert engines_file(environ) == tmp_path / "xdg" / "trivirt" / "engines.toml"
    environ["XDG_CONFIG_HOME"] = "relative"
    assert engines_file(environ) == tmp_path / ".config" / "trivirt" / "engines.toml"


def test_under_windows_it_is_in_appdata(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "win32")
    environ = {"APPDATA": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert engines_file(environ) == tmp_path / "trivirt" / "engines.toml"


def test_under_macos_it_may_be_in_application_support(monkeypatch, home):
    monkeypatch.setattr(sys, "platform", "darwin")
    usual = home.path / ".config" / "trivirt" / "engines.toml"
    assert engines_file(home.environ) == usual
    support = home.path / "Library" / "Application Support" / "trivirt" / "engines.toml"
    support.parent.mkdir(parents=True)
    support.touch()
    assert engines_file(home.environ) == support
    home.toml("")
    assert engines_file(home.environ) == usual


def test_without_a_home_in_the_environment_the_system_knows_one():
    if sys.platform != "win32":
        assert engines_file({}).is_absolute()
