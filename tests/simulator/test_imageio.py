"""The daemon that moves bytes, spoken to over a connection in memory (points 57, 58 and 60)."""

from __future__ import annotations

import json
import tempfile
from urllib.parse import urlsplit

import pytest
import trio

from trivirt.simulator import SimulatedEngine, _qcow2

pytestmark = pytest.mark.filterwarnings("error")

MIB = 2**20
SIZE = 10 * 2**30


@pytest.fixture
def engine():
    return SimulatedEngine(seed="examples")


class Client:
    """One connection to the daemon."""

    def __init__(self, stream, path: str) -> None:
        self.stream = stream
        self.path = path
        self._data = b""

    async def __call__(self, method: str, body: bytes = b"", path: str | None = None, **headers):
        """Status, headers and body of the answer; names of headers with underscores."""
        lines = [f"{method} {self.path if path is None else path} HTTP/1.1", "Host: daemon"]
        if method in ("PUT", "PATCH"):
            headers.setdefault("content_length", len(body))
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.stream.write("\r\n".join([*lines, "", ""]).encode() + body)
        with trio.fail_after(5):
            return await self._answer()

    async def _answer(self):
        while b"\r\n\r\n" not in self._data:
            self._data += await self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        size = int(headers["content-length"])
        while len(self._data) < size:
            self._data += await self._more()
        body, self._data = self._data[:size], self._data[size:]
        return int(lines[0].split()[1]), headers, body

    async def _more(self) -> bytes:
        piece = await self.stream.read(65536)
        if not piece:
            raise EOFError
        return piece

    async def ended(self) -> bool:
        with trio.fail_after(5):
            return await self.stream.read(10) == b""


@pytest.fixture
def transfer(ask, engine, nursery):
    """Begin a transfer of `mydisk` and connect to where it says: client and transfer."""

    async def begin(
        direction: str = "upload", disk: str = "mydisk", more: str = "<format>raw</format>"
    ):
        path = ask.first(f"/disks?search=name%3D{disk}")
        inside = f"<disk id='{path[7:]}'/><direction>{direction}</direction>{more}"
        answer = ask("POST", "/imagetransfers", f"<image_transfer>{inside}</image_transfer>")
        assert answer.status in (201, 202)
        home = answer.header("location").partition("/api")[2]
        engine.clock.advance(2)
        url = urlsplit(ask.value(home, "transfer_url"))
        backend = engine.network_backend(nursery)
        stream = await backend.connect_tcp(url.hostname, url.port)
        return Client(stream, url.path), home

    return begin


async def test_point_57_options(transfer):
    client, _ = await transfer()
    status, headers, body = await client("OPTIONS")
    assert status == 200
    assert headers["allow"] == "OPTIONS,GET,PUT,PATCH"
    assert json.loads(body)["features"] == ["extents", "zero", "flush"]
    assert (await client("OPTIONS", path="/images/*"))[0] == 200
    client, _ = await transfer("download", "mydisk-up")
    assert (await client("OPTIONS"))[1]["allow"] == "OPTIONS,GET"


async def test_point_57_bytes_written_are_bytes_read(ask, transfer, engine):
    client, home = await transfer()
    data = bytes(range(256)) * 4096
    start = 5 * 2**30 + 7
    put = await client(
        "PUT",
        data,
        client.path + "?flush=n",
        content_range=f"bytes {start}-{start + len(data) - 1}/*",
    )
    assert put[::2] == (200, b"")
    assert (await client("PATCH", b'{"op": "flush"}'))[::2] == (200, b"")
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(5)
    client, _ = await transfer("download")
    end = start + len(data) - 1
    status, headers, body = await client("GET", range=f"bytes={start}-{end}")
    assert status == 206
    assert headers["content-range"] == f"bytes {start}-{end}/{SIZE}"
    assert headers["content-type"] == "application/octet-stream"
    assert body == data


async def test_point_57_a_whole_image(ask, transfer, engine):
    disk = ask.first("/disks?search=name%3Dmycd")
    engine.store.replace(engine.store.find("/disks", disk[7:]), provisioned_size=3 * MIB)
    client, home = await transfer("upload", "mycd")
    await client("PUT", b"x" * MIB)
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(5)
    client, _ = await transfer("download", "mycd")
    status, headers, body = await client("GET")
    assert (status, headers["content-length"]) == (200, str(3 * MIB))
    assert body == b"x" * MIB + bytes(2 * MIB)
    assert (await client("GET", range=f"bytes={2 * MIB}-"))[2] == bytes(MIB)


async def test_point_57_a_large_disk_is_a_sparse_file(transfer, engine):
    client, _ = await transfer()
    await client("PUT", b"y" * 65536, content_range=f"bytes {SIZE - 65536}-{SIZE - 1}/*")
    (ticket,) = engine.tickets.known.values()
    file = engine.dispatcher.world.images.path(ticket.image, ticket.size)
    assert file.stat().st_size == SIZE
    assert file.stat().st_blocks * 512 < MIB
    status, _, body = await client("GET", path=f"{client.path}/extents")
    assert status == 200
    extents = json.loads(body)
    assert [one["zero"] for one in extents] == [True, False]
    assert sum(one["length"] for one in extents) == SIZE
    assert extents[0]["start"] == 0


async def test_point_57_zeroing(transfer):
    client, _ = await transfer()
    await client("PUT", b"z" * MIB)
    body = json.dumps({"op": "zero", "offset": 100, "size": 1000, "flush": False}).encode()
    assert (await client("PATCH", body))[0] == 200
    read = (await client("GET", range="bytes=0-2047"))[2]
    assert read == b"z" * 100 + bytes(1000) + b"z" * 948


async def test_point_57_full_backups_have_no_dirty_extents(transfer):
    client, _ = await transfer("download")
    assert (await client("GET", path=f"{client.path}/extents?context=dirty"))[0] == 404


@pytest.fixture
def backup(ask, engine):
    """Back `myvm-up` up: the paths of the backup and of its disk."""

    def begin(since: str = "") -> str:
        disk = ask.first("/disks?search=name%3Dmydisk-up")[7:]
        vm = ask.first("/vms?search=name%3Dmyvm-up")
        inside = f"<disks><disk id='{disk}'/></disks>{since}"
        answer = ask("POST", f"{vm}/backups", f"<backup>{inside}</backup>")
        engine.clock.advance(5)
        return answer.header("location").partition("/api")[2]

    return begin


async def test_point_57_incremental_backups_read_what_the_guest_wrote(
    ask, engine, backup, transfer
):
    first = backup()
    checkpoint = ask.value(first, "to_checkpoint_id")
    ask("POST", f"{first}/finalize", "<action/>")
    engine.clock.advance(5)
    engine.script.guest_writes("mydisk-up", 3 * MIB + 5, b"changed")
    second = backup(f"<from_checkpoint_id>{checkpoint}</from_checkpoint_id>")
    engine.script.guest_writes("mydisk-up", 9 * MIB, b"for the next time")
    identity = second.rpartition("/")[2]
    client, _ = await transfer(
        "download", "mydisk-up", f"<backup id='{identity}'/><format>raw</format>"
    )
    extents = json.loads((await client("GET", path=f"{client.path}/extents?context=dirty"))[2])
    assert [(each["start"], each["length"]) for each in extents if each["dirty"]] == [
        (3 * MIB, 65536)
    ]
    assert sum(each["length"] for each in extents) == SIZE
    assert (await client("GET", range=f"bytes={3 * MIB + 5}-{3 * MIB + 11}"))[2] == b"changed"


def qcow2_of(size: int, data: bytes) -> bytes:
    """A file that says: a disk of this size begins with this."""
    with tempfile.TemporaryFile() as raw, tempfile.TemporaryFile() as target:
        raw.write(data)
        raw.flush()
        _qcow2.write(raw.fileno(), size, [(0, len(data))], target)
        target.seek(0)
        return target.read()


async def test_point_57_a_qcow2_file_is_what_the_guest_will_see(ask, engine, transfer):
    file = qcow2_of(SIZE, b"guest" * 1000)
    client, home = await transfer(more="<format>cow</format>")
    await client("PUT", file)
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(5)
    client, home = await transfer("download")
    assert (await client("GET", range="bytes=0-4999"))[2] == b"guest" * 1000
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(5)
    client, home = await transfer("download", more="<format>cow</format>")
    assert (await client("GET"))[2] == file


async def test_point_57_a_disk_is_downloaded_as_a_qcow2_file(ask, engine, transfer):
    client, home = await transfer()
    await client("PUT", b"raw" * 1000)
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(5)
    client, home = await transfer("download", more="<format>cow</format>")
    assert (await client("GET"))[2] == qcow2_of(SIZE, b"raw" * 1000)


@pytest.mark.parametrize("file", [b"no qcow2" * 100, qcow2_of(2 * SIZE, b"larger")])
async def test_an_upload_that_fails_verification_takes_its_disk_along(ask, engine, transfer, file):
    disk = ask.first("/disks?search=name%3Dmydisk")
    client, home = await transfer(more="<format>cow</format>")
    await client("PUT", file)
    ask("POST", f"{home}/finalize", "<action/>")
    engine.clock.advance(1)
    assert ask.value(home, "phase") == "finalizing_failure"
    engine.clock.advance(1)
    assert ask.value(home, "phase") == "finished_failure"
    assert ask.value(disk, "status") == "illegal"
    engine.clock.advance(5)
    assert ask.get(disk).status == 404


async def test_point_58_a_ticket_nobody_has_gets_403_and_the_end(transfer):
    client, _ = await transfer()
    status, headers, body = await client("GET", path="/images/nothing")
    assert status == 403
    assert headers["content-type"].startswith("text/plain")
    assert body.count(b"\n") == 1
    assert await client.ended()


@pytest.mark.parametrize("action", ["cancel", "finalize", "pause"])
async def test_point_58_a_ticket_that_is_over(ask, transfer, action):
    client, home = await transfer()
    ask("POST", f"{home}/{action}", "<action/>")
    assert (await client("OPTIONS"))[0] == 403
    assert await client.ended()


async def test_point_59_what_the_daemon_does_counts_as_activity(ask, transfer, engine):
    client, home = await transfer()
    for _ in range(4):
        engine.clock.advance(50)
        await client("OPTIONS")
    assert ask.value(home, "phase") == "transferring"
    engine.clock.advance(61)
    assert ask.value(home, "phase") == "paused_system"


async def test_point_60_chunked_bodies_are_refused(transfer):
    client, _ = await transfer()
    lines = f"PUT {client.path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    await client.stream.write(lines.encode() + b"1\r\nx\r\n0\r\n\r\n")
    assert (await client._answer())[0] == 400
    assert await client.ended()


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes=0-{SIZE}", "bytes=-5", "bytes=9-1"])
async def test_point_60_a_range_beyond_the_end(transfer, wanted):
    client, _ = await transfer()
    status, headers, _ = await client("GET", range=wanted)
    assert status == 416
    assert headers["content-range"] == f"bytes */{SIZE}"


async def test_point_60_writing_beyond_the_end(transfer):
    client, _ = await transfer()
    status, headers, _ = await client("PUT", b"xx", content_range=f"bytes {SIZE - 1}-{SIZE}/*")
    assert (status, headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert await client.ended()


@pytest.mark.parametrize(
    ("method", "body", "tail", "status"),
    [
        ("DELETE", b"", "", 405),
        ("POST", b"", "/extents", 405),
        ("PATCH", b"no json", "", 400),
        ("PATCH", b'{"op": "explode"}', "", 400),
        ("PATCH", b'{"op": "zero", "offset": 0}', "", 400),
        ("PATCH", b'{"op": "zero", "offset": 0, "size": 99999999999}', "", 416),
        ("PUT", b"x", "?flush=maybe", 400),
        ("GET", b"", "/extents?context=none", 400),
        ("GET", b"", "/nothing/here", 404),
        ("GET", b"", "/nothing", 404),
    ],
)
async def test_bad_requests_get_a_line_of_text(transfer, method, body, tail, status):
    client, _ = await transfer()
    assert (await client(method, body, client.path + tail))[0] == status
    assert await client.ended()


async def test_a_download_is_not_written_to(transfer):
    client, _ = await transfer("download")
    assert (await client("PUT", b"x"))[0] == 403


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad\r\n\r\n", b"x" * 100_000]
)
async def test_what_is_no_http_ends_the_connection(transfer, data):
    client, _ = await transfer()
    await client.stream.write(data)
    assert (await client._answer())[0] == 400
    assert await client.ended()


async def test_a_client_that_goes_away_hurts_nobody(transfer):
    client, _ = await transfer()
    await client.stream.write(f"PUT {client.path} HTTP/1.1\r\nContent-Length: 9\r\n\r\n".encode())
    await client.stream.aclose()
    other, _ = await transfer("download", "mydisk-up")
    assert (await other("OPTIONS"))[0] == 200
