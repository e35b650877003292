from __future__ import annotations

import ssl

import pytest
import trio
import trustme

from trivirt.simulator._transport import MemoryTransport, Pipe, TcpTransport, TlsTransport


async def test_a_pipe_hands_over_what_is_there():
    pipe = Pipe()
    await pipe.send(b"hello")
    await pipe.send(b" there")
    assert await pipe.receive(3) == b"hel"
    assert await pipe.receive() == b"lo there"
    pipe.finish()
    assert await pipe.receive() == b""


async def test_a_full_pipe_makes_the_writer_wait(nursery, autojump_clock):
    pipe = Pipe(limit=10)
    with trio.move_on_after(5) as scope:
        await pipe.send(b"x" * 25)
    assert scope.cancelled_caught
    nursery.start_soon(pipe.send, b"y" * 5)
    data = b""
    while len(data) < 15:
        data += await pipe.receive(4)
    assert data == b"x" * 10 + b"y" * 5


async def test_a_broken_pipe_is_read_to_its_end():
    pipe = Pipe()
    await pipe.send(b"last words")
    pipe.break_off()
    assert pipe.readable
    assert await pipe.receive() == b"last words"
    with pytest.raises(trio.BrokenResourceError):
        await pipe.receive()
    with pytest.raises(trio.BrokenResourceError):
        await pipe.send(b"x")


async def test_a_writer_that_waits_is_told_when_it_breaks(nursery, autojump_clock):
    pipe = Pipe(limit=1)

    async def send():
        with pytest.raises(trio.BrokenResourceError):
            await pipe.send(b"xx")

    async with trio.open_nursery() as writers:
        writers.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        pipe.break_off()


@pytest.mark.parametrize("reset", [False, True])
async def test_the_end_of_a_memory_transport(reset):
    incoming, outgoing = Pipe(), Pipe()
    transport = MemoryTransport(incoming, outgoing)
    await transport.send(b"x")
    if reset:
        transport.abort()
    await transport.aclose()
    assert await outgoing.receive() == b"x"
    if reset:
        with pytest.raises(trio.BrokenResourceError):
            await outgoing.receive()
    else:
        assert await outgoing.receive() == b""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def tls(authority, nursery):
    """A server's end of TLS and Trio's as the client, over a real socket."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    left, right = trio.socket.socketpair()
    below = TcpTransport(trio.SocketStream(left))
    server = TlsTransport(below, server_context)
    client = trio.SSLStream(
        trio.SocketStream(right),
        client_context,
        server_hostname="localhost",
        https_compatible=True,
    )
    nursery.start_soon(client.do_handshake)
    await server.handshake()
    async with client:
        yield server, client
        await server.aclose()


async def test_what_was_sent_arrives(tls):
    server, client = tls
    await client.send_all(b"question")
    assert await server.receive() == b"question"
    await server.send(b"answer")
    assert await client.receive_some() == b"answer"


async def test_many_records_are_read_at_once(tls):
    server, client = tls
    for _ in range(10):
        await client.send_all(b"x" * 100)
    assert len(await server.receive()) == 1000


async def test_more_than_a_portion_is_sent(tls, nursery):
    server, client = tls
    nursery.start_soon(server.send, b"x" * 3_000_000)
    size = 0
    while size < 3_000_000:
        size += len(await client.receive_some())
    assert size == 3_000_000


async def test_finish_ends_our_half_only(tls):
    server, client = tls
    await server.finish()
    assert await client.receive_some() == b""
    with pytest.raises(trio.BrokenResourceError):
        await server.send(b"more")


async def test_an_end_without_close_notify_is_an_end(tls):
    server, client = tls
    await client.transport_stream.send_eof()
    assert await server.receive() == b""
    assert await server.receive() == b""


async def test_garbage_inside_of_tls_ends_it(tls):
    server, client = tls
    await client.transport_stream.send_all(b"garbage, and not a record of TLS")
    assert await server.receive() == b""
