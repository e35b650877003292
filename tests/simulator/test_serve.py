"""Over TCP and TLS, with the standard library as the client."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from trivirt import errors
from trivirt.simulator import SimulatedEngine, main, run_process, serve

RECORDING = Path(__file__).parent.parent / "recordings" / "dev.jsonl.gz"


def exchange(served, method, path, body="", headers=None, context=None):
    """One request on a connection of its own."""
    url = urlsplit(served.url)
    context = context or ssl.create_default_context(cafile=served.ca_file)
    client = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=10)
    try:
        client.request(method, path, body, headers or {})
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def sign_on_and_list(served):
    form = "grant_type=password&scope=ovirt-app-api"
    form += f"&username={served.username}&password={served.password}"
    accept = {"Accept": "application/json"}
    _, body = exchange(served, "POST", "/ovirt-engine/sso/oauth/token", form, accept)
    bearer = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
    return exchange(served, "GET", urlsplit(served.url).path + "/vms", headers=bearer)


def control(served, method, path):
    url = urlsplit(served.control_url)
    client = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    try:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        client.close()


@pytest.fixture
async def served():
    async with serve(SimulatedEngine(vms=3)) as served:
        yield served


in_thread = trio.to_thread.run_sync


async def test_a_client_that_trusts_the_ca_is_served(served):
    status, body = await in_thread(sign_on_and_list, served)
    assert status == 200
    assert body.count(b"\n    <vm ") == 3
    assert served.url.endswith("/ovirt-engine/api")
    assert Path(served.ca_file).is_absolute()


async def test_the_ca_file_is_gone_afterwards():
    async with serve(SimulatedEngine(vms=0)) as served:
        ca_file = trio.Path(served.ca_file)
        assert await ca_file.exists()
    assert not await ca_file.parent.exists()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_the_certificate_has_the_names_of_loopback(served, name):
    def connect():
        context = ssl.create_default_context(cafile=served.ca_file)
        port = urlsplit(served.url).port
        client = http.client.HTTPSConnection(name, port, context=context, timeout=10)
        client.request("GET", "/ovirt-engine/services/health")
        try:
            return client.getresponse().read()
        finally:
            client.close()

    assert (await in_thread(connect)).startswith(b"DB Up!")


async def test_a_client_that_does_not_trust_it_is_no_harm(served):
    def distrust():
        with pytest.raises(ssl.SSLError):
            exchange(served, "GET", "/", context=ssl.create_default_context())

    await in_thread(distrust)
    assert (await in_thread(sign_on_and_list, served))[0] == 200


async def test_point_46_only_http_1_1_is_offered(served):
    context = ssl.create_default_context(cafile=served.ca_file)
    context.set_alpn_protocols(["h2", "http/1.1"])
    url = urlsplit(served.url)
    stream = await trio.open_ssl_over_tcp_stream(url.hostname, url.port, ssl_context=context)
    await stream.do_handshake()
    assert stream.selected_alpn_protocol() == "http/1.1"
    assert stream.version() == "TLSv1.3"
    await stream.aclose()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_point_46_old_tls_is_refused(served):
    context = ssl.create_default_context(cafile=served.ca_file)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    url = urlsplit(served.url)
    stream = await trio.open_ssl_over_tcp_stream(url.hostname, url.port, ssl_context=context)
    with pytest.raises(trio.BrokenResourceError):
        await stream.do_handshake()
    await trio.aclose_forcefully(stream)


async def test_tls_1_2_is_served(served):
    context = ssl.create_default_context(cafile=served.ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    status, _ = await in_thread(partial(exchange, served, "GET", "/", context=context))
    assert status == 302


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, b""])
async def test_what_is_no_tls_is_no_harm(served, garbage):
    url = urlsplit(served.url)
    async with await trio.open_tcp_stream(url.hostname, url.port) as stream:
        if garbage:
            await stream.send_all(garbage)
    assert (await in_thread(sign_on_and_list, served))[0] == 200


async def test_pipelined_requests_over_tls_end_with_the_closing_answer():
    engine = SimulatedEngine(vms=1)
    async with serve(engine) as served:
        context = ssl.create_default_context(cafile=served.ca_file)
        url = urlsplit(served.url)
        stream = await trio.open_ssl_over_tcp_stream(
            url.hostname, url.port, ssl_context=context, https_compatible=True
        )
        request = b"GET /ovirt-engine/services/health HTTP/1.1\r\nHost: x\r\n\r\n"
        with trio.fail_after(10):
            await stream.send_all(request * 150)
            data = b""
            while piece := await stream.receive_some():
                data += piece
        await stream.aclose()
    assert data.count(b"HTTP/1.1 200 OK") == 101
    assert data.count(b"Connection: close") == 1
    assert engine.statistics.most_outstanding > 100


async def test_a_reset_over_tls():
    engine = SimulatedEngine(vms=1)
    async with serve(engine) as served:
        engine.faults.reset()

        def ask():
            with pytest.raises((ConnectionResetError, ssl.SSLError)):
                exchange(served, "GET", "/ovirt-engine/api")

        await in_thread(ask)


async def reachable(served) -> bool:
    """Whether anybody listens; a connection that comes too late is reset."""

    def ask() -> bool | None:
        try:
            return exchange(served, "GET", "/ovirt-engine/services/health")[0] == 200
        except ConnectionRefusedError:
            return False
        except (OSError, ssl.SSLError):
            return None

    # The port is given up, and taken again, in the moments after the call.
    with trio.fail_after(10):
        while (found := await in_thread(ask)) is None:
            pass
    return found


async def test_point_40_a_stopped_engine_refuses_connections():
    engine = SimulatedEngine(vms=1)
    async with serve(engine) as served:
        for _ in range(2):
            with engine.outage("stopped"):
                assert not await reachable(served)
            with trio.fail_after(10):
                while not await reachable(served):
                    pass


async def test_point_40_a_stop_that_ends_by_itself():
    engine = SimulatedEngine(vms=1)
    async with serve(engine) as served:
        engine.restart_for(0.05, "stopped")
        with trio.fail_after(10):
            while not await reachable(served):
                pass
        assert not engine.refuses_connections


@pytest.mark.parametrize("phase", ["starting", "deploying", "stopped"])
async def test_point_40_an_engine_outlasts_each_phase_of_its_restarts(phase):
    engine = SimulatedEngine(vms=1)
    async with serve(engine) as served:
        for _ in range(2):
            with engine.outage(phase):
                assert not await reachable(served)
            with trio.fail_after(10):
                while not await reachable(served):
                    pass
        await in_thread(sign_on_and_list, served)


async def test_statistics_are_read_over_the_control_port(served):
    await in_thread(sign_on_and_list, served)
    status, counted = await in_thread(control, served, "GET", "/statistics")
    assert status == 200
    assert counted["logins"] == 1
    assert counted["by_kind"]["list"] == 1
    assert counted["connections"] == 2
    assert counted["most_outstanding"] == 1
    assert served.control_url.startswith("http://127.0.0.1:")


async def test_reset_brings_the_seed_back_and_keeps_tokens():
    engine = SimulatedEngine(vms=2)
    async with serve(engine) as served:
        for entry in list(engine.store.collection("/vms")):
            engine.store.remove(entry)
        engine.faults.status(500, times=None)
        assert await in_thread(control, served, "POST", "/reset") == (200, {})
        assert len(engine.store.collection("/vms")) == 2
        assert not engine.faults
        _, counted = await in_thread(control, served, "GET", "/statistics")
        assert counted["requests"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nonsense", 404), ("GET", "/reset", 405), ("POST", "/statistics", 405)],
)
async def test_other_requests_on_the_control_port(served, method, path, status):
    got, body = await in_thread(control, served, method, path)
    assert got == status
    assert "error" in body


async def test_the_ca_can_be_fetched(served):
    path = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
    status, body = await in_thread(exchange, served, "GET", path)
    assert status == 200
    assert body == await trio.Path(served.ca_file).read_bytes()


async def test_a_port_that_is_taken_gets_one_sentence(served):
    port = urlsplit(served.url).port
    with pytest.raises(errors.UsageError, match=f"cannot listen on 127.0.0.1:{port}: "):
        async with serve(SimulatedEngine(vms=0), port=port):
            pass


async def test_listening_beyond_loopback_is_said_loudly(caplog, capsys, nursery):
    engine = SimulatedEngine(vms=0)
    with caplog.at_level(logging.WARNING):
        nursery.start_soon(partial(run_process, engine, host="0.0.0.0"))
        while not (line := capsys.readouterr().out):
            await trio.lowlevel.checkpoint()
    assert "LISTENING ON 0.0.0.0" in caplog.text
    assert json.loads(line)["url"].startswith("https://localhost:")
    nursery.cancel_scope.cancel()


def process(*options):
    return subprocess.Popen(
        [sys.executable, "-m", "trivirt.simulator", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_says_where_it_is_and_ends_on_a_signal(number):
    with process("--recording", str(RECORDING)) as running:
        line = json.loads(running.stdout.readline())
        assert line.keys() == {"url", "ca_file", "username", "password", "control_url", "pid"}
        assert line["pid"] == running.pid
        assert Path(line["ca_file"]).exists()
        running.send_signal(number)
        assert running.wait(10) == 0
        assert running.stdout.read() == ""
    assert not Path(line["ca_file"]).exists()


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (("--recording", "/nonsense"), 1, "error: cannot read the recording /nonsense"),
        (("--vms", "-1"), 1, "error: an engine cannot have -1 VMs"),
        (("--latency", "-1"), 1, "error: a latency of -1.0 s makes no sense"),
        (("--nonsense",), 2, "unrecognized arguments"),
    ],
)
def test_a_process_that_cannot_start_says_why(options, code, complaint, capsys):
    with pytest.raises(SystemExit) as leaving:
        sys.exit(main(options))
    assert leaving.value.code == code
    out, err = capsys.readouterr()
    assert complaint in err
    assert "Traceback" not in err
    assert out == ""


def test_debugging_shows_where_an_error_comes_from():
    with pytest.raises(errors.UsageError):
        main(["--debug", "--vms", "-1"])


async def test_without_the_extra_it_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(errors.UsageError, match=r"pip install 'trivirt\[simulator\]'"):
        async with serve(SimulatedEngine(vms=0)):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="open files are limited otherwise there")
def test_few_open_files_are_said_and_the_others_wait(tmp_path):
    import resource

    words = [sys.executable, "-m", "trivirt.simulator", "--vms", "1"]
    with (
        open(tmp_path / "errors", "w+") as errors,
        subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)),
        ) as process,
    ):
        facts = json.loads(process.stdout.readline())
        url = facts["control_url"]
        host, _, port = url.partition("//")[2].partition(":")
        waiting = [socket.create_connection((host, int(port))) for _ in range(50)]
        for one in waiting[::-1]:
            one.close()
        with urllib.request.urlopen(f"{url}/statistics", timeout=20) as answer:
            assert answer.status == 200
        process.terminate()
        errors.seek(0)
        assert "no more than about 20 connections at a time" in errors.read()
