"""The objects of an engine in a file, and back.

A file holds the collections that somebody has looked at; what belongs to the seed and was never
looked at is made again from the seed. The bytes of disks are not kept.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from trivirt import errors, types
from trivirt.simulator._store import Store

FORMAT = "trivirt-state/1"


def save_state(store: Store, path: Path) -> None:
    """Write everything that can be reached; what is going on ends first."""
    store.finish()
    collections: dict[str, list[Any]] = {}
    for below in store.paths("/", ""):
        collections[below] = [
            [type(entry.value).__name__, entry.value.to_dict(), entry.note]
            for entry in store.collection(below)
        ]
    whole = {"format": FORMAT, "numbers": store.next_number(), "collections": collections}
    data = gzip.compress(json.dumps(whole).encode(), 1, mtime=0)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.replace(path)


def load_state(store: Store, path: Path) -> None:
    """Put what a file has in place of what the seed made. Raises UsageError for other files."""
    try:
        whole = json.loads(gzip.decompress(path.read_bytes()))
        if whole["format"] != FORMAT:
            raise ValueError(whole["format"])
        for below, entries in whole["collections"].items():
            store.fill(below, [_read(*each) for each in entries])
        store.count_from(whole["numbers"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.UsageError(f"{path} holds no state of a simulated engine: {error}") from error


def _read(kind: str, value: dict[str, Any], note: str | None) -> tuple[Any, str | None]:
    return getattr(types, kind).from_dict(value), note
