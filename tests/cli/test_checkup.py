"""What of a checkup hardly ever happens; the rest is in test_doctor.py."""

from __future__ import annotations

import ssl

import pytest
import trio

from trivirt.cli import _checkup
from trivirt.cli._certificate import Certificate, read_certificate
from trivirt.cli._checkup_engine import _clock, _latency, _mend, _version
from trivirt.cli._checkup_tls import _distrusted
from trivirt.cli._finding import Finding, Trouble
from trivirt.cli._hops import Hop, Reached, reach
from trivirt.cli._sign_on import Target
from trivirt.errors import AuthError, ConnectionLost, RemoteProtocolError, Unavailable
from trivirt.types import Api
from trivirt.wire import Origin

TARGET = Target("https://engine.example.com/ovirt-engine/api")


async def test_an_address_that_does_not_answer_beside_one_that_does():
    """A client may take either, and then waits."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        found: list[Finding] = []
        hop = Hop("engine.example.com", port, False)
        await _checkup._reach(hop, ["127.0.0.1", "127.0.0.2"], found.append)
    (finding,) = found
    assert finding.state == "warning"
    assert "takes a connection in " in finding.found
    assert "not at all addresses (127.0.0.2: " in finding.found
    assert "DNS" in finding.mend


async def test_a_port_that_is_silent_is_given_up(autojump_clock, monkeypatch):
    async def never(host, port):
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    reached = await reach(["192.0.2.1"], 443)
    assert reached == Reached({}, {"192.0.2.1": "no answer within 10 s"})
    assert trio.current_time() > 0


async def test_dns_that_is_silent_is_given_up(autojump_clock, monkeypatch):
    async def never(*args, **keywords):
        await trio.sleep_forever()

    monkeypatch.setattr(trio.socket, "getaddrinfo", never)
    with pytest.raises(Trouble) as caught:
        await _checkup._resolve(Hop("proxy.example.com", 3128, True), print)
    assert caught.value.finding.found == "the name proxy.example.com has no address: no answer"
    assert caught.value.finding.mend == "check the proxy, and the DNS of this machine"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthError("no ticket"), "check the ticket, "),
        (Unavailable("a page"), "check that the URL leads to an engine"),
        (ConnectionLost("gone"), "look at the network"),
        (RemoteProtocolError("junk"), "check that the URL leads to an engine"),
    ],
)
def test_what_to_do_about_errors_of_the_engine(error, words):
    assert words in _mend(error, TARGET)


async def test_an_api_that_does_not_say_what_it_is():
    class Engine:
        async def get(self):
            return Api()

    finding = await _version(Engine())  # type: ignore[arg-type]
    assert finding.state == "warning"
    assert "does not say which version" in finding.found


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [
        (0.4, "ok", "differ by 0 seconds"),
        (-59.0, "ok", "differ by 59 seconds"),
        (61.0, "warning", "61 seconds ahead of"),
        (-7300.0, "warning", "2 hours behind"),
        (400 * 86400.0, "warning", "400 days ahead of"),
    ],
)
def test_how_far_clocks_are_apart(skew, state, words):
    finding = _clock(skew)
    assert finding.state == state
    assert words in finding.found


def test_a_slow_answer_is_the_middle_one():
    assert _latency([0.1, 0.2, 9.0]).found == "a small answer takes 200 ms"
    assert _latency([0.1, 2.0, 9.0]).state == "warning"


def made(**changes):
    """A certificate with a CA of its own, in DER."""
    import trustme

    ca = trustme.CA()
    pem = ca.issue_cert("engine.example.com", **changes).cert_chain_pems[0].bytes().decode()
    return ssl.PEM_cert_to_DER_cert(pem)


def test_a_certificate_is_read():
    found = read_certificate(made())
    assert found.names == ("engine.example.com",)
    assert found.begins < found.ends
    assert found.days_left(found.ends.timestamp() - 86400) == pytest.approx(1)


def test_junk_is_no_certificate():
    with pytest.raises(ValueError, match=r".+"):
        read_certificate(b"junk")


def test_a_name_of_the_old_fashion_counts_where_there_is_no_other():
    """An engine's first certificates had no other."""
    from datetime import datetime, timezone

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=timezone.utc))
    builder = builder.not_valid_after(datetime(2021, 1, 1, tzinfo=timezone.utc))
    found = read_certificate(builder.sign(key, SHA256()).public_bytes(Encoding.DER))
    assert found.names == ("old.example.com",)
    assert found.issuer == "old.example.com"


def test_a_distrust_that_has_no_words_of_ours():
    found = read_certificate(made())
    assert isinstance(found, Certificate)
    assert _distrusted(23, found, Origin("h", 443), TARGET) == (
        "",
        "look at the certificates of the engine's web server",
    )
