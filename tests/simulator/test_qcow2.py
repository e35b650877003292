"""qcow2 files that are made and read, also by QEMU's own tool where it is installed."""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import subprocess
import tempfile
import zlib

import pytest

from trivirt.simulator import _qcow2
from trivirt.simulator._images import extents

MIB = 2**20
QEMU = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")


@pytest.fixture
def raw(tmp_path):
    """A sparse file with data at its beginning, across a table's border and at its odd end."""
    path = tmp_path / "raw"
    noise = random.Random(0).randbytes
    size = 600 * MIB + 512
    with path.open("wb") as file:
        for at, length in ((0, 100_000), (512 * MIB - 70_000, 140_000), (size - 700, 700)):
            file.seek(at)
            file.write(noise(length))
    return path


@pytest.fixture
def made(tmp_path):
    """Makes a qcow2 file of a raw one."""

    def make(raw):
        path = tmp_path / "made.qcow2"
        size = raw.stat().st_size
        with raw.open("rb") as source, path.open("wb") as target:
            used = [(at, at + n) for at, n, hole in extents(source.fileno(), 0, size) if not hole]
            _qcow2.write(source.fileno(), size, used, target)
        return path

    return make


def blocks(file) -> dict[int, bytes]:
    """Of one MiB each, by number, where a sparse file has any data."""
    size = os.fstat(file.fileno()).st_size
    used = [(at, at + n) for at, n, hole in extents(file.fileno(), 0, size) if not hole]
    numbers = {n for start, end in used for n in range(start // MIB, -(-end // MIB))}
    return {n: os.pread(file.fileno(), MIB, n * MIB) for n in numbers}


def unpacked(data, raw) -> bool:
    """Whether a qcow2 file says what a raw one holds."""
    with raw.open("rb") as source, tempfile.TemporaryFile() as target:
        target.truncate(raw.stat().st_size)
        for at, each in _qcow2.read(data):
            os.pwrite(target.fileno(), each, at)
        one, other = blocks(source), blocks(target)
    return all(
        one.get(n, b"").strip(b"\0") == other.get(n, b"").strip(b"\0") for n in one.keys() | other
    )


def test_what_is_made_can_be_read(raw, made):
    with made(raw).open("rb") as file:
        assert _qcow2.read_header(file).size == raw.stat().st_size
        assert unpacked(file, raw)


def test_what_is_zero_takes_no_place(raw, made):
    assert made(raw).stat().st_size < MIB


@QEMU
def test_qemu_takes_what_is_made(raw, made):
    made_file = made(raw)
    subprocess.run(["qemu-img", "check", "-q", made_file], check=True)
    compare = ["qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw, made_file]
    subprocess.run(compare, check=True)


@QEMU
@pytest.mark.parametrize(
    "options",
    [
        ["-c"],
        ["-o", "compat=0.10"],
        ["-o", "cluster_size=4096"],
        ["-o", "cluster_size=2M"],
        ["-c", "-o", "cluster_size=512"],
    ],
    ids=" ".join,
)
def test_what_qemu_makes_is_read(raw, tmp_path, options):
    path = tmp_path / "by-qemu.qcow2"
    words = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", *options, raw, path]
    subprocess.run(words, check=True)
    with path.open("rb") as file:
        assert unpacked(file, raw)


@QEMU
def test_a_file_on_top_of_another_is_refused(raw, made, tmp_path):
    path = tmp_path / "top.qcow2"
    words = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", made(raw), "-F", "qcow2", path]
    subprocess.run(words, check=True)
    with path.open("rb") as file, pytest.raises(_qcow2.NotQcow2, match="backing"):
        _qcow2.read_header(file)


def compressed_file(packed: bytes) -> io.BytesIO:
    """Of one cluster, which is compressed."""
    file = io.BytesIO()
    at_l1, at_l2, at_data = (n * _qcow2.CLUSTER for n in (1, 2, 3))
    head = _qcow2.HEADER.pack(_qcow2.MAGIC, 2, 0, 0, 16, 65536, 0, 1, at_l1, 0, 0, 0, 0)
    sectors = -(-len(packed) // 512) - 1
    entry = _qcow2.COMPRESSED | sectors << 54 | at_data
    for at, data in (
        (0, head),
        (at_l1, struct.pack(">Q", at_l2)),
        (at_l2, struct.pack(">Q", entry)),
    ):
        file.seek(at)
        file.write(data)
    file.seek(at_l2 + _qcow2.CLUSTER)
    file.write(packed)
    return file


def test_compressed_parts():
    packer = zlib.compressobj(wbits=-12)
    data = bytes(range(256)) * 256
    packed = packer.compress(data) + packer.flush()
    file = compressed_file(packed)
    assert list(_qcow2.read(file)) == [(0, data)]


def test_damaged_parts():
    with pytest.raises(_qcow2.NotQcow2, match="damaged"):
        list(_qcow2.read(compressed_file(b"\xff" * 600)))


def header(version=3, backing=0, bits=16, size=65536, crypt=0, entries=1, l1=65536, features=0):
    fields = (_qcow2.MAGIC, version, backing, 0, bits, size, crypt, entries, l1, 0, 0, 0, 0)
    return io.BytesIO(_qcow2.HEADER.pack(*fields) + struct.pack(">Q", features))


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (io.BytesIO(b""), "begin"),
        (io.BytesIO(b"x" * 1000), "begin"),
        (header(version=4), "kind"),
        (header(bits=40), "kind"),
        (header(features=4), "kind"),
        (header(crypt=1), "kind"),
        (header(backing=8), "backing"),
        (header(size=2**60), "tables"),
        (header(), "cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_engines_do_not_take(file, why):
    with pytest.raises(_qcow2.NotQcow2, match=why):
        list(_qcow2.read(file))


def test_many_clusters_have_their_reference_counts():
    """More than one block of counts, and more than one table of them."""
    assert _qcow2._refcount_clusters(10) == (1, 1)
    for rest in (32766, 32767, 10**6, 3 * 10**8):
        table, blocks = _qcow2._refcount_clusters(rest)
        assert blocks * _qcow2.PER_BLOCK >= rest + table + blocks
        assert table * _qcow2.PER_TABLE >= blocks
