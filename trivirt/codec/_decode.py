"""From bytes to objects: the root element says what a document is.

A small document is read in one go, see `_lines`. Long lists are read in pieces that are bounded
in time and memory: a tree of the whole document would take seven times its size, and would be made
in one stretch in which no other task runs. So the document is cut where an item seems to end, and
each piece is read by itself: line by line, or by lxml between the tags of the root. A cut at a
wrong place (an item inside of an item, a comment, a CDATA section) leaves a piece that is not
well-formed: it is then joined with what follows. When all pieces and the rest are well-formed, so
is the document, because a piece that is balanced within the root begins and ends between two items.

Of an item of a long list only the simple values are read at once (see `_later`): most of it is
never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from trivirt import types
from trivirt.codec import _lines
from trivirt.codec._parse import check_prolog, parse, parse_piece
from trivirt.codec._tables import Table, read_items, read_object, table_of
from trivirt.errors import DecodeError
from trivirt.model import Items, Struct

#: How much is parsed at a time: some ten machines, a millisecond or two.
PIECE = 64 * 1024
# From here on a document is worth cutting; below, all of it is read at once.
_LARGE = 2 * PIECE

_ROOTS: dict[str, tuple[Table, bool]] = {}
_TAG = re.compile(rb"\s*<([^\s<>/!?]+)").match
_LONGEST_NAME = 60


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


class Decoder:
    """Reads a document that arrives in parts; a long list is decoded while it arrives.

    Give the parts to `feed` in order, then call `close` for the result. A document that is not a
    list of objects is decoded as a whole by `close`. `items` counts the items read so far.
    """

    def __init__(self, expect: str | None = None) -> None:
        self._expect = expect
        self._buffer = bytearray()
        self._wait = PIECE
        self._list: Items[Any] | None = None
        self._whole = False
        self._table: Table
        self._known: dict[str, str] = {}
        self._open = self._close = self._end = b""

    @property
    def count(self) -> int:
        return len(self._list or ())

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next part; raises `DecodeError` as soon as it is certain that it must."""
        self._buffer += data
        if self._whole or len(self._buffer) < self._wait:
            return
        if self._list is None:
            self._begin()
        if not self._whole:
            self._cut()

    def close(self) -> Struct | Items[Any]:
        """Read the rest and give the result, or raise `DecodeError`."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        if self._list is None:
            return decode_whole(rest, self._expect)
        end = b"\n" + self._close
        inside = rest.rstrip(b" \n")
        if not (inside.endswith(end) and self._read_lines(inside[: -len(end)])):
            self._read(parse_piece(self._open + rest))
        return self._list

    def _begin(self) -> None:
        """Find the root and its first item; give up cutting where anything is unusual."""
        self._whole = True
        buffer = self._buffer
        del buffer[: len(buffer) - len(buffer.lstrip(b" \t\r\n"))]
        start = check_prolog(buffer)
        end = buffer.find(b">", start)
        if start < 0 or end < 0:
            return
        opening = bytes(buffer[start : end + 1])
        name, item = _TAG(opening), _TAG(buffer, end + 1)
        if name is None or item is None:
            return
        closing = b"</" + name[1] + b">"
        try:
            # With what is before it: a declaration may be malformed, too.
            root = parse_piece(bytes(buffer[: end + 1]) + closing)
        except DecodeError:
            return
        cls, is_list = find_class(root.tag, self._expect)
        if not is_list:
            return
        self._whole = False
        self._table, self._list = table_of(cls), Items(href=root.get("href"))
        self._open, self._close = opening, closing
        self._end = b"</" + item[1] + b">"
        del buffer[: end + 1]

    def _cut(self) -> None:
        """Read what is complete; wait for twice as much when it turns out not to be."""
        at = self._buffer.rfind(self._end)
        if at < 0:
            self._wait = 2 * len(self._buffer)
            return
        at += len(self._end)
        piece = self._buffer[:at]
        if not self._read_lines(piece):
            try:
                root = parse_piece(b"".join((self._open, piece, self._close)))
            except DecodeError:
                self._wait = 2 * len(self._buffer)
                return
            self._read(root)
        del self._buffer[:at]
        self._wait = PIECE

    def _read_lines(self, inside: bytes | bytearray) -> bool:
        """Read the items in the quick way, if that is possible."""
        assert self._list is not None
        try:
            items = _lines.read_items(self._table, _lines.to_text(inside), lazily=True)
        except _lines.Doubt:
            return False
        self._list += items
        return True

    def _read(self, root: Any) -> None:
        table, items, known = self._table, self._list, self._known
        assert items is not None
        for element in root:
            if element.tag != "actions":
                items.append(read_object(element, table, known))


def decode_whole(data: bytes, expect: str | None) -> Struct | Items[Any]:
    """Read a document in one go, all of it."""
    try:
        return _decode_lines(data, expect)
    except _lines.Doubt:
        return decode_tree(data, expect)


def decode_tree(data: bytes, expect: str | None) -> Struct | Items[Any]:
    """The same by lxml alone, whatever the layout."""
    root = parse(data)
    table, is_list = _root_table(root.tag, expect)
    value: Struct | Items[Any] = (read_items if is_list else read_object)(root, table)
    return value


def _decode_lines(data: bytes, expect: str | None) -> Struct | Items[Any]:
    """The quick way. Raises Doubt."""
    tag, href, id, inside = _lines.split_root(data)
    table, is_list = _root_table(tag, expect)
    if not is_list:
        value: Struct = _lines.read_object(table, href, id, inside)
        return value
    items = _lines.read_items(table, inside, lazily=False)
    return Items(items, href=href)


def _root_table(tag: str, expect: str | None) -> tuple[Table, bool]:
    found = _ROOTS.get(tag) if expect == tag or expect is None else None
    if found is None:
        cls, is_list = find_class(tag, expect)
        found = _ROOTS[tag] = table_of(cls), is_list
    return found


def find_class(element: str, expect: str | None) -> tuple[type[Any], bool]:
    """Give the class of a root element, and whether the element is a list of its objects."""
    if expect is not None and element != expect and element != "fault":
        raise DecodeError(f"expected a document <{expect}>, and <{element[:_LONGEST_NAME]}> came")
    name = types.ELEMENTS.get(element)
    if name is None:
        shown = element[:_LONGEST_NAME]
        raise DecodeError(f"<{shown}> is no document of the API: is this URL that of an engine?")
    cls = getattr(types, name)
    return cls, element == cls.plural
