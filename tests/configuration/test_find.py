from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import types

import pytest
import trustme

import trivirt
import trivirt.sync
from trivirt.configuration import NotConfigured, find_settings, missing_secret
from trivirt.errors import UsageError

SECRET = "Xyzzy-Plugh-42"
URL = "https://engine.example.com/ovirt-engine/api"
LAB_URL = "https://lab.example.com/ovirt-engine/api"
LAB = f"""
    [engines.lab]
    url = "{LAB_URL}"
    username = "admin@internal"
    password = "of-lab"
"""
PROD_URL = "https://prod.example.com/ovirt-engine/api"
HAS_KEYRING = importlib.util.find_spec("keyring") is not None
ENVIRONMENT = {"OVIRT_URL": URL, "OVIRT_USERNAME": "me@internal", "OVIRT_PASSWORD": "of-env"}


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch):
    """The keyring of who runs the tests is not for them."""
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def keyring(monkeypatch):
    """A keyring whose passwords the test puts into a dict."""
    module = types.ModuleType("keyring")
    module.passwords = {}
    module.get_password = lambda url, user: module.passwords.get((url, user))
    monkeypatch.setitem(sys.modules, "keyring", module)
    return module


@pytest.fixture
def find(home):
    """Look in an environment of the test's own, whose home is the fixture's."""

    def find(engine=None, environment=(), **arguments):
        return find_settings(engine, arguments, environ={**home.environ, **dict(environment)})

    return find


def test_nothing_names_an_engine(find, home):
    with pytest.raises(NotConfigured, match="no engine is named") as caught:
        find(username="u")
    assert str(home.path / ".config" / "trivirt" / "engines.toml") in str(caught.value)


def test_arguments_alone(find, home):
    home.toml(LAB)
    found = find(url=URL, username="u", password="p")
    assert found.options() == {"url": URL, "username": "u", "password": "p"}
    assert found.name is None
    assert found.origin("password") == "password="


def test_the_environment_alone(find, home):
    home.toml(LAB)
    found = find(environment=ENVIRONMENT)
    assert found.options() == {"url": URL, "username": "me@internal", "password": "of-env"}
    assert found.origin("url") == "OVIRT_URL"


def test_a_file_alone(find, home):
    home.toml(LAB)
    found = find()
    assert found.name == "lab"
    assert found.options() == {
        "url": LAB_URL,
        "username": "admin@internal",
        "password": "of-lab",
    }


def test_a_named_engine_wins_over_the_environment(find, home):
    home.toml(LAB)
    assert find("lab", ENVIRONMENT).options() == find().options()


def test_the_environment_adds_to_a_url_among_the_arguments(find):
    environment = {"OVIRT_USERNAME": "me@internal", "OVIRT_PASSWORD": "of-env"}
    assert find(None, environment, url=URL).get("password") == "of-env"


@pytest.mark.parametrize("said", [URL, URL + "/", URL + "/v4", URL.replace("engine", "ENGINE", 1)])
def test_the_environment_adds_to_its_own_url(find, said):
    found = find(None, {**ENVIRONMENT, "OVIRT_URL": said}, url=URL)
    assert found.get("password") == "of-env"


@pytest.mark.parametrize(
    "said",
    [PROD_URL, URL.replace("https", "http"), URL.replace("/ovirt", ":8443/ovirt"), "nonsense"],
)
def test_the_password_of_the_environment_is_for_its_own_url(find, said):
    """Or a password would go to an engine that it was not meant for."""
    found = find(None, {**ENVIRONMENT, "OVIRT_CAFILE": "x.pem", "OVIRT_URL": said}, url=URL)
    assert found.options() == {"url": URL}
    assert not found.signs_on


def test_the_password_of_the_environment_is_not_for_an_engine_out_of_a_file(find, home):
    home.toml(f'[engines.prod]\nurl = "{PROD_URL}"\nusername = "me@internal"')
    environment = {**ENVIRONMENT, "OVIRT_TOKEN": "t"}
    del environment["OVIRT_URL"]
    found = find(environment=environment)
    assert found.options() == {"url": PROD_URL, "username": "me@internal"}
    assert "not for an engine out of a file" in missing_secret(found, environment)


def test_the_password_of_one_engine_is_not_for_another(find, home):
    home.toml(LAB + f'[engines.prod]\nurl = "{PROD_URL}"\nusername = "admin@internal"')
    assert find("prod").options() == {"url": PROD_URL, "username": "admin@internal"}
    assert find("lab").get("password") == "of-lab"


def test_the_password_of_a_file_is_not_for_a_url_among_the_arguments(find, home):
    home.toml(LAB)
    assert find(url=PROD_URL, username="admin@internal").get("password") is None


def test_arguments_add_to_an_engine_out_of_a_file(find, home):
    home.toml(LAB)
    found = find("lab", insecure=True, password="mine", connections=2)
    assert found.options() == {
        "url": LAB_URL,
        "username": "admin@internal",
        "password": "mine",
        "insecure": True,
        "connections": 2,
    }


def test_a_password_is_not_for_another_user(find, home):
    home.toml(LAB)
    assert find("lab", username="bob@internal").get("password") is None
    assert find(None, ENVIRONMENT, username="bob@internal").get("password") is None
    assert find(None, ENVIRONMENT, username="me@internal").get("password") == "of-env"


def test_a_token_of_nobody_in_particular_is_not_for_a_user_among_the_arguments(find):
    environment = {"OVIRT_URL": URL, "OVIRT_TOKEN": "t"}
    assert find(environment=environment).get("token") == "t"
    assert find(None, environment, username="bob@internal").get("token") is None
    environment["OVIRT_USERNAME"] = "bob@internal"
    assert find(None, environment, username="bob@internal").get("token") == "t"


def test_a_token_beside_a_password_of_the_same_source_keeps_both(find):
    found = find(environment={**ENVIRONMENT, "OVIRT_TOKEN": "t"})
    assert (found.get("token"), found.get("password")) == ("t", "of-env")


def test_one_way_to_sign_on_takes_the_place_of_those_of_later_sources(find):
    found = find(None, ENVIRONMENT, token="mine")
    assert found.options() == {"url": URL, "username": "me@internal", "token": "mine"}


def test_a_ticket_is_not_asked_for_in_the_name_of_another_source(find):
    assert find(None, ENVIRONMENT, kerberos=True).options() == {"url": URL, "kerberos": True}
    named = find(None, ENVIRONMENT, kerberos=True, username="me@REALM")
    assert named.get("username") == "me@REALM"


def test_a_file_may_ask_for_a_ticket_of_its_user(find, home):
    home.toml(f'[engines.lab]\nurl = "{LAB_URL}"\nkerberos = true\nusername = "me@REALM"')
    assert find().options() == {"url": LAB_URL, "kerberos": True, "username": "me@REALM"}


# Names


def test_two_names_for_an_engine_are_one_too_many(find):
    with pytest.raises(UsageError, match="url= and engine= both name an engine"):
        find("lab", url=URL)


@pytest.mark.parametrize(
    ("name", "hint"), [("lap", "did you mean lab?"), ("zzz", "there are lab, prod")]
)
def test_an_engine_that_no_file_describes(find, home, name, hint):
    home.toml(LAB + LAB.replace("lab", "prod"))
    with pytest.raises(
        NotConfigured, match=f"describes an engine '{name}'; {hint}".replace("?", ".")
    ):
        find(name)


def test_a_name_and_no_files(find):
    with pytest.raises(NotConfigured, match="no file describes an engine 'lab'; there are none"):
        find("lab")


def test_several_engines_and_no_default(find, home):
    home.toml(LAB + LAB.replace("lab", "prod"))
    with pytest.raises(NotConfigured, match="several engines, lab, prod: name one"):
        find()


# Values that cannot work


@pytest.mark.parametrize("url", ["engine.example.com", "https://engine.example.com"])
def test_a_url_that_is_none_says_where_it_is_from(find, home, url):
    with pytest.raises(UsageError, match=r"^OVIRT_URL: .*expected https://"):
        find(environment={"OVIRT_URL": url})
    home.toml(f'[engines.lab]\nurl = "{url}"')
    with pytest.raises(UsageError, match=r"^url in \[engines.lab\] of .*: .*expected https://"):
        find()


def test_a_password_in_a_url_is_not_repeated(find):
    with pytest.raises(UsageError, match="OVIRT_URL: The URL holds a user name") as caught:
        find(environment={"OVIRT_URL": f"https://me:{SECRET}@engine/ovirt-engine/api"})
    assert SECRET not in str(caught.value)


def test_a_ca_file_that_is_not_there(find, home):
    with pytest.raises(UsageError, match=r"OVIRT_CAFILE names a file that is not there: no\.pem"):
        find(environment={**ENVIRONMENT, "OVIRT_CAFILE": "no.pem"})
    home.toml(LAB + 'ca_file = "no.pem"')
    with pytest.raises(UsageError, match=r"ca_file in \[engines.lab\] of .* names a file that"):
        find()


# Passwords in files


def test_a_password_in_a_file_of_its_own(find, home):
    file = home.write("password", f"{SECRET}\n")
    environment = {"OVIRT_URL": URL, "OVIRT_USERNAME": "u", "OVIRT_PASSWORD_FILE": str(file)}
    found = find(environment=environment)
    assert found.options() == {"url": URL, "username": "u", "password": SECRET}
    assert found.origin("password") == "OVIRT_PASSWORD_FILE"
    assert find(environment={**environment, "OVIRT_PASSWORD": "p"}).get("password") == "p"


def test_the_name_of_a_password_file_counts_from_the_file_that_has_it(find, home):
    home.write("trivirt/lab.password", SECRET)
    home.toml(LAB.replace('password = "of-lab"', 'password_file = "lab.password"'))
    assert find().get("password") == SECRET


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "there is nothing"), (b"\n", "nothing"), (b"a\nb\n", "more than"), (b"\xff", "UTF-8")],
)
def test_a_password_file_without_a_password(find, home, content, words):
    file = home.write("password", "")
    file.write_bytes(content)
    with pytest.raises(UsageError, match=f"OVIRT_PASSWORD_FILE names .*{words}"):
        find(environment={"OVIRT_URL": URL, "OVIRT_PASSWORD_FILE": str(file)})


def test_a_password_file_that_is_not_there_or_a_folder(find, home):
    with pytest.raises(UsageError, match="OVIRT_PASSWORD_FILE names a file that is not there: nil"):
        find(environment={"OVIRT_URL": URL, "OVIRT_PASSWORD_FILE": "nil"})
    with pytest.raises(UsageError, match="OVIRT_PASSWORD_FILE names "):
        find(environment={"OVIRT_URL": URL, "OVIRT_PASSWORD_FILE": str(home.path)})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")
@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)]
)
def test_a_secret_that_others_may_read_is_warned_of(find, home, caplog, mode, warned):
    file = home.toml(LAB, mode)
    find()
    assert (f"{file} has a secret and others may read it; run: chmod 600" in caplog.text) is warned
    caplog.clear()
    other = home.write("password", SECRET, mode)
    find(environment={"OVIRT_URL": URL, "OVIRT_PASSWORD_FILE": str(other)})
    assert (f"{other} has a secret" in caplog.text) is warned


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")
def test_a_file_without_a_secret_may_be_read_by_all(find, home, caplog):
    home.toml(f'[engines.lab]\nurl = "{LAB_URL}"\nusername = "admin@internal"', 0o644)
    find()
    assert caplog.text == ""


# keyring


def test_a_password_that_is_nowhere_else_is_in_the_keyring(find, home, keyring):
    keyring.passwords[LAB_URL, "admin@internal"] = SECRET
    home.toml(LAB)
    assert find().get("password") == "of-lab"
    home.toml(LAB.replace('password = "of-lab"', ""))
    found = find()
    assert found.get("password") == SECRET
    assert found.origin("password") == "keyring"
    assert find(username="bob@internal").get("password") is None


def test_without_a_keyring_there_is_no_password(find):
    assert find(url=URL, username="u").get("password") is None


def test_a_keyring_that_fails_is_none(find, keyring, caplog):
    def fail(url, user):
        raise RuntimeError(SECRET)

    keyring.get_password = fail
    with caplog.at_level(logging.DEBUG, "trivirt.configuration"):
        assert find(url=URL, username="u").get("password") is None
    assert "keyring gave no password: RuntimeError" in caplog.text
    assert SECRET not in caplog.text


BACKEND = """
from keyring.backend import KeyringBackend

class Backend(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return f"{service} {username}"

    set_password = delete_password = None
"""
ASK = """
from trivirt.configuration import find_settings

given = {"url": "https://engine.example.com/ovirt-engine/api", "username": "u"}
print(find_settings(arguments=given, environ={}).get("password"))
"""


@pytest.mark.skipif(not HAS_KEYRING, reason="keyring is not installed")
def test_the_real_keyring_is_asked(tmp_path):
    """In a process of its own, for keyring remembers every backend that it has met."""
    (tmp_path / "made_backend.py").write_text(BACKEND)
    environ = {**os.environ, "PYTHON_KEYRING_BACKEND": "made_backend.Backend"}
    environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{URL} u"


# What is missing


def test_what_is_missing_and_where_to_put_it(find, home):
    assert "no user for " in missing_secret(find(url=URL), {})
    text = missing_secret(find(url=URL, username="u"), {})
    assert f"no password for u at {URL} (from url=): set OVIRT_PASSWORD" in text
    found = find(None, {**ENVIRONMENT, "OVIRT_URL": PROD_URL}, url=URL, username="u")
    assert "OVIRT_PASSWORD is for OVIRT_URL" in missing_secret(found, ENVIRONMENT)
    home.toml(f'[engines.lab]\nurl = "{LAB_URL}"\nusername = "u"')
    assert f"keyring set {LAB_URL} u" in missing_secret(find(), {})


# In the library


@pytest.fixture(params=[trivirt.open_engine, trivirt.sync.open_engine], ids=["trio", "sync"])
def opened(request, home, monkeypatch):
    """`open_engine()` in an environment that has only a home; gives what became of it."""
    for name in [name for name in os.environ if name.startswith(("OVIRT_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    return lambda *args, **given: request.param(*args, **given)._options


def test_open_engine_without_arguments_takes_the_environment(opened, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    options = opened()
    assert str(options.url) == URL
    assert (options.credentials.username, options.credentials.password) == ("me@internal", "of-env")
    assert (options.connections, options.pipeline, options.token_name) == (8, None, "access_token")


def test_open_engine_takes_an_engine_out_of_a_file(opened, home):
    home.toml(LAB + 'connections = 3\npipeline = 5\nsso_token_name = "jwt"\n')
    for options in (opened(), opened(engine="lab")):
        assert str(options.url) == LAB_URL
        assert (options.connections, options.pipeline, options.token_name) == (3, 5, "jwt")
    options = opened(engine="lab", connections=1, username="bob@internal", password="b")
    assert options.connections == 1
    assert opened(engine="lab", sso_token_name="other").token_name == "other"
    assert (options.credentials.username, options.credentials.password) == ("bob@internal", "b")


def test_open_engine_with_a_url_looks_nowhere(opened, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="Signing on takes a username and a password"):
        opened(URL)
    with pytest.raises(UsageError, match="url and engine= both name an engine"):
        opened(URL, engine="lab", token="t")


def test_a_ca_as_text_takes_the_place_of_a_file(opened, home):
    home.write("trivirt/broken.pem", "x")
    home.toml(LAB + 'ca_file = "broken.pem"')
    with pytest.raises(UsageError, match=r"broken\.pem"):
        opened()
    assert opened(ca_data=trustme.CA().cert_pem.bytes()).origin.tls is not None


def test_open_engine_says_what_is_missing(opened, home):
    with pytest.raises(NotConfigured, match="no engine is named"):
        opened()
    home.toml(LAB.replace('password = "of-lab"', ""))
    with pytest.raises(UsageError, match="no password for admin@internal at https://lab"):
        opened()
