from __future__ import annotations

import httpcore
import pytest
import trio

from trivirt.simulator import SimulatedEngine


@pytest.fixture
def engine():
    return SimulatedEngine(vms=2)


@pytest.fixture
def tags(ask, get):
    """The bytes of a request that has 200 when nothing is wrong."""
    return get(ask, "/tags")


async def test_point_41_a_reset_in_place_of_an_answer(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    with engine.faults.reset(after=2) as fault:
        await client.send(tags * 3)
        assert (await client.answer())[0] == 200
        with pytest.raises(httpcore.ReadError):
            await client.answer()
    assert fault.hits == 1
    assert engine.statistics.faults == 1


async def test_an_answer_that_closes(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.close(after=2)
    await client.send(tags * 3)
    assert (await client.answer())[1]["connection"] == "Keep-Alive"
    assert (await client.answer())[1]["connection"] == "close"
    assert await client.rest() == b""
    assert engine.statistics.by_kind["list"] == 2


async def test_an_end_of_stream_in_place_of_an_answer(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.drop(after=2)
    await client.send(tags * 3)
    assert (await client.answer())[0] == 200
    assert await client.rest() == b""
    assert engine.statistics.by_kind["list"] == 1


@pytest.mark.parametrize("executed", [True, False])
async def test_what_is_lost_was_executed_or_not(engine, ask, get, dial, executed, autojump_clock):
    before = len(engine.store.collection("/tags"))
    body = b"<tag><name>perhaps</name></tag>"
    lines = ("Content-Type: application/xml", f"Content-Length: {len(body)}")
    client = await dial(engine)
    with engine.faults.reset(executed=executed):
        await client.send(get(ask, "/tags", *lines, method="POST") + body)
        with pytest.raises(httpcore.ReadError):
            await client.answer()
    assert len(engine.store.collection("/tags")) == before + executed


async def test_point_41_a_truncated_answer(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.truncate()
    await client.send(tags)
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not data.endswith(b"</tags>\n")


async def test_an_answer_truncated_in_its_head(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.truncate(keep=20)
    await client.send(tags)
    assert len(await client.rest()) == 20


async def test_a_stalled_connection_stays_open_and_silent(engine, dial, tags, autojump_clock):
    stalled, other = await dial(engine), await dial(engine)
    engine.faults.stall(after=2)
    await stalled.send(tags * 3)
    assert (await stalled.answer())[0] == 200
    with pytest.raises(trio.TooSlowError), trio.fail_after(30):
        await stalled.answer()
    await other.send(tags)
    assert (await other.answer())[0] == 200
    await stalled.stream.aclose()
    await other.stream.aclose()
    await trio.sleep(10)
    assert engine.statistics.open_connections == 0


async def test_point_41_a_slow_answer_delays_those_behind_it(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.slow(3.0, after=2)
    begun = trio.current_time()
    await client.send(tags * 3)
    times = []
    for _ in range(3):
        await client.answer()
        times.append(trio.current_time() - begun)
    assert times == pytest.approx([0.0, 3.0, 3.0])


@pytest.mark.parametrize(
    ("status", "server"), [(503, "iso-8859-1"), (502, "iso-8859-1"), (500, "UTF-8"), (404, "UTF-8")]
)
async def test_pages_in_place_of_answers(engine, dial, tags, status, server, autojump_clock):
    client = await dial(engine)
    with engine.faults.status(status, times=None):
        await client.send(tags * 2)
        for _ in range(2):
            got, headers, body = await client.answer()
            assert got == status
            assert headers["content-type"].startswith("text/html")
            assert server in headers["content-type"]
            assert b"<html>" in body
    await client.send(tags)
    assert (await client.answer())[0] == 200


async def test_a_good_token_is_refused_once(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.refuse_tokens()
    await client.send(tags * 2)
    status, headers, body = await client.answer()
    assert status == 401
    assert "www-authenticate" in headers
    assert b"invalid_grant" in body
    assert (await client.answer())[0] == 200


async def test_only_some_requests_are_hit(engine, ask, get, dial, autojump_clock):
    client = await dial(engine)
    with engine.faults.status(500, only=lambda request: request.target.endswith("/vms")) as fault:
        await client.send(get(ask, "/tags") + get(ask, "/vms") + get(ask, "/vms"))
        assert [(await client.answer())[0] for _ in range(3)] == [200, 500, 200]
    assert fault.hits == 1


async def test_sign_on_is_never_hit(engine, dial, tags, autojump_clock):
    client = await dial(engine)
    engine.faults.status(503, times=None)
    await client.send(b"GET /ovirt-engine/sso/status HTTP/1.1\r\nHost: x\r\n\r\n" + tags)
    assert [(await client.answer())[0] for _ in range(2)] == [200, 503]


def test_probability_is_repeatable(engine, ask):
    def hits():
        faults = SimulatedEngine(vms=0, seed=5).faults
        faults.status(500, probability=0.3, times=None)
        return [faults.take(None) is not None for _ in range(100)]

    assert hits() == hits()
    assert 15 < sum(hits()) < 45


def test_a_misspelt_condition_is_an_error(engine):
    with pytest.raises(TypeError, match="befor"):
        engine.faults.reset(befor=3)


def test_faults_can_be_cleared(engine):
    engine.faults.stall(times=None)
    assert engine.faults
    engine.faults.clear()
    assert not engine.faults


def test_point_9_a_restart_ends_all_tokens(engine, ask):
    assert ask.get("/tags").status == 200
    engine.restart()
    assert ask.get("/tags").status == 401


async def test_point_40_open_connections_end_with_the_web_server(
    engine, ask, get, dial, autojump_clock
):
    clients = [await dial(engine) for _ in range(3)]
    for client in clients:
        await client.send(get(ask, "/tags"))
        assert (await client.answer())[0] == 200
    with engine.outage("stopped"), trio.fail_after(2):
        for client in clients:
            assert await client.rest() == b""
    assert engine.statistics.open_connections == 0


async def test_point_40_a_restart_in_its_phases(engine, ask, dial, nursery, autojump_clock):
    backend = engine.network_backend(nursery)
    with engine.outage("stopped"):
        with pytest.raises(httpcore.ConnectError):
            await backend.connect_tcp("engine.simulated", 80)
    with engine.outage("starting"):
        answer = ask.get("/tags")
        assert answer.status == 503
        assert answer.header("content-type") == "text/html; charset=iso-8859-1"
    with engine.outage("deploying"):
        assert ask.get("/tags").status == 404
        assert ask.get("/tags").header("content-type") == "text/html;charset=UTF-8"
        assert ask.send("POST", "/ovirt-engine/sso/oauth/token").status == 404
    assert ask.get("/tags").status == 401
    ask.token = ask.sign_on()
    assert ask.get("/tags").status == 200
