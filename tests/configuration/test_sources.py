from __future__ import annotations

import pytest

from trivirt.configuration._sources import (
    Setting,
    Settings,
    from_arguments,
    from_environment,
)

SECRET = "Xyzzy-Plugh-42"


def test_the_environment_says_where_each_value_is_from():
    source = from_environment({"OVIRT_URL": "u", "OVIRT_PASSWORD_FILE": "f", "PATH": "/bin"})
    assert {k: (s.value, s.origin) for k, s in source.values.items()} == {
        "url": ("u", "OVIRT_URL"),
        "password_file": ("f", "OVIRT_PASSWORD_FILE"),
    }


def test_an_empty_variable_says_nothing():
    assert from_environment({"OVIRT_URL": "", "OVIRT_TOKEN": ""}).values == {}


def test_of_the_arguments_none_and_false_say_nothing_but_no_proxy_does():
    given = {"username": None, "insecure": False, "kerberos": True, "proxy": False}
    source = from_arguments(given, "--{}".format)
    assert {k: (s.value, s.origin) for k, s in source.values.items()} == {
        "kerberos": (True, "--kerberos"),
        "proxy": (False, "--proxy"),
    }


@pytest.mark.parametrize("option", ["password", "token", "proxy", "client_cert"])
def test_no_repr_has_a_secret(option):
    source = from_arguments({"url": "u", option: SECRET}, str)
    settings = Settings(source.values)
    for thing in (source, settings, source.values[option]):
        assert SECRET not in repr(thing)
    assert "url='u'" in repr(settings)
    assert settings.options()[option] == SECRET


@pytest.mark.parametrize(
    ("options", "enough"),
    [
        ({}, False),
        ({"username": "u"}, False),
        ({"password": "p"}, False),
        ({"username": "u", "password": "p"}, True),
        ({"token": "t"}, True),
        ({"kerberos": True}, True),
        ({"kerberos": False}, False),
    ],
)
def test_what_is_enough_to_sign_on(options, enough):
    values = {name: Setting(value, "somewhere") for name, value in options.items()}
    assert Settings(values).signs_on is enough


def test_an_option_that_was_found_nowhere():
    settings = Settings({"url": Setting("u", "OVIRT_URL")})
    assert (settings.get("token"), settings.origin("token")) == (None, "")
    assert (settings.url, settings.origin("url")) == ("u", "OVIRT_URL")
    assert list(settings) == ["url"]
