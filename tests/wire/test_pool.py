"""The pool over scripted servers: who is served where, and what becomes of a lost connection."""

from __future__ import annotations

import contextlib
import gc
import random
import select
import socket
import tracemalloc
from typing import Any

import httpcore
import pytest
import trio
import trio.testing
from scripted_network import Peer, ScriptedNetwork, answer, echo
from trio.testing import MockClock

from trivirt.errors import (
    Cancelled,
    ConnectFailed,
    ConnectionLost,
    Error,
    RemoteProtocolError,
    TimedOut,
)
from trivirt.wire import Limits, Origin, Pool, Request, Timeouts


def get(number: object) -> Request:
    return Request("GET", f"/{number}")


class Results(dict[int, Any]):
    """Answers and errors by request number; `ask` is a task."""

    async def ask(self, pool: Pool, request: Request, number: int) -> None:
        try:
            response = await pool.request(request)
        except Error as exc:
            self[number] = exc
        else:
            assert response.body.decode() == f"{request.method} {request.target}"
            self[number] = response.status


async def ask_all(pool: Pool, count: int, results: Results | None = None) -> Results:
    results = Results() if results is None else results
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(results.ask, pool, get(number), number)
    return results


# Scheduling


async def test_the_second_request_is_written_before_the_first_answer_is_read(
    open_pool: Any,
    autojump_clock: MockClock,
) -> None:
    """This is what pipelining is; a client that only claims it fails here."""
    seen: list[str | None] = []

    async def server(peer: Peer) -> None:
        seen.extend([await peer.request(), await peer.request(), await peer.request()])
        for request in seen:
            assert request is not None
            await peer.answer(request)

    async with open_pool(server) as (pool, _):
        assert await ask_all(pool, 3) == {0: 200, 1: 200, 2: 200}
    assert sorted(map(str, seen)) == ["GET /0", "GET /1", "GET /2"]


@pytest.mark.parametrize("depth", [1, 3, 8])
async def test_no_connection_owes_more_answers_than_its_depth(
    open_pool: Any, autojump_clock: MockClock, depth: int
) -> None:
    most = 0

    async def server(peer: Peer) -> None:
        nonlocal most
        while requests := await peer.burst():
            most = max(most, len(requests))
            for request in requests:
                await peer.answer(request)

    async with open_pool(server, connections=2, depth=depth) as (pool, _):
        assert len(await ask_all(pool, 40)) == 40
    assert most == depth


async def test_connections_are_opened_before_pipelines_deepen(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    held = trio.Event()

    async def server(peer: Peer) -> None:
        request = await peer.request()
        await held.wait()
        while request is not None:
            await peer.answer(request)
            request = await peer.request()

    async with open_pool(server, connections=4, depth=8) as (pool, network):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(pool.request, get(number))
            await trio.testing.wait_all_tasks_blocked()
            assert len(network.connections) == 4
            assert pool.statistics().in_flight == 4
            held.set()


async def test_one_request_after_the_other_needs_one_connection(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(echo, connections=8) as (pool, network):
        for number in range(20):
            assert (await pool.request(get(number))).body == f"GET /{number}".encode()
        assert len(network.connections) == 1


async def test_load_is_dealt_evenly(open_pool: Any, autojump_clock: MockClock) -> None:
    async with open_pool(connections=4, depth=8) as (pool, _):
        hold = trio.Event()

        async def held(peer: Peer) -> None:
            await hold.wait()
            await echo(peer)

        pool._backend._scripts[:] = [held]
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(pool.request, get(number))
            await trio.testing.wait_all_tasks_blocked()
            assert [c.load for c in pool._connections] == [5, 5, 5, 5]
            hold.set()


async def test_first_come_first_served(open_pool: Any, autojump_clock: MockClock) -> None:
    order: list[str] = []

    async def server(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            order.append(request)
            await peer.answer(request)

    async with open_pool(server, connections=1, depth=2) as (pool, _):
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(pool.request, get(number))
                await trio.testing.wait_all_tasks_blocked()
    assert order == [f"GET /{number}" for number in range(30)]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
async def test_what_is_no_get_travels_alone(
    open_pool: Any, autojump_clock: MockClock, method: str
) -> None:
    """Neither behind unanswered GETs nor before them, and it is not starved by them."""
    bursts: list[list[str]] = []

    async def server(peer: Peer) -> None:
        while requests := await peer.burst():
            bursts.append(requests)
            for request in requests:
                data = answer(request)
                if request.startswith("HEAD"):
                    data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                await peer.send(data)

    async with open_pool(server, connections=1, depth=4) as (pool, _):
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(pool.request, get(number))
                await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(pool.request, Request(method, "/change"))
            await trio.testing.wait_all_tasks_blocked()
            for number in range(10, 40):
                nursery.start_soon(pool.request, get(number))
    assert [f"{method} /change"] in bursts
    order = [request for burst in bursts for request in burst]
    assert order.index(f"{method} /change") == 10
    assert max(map(len, bursts)) == 4


async def test_a_post_does_not_hold_up_the_gets_on_other_connections(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def slow(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await trio.sleep(100 if request.startswith("POST") else 1)
            await peer.answer(request)

    async with open_pool(slow, connections=2, depth=4) as (pool, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.request, Request("POST", "/change"))
            assert len(await ask_all(pool, 20)) == 20
            assert trio.current_time() < 30


async def test_a_post_does_not_use_a_connection_that_was_idle_for_long(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """Apache may be closing it right now, and then nobody could say whether it was executed."""
    async with open_pool(echo) as (pool, network):
        await pool.request(get(0))
        await trio.sleep(1.9)
        await pool.request(Request("POST", "/1"))
        assert len(network.connections) == 1
        await trio.sleep(2.1)
        await pool.request(Request("POST", "/2"))
        assert len(network.connections) == 2


# Losing a connection


async def test_a_close_with_others_behind_it(open_pool: Any, autojump_clock: MockClock) -> None:
    """Apache answers so many requests on a connection and discards what is behind the last."""

    async def five(peer: Peer) -> None:
        for left in (4, 3, 2, 1, 0):
            request = await peer.request()
            if request is None:
                return
            await peer.answer(request, headers=() if left else ["Connection: close"])

    async with open_pool(five, connections=3, depth=8) as (pool, network):
        assert await ask_all(pool, 100) == dict.fromkeys(range(100), 200)
        assert len(network.connections) >= 20


@pytest.mark.parametrize("answered", [0, 1, 2])
async def test_safe_requests_are_sent_again(
    open_pool: Any, autojump_clock: MockClock, answered: int
) -> None:
    async def breaks(peer: Peer) -> None:
        for _ in range(answered):
            await peer.answer(await peer.request() or "")
        await peer.request()
        await trio.testing.wait_all_tasks_blocked()

    async with open_pool(breaks, echo) as (pool, network):
        assert await ask_all(pool, 5) == dict.fromkeys(range(5), 200)
        assert pool.statistics().resent == 5 - answered
        assert len(network.connections) == 2


async def test_a_truncated_answer_is_asked_for_again(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def truncates(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(answer(request or "")[:-1])

    async with open_pool(truncates, echo) as (pool, _):
        assert await ask_all(pool, 3) == dict.fromkeys(range(3), 200)


async def _closes_after_each_without_a_word(peer: Peer) -> None:
    await peer.answer(await peer.request() or "")


async def test_what_was_lost_goes_to_a_connection_that_is_new(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """Those that have answered before may all be about to end, one like the other."""
    asked: list[int] = []

    async def once(peer: Peer) -> None:
        await peer.answer(await peer.request() or "")
        if await peer.request() is not None:
            asked.append(peer.number)

    async with open_pool(once, connections=3, depth=1) as (pool, network):
        assert await ask_all(pool, 3) == dict.fromkeys(range(3), 200)
        assert (await pool.request(get(4))).body == b"GET /4"
        assert len(asked) == 1
        assert len(network.connections) == 4


async def test_sending_again_is_bounded(open_pool: Any, autojump_clock: MockClock) -> None:
    async def breaks(peer: Peer) -> None:
        await peer.request()

    async with open_pool(breaks) as (pool, network):
        with pytest.raises(ConnectionLost, match=r"without an answer, 3 times in a row") as caught:
            await pool.request(get(0))
        assert caught.value.sent
        assert (caught.value.method, caught.value.path) == ("GET", "/0")
        assert len(network.connections) == 3


async def test_a_server_that_hangs_up_at_once_is_not_called_for_ever(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def hangs_up(peer: Peer) -> None:
        await peer.stream.aclose()

    async with open_pool(hangs_up, connections=2) as (pool, network):
        results = await ask_all(pool, 4)
        assert all(isinstance(error, ConnectionLost) for error in results.values())
        assert len(network.connections) <= 20


async def _floods(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000)


async def test_a_change_whose_answer_is_too_large_may_have_been_executed(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(_floods) as (pool, network):
        with pytest.raises(RemoteProtocolError, match=r"a head of more .*; it may have been exec"):
            await pool.request(Request("POST", "/"))
        assert len(network.connections) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_change_is_never_sent_twice(
    open_pool: Any, autojump_clock: MockClock, method: str
) -> None:
    async def breaks(peer: Peer) -> None:
        await peer.request()

    async with open_pool(breaks, echo) as (pool, network):
        with pytest.raises(ConnectionLost, match="may have been executed") as caught:
            await pool.request(Request(method, "/1"))
        assert caught.value.sent
        assert len(network.connections) == 1


async def test_an_answer_out_of_step_is_not_believed(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """What came before the doubt stands; the connection is not used again."""

    async def too_many(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(answer(request or "") + answer("GET /forged"))
        await peer.request()

    async with open_pool(too_many, echo) as (pool, network):
        assert (await pool.request(get(0))).body == b"GET /0"
        assert (await pool.request(get(1))).body == b"GET /1"
        assert len(network.connections) == 2


class SocketServer:
    """Accepts on loopback, in threads, for tests in which the client has no time to look."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    async def answer_first(self, pool: Pool, request: Request) -> tuple[socket.socket, Any]:
        """The server's end of a connection that has answered its first request."""
        async with trio.open_nursery() as nursery:
            got = Results()
            nursery.start_soon(got.ask, pool, request, 0)
            end = await trio.to_thread.run_sync(self._answer, f"{request.method} {request.target}")
        return end, got[0]

    def _answer(self, line: str) -> socket.socket:
        end, _ = self._listener.accept()
        end.settimeout(60)
        end.recv(65536)
        end.sendall(answer(line))
        return end

    def close(self) -> None:
        self._listener.close()


def _keep_busy(pool: Pool) -> None:
    """Keep trio from running until something has come, and the connection counts as idle."""
    (connection,) = pool._connections
    assert select.select([connection._stream.get_extra_info("socket")], [], [], 60)[0]
    while not connection._unwatched():
        pass


@pytest.mark.parametrize("what", ["forged", "end", "reset"])
async def test_what_came_while_nobody_looked_is_seen_before_a_request_is_written(
    what: str,
) -> None:
    """An answer from before the request is none to it, and a POST need not meet its end there."""
    server = SocketServer()
    with contextlib.closing(server), trio.fail_after(60):
        for _ in range(8):
            async with trio.open_nursery() as nursery:
                pool = Pool(
                    nursery,
                    Origin("127.0.0.1", server.port),
                    httpcore.TrioBackend(),
                    connections=1,
                    depth=4,
                    timeouts=Timeouts(),
                    limits=Limits(),
                )
                first, status = await server.answer_first(pool, get(0))
                assert status == 200
                if what == "forged":
                    first.sendall(answer("POST /1"))
                else:
                    if what == "reset":
                        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" * 2)
                    first.close()
                _keep_busy(pool)
                second, status = await server.answer_first(pool, Request("POST", "/1"))
                assert status == 200
                await pool.aclose()
                first.close()
                second.close()


async def _junk(peer: Peer) -> None:
    request = await peer.request()
    await peer.request()
    await peer.send(answer(request or "") + b"junk\r\n\r\n")


async def test_what_junk_came_for_is_asked_again(open_pool: Any, autojump_clock: MockClock) -> None:
    async with open_pool(_junk, echo) as (pool, network):
        assert await ask_all(pool, 3) == dict.fromkeys(range(3), 200)
        assert len(network.connections) == 2


async def test_junk_again_and_again_is_an_error(open_pool: Any, autojump_clock: MockClock) -> None:
    async def junk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"junk\r\n\r\n")

    async with open_pool(junk) as (pool, network):
        with pytest.raises(RemoteProtocolError, match=r"no HTTP/1.1 answer .*, 3 times in a row"):
            await pool.request(get(0))
        assert len(network.connections) == 3


async def test_what_is_too_large_is_not_asked_for_again(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(_floods) as (pool, network):
        with pytest.raises(RemoteProtocolError, match="a head of more than"):
            await pool.request(get(0))
        assert len(network.connections) == 1


async def test_refused_connections_fail_each_request_with_an_error_of_its_own(
    open_pool: Any,
    autojump_clock: MockClock,
) -> None:
    async with open_pool(None, connections=2) as (pool, _):
        results = await ask_all(pool, 20)
        assert all(isinstance(error, ConnectFailed) for error in results.values())
        assert len({id(error) for error in results.values()}) == 20
        assert "engine:80: connection refused" in str(results[0])
        assert results[7].path == "/7"


async def test_one_refused_connection_does_not_fail_what_others_can_serve(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(echo, None, connections=4) as (pool, network):
        assert await ask_all(pool, 50) == dict.fromkeys(range(50), 200)
        assert network.refused == 3


# Time


async def test_waiting_for_ones_turn_is_not_the_servers_time(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def slow(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await trio.sleep(9)
            await peer.answer(request)

    async with open_pool(slow, depth=4, timeouts=Timeouts(first_byte=10)) as (pool, _):
        assert await ask_all(pool, 12) == dict.fromkeys(range(12), 200)


async def test_a_stalled_server_fails_one_request_and_no_other(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def stalls(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    async with open_pool(stalls, echo, timeouts=Timeouts(first_byte=10)) as (pool, _):
        results = await ask_all(pool, 5)
        failed = [error for error in results.values() if error != 200]
        assert [type(error) for error in failed] == [TimedOut]
        assert "engine did not answer within 10 s" in str(failed[0])
        assert failed[0].sent
        assert trio.current_time() == pytest.approx(10)


async def test_an_answer_that_stops_halfway(open_pool: Any, autojump_clock: MockClock) -> None:
    async def stops(peer: Peer) -> None:
        await peer.send(answer(await peer.request() or "")[:-1])
        await trio.sleep_forever()

    async with open_pool(stops, echo, timeouts=Timeouts(silence=7)) as (pool, _):
        with pytest.raises(TimedOut, match="7 s without a byte"):
            await pool.request(get(0))
        assert trio.current_time() == pytest.approx(7)


async def test_an_answer_that_trickles_for_too_long(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def trickles(peer: Peer) -> None:
        for byte in answer(await peer.request() or ""):
            await peer.send(bytes([byte]))
            await trio.sleep(1)

    async with open_pool(trickles, timeouts=Timeouts(answer=20)) as (pool, _):
        with pytest.raises(TimedOut, match="20 s for all of it"):
            await pool.request(get(0))
        assert trio.current_time() == pytest.approx(20)


async def test_a_server_that_never_accepts(open_pool: Any, autojump_clock: MockClock) -> None:
    async with open_pool(timeouts=Timeouts(connect=5)) as (pool, network):

        async def never(*args: Any, **keywords: Any) -> Any:
            await trio.sleep_forever()

        network.connect_tcp = never
        with pytest.raises(ConnectFailed, match="within 5 s"):
            await pool.request(get(0))
        assert trio.current_time() == pytest.approx(5)


# Cancellation


async def test_cancelled_before_it_is_written_it_is_never_sent(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    seen: list[str] = []

    async def server(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            seen.append(request)
            await trio.sleep(10)
            await peer.answer(request)

    async with open_pool(server, depth=1) as (pool, _), trio.open_nursery() as nursery:
        nursery.start_soon(pool.request, get(0))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await pool.request(get("cancelled"))
        assert pool.statistics().waiting == 0
        nursery.start_soon(pool.request, get(1))
    assert seen == ["GET /0", "GET /1"]


async def test_cancelled_in_flight_its_answer_goes_to_nobody(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def server(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await trio.sleep(0.2)
            await peer.answer(request)

    async with open_pool(server) as (pool, network):
        with trio.move_on_after(0.1):
            await pool.request(get("cancelled"))
        assert pool.statistics().in_flight == 0
        assert await ask_all(pool, 5) == dict.fromkeys(range(5), 200)
        assert len(network.connections) == 1


async def test_draining_ends_where_reconnecting_is_cheaper(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def slow(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    async with open_pool(slow, echo) as (pool, network):
        with trio.move_on_after(5):
            await pool.request(get("cancelled"))
        assert await ask_all(pool, 5) == dict.fromkeys(range(5), 200)
        assert len(network.connections) == 2
        assert trio.current_time() < 7


async def _busy(pool: Pool, cancelled: trio.CancelScope, results: Results) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(results.ask, pool, get(number), number)
        with cancelled:
            await results.ask(pool, Request("POST", "/6"), 6)
            await results.ask(pool, get(7), 7)


async def _closing_echo(peer: Peer) -> None:
    for left in (2, 1, 0):
        request = await peer.request()
        if request is None:
            return
        await trio.lowlevel.checkpoint()
        await peer.answer(request, headers=() if left else ["Connection: close"])


@pytest.mark.parametrize("connections", [1, 2])
async def test_cancel_at_every_checkpoint(
    open_pool: Any, autojump_clock: MockClock, connections: int
) -> None:
    """Cancel after the k-th step of the run, for every k: nothing leaks, nothing is mixed up."""

    class CancelAt(trio.abc.Instrument):
        def __init__(self, step: int, scope: trio.CancelScope) -> None:
            self.left, self.scope = step, scope

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.left -= 1
            if self.left == 0:
                self.scope.cancel()

    step, reached = 0, True
    while reached:
        step += 1
        async with open_pool(_closing_echo, connections=connections, depth=3) as (pool, _):
            results = Results()
            scope = trio.CancelScope()
            instrument = CancelAt(step, scope)
            trio.lowlevel.add_instrument(instrument)
            await _busy(pool, scope, results)
            trio.lowlevel.remove_instrument(instrument)
            reached = instrument.left <= 0
            for number in range(6):
                assert results[number] == 200, step
            assert pool.statistics().in_flight == pool.statistics().waiting == 0
            assert (await pool.request(get("after"))).body == b"GET /after"
    assert step > 40


async def test_random_cancellation_under_contention_leaks_nothing(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """The churn that makes httpcore's own pool lose its slots (its issue 1093)."""
    random_ = random.Random(20261)

    async def server(peer: Peer) -> None:
        while (request := await peer.request()) is not None:
            await trio.sleep(random_.random() / 100)
            await peer.answer(request)

    results = Results()

    async def churn(pool: Pool, worker: int) -> None:
        for turn in range(300):
            number = worker * 1000 + turn
            with trio.move_on_after(random_.random() / 20):
                await results.ask(pool, get(number), number)

    async with open_pool(server, connections=3, depth=2) as (pool, _):
        async with trio.open_nursery() as nursery:
            for worker in range(30):
                nursery.start_soon(churn, pool, worker)
        await trio.sleep(2)
        statistics = pool.statistics()
        assert statistics.in_flight == statistics.waiting == 0
        assert [c.load for c in pool._connections] == [0] * statistics.connections
        assert await ask_all(pool, 12) == dict.fromkeys(range(12), 200)
        assert set(results.values()) == {200}
        assert len(results) > 300


# The end


async def test_closing_fails_what_is_pending(open_pool: Any, autojump_clock: MockClock) -> None:
    async def never(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    results = Results()
    async with trio.open_nursery() as nursery:
        async with open_pool(never, connections=2, depth=2) as (pool, _):
            for number in range(10):
                nursery.start_soon(results.ask, pool, get(number), number)
            await trio.testing.wait_all_tasks_blocked()
            await pool.aclose()
            with pytest.raises(Cancelled):
                await pool.request(get(11))
    assert {type(error) for error in results.values()} == {Cancelled}
    assert len(results) == 10


async def test_closing_while_a_connection_is_being_opened(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    results = Results()
    async with trio.open_nursery() as nursery, open_pool() as (pool, network):

        async def never(*args: Any, **keywords: Any) -> Any:
            await trio.sleep_forever()

        network.connect_tcp = never
        nursery.start_soon(results.ask, pool, get(0), 0)
        await trio.testing.wait_all_tasks_blocked()
    assert isinstance(results[0], Cancelled)


async def test_closing_in_the_moment_in_which_a_connection_is_made(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool() as (pool, network):
        connect, go = network.connect_tcp, trio.Event()

        async def waits(*args: Any, **keywords: Any) -> Any:
            stream = await connect(*args, **keywords)
            await go.wait()
            return stream

        network.connect_tcp = waits
        with trio.move_on_after(1):
            await pool.request(get(0))
        go.set()  # What it wakes cannot be cancelled any more.
        pool.close()


async def test_closing_twice_at_once(open_pool: Any, autojump_clock: MockClock) -> None:
    async with open_pool(echo, connections=2) as (pool, _):
        await ask_all(pool, 4)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.aclose)
            nursery.start_soon(pool.aclose)


async def test_what_breaks_in_a_network_backend_hangs_nobody(autojump_clock: MockClock) -> None:
    """The nursery tells of it; the pool can be closed."""

    class Broken(ScriptedNetwork):
        async def connect_tcp(self, *args: Any, **keywords: Any) -> Any:
            raise ZeroDivisionError

    seen: list[BaseException] = []
    with trio.fail_after(60):
        try:
            async with trio.open_nursery() as nursery:
                options: dict[str, Any] = {"timeouts": Timeouts(), "limits": Limits()}
                network = Broken(nursery)
                pool = Pool(nursery, Origin("e", 80), network, connections=2, depth=2, **options)
                try:
                    await pool.request(get(0))
                finally:
                    await pool.aclose()
        except BaseException as exc:
            seen += getattr(exc, "exceptions", [exc])
    assert {type(exc) for exc in seen} == {ZeroDivisionError}


async def test_repr_shows_what_matters(open_pool: Any, autojump_clock: MockClock) -> None:
    async with open_pool(echo) as (pool, _):
        await pool.request(get(0))
        assert repr(pool) == "<Pool engine open, 1 connections, 0 in flight, 0 waiting>"
        assert repr(pool._connections) == "[<Connection open, 0 to answer>]"
    assert repr(pool).startswith("<Pool engine closed")


# Pipelines


async def _closes_after_each(peer: Peer) -> None:
    await peer.answer(await peer.request() or "", headers=["Connection: close"])


async def _answers_out_of_step(peer: Peer) -> None:
    """Like a proxy that loses count when requests come in a row."""
    while requests := await peer.burst():
        await peer.answer(requests[0])
        if len(requests) > 1:
            await peer.send(b"HTTP/1.1 junk\r\n\r\n")
            return


@pytest.mark.parametrize(
    "server", [_closes_after_each, _closes_after_each_without_a_word, _answers_out_of_step]
)
async def test_pipelining_that_is_broken_is_given_up(
    open_pool: Any,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    server: Any,
) -> None:
    async with open_pool(server, connections=2, depth=8) as (pool, _):
        assert await ask_all(pool, 60) == dict.fromkeys(range(60), 200)
        assert pool.statistics().depth == 1
        assert await ask_all(pool, 10) == dict.fromkeys(range(10), 200)
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "from now on they are sent one by one" in warnings[0]


async def test_failures_that_close_say_nothing_of_pipelining(
    open_pool: Any, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Apache closes behind its 503 while an engine restarts, and behind 400 and 500."""

    async def away(peer: Peer) -> None:
        request = await peer.request() or ""
        await peer.answer(request, status="503 No", headers=["Connection: close"])

    async with open_pool(away, connections=2, depth=8) as (pool, _):
        assert await ask_all(pool, 60) == dict.fromkeys(range(60), 503)
        assert pool.statistics().depth == 8
    assert not caplog.records


async def test_what_is_given_up_by_callers_says_nothing_of_pipelining(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async def answers_one(peer: Peer) -> None:
        await peer.answer(await peer.request() or "")
        await trio.sleep_forever()

    async with open_pool(answers_one, connections=1, depth=8) as (pool, _):
        for _ in range(6):
            with trio.move_on_after(5):
                await ask_all(pool, 5)
            await trio.sleep(5)
        assert pool.statistics().opened == 6
        assert pool.statistics().depth == 8


async def test_large_answers_say_nothing_of_pipelining(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(_floods, connections=1, depth=8) as (pool, _):
        await ask_all(pool, 10)
        assert pool.statistics().depth == 8


async def test_depth_follows_a_distant_server(open_pool: Any, autojump_clock: MockClock) -> None:
    async def distant(peer: Peer) -> None:
        async def later(request: str, at: float, turn: trio.Event, done: trio.Event) -> None:
            await trio.sleep_until(at)
            await turn.wait()
            await peer.answer(request)
            done.set()

        async with trio.open_nursery() as nursery:
            turn = trio.Event()
            turn.set()
            while (request := await peer.request()) is not None:
                done = trio.Event()
                nursery.start_soon(later, request, trio.current_time() + 0.05, turn, done)
                turn = done

    async with open_pool(distant, connections=2, depth=None) as (pool, _):
        await pool.request(get(0))
        assert len(await ask_all(pool, 3000)) == 3000
        assert pool.statistics().depth >= 32
        assert pool.limiter.total_tokens == 2 * pool.statistics().depth


async def test_a_number_given_by_the_caller_is_obeyed(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    async with open_pool(echo, connections=2, depth=5) as (pool, _):
        await ask_all(pool, 500)
        assert pool.statistics().depth == 5


async def test_an_answer_before_the_body_is_through_ends_the_connection(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """A server that refuses a large body may leave the rest of it unread."""

    async def refuses(peer: Peer) -> None:
        await peer.stream.receive_some(10)
        await peer.send(answer("POST /1", status="413 No"))
        await trio.sleep_forever()

    async with open_pool(refuses, echo) as (pool, network):
        connect = network.connect_tcp

        async def narrow(*args: Any, **keywords: Any) -> Any:
            stream = await connect(*args, **keywords)
            pump = stream.stream.send_stream.send_all_hook

            async def stuck() -> None:
                await pump()
                await trio.sleep_forever()

            stream.stream.send_stream.send_all_hook = stuck
            network.connect_tcp = connect
            return stream

        network.connect_tcp = narrow
        response = await pool.request(Request("POST", "/1", body=b"x" * 100))
        assert response.status == 413
        assert (await pool.request(get(2))).body == b"GET /2"
        assert len(network.connections) == 2


async def test_ten_thousand_waiting_requests_take_little_memory(
    open_pool: Any, autojump_clock: MockClock
) -> None:
    """Beyond the tasks of the callers: at most 10 MB, so 1 kB each."""
    hold = trio.Event()

    async def held(peer: Peer) -> None:
        await hold.wait()
        await echo(peer)

    async def idle(turn: trio.Event) -> None:
        await turn.wait()

    async with open_pool(held, connections=2, depth=2) as (pool, _):
        before = _traced()
        tracemalloc.start()
        try:
            async with trio.open_nursery() as nursery:
                for number in range(10_000):
                    nursery.start_soon(pool.request, get(number))
                await trio.testing.wait_all_tasks_blocked()
                requests = _traced() - before
                nursery.cancel_scope.cancel()
            gone = _traced()
            async with trio.open_nursery() as nursery:
                for _ in range(10_000):
                    nursery.start_soon(idle, hold)
                await trio.testing.wait_all_tasks_blocked()
                tasks = _traced() - gone
                nursery.cancel_scope.cancel()
        finally:
            tracemalloc.stop()
    assert requests - tasks < 10e6


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
