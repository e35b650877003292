"""Long lists: their items stay text until somebody looks at them.

To make objects of a thousand machines takes ten times as long as to check that what came is XML,
and most programs look at little of each machine. So a long list is checked as a whole, cut into
its items, and an item is read when one of its properties is first asked for, other than `href`
and `id`, or when its `__dict__` is. What is nested in it is read likewise, one by one. Nothing but
a value that cannot be read is noticed later than at the call that fetched the list.

The list is cut at the end tags of its items. That is right where, in a document that is known to
be well-formed, every part has one start tag of that name and begins with it: each `<` is that of
a tag, because comments, CDATA sections and processing instructions are ruled out. A list in which
anything is unusual is read at once, as short ones are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from lxml import etree

from trivirt.codec._later import Linked
from trivirt.codec._parse import parse_piece, parse_text
from trivirt.codec._tables import Table, read_id, read_object
from trivirt.compat._struct import UNREAD, List, dict_of
from trivirt.compat._types import DECLARED
from trivirt.errors import DecodeError

#: From this many bytes on a document is long.
LONG = 128 * 1024

_ROOT = re.compile(
    rb"(?:<\?xml version=\"1\.0\" encoding=\"UTF-8\"(?: standalone=\"(?:yes|no)\")?\?>)?\s*"
    rb"<([a-z_]+)(?: href=\"([^\"<&]*)\")?>\s*<([a-z_]+)[\s>]"
).match
# What nobody reads, and the third part of a machine. Such an element is never inside of another.
_ACTIONS = re.compile(rb"<actions>.*?</actions>", re.DOTALL).sub


_NAME = re.compile(rb"[a-z_]+").match


class _Nothing:
    """What a parser builds that only checks."""

    def close(self) -> None:
        """There is nothing to give."""


@cache
def _patterns(item: bytes) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What finds the start tags of a name, and what reads the usual one where it stands."""
    opening = re.compile(rb"<" + item + rb"[\s/>]").findall
    usual = re.compile(
        rb"\s*<" + item + rb"(?:\s+href=\"([^\"<&]*)\")?(?:\s+id=\"([^\"<&]*)\")?\s*(>|\s)"
    ).match
    return opening, usual


def read_list(data: bytes, find: Callable[[str], tuple[Table, bool]]) -> List | None:
    """The list that a long document is, or None when it has to be read in the usual way.

    `find` tells for the name of a root how to read its items, and whether it is a list. Raises
    DecodeError for what is not well-formed.
    """
    head = _ROOT(data)
    if head is None or b"<!" in data or data.count(b"<?") != data.startswith(b"<?"):
        return None
    root, href, item = head.groups()
    table, is_list = find(root.decode())
    if not is_list:
        return None
    *pieces, rest = data[head.start(3) - 1 :].split(b"</" + item + b">")
    opening, usual = _patterns(item)
    if len(opening(data)) != len(pieces) or rest.strip() != b"</" + root + b">":
        return None
    items = _items(pieces, usual, table)
    if items is not None:
        _check(data)
        items.href = None if href is None else href.decode()
    return items


def _items(pieces: list[bytes], usual: Callable[..., Any], table: Table) -> List | None:
    items, new, cls = List(), object.__new__, table.cls
    has_id = table.has_id and table.read_id is None
    for piece in pieces:
        start = usual(piece)
        if start is None:
            return None
        value = new(cls)
        own = dict_of(value)
        href, id, end = start.groups()
        if end == b">":  # Else there are other attributes, and these two are read later as well.
            if href is not None:
                own["_href"] = href.decode()
            if id is not None and has_id:
                own["_id"] = id.decode()
        own[UNREAD] = piece
        items.append(value)
    return items


def _check(data: bytes) -> None:
    # What is said of a target to type checkers has methods that this one does without.
    make: Any = etree.XMLParser
    parser = make(
        target=_Nothing(), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DecodeError(f"malformed XML: {error.msg}") from error


def read_item(piece: bytes, cls: type[Any]) -> Any:
    """Read an item that was cut off before its end tag; what is nested in it is kept as text."""
    from trivirt.compat._decode import marked, sdk_table, translated

    name = _NAME(piece, piece.index(b"<") + 1)
    assert name is not None  # `_patterns` has found it.
    data = b"".join((_ACTIONS(b"", piece), b"</", name[0], b">"))
    with translated():
        return read_object(parse_piece(marked(data)), sdk_table(DECLARED[cls]), {})


def read_kept(kept: str | Linked, cls: type[Any], name: str) -> Any:
    """Read what the codec has kept of an attribute; see `trivirt.codec._later` for its forms."""
    from trivirt.compat._decode import sdk_table, translated

    table = sdk_table(DECLARED[cls])
    field = table.kept_fields[name]
    with translated():
        if isinstance(kept, Linked):
            items = read_kept(kept.inside, cls, name) if kept.inside else List()
            items.href = kept.href
            return items
        if kept[0] != "\0":
            return table.nested[field.wire][1](parse_text(kept))
    _, href, *id = kept.split("\0")
    if field.is_list:
        return List(href)
    inside = table.table_of(field.cls)
    value = object.__new__(inside.cls)
    dict_of(value)["_href"] = href
    if inside.has_id:
        dict_of(value)["_id"] = read_id(inside, id[0])
    return value
