"""From bytes to objects: the root element says what a document is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from trivirt.codec._stream import PIECE, Decoder, decode_whole
from trivirt.model import Items, Struct

# From here on a document is worth cutting; below, all of it is read at once.
_LARGE = 2 * PIECE


def decode(data: bytes, expect: str | None = None) -> Struct | Items[Any]:
    """Read a document of the API into an object, or into a list of objects.

    With `expect`, the name of a root element, any other root is an error, except a `<fault>`,
    which is given back as a `Fault`. Raises `DecodeError` when this is not XML, when it is not
    XML of the API, or when a value in it cannot be read. In a list of more than 128 kB, what is
    nested in an item is read when it is touched; a value there that cannot be read raises then.
    """
    if len(data) >= _LARGE:
        steps = decode_steps(data, expect)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                value: Struct | Items[Any] = end.value
                return value
    return decode_whole(data, expect)


def decode_steps(
    data: bytes, expect: str | None = None
) -> Generator[int, None, Struct | Items[Any]]:
    """Read a document as `decode` does, in steps of a millisecond or two.

    Each step yields the number of items read so far; the result is what the generator returns.
    Between two steps other tasks may run. A document that is no list is one single step.
    """
    if len(data) < _LARGE:
        return decode_whole(data, expect)
    decoder = Decoder(expect)
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        decoder.feed(view[start : start + PIECE])
        yield decoder.count
    return decoder.close()
