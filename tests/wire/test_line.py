"""Connections lent to threads, over real sockets: what is answered there, and what is not."""

from __future__ import annotations

import inspect
import select
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

import httpcore
import pytest
import trio
import trio.testing
from scripted_network import Peer, Script, answer, echo

from trivirt.errors import LocalProtocolError, TimedOut
from trivirt.wire import Limits, Origin, Pool, Request, Response, Timeouts, timeouts
from trivirt.wire._line import Line

OpenPool = Callable[..., AbstractAsyncContextManager[tuple[Pool, list[Peer]]]]


@pytest.fixture
def open_real_pool() -> OpenPool:
    """Opens a pool over TCP whose n-th connection is served by the n-th script given."""

    @asynccontextmanager
    async def opened(
        *scripts: Script, connections: int = 2, **limits: float
    ) -> AsyncIterator[tuple[Pool, list[Peer]]]:
        peers: list[Peer] = []

        async def serve(stream: trio.SocketStream) -> None:
            peers.append(Peer(stream, len(peers)))
            script = scripts[min(len(peers), len(scripts)) - 1]
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                async with stream:
                    await script(peers[-1])

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                (listener,) = await nursery.start(
                    partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
                )
                pool = Pool(
                    nursery,
                    Origin("127.0.0.1", listener.socket.getsockname()[1]),
                    httpcore.TrioBackend(),
                    connections=connections,
                    depth=8,
                    timeouts=Timeouts(**limits),
                    limits=Limits(body=100_000),
                )
                try:
                    yield pool, peers
                finally:
                    await pool.aclose()
                    statistics = pool.statistics()
                    assert statistics.connections == statistics.in_flight == 0
                    nursery.cancel_scope.cancel()

    return opened


def get(path: object) -> Request:
    return Request("GET", f"/{path}")


async def lend(pool: Pool) -> Line:
    """A line that is open: a connection is idle after a request, and its reader has left it."""
    assert (await pool.request(get("first"))).status == 200
    line = pool.lend()
    assert line is not None
    while not (line._opened or line.over):
        await trio.lowlevel.checkpoint()
    return line


async def ask(line: Line, path: object) -> Response | None:
    return await trio.to_thread.run_sync(line.request, get(path), abandon_on_cancel=True)


async def body(asked: Awaitable[Response | None]) -> str:
    response = await asked
    assert response is not None
    return response.body.decode()


async def test_requests_go_over_the_lent_connection_and_back(open_real_pool: OpenPool) -> None:
    async with open_real_pool(echo) as (pool, peers):
        line = await lend(pool)
        assert repr(line).endswith(", free>")
        for number in range(20):
            assert await body(ask(line, number)) == f"GET /{number}"
        assert len(peers) == 1
        assert pool.statistics().sent == 21
        assert pool.statistics().bytes_received > 21 * 40
        await pool.recall()
        assert line.over
        assert await ask(line, "late") is None
        assert (await pool.request(get("again"))).body == b"GET /again"
        assert len(peers) == 1


async def test_others_use_other_connections_meanwhile(open_real_pool: OpenPool) -> None:
    async with open_real_pool(echo, connections=2) as (pool, peers):
        line = await lend(pool)
        for request in (get("1"), Request("POST", "/2"), get("3")):
            assert (await pool.request(request)).status == 200
        assert len(peers) == 2
        assert await body(ask(line, "4")) == "GET /4"
        assert pool.lend() is None  # There would be none left for others.


async def test_the_only_connection_and_one_in_use_are_not_lent(open_real_pool: OpenPool) -> None:
    async with open_real_pool(echo, connections=1) as (pool, _):
        await pool.request(get("1"))
        assert pool.lend() is None
    async with open_real_pool(echo, connections=2) as (pool, _):
        assert pool.lend() is None  # There is none yet.
    assert pool.lend() is None


async def test_connections_that_are_no_sockets_are_not_lent(open_pool: Any) -> None:
    async with open_pool(connections=2) as (pool, _):
        await pool.request(get("1"))
        assert pool.lend() is None


def after_first(then: Script) -> Script:
    async def server(peer: Peer) -> None:
        request = await peer.request()
        assert request is not None
        await peer.answer(request)
        await then(peer)

    return server


async def silent(peer: Peer) -> None:
    while await peer.request() is not None:
        pass


async def closes(peer: Peer) -> None:
    await peer.request()


async def cuts(peer: Peer) -> None:
    await peer.request()
    await peer.send(answer("GET /1")[:-3])


async def talks_nonsense(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"220 mail.example.com ESMTP\r\n")
    await silent(peer)


async def sends_too_much(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    await silent(peer)


@pytest.mark.parametrize("then", [closes, cuts, talks_nonsense, sends_too_much])
async def test_when_anything_is_wrong_there_is_no_answer_and_the_line_is_over(
    open_real_pool: OpenPool, then: Script
) -> None:
    async with open_real_pool(after_first(then), echo) as (pool, peers):
        line = await lend(pool)
        assert await ask(line, "1") is None
        assert line.over
        assert (await pool.request(get("1"))).body == b"GET /1"
        assert len(peers) == 2


async def test_a_connection_that_was_closed_while_nobody_used_it(open_real_pool: OpenPool) -> None:
    lent = trio.Event()

    async def server(peer: Peer) -> None:
        await lent.wait()

    async with open_real_pool(after_first(server), echo) as (pool, peers):
        line = await lend(pool)
        lent.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await ask(line, "1") is None
        assert line.over
        assert (await pool.request(get("1"))).body == b"GET /1"
        assert len(peers) == 2


async def test_an_answer_that_came_before_it_was_asked_for(open_real_pool: OpenPool) -> None:
    async with open_real_pool(after_first(silent), echo) as (pool, peers):
        line = await lend(pool)
        await peers[0].send(answer("GET /forged"))
        assert select.select([line._sock], [], [], 10)[0]
        assert await ask(line, "1") is None
        assert line.over
        assert (await pool.request(get("1"))).body == b"GET /1"
        assert len(peers) == 2


async def test_a_connection_that_ends_before_it_is_lent(open_real_pool: OpenPool) -> None:
    async with open_real_pool(echo) as (pool, _):
        await pool.request(get("1"))
        line = pool.lend()
        assert line is not None
        for connection in pool._connections:
            connection.retire()
        assert await ask(line, "2") is None
        assert (await pool.request(get("3"))).body == b"GET /3"


async def test_an_answer_that_announces_the_end_counts(open_real_pool: OpenPool) -> None:
    async def last(peer: Peer) -> None:
        request = await peer.request()
        assert request is not None
        await peer.answer(request, headers=["Connection: close"])

    async with open_real_pool(after_first(last), echo) as (pool, peers):
        line = await lend(pool)
        assert await body(ask(line, "1")) == "GET /1"
        assert line.over
        assert (await pool.request(get("2"))).body == b"GET /2"
        assert len(peers) == 2


async def test_limits_count_as_they_do_elsewhere(open_real_pool: OpenPool) -> None:
    async def stops(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer("GET /1")[:-3])
        await silent(peer)

    async with open_real_pool(after_first(silent), first_byte=0.05) as (pool, _):
        line = await lend(pool)
        with pytest.raises(TimedOut, match=r"127.0.0.1:\d+ did not answer within 0.05 s") as caught:
            await ask(line, "1")
        assert caught.value.sent
        assert line.over
    async with open_real_pool(after_first(stops), silence=0.05) as (pool, _):
        line = await lend(pool)
        with pytest.raises(TimedOut, match=r"was not complete after .* 0.05 s without a byte"):
            await ask(line, "1")
    async with open_real_pool(after_first(stops), answer=0.05) as (pool, _):
        line = await lend(pool)
        with pytest.raises(TimedOut, match=r"was not complete after .*limits: 0.05 s for all"):
            await ask(line, "1")
    async with open_real_pool(after_first(silent)) as (pool, _):
        line = await lend(pool)
        with timeouts(first_byte=0.05), pytest.raises(TimedOut):
            await ask(line, "1")


async def test_no_limit(open_real_pool: OpenPool) -> None:
    forever = float("inf")
    limits = {"first_byte": forever, "silence": forever, "answer": forever}
    async with open_real_pool(echo, **limits) as (pool, _):
        line = await lend(pool)
        assert await body(ask(line, "1")) == "GET /1"


async def test_one_thread_at_a_time(open_real_pool: OpenPool) -> None:
    async with open_real_pool(after_first(silent)) as (pool, _):
        line = await lend(pool)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, line, "1")
            while not line.busy:
                await trio.lowlevel.checkpoint()
            assert repr(line).endswith(", busy>")
            assert pool.statistics().in_flight == 1
            assert await ask(line, "2") is None
            assert not line.over
            line.give_back()
            await pool.recall()  # Not while it is in use.
            assert pool.statistics().connections == 1
            nursery.cancel_scope.cancel()


async def test_giving_back_in_the_middle_of_an_answer_waits_for_the_rest(
    open_real_pool: OpenPool,
) -> None:
    begun, rest, given_back = trio.Event(), trio.Event(), []

    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer("GET /1")[:-3])
        begun.set()
        await rest.wait()
        await peer.send(answer("GET /1")[-3:])
        await echo(peer)

    async with open_real_pool(after_first(slow)) as (pool, peers):
        line = await lend(pool)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                assert await body(ask(line, "1")) == "GET /1"

            nursery.start_soon(wait)
            await begun.wait()
            while line._pipeline.in_answer is False:
                await trio.lowlevel.checkpoint()
            given_back.append(line.give_back())
            rest.set()
        assert given_back == [False]
        assert (await pool.request(get("2"))).body == b"GET /2"
        assert len(peers) <= 2


@pytest.mark.parametrize("how", ["give_up", "aclose"])
async def test_closing_breaks_a_request_off(open_real_pool: OpenPool, how: str) -> None:
    answers: list[Response | None] = []

    async def wait(line: Line) -> None:
        answers.append(await ask(line, "1"))

    async with open_real_pool(after_first(silent)) as (pool, _):
        line = await lend(pool)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, line)
            while not line.busy:
                await trio.lowlevel.checkpoint()
            pool.give_up()
            if how == "aclose":
                await pool.aclose()
        assert answers == [None]


async def test_a_line_that_is_given_back_before_it_was_open(open_real_pool: OpenPool) -> None:
    for end in ("recall", "give_up", "give_back", "aclose"):
        async with open_real_pool(echo) as (pool, _):
            await pool.request(get("1"))
            line = pool.lend()
            assert line is not None
            ended = getattr(line if end == "give_back" else pool, end)()
            if inspect.isawaitable(ended):
                await ended
            assert line.over
            if end != "aclose":
                assert (await pool.request(get("3"))).body == b"GET /3"
                assert (await pool.request(Request("POST", "/4"))).body == b"POST /4"
                await trio.testing.wait_all_tasks_blocked()
                assert pool.statistics().in_flight == 0


async def test_what_breaks_out_of_a_request_breaks_the_connection(
    open_real_pool: OpenPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_real_pool(echo) as (pool, peers):
        line = await lend(pool)

        def interrupt(_: bytes) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(line._pipeline, "receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            await ask(line, "1")
        assert line.over
        assert (await pool.request(get("2"))).body == b"GET /2"
        assert len(peers) == 2


async def test_a_request_that_would_break_http_is_refused(open_real_pool: OpenPool) -> None:
    async with open_real_pool(echo) as (pool, _):
        line = await lend(pool)
        with pytest.raises(LocalProtocolError):
            line.request(get("a b"))
        assert await body(ask(line, "1")) == "GET /1"


async def test_threads_that_fight_for_it_while_it_comes_and_goes(open_real_pool: OpenPool) -> None:
    """Whatever the order, every answer is the right one and no connection is lost."""
    found: list[bool] = []

    def use(lines: list[Line], number: int, stop: threading.Event) -> None:
        while not stop.is_set():
            response = lines[-1].request(get(number))
            if response is not None:
                found.append(response.body == f"GET /{number}".encode())

    async with open_real_pool(echo, connections=3) as (pool, peers):
        lines, stop = [await lend(pool)], threading.Event()
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(trio.to_thread.run_sync, use, lines, number, stop)
            for _ in range(30):
                assert (await pool.request(get("other"))).body == b"GET /other"
                lines[-1].give_back()
                while (line := pool.lend()) is None:
                    await trio.lowlevel.checkpoint()
                lines.append(line)
            while not found:
                await trio.lowlevel.checkpoint()
            stop.set()
        assert all(found)
        assert len(peers) <= 3
