"""What the simulated engine promises to bear, measured; the exit status is 1 when it does not.

    python tests/benchmarks/simulator.py [--only search] [--requests 1000000] [--vms 100000]

Each row starts an engine of its own and is one client beside it, which writes bytes over TLS and
looks no further than status lines: what is measured is the engine. Memory is that of the engine's
process and times are those that its processor spent on it (both from /proc, so on Linux only):
what others do on the same machine does not count. `--wall` takes times off the wall.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

API = "/ovirt-engine/api"
WALL = False
DEPTH = 50  # Requests that are under way on the connection of the client.

SEARCHES = (
    "status=up",
    "name=web-1*",
    "web-00",
    "tag=production",
    "host.name=host-01*",
    "host=host-01*",
    "cluster.name=*0",
    "datacenter=Default",
    "template=golden-01",
    "ip=10.0.1.*",
    "memory>4000000000",
    "tag=production and status=up or name=db-* sortby name desc",
    "sortby creation_time asc",
    "sortby memory desc",
    "sortby host asc",
    "sortby cluster desc",
    "network.name=net-001",
    "users.name=alice",
    "disk.name=web-00*",
    "disks.status=illegal",
    "uptime>1000",
    "cpu_usage>95",
    "ip=192.0.2.*",
    "users.name=nobody",
    "description=*nothing*",
    "no-such-text",
    "disks.status=ok",
    "storage.name=data-1",
    "events.severity=normal",
    "page 97",
)


class Engine:
    """A simulated engine in a process of its own."""

    def __init__(self, vms: int) -> None:
        began = time.perf_counter()
        words = [sys.executable, __file__, "--serve", str(vms)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.facts = json.loads(self._process.stdout.readline())
        self.ready = time.perf_counter() - began if WALL else self.now()
        self._tls = ssl.create_default_context(cafile=self.facts["ca_file"])
        host, _, port = self.facts["url"].split("/")[2].rpartition(":")
        self._address = host, int(port)
        self._token = self._sign_on()

    def _sign_on(self) -> str:
        form = f"grant_type=password&scope=ovirt-app-api&username={self.facts['username']}"
        form += f"&password={self.facts['password']}"
        url = self.facts["url"].replace("/api", "/sso/oauth/token")
        asked = urllib.request.Request(url, form.encode(), {"Accept": "application/json"})
        with urllib.request.urlopen(asked, context=self._tls) as answer:
            return str(json.load(answer)["access_token"])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def megabytes(self, name: str = "VmRSS") -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        found = re.search(rf"{name}:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    def now(self) -> float:
        """Seconds of processor time that the engine has had so far."""
        if WALL:
            return time.perf_counter()
        # In nanoseconds, of its one thread; `stat` has hundredths of a second only.
        statistics = Path(f"/proc/{self._process.pid}/schedstat").read_text("utf-8")
        return int(statistics.split()[0]) / 1e9

    def dial(self) -> ssl.SSLSocket:
        plain = socket.create_connection(self._address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(plain, server_hostname=self._address[0])

    def request(self, path: str, method: str = "GET", body: str = "") -> bytes:
        lines = [
            f"{method} {API}{path} HTTP/1.1",
            "Host: engine",
            f"Authorization: Bearer {self._token}",
            "Accept: application/xml",
        ]
        if body:
            lines += ["Content-Type: application/xml", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", body]).encode()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one answer, on a connection of its own."""
        with self.dial() as stream:
            stream.sendall(
                self.request(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            )
            data = b"".join(iter(lambda: stream.recv(1 << 20), b""))
        return int(data[9:12]), data.partition(b"\r\n\r\n")[2]

    def ids(self, path: str) -> list[str]:
        body = self.get(path)[1].decode()
        return re.findall(r'^    <\w+ href="[^"]+" id="([^"]+)">', body, re.MULTILINE)

    def pipeline(self, stream: ssl.SSLSocket, requests: list[bytes]) -> float:
        """Seconds until all were answered."""
        began = self.now()
        for start in range(0, len(requests), DEPTH):
            some = requests[start : start + DEPTH]
            stream.sendall(b"".join(some))
            _take(stream, len(some))
        return self.now() - began


def _take(stream: ssl.SSLSocket, count: int) -> None:
    """Read that many answers, all good ones."""
    data = bytearray()
    while count:
        piece = stream.recv(1 << 20)
        if not piece:
            raise EOFError(bytes(data[:300]))
        data += piece
        while (end := data.find(b"\r\n\r\n")) >= 0:
            if data[9:10] != b"2":
                raise ValueError(bytes(data[:600]))
            length = re.search(rb"Content-Length: (\d+)", data[:end])
            size = end + 4 + (int(length[1]) if length else 0)
            if len(data) < size:
                break
            del data[:size]
            count -= 1


@contextlib.contextmanager
def engine_of(vms: int) -> Iterator[Engine]:
    engine = Engine(vms)
    try:
        yield engine
    finally:
        engine.close()


failures: list[str] = []


def show(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    """One line of the table; `limit` is what the value may be at most, or at least."""
    good = value >= limit if least else value <= limit
    if not good:
        failures.append(what)
    promise = f"{'>=' if least else '<='} {limit:g}"
    verdict = "" if good else "  MISSED"
    print(f"{what:58} {value:12,.1f} {unit:10} {promise:>12}{verdict}", flush=True)


def start(options: argparse.Namespace) -> None:
    for vms, seconds, memory in ((100, 1.0, 100), (10_000, 10, 500), (options.vms, 30, 2000)):
        with engine_of(vms) as engine:
            show(f"{vms:,} VMs: ready after", engine.ready, "s", seconds)
            status, _ = engine.get("/vms?search=" + quote("sortby name page 2") + "&max=100")
            assert status == 200
            if vms == 10_000:
                for path in ("/vms", "/vms?follow=nics,disk_attachments"):
                    status, body = engine.get(path)
                    assert status == 200
                    assert body.count(b"<nics>") + body.count(b'rel="nics"') >= vms
            show(f"{vms:,} VMs: memory at the most", engine.megabytes("VmHWM"), "MB", memory)


def rates(options: argparse.Namespace) -> None:
    with engine_of(1000) as engine, engine.dial() as stream:
        vms = engine.ids("/vms")
        fresh = [engine.request(f"/vms/{vm}/nics") for vm in vms]
        fresh += [engine.request(f"/vms/{vm}/diskattachments") for vm in vms]
        show(
            "small GETs, each for the first time",
            2000 / engine.pipeline(stream, fresh),
            "1/s",
            2000,
            least=True,
        )
        change = [
            one
            for number, vm in enumerate(vms)
            for one in (
                engine.request(f"/vms/{vm}", "PUT", f"<vm><comment>{number}</comment></vm>"),
                *[engine.request(f"/vms/{vm}")] * 4,
            )
        ]
        show(
            "GETs of VMs, each fifth request a change",
            5000 / engine.pipeline(stream, change),
            "1/s",
            2000,
            least=True,
        )
        again = fresh * 10
        show(
            "the same small GETs again",
            len(again) / engine.pipeline(stream, again),
            "1/s",
            5000,
            least=True,
        )


def search(options: argparse.Namespace) -> None:
    with engine_of(10_000) as engine, engine.dial() as stream:
        for text in SEARCHES:
            path = f"/vms?search={quote(text)}&max=100"
            seconds = engine.pipeline(stream, [engine.request(path)])
            show(f"page of 100 of 10,000 VMs: {text}"[:58], seconds * 1000, "ms", 100)


def connections(options: argparse.Namespace) -> None:
    with engine_of(100) as engine:
        before = engine.megabytes()
        began = engine.now()
        streams = [engine.dial() for _ in range(1000)]
        for stream in streams:
            stream.sendall(engine.request("/vms?max=1"))
        for stream in streams:
            _take(stream, 1)
        show("1,000 connections: all served after", engine.now() - began, "s", 30)
        show("1,000 connections: memory for each", (engine.megabytes() - before) * 1.024, "kB", 200)
        for stream in streams:
            stream.close()


def endurance(options: argparse.Namespace) -> None:
    """Reads and changes, mixed; in between the engine's time passes, as it does in hours."""
    with engine_of(100) as engine, engine.dial() as stream:
        vms = engine.ids("/vms")
        reads = [
            engine.request(f"/vms/{vm}/{part}")
            for vm in vms
            for part in ("nics", "snapshots", "tags")
        ]
        reads += [engine.request(f"/vms?search={quote(text)}&max=10") for text in SEARCHES[:10]]
        change = [
            engine.request(f"/vms/{vm}", "PUT", f"<vm><comment>{vm}</comment></vm>") for vm in vms
        ]
        batch = reads * 3 + change
        clock = engine.facts["control_url"] + "/clock"
        done, first = 0, 0.0
        began = engine.now()
        while done < options.requests:
            engine.pipeline(stream, batch)
            done += len(batch)
            urllib.request.urlopen(clock, b'{"advance": 60}').close()
            if not first and done >= options.requests / 10:
                first = engine.megabytes()
        grown = 100 * (engine.megabytes() - first) / first
        seconds = engine.now() - began
        show(f"{done:,} requests: memory grown by, from {first:.0f} MB", grown, "%", 5)
        show(f"{done:,} requests, one in ten a change", done / seconds, "1/s", 2000, least=True)


def starts(options: argparse.Namespace) -> None:
    with engine_of(10_000) as engine, engine.dial() as stream:
        down = engine.ids("/vms?search=" + quote("status=down") + "&max=2000")
        requests = [engine.request(f"/vms/{vm}/start", "POST", "<action/>") for vm in down]
        show(
            "VMs started, of 10,000",
            len(down) / engine.pipeline(stream, requests),
            "1/s",
            500,
            least=True,
        )


ROWS: dict[str, Callable[[argparse.Namespace], None]] = {
    "start": start,
    "rates": rates,
    "search": search,
    "connections": connections,
    "starts": starts,
    "endurance": endurance,
}


def serve(vms: int) -> None:
    """Be the engine: like `trivirt simulate`, but connections may go on for ever."""
    import trio

    from trivirt.simulator import SimulatedEngine, run_process

    trio.run(run_process, SimulatedEngine(vms, keepalive_requests=None, idle_timeout=3600))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=ROWS)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--vms", type=int, default=100_000, help="the largest data center")
    parser.add_argument("--wall", action="store_true", help="times of the wall")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return 0
    global WALL
    WALL = options.wall
    load = Path("/proc/loadavg").read_text("utf-8").split()[0]
    print(f"{os.cpu_count()} processors, load {load}, Python {sys.version.split()[0]}", flush=True)
    for name, measure in ROWS.items():
        if options.only in (None, name):
            measure(options)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
