"""TLS with certificates made for the occasion: who is trusted, and what is said when nobody is."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpcore
import pytest
import trio
import trustme
from cryptography.hazmat.primitives import serialization
from scripted_network import Peer, Script, ScriptedNetwork, echo

from trivirt.errors import ConnectionLost, TlsFailed, UsageError
from trivirt.simulator._transport import TlsTransport
from trivirt.wire import Origin, Proxy, Request, Timeouts, client_context
from trivirt.wire._dial import dial

NAME = "engine.example.com"
GONE = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pem(ca: trustme.CA) -> str:
    return ca.cert_pem.bytes().decode()


def server_context(ca: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or (NAME,)), **options).configure_cert(context)
    return context


class TlsEnd(trio.abc.Stream):
    """The server's end of TLS on a memory stream. It tells a client why it is refused, which
    trio.SSLStream does not, and closes without a farewell.
    """

    def __init__(self, stream: trio.abc.Stream, context: ssl.SSLContext) -> None:
        self.stream = stream
        self._tls = TlsTransport(self, context)  # type: ignore[arg-type]
        self.handshake = self._tls.handshake

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._tls.receive()

    async def send_all(self, data: Any) -> None:
        await self._tls.send(data)

    async def wait_send_all_might_not_block(self) -> None: ...

    async def aclose(self) -> None:
        await self.stream.aclose()

    # What TlsTransport wants of the stream below it.

    async def receive(self) -> bytes:
        return bytes(await self.stream.receive_some(65536))

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)


def over_tls(context: ssl.SSLContext, script: Script = echo) -> Script:
    """A script, spoken through TLS."""

    async def secured(peer: Peer) -> None:
        end = TlsEnd(peer.stream, context)
        with contextlib.suppress(ssl.SSLError):
            await end.handshake()
            peer.stream = end
            await script(peer)

    return secured


def sending(data: bytes) -> Script:
    """Answers whatever comes first with these bytes, and closes."""

    async def script(peer: Peer) -> None:
        await peer.stream.receive_some(65536)
        if data:
            await peer.send(data)

    return script


@pytest.fixture
def try_to_connect(nursery: trio.Nursery) -> Callable[..., Any]:
    async def connected(script: Script, context: ssl.SSLContext, host: str = NAME) -> Any:
        network = ScriptedNetwork(nursery, script)
        with trio.fail_after(3600):
            return await dial(Origin(host, 443, context), network, Timeouts(tls=5))

    return connected


def write(path: Path, *blobs: trustme.Blob) -> Path:
    path.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return path


# Whom we trust.


@pytest.mark.parametrize("form", ["file", "text", "bytes", "two"])
async def test_the_ca_of_the_engine(
    ca: trustme.CA, pem: str, tmp_path: Path, open_pool: Any, form: str
) -> None:
    file = write(tmp_path / "ca.pem", ca.cert_pem)
    other = trustme.CA().cert_pem.bytes()
    context = {
        "file": lambda: client_context(ca_file=file),
        "text": lambda: client_context(ca_data=f"The CA:\n{pem}"),
        "bytes": lambda: client_context(ca_data=other + pem.encode()),
        "two": lambda: client_context(ca_file=str(file), ca_data=other),
    }[form]()
    script = over_tls(server_context(ca))
    async with open_pool(script, origin=Origin(NAME, 443, context)) as (pool, _):
        assert (await pool.request(Request("GET", "/1"))).body == b"GET /1"


async def test_a_certificate_that_is_no_root_may_be_trusted_itself(try_to_connect: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = trustme.CA().issue_cert(NAME)
    leaf.configure_cert(context)
    trusted = client_context(ca_data=leaf.cert_chain_pems[0].bytes())
    await (await try_to_connect(over_tls(context), trusted)).aclose()


async def test_an_unknown_ca_tells_where_the_right_one_is(
    ca: trustme.CA, try_to_connect: Any
) -> None:
    for context in client_context(), client_context(ca_data=trustme.CA().cert_pem.bytes()):
        with pytest.raises(TlsFailed) as caught:
            await try_to_connect(over_tls(server_context(ca)), context)
        assert "not signed by a CA that is trusted here" in str(caught.value)
        assert (
            "Give the engine's CA as ca_file; it is at https://engine.example.com:443/ovirt-engine/"
            "services/pki-resource?resource=ca-certificate&format=X509-PEM-CA (verify its "
            "fingerprint)."
        ) in str(caught.value)


@pytest.mark.parametrize("host", ["other.example.com", "192.0.2.1"])
async def test_a_certificate_for_another_name(
    ca: trustme.CA, pem: str, try_to_connect: Any, host: str
) -> None:
    with pytest.raises(TlsFailed, match=rf"for another name \(.*{host}.*Use the name that"):
        await try_to_connect(over_tls(server_context(ca)), client_context(ca_data=pem), host)


async def test_an_expired_certificate(ca: trustme.CA, pem: str, try_to_connect: Any) -> None:
    expired = over_tls(server_context(ca, not_after=GONE))
    with pytest.raises(TlsFailed, match="has expired, or this machine's clock is wrong"):
        await try_to_connect(expired, client_context(ca_data=pem))


async def test_insecure_believes_anybody(ca: trustme.CA, try_to_connect: Any) -> None:
    context = client_context(insecure=True, ca_file="/not/there")
    expired = over_tls(server_context(ca, not_after=GONE))
    await (await try_to_connect(expired, context, "other.example.com")).aclose()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ca_file": "/not/there"}, "'/not/there' cannot be read: No such file"),
        ({"ca_file": ""}, "The CA file '' cannot be read"),
        ({"ca_file": Path("/")}, "'/' cannot be read: Is a directory"),
        ({"ca_file": __file__}, "holds no PEM certificate"),
        ({"ca_data": ""}, "ca_data holds no PEM certificate"),
        ({"ca_data": b"\xff"}, "ca_data holds no PEM certificate"),
        ({"ca_data": "/etc/ca.pem"}, "ca_data holds no PEM certificate"),
        ({"client_cert": "/not/there"}, "'/not/there' with the key '/not/there' cannot be read"),
        ({"client_cert": __file__}, "both must be PEM, the certificate first"),
        ({"client_cert": ("a",)}, "client_cert is a file, or"),
    ],
)
def test_files_that_cannot_be_used(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        client_context(**options)


# Our own certificate.


def demanding(ca: trustme.CA, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_context(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    ca.configure_trust(context)
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("form", ["one file", "two files", "password"])
async def test_a_client_certificate(
    ca: trustme.CA, pem: str, tmp_path: Path, open_pool: Any, form: str, version: ssl.TLSVersion
) -> None:
    mine = ca.issue_cert("me@example.com")
    cert, key = write(tmp_path / "cert", *mine.cert_chain_pems), tmp_path / "key"
    write(key, mine.private_key_pem)
    given: Any = (cert, str(key))
    if form == "one file":
        given = write(tmp_path / "both", mine.private_key_and_cert_chain_pem)
    elif form == "password":
        given = (cert, encrypt(key, b"s3cret"), "s3cret")
    context = client_context(ca_data=pem, client_cert=given)
    script = over_tls(demanding(ca, version))
    async with open_pool(script, origin=Origin(NAME, 443, context)) as (pool, _):
        assert (await pool.request(Request("GET", "/1"))).body == b"GET /1"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_a_missing_client_certificate(
    ca: trustme.CA, pem: str, open_pool: Any, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 the handshake succeeds, and the refusal comes in place of the answer."""
    origin = Origin(NAME, 443, client_context(ca_data=pem))
    async with open_pool(over_tls(demanding(ca, version)), origin=origin) as (pool, _):
        with pytest.raises((TlsFailed, ConnectionLost), match="certificate of this client"):
            await pool.request(Request("GET", "/1"))


def test_client_certificates_that_cannot_be_used(ca: trustme.CA, tmp_path: Path) -> None:
    mine, other = ca.issue_cert("me@example.com"), ca.issue_cert("you@example.com")
    cert = write(tmp_path / "cert", *mine.cert_chain_pems)
    plain = write(tmp_path / "other", other.private_key_pem)
    key = encrypt(write(tmp_path / "key", mine.private_key_pem), b"s3cret")
    cases: Sequence[tuple[Any, str]] = [
        ((cert, plain), "the key belongs to another certificate"),
        ((cert, key), "the key is protected by a password"),
        ((cert, key, "wr0ng"), "the password of the key is wrong"),
    ]
    for given, words in cases:
        with pytest.raises(UsageError, match=words) as caught:
            client_context(client_cert=given)
        assert "wr0ng" not in str(caught.value)


def encrypt(key: Path, password: bytes) -> Path:
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
    )
    return key


# What is no TLS, or not ours.


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS there; check the port, or is"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS there"),
        (b"", "closed the connection.*; does it speak TLS there"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks no version of TLS that is safe to use"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "nothing that both sides can speak, or wants"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "INTERNAL_ERROR"),
    ],
)
async def test_something_else_than_tls(
    pem: str, try_to_connect: Any, data: bytes, words: str
) -> None:
    with pytest.raises(TlsFailed, match=words):
        await try_to_connect(sending(data), client_context(ca_data=pem))


async def test_an_end_during_the_handshake_may_pass(pem: str, try_to_connect: Any) -> None:
    """Who repeats requests takes a TLS error as the cause for one that stays."""

    async def ending(peer: Peer) -> None:
        await peer.stream.receive_some(65536)
        assert isinstance(peer.stream, trio.StapledStream)
        await peer.stream.send_eof()

    with pytest.raises(TlsFailed, match="the server closed the connection; does it") as caught:
        await try_to_connect(ending, client_context(ca_data=pem))
    assert caught.value.__cause__ is None


async def test_a_reset_during_the_handshake(pem: str, try_to_connect: Any) -> None:
    async def reset(peer: Peer) -> None:
        await trio.aclose_forcefully(peer.stream)

    with pytest.raises(TlsFailed, match="closed the connection"):
        await try_to_connect(reset, client_context(ca_data=pem))


async def test_a_handshake_that_never_ends(
    pem: str, try_to_connect: Any, autojump_clock: Any
) -> None:
    async def silent(peer: Peer) -> None:
        await trio.sleep_forever()

    with pytest.raises(TlsFailed, match=r"was not over within 5 s"):
        await try_to_connect(silent, client_context(ca_data=pem))


# The stream.


async def test_large_answers_and_both_directions_at_once(
    ca: trustme.CA, pem: str, open_pool: Any
) -> None:
    body = bytes(range(256)) * 4096

    async def serve(peer: Peer) -> None:
        while await peer.request() is not None:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(peer.body)}\r\n\r\n"
            await peer.send(head.encode() + peer.body)

    script = over_tls(server_context(ca), serve)
    origin = Origin(NAME, 443, client_context(ca_data=pem))
    async with open_pool(script, origin=origin) as (pool, _):
        for _ in range(3):
            assert (await pool.request(Request("POST", "/1", (), body))).body == body


async def test_an_end_without_a_farewell_is_an_end(
    ca: trustme.CA, pem: str, open_pool: Any
) -> None:
    """An answer that says where it ends loses nothing by a missing close_notify."""

    async def serve(peer: Peer) -> None:
        request = await peer.request()
        if request is not None:
            await peer.answer(request)

    script = over_tls(server_context(ca), serve)
    origin = Origin(NAME, 443, client_context(ca_data=pem))
    async with open_pool(script, origin=origin) as (pool, network):
        for number in range(3):
            assert (await pool.request(Request("GET", f"/{number}"))).status == 200
        assert len(network.connections) == 3


@pytest.mark.parametrize("farewell", [True, False])
async def test_an_answer_without_a_length_needs_a_farewell(
    ca: trustme.CA, pem: str, open_pool: Any, farewell: bool
) -> None:
    """Else whoever can cut the connection could shorten a list (RFC 9112 section 9.8)."""

    async def serve(peer: Peer) -> None:
        stream = trio.SSLStream(peer.stream, server_context(ca), server_side=True)
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n<vms/>")
        if farewell:
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.unwrap()

    origin = Origin(NAME, 443, client_context(ca_data=pem))
    async with open_pool(serve, origin=origin) as (pool, _):
        if farewell:
            assert (await pool.request(Request("GET", "/"))).body == b"<vms/>"
        else:
            with pytest.raises(ConnectionLost, match="without a farewell"):
                await pool.request(Request("GET", "/"))


async def test_a_proxy_over_tls(ca: trustme.CA, pem: str, open_pool: Any) -> None:
    """TLS to the engine inside TLS to the proxy."""
    inner = over_tls(server_context(ca))

    async def proxying(peer: Peer) -> None:
        assert await peer.request() == f"CONNECT {NAME}:443"
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await inner(peer)

    context = client_context(ca_data=pem)
    proxy = Proxy("proxy.example.com", 443, context)
    script = over_tls(server_context(ca, "proxy.example.com"), proxying)
    async with open_pool(script, origin=Origin(NAME, 443, context, proxy)) as (pool, _):
        for number in range(3):
            assert (await pool.request(Request("GET", f"/{number}"))).status == 200


async def test_a_proxy_whose_certificate_is_not_trusted(
    ca: trustme.CA, pem: str, nursery: trio.Nursery
) -> None:
    context = client_context(ca_data=pem)
    network = ScriptedNetwork(nursery, over_tls(server_context(ca, "other.example.com")))
    origin = Origin(NAME, 443, context, Proxy("proxy.example.com", 443, context))
    with pytest.raises(TlsFailed, match=r"The proxy cannot be reached: .* another name") as got:
        await dial(origin, network, Timeouts())
    assert isinstance(got.value.__cause__, ssl.SSLError)


# Over TCP.


async def test_over_tcp(pem: str, ca: trustme.CA, nursery: trio.Nursery) -> None:
    async def handle(stream: trio.SocketStream) -> None:
        await over_tls(server_context(ca, "localhost"))(Peer(stream, 0))

    listeners = await nursery.start(trio.serve_tcp, handle, 0)
    port = listeners[0].socket.getsockname()[1]
    network, context = httpcore.TrioBackend(), client_context(ca_data=pem)
    stream = await dial(Origin("localhost", port, context), network, Timeouts())
    await stream.write(b"GET /1 HTTP/1.1\r\n\r\n")
    assert (await stream.read(65536)).endswith(b"GET /1")
    await stream.aclose()
    with pytest.raises(TlsFailed, match="not signed by a CA that is trusted here"):
        await dial(Origin("localhost", port, client_context()), network, Timeouts())
    with pytest.raises(TlsFailed, match="for another name"):
        await dial(Origin("127.0.0.1", port, context), network, Timeouts())
