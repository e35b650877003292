"""Whatever is wrong, a person reads one sentence: no traceback, no password, exit code 1."""

from __future__ import annotations

import io
import socket

import pytest
import trustme

from trivirt.cli import main

SECRET = "Xyzzy-Plugh-42"


@pytest.fixture
def complaint(capsys):
    """Run the command line, check the form of its complaint, and give its text."""

    def run(words, code=1):
        assert main(words) == code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        assert SECRET not in printed.err + printed.out
        assert printed.err.startswith("trivirt: ")
        assert printed.err.count("\n") == 1, printed.err
        return printed.err

    return run


@pytest.fixture
def free_port():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        # Bound and not listening: connecting is refused, and nobody else can take it.
        yield reserved.getsockname()[1]


def test_a_host_where_nobody_listens(complaint, to_engine, simulated, free_port):
    url = f"https://127.0.0.1:{free_port}/ovirt-engine/api"
    text = complaint(to_engine(simulated, url=url))
    assert f"127.0.0.1:{free_port}" in text
    assert "refused" in text.lower()


def test_a_host_that_has_no_address(complaint, to_engine, simulated):
    text = complaint(to_engine(simulated, url="https://engine.invalid/ovirt-engine/api"))
    assert "engine.invalid" in text


def test_the_certificate_of_another_ca(complaint, to_engine, simulated, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    text = complaint(to_engine(simulated, ca_file=str(tmp_path / "other.pem")))
    assert "certificate" in text
    assert "ca" in text.lower()


def test_no_ca_file_at_all(complaint, to_engine, simulated):
    words = to_engine(simulated)
    del words[words.index("--ca-file") :]
    assert "certificate" in complaint(words)


def test_a_ca_file_that_is_not_there(complaint, to_engine, simulated, tmp_path):
    missing = str(tmp_path / "missing.pem")
    assert missing in complaint(to_engine(simulated, ca_file=missing))


def test_a_ca_file_that_is_no_certificate(complaint, to_engine, simulated, tmp_path):
    (tmp_path / "text.pem").write_text("not a certificate")
    assert "text.pem" in complaint(to_engine(simulated, ca_file=str(tmp_path / "text.pem")))


def test_a_wrong_password(complaint, to_engine, simulated):
    text = complaint(to_engine(simulated, password=SECRET))
    assert simulated["username"] in text
    assert "password" in text


def test_no_password_and_nobody_to_ask(complaint, to_engine, simulated, monkeypatch):
    words = to_engine(simulated)
    monkeypatch.delenv("OVIRT_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "OVIRT_PASSWORD" in complaint(words)


@pytest.mark.parametrize("path", ["", "/", "/ovirt-engine", "/ovirt-engine/", "/elsewhere"])
def test_a_url_without_the_path_of_the_api(complaint, to_engine, simulated, path):
    url = simulated["url"].replace("/ovirt-engine/api", path)
    assert "/ovirt-engine/api" in complaint(to_engine(simulated, url=url))


@pytest.mark.parametrize(
    "url", ["engine.example.com", "ftp://engine/ovirt-engine/api", "https://", "https://h:x/"]
)
def test_a_url_that_is_none(complaint, to_engine, simulated, url):
    assert "URL" in complaint(to_engine(simulated, url=url))


def test_a_password_in_the_url_is_not_repeated(complaint, to_engine, simulated):
    url = simulated["url"].replace("https://", f"https://admin:{SECRET}@")
    complaint(to_engine(simulated, url=url))


HTML = "<html><head><title>503</title></head><body>Service Unavailable</body></html>"
VMS = "/ovirt-engine/api/vms"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((200, "text/html;charset=UTF-8", HTML), "HTML"),
        ((503, "text/html; charset=iso-8859-1", HTML), "503"),
        ((404, "text/html;charset=UTF-8", HTML), "404"),
        ((200, "application/xml", "<vms><vm id='1'></vms>"), "XML"),
        ((200, "application/xml", "<vms><vm id='1'>"), "XML"),
        ((200, "application/xml", ""), "empty"),
        ((200, "application/xml", "<hosts/>"), "hosts"),
        ((200, "application/xml", "\x00\x01\x02"), "XML"),
        ((200, "application/json", "{}"), "json"),
        ((500, "application/xml", "<fault><reason>No</reason><detail>Dice</detail></fault>"), "No"),
    ],
    ids=["html", "503", "404", "mismatched", "cut", "empty", "other", "binary", "json", "fault"],
)
def test_an_answer_that_is_no_list_of_vms(
    complaint, to_engine, simulation, write_recording, answer, word
):
    with simulation("--recording", write_recording({VMS: answer})) as facts:
        text = complaint([*to_engine(facts), "--patience", "0"])
    assert word.lower() in text.lower()
    assert "vms" in text


def test_an_out_file_in_no_folder_is_refused_before_the_work(
    complaint, tmp_path, to_engine, simulated
):
    words = to_engine(simulated, url="https://engine.invalid/ovirt-engine/api")
    out = str(tmp_path / "nowhere" / "out.json")
    assert "no folder" in complaint([*words, "--out", out])


@pytest.mark.parametrize("before", [True, False])
def test_debug_shows_the_traceback(to_engine, simulated, capsys, before):
    words = to_engine(simulated, password=SECRET)
    assert main(["--debug", *words] if before else [*words, "--debug"]) == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last)" in printed
    assert "AuthError" in printed
    assert printed.splitlines()[-1].startswith("trivirt: ")
    assert SECRET not in printed
