"""Where an inventory goes: a file that appears whole or not at all, tried before the work begins.

What is written goes to a new file in the same folder, which then takes the name; so a reader never
sees half an inventory and an earlier one survives a failure.

While a run is under way it is kept in an SQLite file (`work`): the file itself, if that is SQLite
and there was none before, and else `FILE.part`, which is still there after a run that was stopped
or killed, and which the next session of it goes on with. Whoever has that file open is the only
one who writes to this place.

A program that is killed may leave a journal beside its database. Whatever database takes that name
next would be mended with it, which destroys it; so journals go before a file is replaced.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trivirt.errors import StoreError, UsageError

__all__ = ["FORMS", "Destination"]

#: The forms an inventory can have, and the suffixes of files that mean them.
FORMS = {
    "sqlite": (".sqlite", ".sqlite3", ".db"),
    "json": (".json",),
    "ndjson": (".ndjson", ".jsonl"),
    "csv": (".csv",),
    "parquet": (".parquet",),
    "duckdb": (".duckdb",),
}

_STREAMED = ("json", "ndjson")  # Written from the beginning to the end, and in one piece.
_STANDARD_OUTPUT = "/dev/stdout"
# What databases keep beside themselves, under their own name and this.
_BESIDE = {"sqlite": ("-journal", "-wal", "-shm"), "duckdb": (".wal",)}
_PATIENCE = 5.0  # Seconds that another program may take to leave a file.


class Destination:
    """A file, and its form: `form` if given, else what its suffix says; without one SQLite.

    `name` may be a URL such as `file:///srv/vms.json` or `sqlite:///srv/vms`, and `-` is standard
    output. Making one tries the place, and changes nothing there. Raises UsageError for a suffix
    that says nothing, StoreError for a place that cannot be written to.
    """

    def __init__(self, name: str | Path, form: str | None = None) -> None:
        path, said = _path_and_form(str(name))
        self.form = form or said or _form_of(path)
        self._said = path
        self.path = Path(_STANDARD_OUTPUT if path == "-" else path)
        # A terminal, a pipe or /dev/null can be written to, but must not be replaced by a file.
        self.special = self.is_output or (self.path.exists() and not self.path.is_file())
        if not self.special:
            # A link stays a link: the file that it points to is replaced.
            self.path = Path(os.path.realpath(self.path))
        self._whole = self.path.name  # Of siblings it is the name of the first.
        if self.path.is_dir():
            raise StoreError(f"{path} is a folder; name a file in it")
        if not self.path.parent.is_dir():
            raise StoreError(
                f"{path} cannot be written: there is no folder {self.path.parent}; "
                "make it, or name another file"
            )
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise StoreError(
                f"{path} cannot be written: it exists and is write-protected; name another file"
            )
        if not self.special:
            self._try_folder()
        elif self.form not in _STREAMED:
            raise StoreError(
                f"{path} is no file; what goes there is {' or '.join(_STREAMED)}, or name a file"
            )

    def __str__(self) -> str:
        return self._said

    def __repr__(self) -> str:
        return f"<Destination {self._said}, {self.form}>"

    @property
    def is_output(self) -> bool:
        """Whether it is where the words of a program go, too."""
        return str(self.path) == _STANDARD_OUTPUT

    # The file that a run works in.

    @property
    def part(self) -> Path:
        """The file beside this one that an unfinished run is kept in."""
        return self.path.with_name(f"{self.path.name}.part")

    def fresh(self) -> Path | None:
        """Where a new run works: nothing is there. None for a place that can keep no file.

        Raises StoreError when another run is under way there.
        """
        if self.special:
            return None
        self.discard()
        if self.form != "sqlite":
            return self.part
        self._settle(self.path)
        return self.part if self.path.exists() else self.path

    def unfinished(self) -> Path | None:
        """Where an earlier run was kept; None if there was none."""
        if self.special:
            return None
        if self.part.exists():
            return self.part
        return self.path if self.form == "sqlite" and self.path.exists() else None

    def discard(self) -> None:
        """Remove the unfinished run beside the file, if there is one.

        Raises StoreError when somebody has it open.
        """
        self._settle(self.part)
        for end in ("", *_BESIDE["sqlite"]):
            with suppress(FileNotFoundError):
                os.unlink(f"{self.part}{end}")

    def sweep(self) -> None:
        """Remove what killed runs have left of the files that they were writing here.

        Only who has the work file open may know that nobody is writing any of them now.
        """
        ours = re.compile(re.escape(f".{self._whole}.trivirt-") + r"[0-9a-f]{16}\.new(\.wal)?")
        for file in () if self.special else self.path.parent.iterdir():
            if ours.fullmatch(file.name):
                with suppress(OSError):
                    file.unlink()

    # The file itself.

    def take(self, work: Path) -> None:
        """Give a finished SQLite file, that nobody has open, its name.

        Raises StoreError when the file that has this name is in use, or cannot be replaced.
        """
        if work == self.path:
            return
        try:
            self._put(work)
        except OSError as error:
            raise self._refused(error) from error

    def write(self, write: Callable[[Path], None]) -> None:
        """Let `write` write a new file, which then takes the place; on an error nothing is left."""
        try:
            if self.special:
                write(self.path)
            else:
                self._replace(write)
        except BrokenPipeError:
            raise  # Whoever reads has seen enough.
        except OSError as error:
            raise self._refused(error) from error

    def sibling(self, name: str) -> Destination:
        """A file beside this one: `inventory.csv` has `inventory.vm_nics.csv`."""
        path = self.path.with_name(f"{self.path.stem}.{name}{self.path.suffix}")
        found = Destination(path, self.form)
        found._whole = self._whole
        return found

    def _replace(self, write: Callable[[Path], None]) -> None:
        fresh = self._new()
        try:
            write(fresh)
            with open(fresh, "rb+") as file:
                os.fsync(file.fileno())
            self._put(fresh)
        except BaseException:
            for end in ("", *_BESIDE["duckdb"]):
                with suppress(OSError):
                    os.unlink(f"{fresh}{end}")
            raise

    def _put(self, fresh: Path) -> None:
        """Replace the file by a new one."""
        if self.form == "sqlite":
            self._settle(self.path)
        for end in _BESIDE.get(self.form, ()):
            with suppress(FileNotFoundError):
                os.unlink(f"{self.path}{end}")
        if self.path.exists():
            fresh.chmod(stat.S_IMODE(self.path.stat().st_mode))
        fresh.replace(self.path)

    def _settle(self, file: Path) -> None:
        """Let SQLite take back what a killed program has left half done; refuse a file in use."""
        if not file.exists():
            return
        with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
            except sqlite3.Error as error:
                if "locked" in str(error):
                    raise StoreError(
                        f"{file}: it is in use by another program; wait for that, or name "
                        "another file"
                    ) from error
                # Else it is damaged, or no database at all, and there is nothing to take back.

    def _try_folder(self) -> None:
        fresh = self._new()
        try:
            open(fresh, "xb").close()
            fresh.unlink()
        except OSError as error:
            raise self._refused(error) from error

    def _new(self) -> Path:
        return self.path.with_name(f".{self._whole}.trivirt-{secrets.token_hex(8)}.new")

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._said} cannot be written: {error.strerror or error}; name another file"
        )


def _path_and_form(name: str) -> tuple[str, str | None]:
    url = urlsplit(name)
    if not name.startswith(f"{url.scheme}://") or not url.scheme:
        return name, None
    if url.scheme != "file" and url.scheme not in FORMS:
        known = ", ".join(["file", *FORMS])
        raise UsageError(f"{name}: nothing is known of {url.scheme}://; there is {known}")
    if url.netloc or not url.path:
        raise UsageError(f"{name}: a file of this machine has three slashes: {url.scheme}:///PATH")
    return unquote(url.path), None if url.scheme == "file" else url.scheme


def _form_of(path: str) -> str:
    if not path:
        raise UsageError("the name of a file is empty")
    suffix = Path(path).suffix.lower()
    for form, suffixes in FORMS.items():
        if suffix in suffixes:
            return form
    if suffix:
        known = " ".join(suffixes[0] for suffixes in FORMS.values())
        raise UsageError(f"{path}: {suffix} is none of {known}; name the form")
    return "sqlite"
