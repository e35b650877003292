"""Times are those of Trio's mock clock, which jumps when everybody waits."""

from __future__ import annotations

import httpcore
import pytest
import trio

from trivirt.simulator import SimulatedEngine


@pytest.fixture
def connected(dial, asker, get):
    """An engine with these settings, a client of it, and requests for that client."""

    async def connect(**settings):
        engine = SimulatedEngine(vms=2, **settings)
        ask = asker(engine)
        return engine, await dial(engine), lambda *words, **more: get(ask, *words, **more)

    return connect


async def test_point_44_pipelined_requests_are_answered_in_order(connected, autojump_clock):
    _, client, get = await connected()
    paths = ["/vms", "/hosts", "/nonsense", "/clusters"]
    await client.send(b"".join(get(path) for path in paths))
    answers = [await client.answer() for _ in paths]
    assert [status for status, _, _ in answers] == [200, 200, 404, 200]
    assert [b"<vms>" in answers[0][2], b"<hosts>" in answers[1][2]] == [True, True]


async def test_latency_overlaps_between_pipelined_requests(connected, autojump_clock):
    _, client, get = await connected(latency=0.5)
    begun = trio.current_time()
    await client.send(get("/tags") * 10)
    for _ in range(10):
        await client.answer()
    assert trio.current_time() - begun == pytest.approx(0.5)


async def test_an_answer_leaves_one_latency_after_its_request_arrived(connected, autojump_clock):
    _, client, get = await connected(latency=0.5)
    begun = trio.current_time()
    await client.send(get("/tags"))
    await trio.sleep(0.3)
    await client.send(get("/tags"))
    await client.answer()
    assert trio.current_time() - begun == pytest.approx(0.5)
    await client.answer()
    assert trio.current_time() - begun == pytest.approx(0.8)


async def test_point_44_service_time_adds_up_on_a_connection(connected, autojump_clock):
    _, client, get = await connected(service_time=0.01)
    begun = trio.current_time()
    await client.send(get("/tags") * 8)
    times = []
    for _ in range(8):
        await client.answer()
        times.append(round(trio.current_time() - begun, 4))
    assert times == [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]


async def test_service_time_does_not_add_up_between_connections(connected, dial, autojump_clock):
    engine, first, get = await connected(service_time=0.1)
    second = await dial(engine)
    begun = trio.current_time()
    await first.send(get("/tags"))
    await second.send(get("/tags"))
    await first.answer()
    await second.answer()
    assert trio.current_time() - begun == pytest.approx(0.1)


async def test_a_request_is_executed_in_its_turn_and_not_before(connected, autojump_clock):
    """A change that waits behind a slow read is not seen by others yet."""
    engine, client, get = await connected(service_time=1.0)
    tags = engine.store.collection("/tags")
    before = len(tags)
    body = b"<tag><name>late</name></tag>"
    lines = ("Content-Type: application/xml", f"Content-Length: {len(body)}")
    await client.send(get("/vms") + get("/tags", *lines, method="POST") + body)
    await trio.sleep(1.5)
    assert len(tags) == before
    await trio.sleep(1.0)
    assert len(tags) == before + 1


async def test_point_42_the_answer_after_a_hundred_closes(connected, autojump_clock):
    engine, client, get = await connected()
    await client.send(get("/tags") * 150)
    answers = [await client.answer() for _ in range(101)]
    assert {headers["connection"] for _, headers, _ in answers[:100]} == {"Keep-Alive"}
    assert answers[100][1]["connection"] == "close"
    assert await client.rest() == b""
    assert engine.statistics.by_kind["list"] == 101


async def test_point_42_requests_behind_the_closing_answer_have_no_effect(
    connected, autojump_clock
):
    engine, client, get = await connected(keepalive_requests=1)
    before = len(engine.store.collection("/tags"))
    body = b"<tag><name>discarded</name></tag>"
    lines = ("Content-Type: application/xml", f"Content-Length: {len(body)}")
    await client.send(get("/tags") * 2 + get("/tags", *lines, method="POST") + body)
    await client.answer()
    _, headers, _ = await client.answer()
    assert headers["connection"] == "close"
    assert await client.rest() == b""
    assert len(engine.store.collection("/tags")) == before


async def test_a_client_may_ask_to_close(connected, autojump_clock):
    _, client, get = await connected()
    await client.send(get("/tags", "Connection: close"))
    _, headers, _ = await client.answer()
    assert headers["connection"] == "close"
    assert await client.rest() == b""


async def test_point_43_idle_connections_are_closed(connected, autojump_clock):
    _, client, get = await connected()
    await client.send(get("/tags"))
    await client.answer()
    idle_since = trio.current_time()
    assert await client.rest() == b""
    assert trio.current_time() - idle_since == pytest.approx(5.0)


async def test_point_43_the_limit_can_be_set(connected, autojump_clock):
    _, client, get = await connected(idle_timeout=60.0)
    await client.send(get("/tags"))
    await client.answer()
    idle_since = trio.current_time()
    assert await client.rest() == b""
    assert trio.current_time() - idle_since == pytest.approx(60.0)


async def test_a_request_that_stays_incomplete_is_given_up(connected, autojump_clock):
    _, client, get = await connected()
    await client.send(get("/tags")[:-2])
    begun = trio.current_time()
    assert await client.rest() == b""
    assert trio.current_time() - begun == pytest.approx(60.0)


async def test_most_outstanding_counts_what_was_received_and_not_answered(
    connected, autojump_clock
):
    engine, client, get = await connected(latency=0.1)
    await client.send(get("/tags"))
    await client.answer()
    assert engine.statistics.most_outstanding == 1
    await client.send(get("/tags") * 3)
    await trio.sleep(0.05)
    await client.send(get("/tags") * 4)
    for _ in range(7):
        await client.answer()
    assert engine.statistics.most_outstanding == 7


async def test_most_outstanding_is_one_for_a_client_that_waits(connected, autojump_clock):
    engine, client, get = await connected()
    for _ in range(5):
        await client.send(get("/tags"))
        await client.answer()
    assert engine.statistics.most_outstanding == 1


async def test_most_outstanding_is_seen_without_latency_too(connected, autojump_clock):
    engine, client, get = await connected()
    await client.send(get("/tags") * 6)
    for _ in range(6):
        await client.answer()
    assert engine.statistics.most_outstanding == 6


async def test_a_bad_request_is_answered_behind_the_good_ones(connected, autojump_clock):
    _, client, get = await connected()
    await client.send(get("/tags") + b"nonsense\r\n\r\n")
    assert (await client.answer())[0] == 200
    status, headers, _ = await client.answer()
    assert status == 400
    assert headers["content-type"].startswith("text/html")
    assert headers["connection"] == "close"
    assert await client.rest() == b""


async def test_answers_are_given_to_a_client_that_closed_its_half(connected, autojump_clock):
    _, client, get = await connected(latency=0.1)
    await client.send(get("/tags") * 2)
    client.stream._outgoing.finish()
    assert [(await client.answer())[0] for _ in range(2)] == [200, 200]
    assert await client.rest() == b""


async def test_a_client_that_goes_away_is_no_error(connected, autojump_clock):
    engine, client, get = await connected(latency=1.0)
    await client.send(get("/tags") * 3)
    await trio.sleep(0.5)
    await client.stream.aclose()
    await trio.sleep(5)
    assert engine.statistics.open_connections == 0


async def test_a_mistake_of_the_engine_is_one_answer_and_not_its_end(
    connected, monkeypatch, caplog, autojump_clock
):
    engine, client, get = await connected()

    def fail(asked):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(engine.dispatcher, "answer", fail)
        await client.send(get("/tags"))
        assert (await client.answer())[0] == 500
    assert "cannot answer GET" in caplog.text
    await client.send(get("/tags"))
    assert (await client.answer())[0] == 200


async def test_a_client_that_does_not_read_is_not_written_to_without_bound(
    connected, autojump_clock
):
    engine, client, get = await connected()
    await client.send(get("/vms") * 100)
    await trio.testing.wait_all_tasks_blocked()
    assert engine.statistics.bytes_sent < 2_000_000


async def test_no_connection_is_had_to_another_host(connected, nursery, autojump_clock):
    engine, _, _ = await connected()
    with pytest.raises(httpcore.ConnectError):
        await engine.network_backend(nursery).connect_tcp("other.example", 80)


async def test_point_21_a_held_answer_comes_when_the_command_is_over(dial, asker, autojump_clock):
    engine = SimulatedEngine(vms=3)
    ask = asker(engine)
    body = (
        b"<vm><name>new</name><cluster><name>Default</name></cluster>"
        b"<template><name>golden-00</name></template></vm>"
    )
    client = await dial(engine)
    head = (
        f"POST /ovirt-engine/api/vms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ask.token}\r\n"
        "X-Ovirt-Expect: 201-created\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    begun = trio.current_time()
    await client.send(head.encode() + body)
    status, _, answer = await client.answer()
    assert status == 201
    assert b"<status>down</status>" in answer
    assert trio.current_time() - begun >= 3


async def test_point_45_requests_beyond_the_workers_queue(dial, get, asker, autojump_clock):
    engine = SimulatedEngine(vms=3, service_time=1.0)
    ask = asker(engine)
    times = []

    async def fetch() -> None:
        client = await dial(engine)
        await client.send(get(ask, "/clusters"))
        await client.answer()
        times.append(trio.current_time() - begun)

    for workers, expected in ((None, [1, 1, 1, 1]), (2, [1, 1, 2, 2]), (1, [1, 2, 3, 4])):
        engine.connection.workers = workers
        times.clear()
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(fetch)
        assert sorted(times) == pytest.approx(expected)


async def test_point_45_long_answers_take_longer(dial, get, asker, autojump_clock):
    engine = SimulatedEngine(vms=10)
    ask = asker(engine)
    engine.connection.kilobyte_time = 0.1
    times = []
    for path in ("/vms?max=1", "/vms?max=10", "/vms?max=10&follow=nics"):
        client = await dial(engine)
        begun = trio.current_time()
        await client.send(get(ask, path))
        await client.answer()
        times.append(trio.current_time() - begun)
    assert times == sorted(times)
    assert times[1] > 5 * times[0]
