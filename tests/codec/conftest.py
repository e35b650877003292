"""Documents long enough to be read in pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trivirt.codec._decode import PIECE


@pytest.fixture
def many() -> Callable[[str, str], bytes]:
    """Makes a list of so many copies of an item that it is read in several pieces."""

    def document(tags: str, item: str) -> bytes:
        copies = 3 * PIECE // len(item.encode()) + 2
        items = "\n    ".join([item] * copies)
        return f"<{tags}>\n    {items}\n</{tags}>".encode()

    return document
