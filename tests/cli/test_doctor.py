"""Whatever is wrong on the way, the doctor names the step, what is wrong, and what to do."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
import urllib.request
from datetime import datetime, timedelta, timezone
from email.utils import formatdate

import pytest
import trustme

from trivirt.cli import main
from trivirt.cli._finding import STEPS
from trivirt.simulator import _http

SECRET = "Xyzzy-Plugh-42"
small = pytest.mark.ovirt(vms=3)


@pytest.fixture
def served(ovirt_engine_url, monkeypatch):
    """A simulated engine over TLS, named in the environment."""
    monkeypatch.setenv("OVIRT_URL", ovirt_engine_url.url)
    monkeypatch.setenv("OVIRT_USERNAME", ovirt_engine_url.username)
    monkeypatch.setenv("OVIRT_PASSWORD", ovirt_engine_url.password)
    monkeypatch.setenv("OVIRT_CAFILE", ovirt_engine_url.ca_file)
    return ovirt_engine_url


@pytest.fixture
def named(monkeypatch):
    """Name an engine that is at this port, with a secret that must never be shown."""

    def name(port, ca=None, *, scheme="https", host="127.0.0.1"):
        monkeypatch.setenv("OVIRT_URL", f"{scheme}://{host}:{port}/ovirt-engine/api")
        monkeypatch.setenv("OVIRT_USERNAME", "admin@internal")
        monkeypatch.setenv("OVIRT_PASSWORD", SECRET)
        if ca is not None:
            monkeypatch.setenv("OVIRT_CAFILE", str(ca))

    return name


@pytest.fixture
def findings(capsys):
    """Run the doctor; gives its findings by step."""

    def run(*words, code=0):
        assert main(["doctor", "-o", "json", *words]) == code
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        found = json.loads(printed.out)
        assert [one["state"] for one in found].count("wrong") == code
        for one in found:
            assert bool(one["mend"]) == (one["state"] != "ok")
        return {one["step"]: one for one in found}

    return run


@pytest.fixture
def wrong(findings):
    """Run the doctor where something is wrong; gives that finding, which is the last."""

    def run(*words):
        *_, last = findings(*words, code=1).values()
        assert last["state"] == "wrong"
        return last

    return run


@contextlib.contextmanager
def listening(serve):
    """A port where each connection is served by a function, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(10)


@contextlib.contextmanager
def shaking_hands(*names, folder, **dates):
    """A TLS port with a certificate of these names; gives the port and the file of its CA."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, **dates).configure_cert(context)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with listening(serve) as port:
        yield port, folder / "ca.pem"


@small
def test_all_is_well(served, findings, capsys):
    found = findings()
    assert list(found) == list(STEPS)
    assert {one["state"] for one in found.values()} == {"ok"}
    assert "(from OVIRT_URL)" in found["settings"]["found"]
    assert "(from OVIRT_PASSWORD)" in found["settings"]["found"]
    assert found["TLS"]["found"].startswith("TLSv1.3, with a certificate for localhost, 127.0.0.1")
    assert "oVirt Engine 4.5" in found["version"]["found"]
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[:2] for line in printed.splitlines()[:-1]] == [["ok", s] for s in STEPS]
    assert printed.endswith("All is well.\n")


@small
def test_on_a_terminal_it_fits(served, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["doctor"]) == 0
    text = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, text.splitlines())) <= 50
    assert all(f" {step} " in text for step in STEPS)


@small
@pytest.mark.parametrize("terminal", [False, True])
def test_a_warning_says_what_to_do(served, capsys, monkeypatch, terminal):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert main(["doctor", "--insecure"]) == 0
    printed = capsys.readouterr().out
    assert f"{'→' if terminal else '->'} leave --insecure out" in printed
    assert printed.endswith("It works, with 1 warning.\n")


@small
def test_a_wrong_password(served, wrong, monkeypatch):
    monkeypatch.setenv("OVIRT_PASSWORD", SECRET)
    found = wrong()
    assert found["step"] == "sign-on"
    assert "access_denied" in found["found"]
    assert "OVIRT_PASSWORD" in found["mend"]
    assert "admin@internal" in found["mend"]


@small
def test_a_ca_that_did_not_sign(served, wrong, monkeypatch, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    found = wrong("--ca-file", str(tmp_path / "other.pem"))
    assert found["step"] == "TLS"
    assert "simulated engine" in found["found"]
    assert f"not among {tmp_path / 'other.pem'} (from --ca-file)" in found["found"]
    assert "/ovirt-engine/services/pki-resource" in found["mend"]
    assert "--ca-file" in found["mend"]
    monkeypatch.delenv("OVIRT_CAFILE")
    assert "this machine's own CAs" in wrong()["found"]


@small
def test_nothing_is_checked(served, findings, monkeypatch):
    monkeypatch.delenv("OVIRT_CAFILE")
    found = findings("--insecure")["TLS"]
    assert found["state"] == "warning"
    assert "it was not checked" in found["found"]
    assert "--insecure" in found["mend"]


def test_a_certificate_for_another_name(named, wrong, tmp_path):
    with shaking_hands("engine.example.com", "192.0.2.1", folder=tmp_path) as (port, ca):
        named(port, ca)
        found = wrong()
    assert found["step"] == "TLS"
    assert f"of 127.0.0.1:{port} is for engine.example.com, 192.0.2.1" in found["found"]
    assert "into the URL" in found["mend"]


def test_a_certificate_that_has_expired(named, wrong, tmp_path):
    ended = datetime.now(timezone.utc) - timedelta(days=3)
    with shaking_hands("127.0.0.1", folder=tmp_path, not_after=ended) as (port, ca):
        named(port, ca)
        found = wrong()
    assert found["step"] == "TLS"
    assert f"expired on {ended:%Y-%m-%d}" in found["found"]
    assert "engine-setup" in found["mend"]


def test_a_certificate_that_is_not_good_yet(named, wrong, tmp_path):
    begins = datetime.now(timezone.utc) + timedelta(days=3)
    with shaking_hands("127.0.0.1", folder=tmp_path, not_before=begins) as (port, ca):
        named(port, ca)
        found = wrong()
    assert f"good only from {begins:%Y-%m-%d}" in found["found"]
    assert "clock" in found["mend"]


def test_a_certificate_that_expires_soon(named, findings, tmp_path):
    ends = datetime.now(timezone.utc) + timedelta(days=9, hours=1)
    with shaking_hands("127.0.0.1", folder=tmp_path, not_after=ends) as (port, ca):
        named(port, ca)
        found = findings(code=1)
    assert found["TLS"]["state"] == "warning"
    assert "9 days from now" in found["TLS"]["found"]
    assert "engine-setup" in found["TLS"]["mend"]
    assert found["sign-on"]["state"] == "wrong"


def test_a_host_that_has_no_address(named, wrong):
    named(443, host="engine.invalid")
    found = wrong()
    assert found["step"] == "DNS"
    assert "engine.invalid has no address" in found["found"]


def test_a_name_is_looked_up(named, findings, tmp_path):
    with shaking_hands("localhost", folder=tmp_path) as (port, ca):
        named(port, ca, host="localhost")
        found = findings(code=1)
    assert "localhost is " in found["DNS"]["found"]
    assert "127.0.0.1" in found["DNS"]["found"]


def test_an_engine_that_is_down(named, wrong, capsys):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        named(port)
        found = wrong()
        assert found["step"] == "reach"
        assert f"port {port} of 127.0.0.1 takes no connection" in found["found"]
        assert "connection refused" in found["found"]
        assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("Not tried: TLS, sign-on, ")


def restart(served, phase):
    """A restart of the engine that goes on until the end of the test."""
    wish = json.dumps({"phase": phase, "seconds": 600}).encode()
    with urllib.request.urlopen(f"{served.control_url}/restart", wish, timeout=10) as answer:
        assert answer.status == 200


@small
def test_an_engine_that_starts(served, wrong):
    """The web server is there and answers 503 for it."""
    restart(served, "starting")
    found = wrong()
    assert found["step"] == "sign-on"
    assert "503" in found["found"]
    assert "systemctl status ovirt-engine" in found["mend"]


@small
def test_a_url_that_leads_to_something_else(served, wrong):
    """There is a page with 404, as of an engine without its application."""
    restart(served, "deploying")
    found = wrong()
    assert found["step"] == "sign-on"
    assert "404" in found["found"]
    assert "wait some minutes if the engine was just started; else" in found["mend"]
    assert "URL" in found["mend"]


@small
def test_an_api_that_fails_after_sign_on(served, ovirt_engine, wrong):
    with ovirt_engine.faults.status(500, times=None):
        found = wrong()
    assert found["step"] == "version"
    assert "500" in found["found"]


def test_a_proxy_of_the_environment_that_is_down(named, findings, monkeypatch):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{SECRET}@127.0.0.1:{port}")
        named(443, host="engine.invalid")
        found = findings(code=1)
    assert f"through 127.0.0.1:{port} (from HTTPS_PROXY)" in found["settings"]["found"]
    assert found["reach"]["state"] == "wrong"
    assert "the proxy is up" in found["reach"]["mend"]


def test_a_proxy_of_the_environment_that_refuses(named, findings, monkeypatch):
    def serve(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(serve) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        named(443, host="engine.invalid")
        found = findings(code=1)
    assert found["TLS"]["state"] == "wrong"
    assert f"127.0.0.1:{port}" in found["TLS"]["found"]


@small
def test_http_at_a_port_that_speaks_https(served, wrong, monkeypatch):
    monkeypatch.setenv("OVIRT_URL", served.url.replace("https", "http"))
    found = wrong()
    assert found["step"] == "TLS"
    assert "speaks TLS, and the URL begins with http://" in found["found"]
    assert found["mend"] == "write https:// instead"


def answer_503(connection):
    """A web server without TLS whose engine is away."""
    while received := connection.recv(65536):
        if received.startswith(b"\x16\x03"):  # A TLS handshake, of which it understands nothing.
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        connection.sendall(
            b"HTTP/1.1 503 No\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
        )


def test_https_at_a_port_that_speaks_http(named, wrong):
    with listening(answer_503) as port:
        named(port)
        found = wrong()
    assert found["step"] == "TLS"
    assert "does not speak TLS there" in found["found"]
    assert "http://" in found["mend"]


def test_no_tls_at_all_is_a_warning(named, findings):
    with listening(answer_503) as port:
        named(port, scheme="http")
        found = findings(code=1)
    assert found["TLS"]["state"] == "warning"
    assert "can read the password" in found["TLS"]["found"]
    assert found["sign-on"]["state"] == "wrong"
    assert "503" in found["sign-on"]["found"]


@small
@pytest.mark.parametrize(
    ("hours", "words"), [(3, "3 hours ahead of"), (-49, "2 days behind"), (0.05, "3 minutes ahead")]
)
def test_clocks_that_differ(served, findings, monkeypatch, hours, words):
    def date():
        stamp = datetime.now().timestamp() + hours * 3600
        return f"Date: {formatdate(stamp, usegmt=True)}\r\nServer: Apache\r\n".encode()

    monkeypatch.setattr(_http, "_date", date)
    found = findings()["clock"]
    assert found["state"] == "warning"
    assert words in found["found"]
    assert "NTP" in found["mend"]


@small
@pytest.mark.parametrize("line", [b"", b"Date: yesterday\r\n"])
def test_a_server_that_does_not_tell_the_time(served, findings, monkeypatch, line):
    monkeypatch.setattr(_http, "_date", lambda: line)
    assert findings()["clock"]["found"] == "the engine's web server does not tell the time"


@pytest.mark.ovirt(vms=3, keepalive_requests=1)
def test_a_server_that_closes_after_each_answer(served, findings):
    found = findings()["pipelining"]
    assert found["state"] == "warning"
    assert "8 requests sent ahead" in found["found"]
    assert "--pipeline 1" in found["mend"]


@small
def test_an_engine_that_is_slow(served, findings, monkeypatch):
    monkeypatch.setattr("trivirt.cli._checkup_engine._SLOW", 0.0)
    found = findings()["latency"]
    assert found["state"] == "warning"
    assert "load" in found["mend"]


@small
def test_an_engine_that_is_old(served, findings, monkeypatch):
    monkeypatch.setattr("trivirt.cli._checkup_engine._OLDEST", (9, 0))
    found = findings()["version"]
    assert found["state"] == "warning"
    assert "9.0 is the oldest known" in found["mend"]


@small
def test_a_token_that_is_dead(served, wrong, monkeypatch):
    monkeypatch.delenv("OVIRT_USERNAME")
    monkeypatch.delenv("OVIRT_PASSWORD")
    monkeypatch.setenv("OVIRT_TOKEN", SECRET)
    found = wrong()
    assert found["step"] == "version"
    assert "The token was refused" in found["found"]
    assert "OVIRT_TOKEN" in found["mend"]
