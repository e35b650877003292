from __future__ import annotations

import ssl

import httpcore
import pytest
import trio

from trivirt.simulator import SimulatedEngine


async def test_the_connection_pool_of_httpcore_can_use_it(engine):
    """Somebody else's client, as a check that the interface is kept."""
    async with engine.in_process() as here:
        async with httpcore.AsyncConnectionPool(network_backend=here.network_backend) as pool:
            answer = await pool.request("GET", f"{here.url}/vms")
            assert answer.status == 401
            root = here.url.removesuffix("/ovirt-engine/api")
            for _ in range(3):
                answer = await pool.request("GET", f"{root}/ovirt-engine/services/health")
                assert answer.content.startswith(b"DB Up!")
    assert engine.statistics.connections == 1


async def test_connecting_takes_one_latency(nursery, autojump_clock):
    backend = SimulatedEngine(vms=0, latency=0.5).network_backend(nursery)
    begun = trio.current_time()
    await backend.connect_tcp("engine.simulated", 80)
    assert trio.current_time() - begun == pytest.approx(0.5)


async def test_timeouts_are_those_of_httpcore(nursery, autojump_clock):
    slow = SimulatedEngine(vms=0, latency=2.0).network_backend(nursery)
    with pytest.raises(httpcore.ConnectTimeout):
        await slow.connect_tcp("engine.simulated", 80, timeout=1.0)
    stream = await slow.connect_tcp("engine.simulated", 80)
    with pytest.raises(httpcore.ReadTimeout):
        await stream.read(100, timeout=1.0)


async def test_a_closed_stream_is_of_no_use(engine, nursery):
    stream = await engine.network_backend(nursery).connect_tcp("engine.simulated", 80)
    await stream.aclose()
    with pytest.raises(httpcore.ReadError):
        await stream.read(1)
    with pytest.raises(httpcore.WriteError):
        await stream.write(b"x")


async def test_closing_wakes_the_reader(engine, nursery, autojump_clock):
    stream = await engine.network_backend(nursery).connect_tcp("engine.simulated", 80)

    async def read():
        with pytest.raises(httpcore.ReadError):
            await stream.read(1)

    async with trio.open_nursery() as readers:
        readers.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()


async def test_what_a_stream_says_of_itself(engine, nursery, autojump_clock):
    stream = await engine.network_backend(nursery).connect_tcp("engine.simulated", 80)
    assert stream.get_extra_info("server_addr") == ("engine.simulated", 80)
    assert stream.get_extra_info("client_addr")
    assert stream.get_extra_info("ssl_object") is None
    assert stream.get_extra_info("is_readable") is False
    await stream.write(b"nonsense\r\n\r\n")
    await trio.testing.wait_all_tasks_blocked()
    assert stream.get_extra_info("is_readable") is True


async def test_there_is_neither_tls_nor_a_socket_file(engine, nursery):
    backend = engine.network_backend(nursery)
    assert "engine.simulated" in repr(backend)
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_unix_socket("/nonsense")
    stream = await backend.connect_tcp("engine.simulated", 80)
    with pytest.raises(httpcore.UnsupportedProtocol):
        await stream.start_tls(ssl.create_default_context())


async def test_the_backend_can_sleep(engine, nursery, autojump_clock):
    begun = trio.current_time()
    await engine.network_backend(nursery).sleep(2)
    assert trio.current_time() - begun == pytest.approx(2)


async def test_leaving_ends_all_connections(engine):
    async with engine.in_process() as here:
        stream = await here.network_backend.connect_tcp("engine.simulated", 80)
    assert engine.statistics.open_connections == 0
    with pytest.raises((httpcore.ReadError, AssertionError)):
        assert await stream.read(1)
