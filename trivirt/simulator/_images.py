"""The bytes of disks, in sparse files that are made when somebody looks at them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path


class Images:
    """One file for each image, by its id, in a directory that goes with this object."""

    def __init__(self) -> None:
        self._directory: str | None = None

    def path(self, identity: str, size: int) -> Path:
        """The file of an image; a new one is `size` bytes of nothing."""
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="trivirt-images-")
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        path = Path(self._directory) / "".join(c for c in identity if c.isalnum() or c == "-")
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(size)
        return path

    def resize(self, identity: str, size: int) -> None:
        """Only ever larger, as disks are."""
        path = self.path(identity, size)
        if path.stat().st_size < size:
            os.truncate(path, size)

    def copy(self, source: str, target: str, size: int) -> None:
        """The same bytes under another id; holes stay holes."""
        if not self._exists(source):
            return
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
        if self._exists(identity):
            self.path(identity, 0).unlink()

    def _exists(self, identity: str) -> bool:
        return self._directory is not None and (Path(self._directory) / identity).exists()


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
