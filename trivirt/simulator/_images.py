"""The bytes of disks, in sparse files that are made when somebody looks at them."""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

from trivirt.simulator import _qcow2
from trivirt.simulator._changes import Changes


class Images:
    """One file for each image, by its id, in a directory that goes with this object.

    It holds what a guest sees. Beside it may lie the qcow2 file that somebody uploads or has
    downloaded, under the name that `packed` gives.
    """

    def __init__(self) -> None:
        self._directory: str | None = None
        self._changes: dict[str, Changes] = {}

    def path(self, identity: str, size: int) -> Path:
        """The file of an image; a new one is `size` bytes of nothing."""
        path = self._place(identity)
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(size)
        return path

    def resize(self, identity: str, size: int) -> None:
        """Only ever larger, as disks are."""
        path = self.path(identity, size)
        if path.stat().st_size < size:
            os.truncate(path, size)
        self._place(packed(identity)).unlink(missing_ok=True)

    def write(self, identity: str, size: int, start: int, data: bytes) -> None:
        """Part of an image of `size` bytes; incremental backups will tell of it."""
        self._place(packed(identity)).unlink(missing_ok=True)
        with self.path(identity, size).open("r+b") as file:
            os.pwrite(file.fileno(), data, start)
        self.changes(identity).wrote(start, start + len(data))

    def changes(self, identity: str) -> Changes:
        """What was written, and when."""
        return self._changes.setdefault(identity, Changes())

    def pack(self, identity: str, size: int) -> int:
        """Make the qcow2 file of an image unless there is one; its length."""
        path = self._place(packed(identity))
        if not path.exists():
            raw = self.path(identity, size)
            with raw.open("rb") as source, path.open("wb") as target:
                used = extents(source.fileno(), 0, size)
                stretches = ((at, at + length) for at, length, hole in used if not hole)
                _qcow2.write(source.fileno(), size, stretches, target)
        return path.stat().st_size

    def unpack(self, identity: str, size: int) -> None:
        """The image is what its qcow2 file says, unless that is empty; raises NotQcow2."""
        with self.path(packed(identity), 0).open("rb") as source:
            if not os.fstat(source.fileno()).st_size:
                return
            if _qcow2.read_header(source).size > size:
                raise _qcow2.NotQcow2("it describes a larger disk")
            with self.path(identity, size).open("r+b") as target:
                target.truncate(0)
                target.truncate(size)
                for start, data in _qcow2.read(source):
                    os.pwrite(target.fileno(), data, start)
        self.changes(identity).wrote(0, size)

    def copy(self, source: str, target: str, size: int) -> None:
        """The same bytes under another id; holes stay holes."""
        if not self._exists(source):
            return
        self._changes[target] = copy.deepcopy(self.changes(source))
        with self.path(source, size).open("rb") as old, self.path(target, size).open("r+b") as new:
            for start, length, hole in extents(old.fileno(), 0, size):
                if hole:
                    continue
                old.seek(start)
                new.seek(start)
                while length:
                    piece = old.read(min(length, 1 << 20))
                    if not piece:
                        break
                    new.write(piece)
                    length -= len(piece)

    def remove(self, identity: str) -> None:
        """No effect when nobody ever looked at it."""
        self._changes.pop(identity, None)
        for each in (identity, packed(identity)):
            if self._exists(each):
                self._place(each).unlink()

    def _exists(self, identity: str) -> bool:
        return self._directory is not None and self._place(identity).exists()

    def _place(self, identity: str) -> Path:
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="trivirt-images-")
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        return Path(self._directory) / "".join(c for c in identity if c.isalnum() or c == "-")


def packed(identity: str) -> str:
    """The name of an image's qcow2 file."""
    return f"{identity}-qcow2"


def extents(file: int, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Start, length and whether it is a hole, of each stretch of a file between two offsets."""
    while start < end:
        data = _seek(file, start, os.SEEK_DATA, end)
        if data > start:
            yield start, data - start, True
            start = data
            continue
        hole = _seek(file, start, os.SEEK_HOLE, end)
        yield start, hole - start, False
        start = hole


def _seek(file: int, start: int, whence: int, end: int) -> int:
    with contextlib.suppress(OSError):  # there is no data behind the last hole
        return min(os.lseek(file, start, whence), end)
    return end
