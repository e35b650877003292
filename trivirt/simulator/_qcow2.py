"""qcow2 files: made of a disk's bytes for who downloads one, and read from who uploads one.

The format is QEMU's (docs/interop/qcow2.txt of QEMU). Files that are made are of version 3 and have
no snapshots, compression or backing file; files that are read may be compressed, too.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

MAGIC = b"QFI\xfb"
HEADER = struct.Struct(">4sIQIIQIIQQIIQ")  # of version 2
CLUSTER = 65536
PER_TABLE = CLUSTER // 8  # entries of a table of 64-bit numbers
PER_BLOCK = CLUSTER // 2  # reference counts of 16 bits
COPIED, COMPRESSED, ZERO = 1 << 63, 1 << 62, 1
OFFSET = 0x00FF_FFFF_FFFF_FE00
MOST_L1 = 4 * 1024 * 1024  # entries; QEMU's own limit
NOT_READ = 0b11110  # corrupt, external data, other compression, extended tables


class NotQcow2(Exception):
    """The bytes are no such file, or one that engines do not take."""


# Making.


def write(source: int, size: int, used: Iterable[tuple[int, int]], target: BinaryIO) -> None:
    """A file with the bytes of a raw one; `used` are start and end of what may be not zero."""
    clusters = [at for at in _clusters(used) if not _is_zero(_read(source, at, size))]
    tables = sorted({at // PER_TABLE for at in clusters})
    entries = -(-size // (CLUSTER * PER_TABLE))
    first_level = max(1, -(-entries * 8 // CLUSTER))
    rest = 1 + first_level + len(tables) + len(clusters)
    table, blocks = _refcount_clusters(rest)
    at_l1 = 1 + table + blocks
    at_l2 = at_l1 + first_level
    at_data = at_l2 + len(tables)
    _put(target, 0, _header(size, entries, at_l1 * CLUSTER, table))
    _put(target, 1, struct.pack(f">{blocks}Q", *((1 + table + n) * CLUSTER for n in range(blocks))))
    total = rest + table + blocks
    for block in range(blocks):
        counts = [1] * max(0, min(PER_BLOCK, total - block * PER_BLOCK))
        _put(target, 1 + table + block, struct.pack(f">{len(counts)}H", *counts))
    first = dict.fromkeys(range(entries), 0)
    first.update({at: (at_l2 + n) * CLUSTER | COPIED for n, at in enumerate(tables)})
    _put(target, at_l1, struct.pack(f">{entries}Q", *first.values()))
    places = {at: (at_data + n) * CLUSTER | COPIED for n, at in enumerate(clusters)}
    for number, at in enumerate(tables):
        base = at * PER_TABLE
        numbers = (places.get(base + n, 0) for n in range(PER_TABLE))
        _put(target, at_l2 + number, struct.pack(f">{PER_TABLE}Q", *numbers))
    for number, at in enumerate(clusters):
        _put(target, at_data + number, _read(source, at, size))
    target.truncate((rest + table + blocks) * CLUSTER)


def _header(size: int, entries: int, l1: int, refcount_clusters: int) -> bytes:
    head = HEADER.pack(MAGIC, 3, 0, 0, 16, size, 0, entries, l1, CLUSTER, refcount_clusters, 0, 0)
    return head + struct.pack(">QQQII", 0, 0, 0, 4, 104)


def _refcount_clusters(rest: int) -> tuple[int, int]:
    """Of the table and of the blocks; they count themselves, too."""
    table = blocks = 1
    while True:
        needed = -(-(rest + table + blocks) // PER_BLOCK)
        if needed <= blocks and -(-blocks * 8 // CLUSTER) <= table:
            return table, blocks
        blocks = max(blocks, needed)
        table = -(-blocks * 8 // CLUSTER)


def _clusters(used: Iterable[tuple[int, int]]) -> list[int]:
    found: dict[int, None] = {}
    for start, end in used:
        found.update(dict.fromkeys(range(start // CLUSTER, -(-end // CLUSTER))))
    return sorted(found)


def _read(source: int, cluster: int, size: int) -> bytes:
    at = cluster * CLUSTER
    data = os.pread(source, min(CLUSTER, max(0, size - at)), at)
    return data.ljust(CLUSTER, b"\0")


def _is_zero(data: bytes) -> bool:
    return not data.strip(b"\0")


def _put(target: BinaryIO, cluster: int, data: bytes) -> None:
    target.seek(cluster * CLUSTER)
    target.write(data)


# Reading.


class Header(NamedTuple):
    """What matters of the header of a file."""

    size: int
    cluster_bits: int
    l1_entries: int
    l1_offset: int


def read_header(file: BinaryIO) -> Header:
    """Raises NotQcow2 for what an engine refuses when an upload is verified."""
    file.seek(0)
    data = file.read(HEADER.size + 8)
    if len(data) < HEADER.size + 8 or data[:4] != MAGIC:
        raise NotQcow2("it does not begin like a qcow2 file")
    _, version, backing, _, bits, size, crypt, entries, l1, _, _, _, _ = HEADER.unpack(
        data[: HEADER.size]
    )
    features = struct.unpack(">Q", data[HEADER.size :])[0] if version > 2 else 0
    if version not in (2, 3) or not 9 <= bits <= 21 or features & NOT_READ or crypt:
        raise NotQcow2("it is of a kind that is not supported")
    if backing:
        raise NotQcow2("it has a backing file")
    needed = -(-size // (1 << bits) // (1 << bits - 3))
    if needed > min(entries, MOST_L1):
        raise NotQcow2("its tables do not fit its size")
    return Header(size, bits, needed, l1)


def read(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where, and what, of all that is not zero. Raises NotQcow2."""
    head = read_header(file)
    cluster, per_table = 1 << head.cluster_bits, 1 << head.cluster_bits - 3
    for number, table in enumerate(_numbers(file, head.l1_offset, head.l1_entries)):
        if not table & OFFSET:
            continue
        for inner, entry in enumerate(_numbers(file, table & OFFSET, per_table)):
            at = (number * per_table + inner) * cluster
            if at >= head.size or (entry & ZERO and not entry & COMPRESSED):
                continue
            data = _cluster(file, entry, head.cluster_bits)
            if data:
                yield at, data[: head.size - at]


def _numbers(file: BinaryIO, offset: int, count: int) -> tuple[int, ...]:
    file.seek(offset)
    data = file.read(8 * count)
    if len(data) < 8 * count:
        raise NotQcow2("a table is cut off")
    return struct.unpack(f">{count}Q", data)


def _cluster(file: BinaryIO, entry: int, bits: int) -> bytes:
    if entry & COMPRESSED:
        shift = 62 - (bits - 8)
        offset = entry & (1 << shift) - 1
        sectors = (entry >> shift & (1 << 62 - shift) - 1) + 1
        file.seek(offset)
        packed = file.read(sectors * 512 - offset % 512)
        try:
            return zlib.decompressobj(-12).decompress(packed, 1 << bits)
        except zlib.error as error:
            raise NotQcow2("a compressed part is damaged") from error
    if not entry & OFFSET:
        return b""
    file.seek(entry & OFFSET)
    return file.read(1 << bits)
