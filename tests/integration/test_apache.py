"""Through a real Apache httpd, with its limits and habits, to the simulated engine."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpcore
import pytest
import trio
from apache import Apache, apache, missing
from programs import free_port

import trivirt
from trivirt.codec import decode
from trivirt.errors import Unavailable
from trivirt.simulator import SimulatedEngine
from trivirt.wire import Limits, Origin, Pool, Request, Timeouts, client_context

if lacking := missing():
    pytest.skip(lacking, allow_module_level=True)


def open_engine(httpd: Apache, simulated: SimulatedEngine, **options: Any) -> Any:
    return trivirt.open_engine(
        httpd.url,
        username=simulated.username,
        password=simulated.password,
        ca_file=httpd.ca_file,
        proxy=False,
        **options,
    )


async def test_hundreds_of_pipelined_requests_survive_the_limit_of_100(
    httpd: Apache, simulated: SimulatedEngine
) -> None:
    """Each connection is closed under requests that wait behind its last answer."""
    with trio.fail_after(30):
        async with open_engine(httpd, simulated, connections=2, pipeline=16) as engine:
            ids = [vm.id for vm in await engine.vms.list()]
            assert len(ids) == 400
            futures = [engine.soon.vms.vm(id).get() for id in ids]
            assert [(await future.wait()).id for future in futures] == ids
            nics = [engine.soon.vms.vm(id).nics.list() for id in ids]
            for id, future in zip(ids, nics, strict=True):
                assert {nic.vm.id for nic in await future.wait()} == {id}
            statistics = engine.statistics()
    assert statistics.opened >= 8  # 801 requests and a sign-on, about 100 on each connection.
    assert statistics.resent > 0
    assert max(httpd.requests_on_connections()) in (99, 100)


async def test_requests_are_pipelined(httpd: Apache, simulated: SimulatedEngine) -> None:
    """All are written before the first is answered, and Apache answers all of them."""
    async with open_engine(httpd, simulated, connections=1, pipeline=8) as engine:
        ids = [vm.id for vm in await engine.vms.list(max=8)]
        written = engine.statistics().sent
        simulated.connection.service_time = 0.05
        futures = [engine.soon.vms.vm(id).get() for id in ids]
        assert (await futures[0].wait()).id == ids[0]
        assert engine.statistics().sent - written == 8
        assert engine.statistics().connections == 1
        assert [(await future.wait()).id for future in futures] == ids


async def test_gzip_and_chunks(httpd: Apache, simulated: SimulatedEngine) -> None:
    """What mod_deflate compresses comes in chunks, and is the same list."""
    context = client_context(ca_file=httpd.ca_file)
    pair = b64encode(f"{simulated.username}:{simulated.password}".encode()).decode()
    headers = (("Accept", "application/xml"), ("Authorization", f"Basic {pair}"))
    origin = Origin("localhost", int(httpd.url.split(":")[2].split("/")[0]), context)
    async with trio.open_nursery() as nursery:
        options: dict[str, Any] = {"connections": 1, "depth": 8}
        limits: dict[str, Any] = {"timeouts": Timeouts(), "limits": Limits()}
        pool = Pool(nursery, origin, httpcore.TrioBackend(), **options, **limits)
        path = "/ovirt-engine/api/vms"
        zipped = await pool.request(Request("GET", path, (*headers, ("Accept-Encoding", "gzip"))))
        plain = await pool.request(Request("GET", path, headers))
        await pool.aclose()
    assert zipped.header("content-encoding") == "gzip"
    assert zipped.header("transfer-encoding") == "chunked"
    assert plain.header("content-encoding") is None
    assert len(zipped.body) < len(plain.body) / 4
    vms = [decode(response.content(1 << 24), "vms") for response in (zipped, plain)]
    assert len(vms[0]) == len(vms[1]) == 400
    assert vms[0] == vms[1]


class Watched(httpcore.TrioBackend):
    """Tells when a connection has ended, which only the server does here."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = trio.Event()

    async def connect_tcp(self, *args: Any, **keywords: Any) -> httpcore.AsyncNetworkStream:
        return _WatchedStream(await super().connect_tcp(*args, **keywords), self.ended)


class _WatchedStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, ended: trio.Event) -> None:
        self._stream, self._ended = stream, ended

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._ended.set()

    def get_extra_info(self, info: str) -> Any:
        return None


async def test_an_idle_connection_that_apache_closes_is_replaced(
    httpd: Apache, simulated: SimulatedEngine
) -> None:
    network = Watched()
    with trio.fail_after(20):
        async with open_engine(httpd, simulated, connections=1, network_backend=network) as engine:
            vm = engine.vms.vm((await engine.vms.list(max=1))[0].id)
            await network.ended.wait()  # After KeepAliveTimeout, 5 s.
            await vm.update(trivirt.types.Vm(comment="after the pause"))
            assert (await vm.get()).comment == "after the pause"
            assert engine.statistics().opened == 2
            assert engine.statistics().resent == 0


async def test_an_engine_that_is_stopped_does_not_end_pipelining() -> None:
    """Apache closes behind each 503 that it gives in place of the engine."""
    with apache(f"https://127.0.0.1:{free_port()}/") as httpd:
        context = client_context(ca_file=httpd.ca_file)
        origin = Origin("localhost", int(httpd.url.split(":")[2].split("/")[0]), context)
        async with trio.open_nursery() as nursery:
            options: dict[str, Any] = {"connections": 2, "depth": 8}
            limits: dict[str, Any] = {"timeouts": Timeouts(), "limits": Limits()}
            pool = Pool(nursery, origin, httpcore.TrioBackend(), **options, **limits)
            statuses: list[int] = []

            async def ask(number: int) -> None:
                request = Request("GET", f"/ovirt-engine/api/vms/{number}")
                statuses.append((await pool.request(request)).status)

            async with trio.open_nursery() as callers:
                for number in range(50):
                    callers.start_soon(ask, number)
            assert statuses == [503] * 50
            assert pool.statistics().opened >= 50
            assert pool.statistics().depth == 8
            await pool.aclose()


async def test_plain_http_to_the_tls_port(httpd: Apache, simulated: SimulatedEngine) -> None:
    plain = Apache(httpd.url.replace("https", "http"), httpd.ca_file, httpd.access)
    with pytest.raises(Unavailable, match="the port speaks TLS; the URL begins with https://"):
        async with open_engine(plain, simulated):
            pytest.fail("signed on")
