"""Where the old client is broken, this one is right: a test for each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio
from scripted_engine import ScriptedEngine, reply
from threaded_server import served

from trivirt.compat import _transport

ROOT = "/ovirt-engine/api"
FAULT = "<fault><reason>R</reason><detail>{}</detail></fault>"


def futures_of(connection, *ids):
    vms = connection.system_service().vms_service()
    return [vms.vm_service(one).get(wait=False) for one in ids]


def test_each_future_raises_its_own_error_in_any_order_and_every_time(sdk, engine, connect):
    for one in "135":
        fault = reply(FAULT.format(one), status="409 Conflict")
        engine.answers[f"GET {ROOT}/vms/{one}"] = fault
    for one in "24":
        engine.answers[f"GET {ROOT}/vms/{one}"] = reply(f'<vm id="{one}"/>')
    futures = dict(
        zip("12345", futures_of(connect(pipeline=4, connections=1), *"12345"), strict=True)
    )
    for one in ("2", "1", "5", "3", "4", "1", "2"):
        if one in "135":
            for _ in range(2):  # A failed future does not wait for ever, either.
                with pytest.raises(sdk.Error, match=f'detail is "{one}"'):
                    futures[one].wait()
        else:
            assert futures[one].wait() is futures[one].wait()
            assert futures[one].wait().id == one


class Slow(ScriptedEngine):
    """Answers the requests for VMs of a connection when `gate` opens, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = threading.Semaphore(0)
        self.open = trio.Event()
        self.token: trio.lowlevel.TrioToken | None = None
        self.connections = 0

    async def serve(self, peer):
        self.token = trio.lowlevel.current_trio_token()
        self.connections += 1
        while (request := await peer.request()) is not None:
            self.asked.append(request)
            if "/vms/" in request:
                self.arrived.release()
                await self.open.wait()
                await peer.send(reply(f'<vm id="{request.rpartition("/")[2]}"/>'))
            else:
                self.heads.append(peer.head)
                await peer.send(self._answer(request, peer))

    def open_gate(self) -> None:
        assert self.token is not None
        self.token.run_sync_soon(self.open.set)

    def await_arrivals(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=10)


@pytest.fixture
def slow():
    engine = Slow()
    with served(engine.serve) as port:
        engine.url = f"http://127.0.0.1:{port}{ROOT}"
        yield engine
        engine.open_gate()


def test_requests_start_at_once_and_run_at_the_same_time(sdk, slow):
    connection = sdk.Connection(slow.url, "admin@internal", "secret", connections=5)
    futures = futures_of(connection, *"12345")
    slow.await_arrivals(5)  # Nobody waits for them yet.
    slow.open_gate()
    assert [one.wait().id for one in futures] == list("12345")
    connection.close()


def test_without_a_limit_connections_are_limited_all_the_same(sdk, slow):
    connection = sdk.Connection(slow.url, "admin@internal", "secret", connections=0)
    futures = futures_of(connection, *map(str, range(100)))
    slow.await_arrivals(_transport.UNLIMITED)
    slow.open_gate()
    assert [one.wait().id for one in futures] == list(map(str, range(100)))
    assert slow.connections <= _transport.UNLIMITED + 1
    connection.close()


def test_a_thread_does_not_wait_for_another_ones_answer(sdk, engine, slow):
    """One thread waits for what does not come, another gets its answer."""
    connection = sdk.Connection(slow.url, "admin@internal", "secret", connections=2)
    slow.answers[f"GET {ROOT}/clusters"] = reply("<clusters/>")
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(connection.service("vms/1").get)
        slow.await_arrivals(1)
        assert connection.system_service().clusters_service().list() == []
        assert not stuck.done()
        slow.open_gate()
        assert stuck.result(10).id == "1"
    connection.close()


def test_twenty_threads_share_a_connection(engine, connect):
    for one in range(20):
        engine.answers[f"GET {ROOT}/vms/{one}"] = reply(f'<vm id="{one}"/>')
    vms = connect().system_service().vms_service()
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda one: vms.vm_service(str(one)).get().id, range(20)))
    assert found == [str(one) for one in range(20)]
    assert engine.logins == 1


def test_pipelining_happens_on_the_wire(sdk):
    """The second request is written before the first is answered."""
    engine, bursts = ScriptedEngine(), []

    async def serve(peer):
        while (request := await peer.request()) is not None:
            if "/vms/" not in request:
                await peer.send(engine._answer(request, peer))
                continue
            batch = [request]
            while len(batch) < 3:
                batch.append(await peer.request())
            bursts.append(batch)
            for one in batch:
                await peer.send(reply(f'<vm id="{one[-1]}"/>'))

    with served(serve) as port:
        url = f"http://127.0.0.1:{port}{ROOT}"
        connection = sdk.Connection(url, "admin@internal", "secret", connections=1, pipeline=3)
        futures = futures_of(connection, *"123")
        assert [one.wait().id for one in futures] == list("123")
        connection.close()
    assert [sorted(one) for one in bursts] == [[f"GET {ROOT}/vms/{one}" for one in "123"]]


def test_one_sign_on_for_a_token_that_expires_under_many_requests(engine, connect):
    for one in range(30):
        engine.answers[f"GET {ROOT}/vms/{one}"] = _if_alive(engine, f'<vm id="{one}"/>')
    connection = connect(connections=5, pipeline=4)
    connection.authenticate()
    engine.live.clear()
    futures = futures_of(connection, *map(str, range(30)))
    assert [one.wait().id for one in futures] == [str(one) for one in range(30)]
    assert engine.logins == 2
    connection.close()
    assert engine.logouts == ["token-2"]


def _if_alive(engine, body):
    def answer():
        alive = any(f"Bearer {token}\r\n" in engine.heads[-1] for token in engine.live)
        return reply(body) if alive else reply("", status="401 Unauthorized")

    return answer


def test_a_timeout_is_a_timeout_error_and_counts_for_the_request_only(sdk, slow):
    connection = sdk.Connection(slow.url, "admin@internal", "secret", timeout=1)
    with pytest.raises(sdk.TimeoutError) as caught:
        connection.service("vms/1").get()
    assert caught.value.code is None
    slow.answers[f"GET {ROOT}/clusters"] = reply("<clusters/>")
    assert connection.system_service().clusters_service().list() == []
    connection.close()


def test_requests_that_queue_behind_others_do_not_time_out(sdk):
    """Each answer takes 0.1 s and the limit is 2 s; the last of them comes after 2.6 s."""
    engine = ScriptedEngine()

    async def serve(peer):
        while (request := await peer.request()) is not None:
            if "/vms/" in request:
                # The server's own time: the client's limit, which must not count the queue, is
                # a number of real seconds in a thread of its own.
                await trio.sleep(0.1)
                await peer.send(reply("<vm/>"))
            else:
                await peer.send(engine._answer(request, peer))

    with served(serve) as port:
        url = f"http://127.0.0.1:{port}{ROOT}"
        for pipeline in (0, 20):
            connection = sdk.Connection(
                url, "admin@internal", "secret", timeout=2, connections=1, pipeline=pipeline
            )
            for future in futures_of(connection, *map(str, range(26))):
                future.wait()
            connection.close()


def test_the_timeout_counts_for_signing_on_too(sdk):
    async def never(peer):
        await peer.request()
        await trio.sleep_forever()

    with served(never) as port:
        url = f"http://127.0.0.1:{port}{ROOT}"
        connection = sdk.Connection(url, "admin@internal", "secret", timeout=0.1)
        with pytest.raises(sdk.TimeoutError):
            connection.authenticate()
        connection.close()


def test_a_page_with_503_says_that_the_engine_is_away(sdk, engine, connect):
    page = "<html><head><title>503 Service Unavailable</title></head></html>"
    headers = ["Content-Type: text/html"]
    engine.answers[f"GET {ROOT}/vms"] = reply(page, status="503 Oops", headers=headers)
    with pytest.raises(sdk.Error) as caught:
        connect().system_service().vms_service().list()
    assert caught.value.code == 503
    assert "503 Service Unavailable" in str(caught.value)
    assert "HTTP response code is 503." in str(caught.value)


def test_a_list_does_not_take_a_second(engine, connect):
    engine.answers[f"GET {ROOT}/vms"] = reply("<vms/>")
    vms = connect().system_service().vms_service()
    vms.list()
    start = time.perf_counter()
    for _ in range(10):
        vms.list()
    assert time.perf_counter() - start < 10


def test_a_future_of_remove_waits_like_the_others(engine, connect):
    engine.answers[f"DELETE {ROOT}/vms/1"] = reply("")
    assert connect().service("vms/1").remove(wait=False).wait() is None


def test_an_idle_connection_that_the_server_closed_is_opened_again(sdk):
    engine = ScriptedEngine()
    engine.answers[f"GET {ROOT}/vms"] = reply("<vms/>")
    engine.answers[f"POST {ROOT}/vms"] = reply("<vm/>")

    async def once(peer):
        """Answers one request, then closes without having said so."""
        request = await peer.request()
        if request is not None:
            await peer.send(engine._answer(request, peer))

    with served(once) as port:
        url = f"http://127.0.0.1:{port}{ROOT}"
        with sdk.Connection(url, "admin@internal", "secret") as connection:
            vms = connection.system_service().vms_service()
            for _ in range(3):
                assert vms.list() == []
