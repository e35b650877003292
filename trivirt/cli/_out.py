"""The file that a command writes: whole or not at all, and tried before the work begins.

The text goes to a new file in the same folder, which then takes the name; so a reader never sees
half an inventory and an earlier one survives a failure.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from trivirt.cli._failure import Failure

__all__ = ["OutFile"]


class OutFile:
    """Where a JSON document will go. Making one tries the place, and changes nothing there."""

    def __init__(self, path: str) -> None:
        # A link stays a link: the file that it points to is replaced.
        self.path = Path(os.path.realpath(path))
        self._said = path
        # A terminal, a pipe or /dev/null can be written to, but must not be replaced by a file.
        self._special = self.path.exists() and not self.path.is_file()
        if self.path.is_dir():
            raise Failure(f"--out {path} is a folder; name a file in it")
        if not self.path.parent.is_dir():
            raise Failure(
                f"--out {path} cannot be written: there is no folder {self.path.parent}; "
                "make it, or name another file"
            )
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise Failure(
                f"--out {path} cannot be written: it exists and is write-protected; "
                "name another file"
            )
        if not self._special:
            self._try_folder()

    def write(self, document: Mapping[str, Any]) -> None:
        """Write the document as UTF-8 text; on an error nothing is left behind."""
        text = json.dumps(document, ensure_ascii=False, indent=1, default=_plain) + "\n"
        data = text.encode("utf-8")
        try:
            if self._special:
                self.path.write_bytes(data)
            else:
                self._replace(data)
        except OSError as error:
            raise self._refused(error) from error

    def _replace(self, data: bytes) -> None:
        part = self._part()
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if self.path.exists():
                part.chmod(stat.S_IMODE(self.path.stat().st_mode))
            part.replace(self.path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def _try_folder(self) -> None:
        part = self._part()
        try:
            open(part, "xb").close()
            part.unlink()
        except OSError as error:
            raise self._refused(error) from error

    def _part(self) -> Path:
        return self.path.with_name(f".trivirt-{secrets.token_hex(8)}.part")

    def _refused(self, error: OSError) -> Failure:
        return Failure(
            f"--out {self._said} cannot be written: {error.strerror or error}; name another file"
        )


def _plain(value: object) -> object:
    """Times become ISO 8601, decimals the text that the engine sent or would send."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"no JSON for a {type(value).__name__}")
