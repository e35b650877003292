"""A quick way for documents that are laid out as engines lay them out; any doubt is lxml's.

Engines (oVirt 4, JAXB) put each element on a line of its own and indent it by four blanks a level.
So the children of an object are found by splitting its text where a line begins with just that
many blanks and a `<`. Most of these children were seen before, letter by letter: of a thousand
machines nearly all have `<stateless>false</stateless>`. A `Memo` remembers what a child means, and
looking it up costs a fiftieth of parsing it. The links of objects would all differ, but each
begins with the object's own href; while the children are looked at, a `~` stands for that.

What keeps this right:

- A child that is not remembered is taken only if all of it matches a pattern that is a whole
  element, well-formed by itself, or is made of such in the same way, or if lxml parses it, alone,
  as one element. Elements inside of tags that match are a well-formed document.
- Whatever does not fit raises `Doubt`, and lxml reads the document, or says what is wrong with it.
- A differential test reads every type both ways.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from trivirt.codec._later import Linked
from trivirt.codec._parse import parse_text
from trivirt.codec._tables import Meaning, Table, fill, new_object, read_id, unreadable
from trivirt.errors import DecodeError
from trivirt.model import Field, set_dict

# Printable characters, but for those that mean something in XML.
_TEXT = r"[ !-%'-;=?-~]*"
_VALUE = r"[!#-%'-;=?-~]+"
_NAME = r"[a-z][a-z0-9_]*"
# What a tag says: its name, `href`, `id` or (of a link) `rel`, and a `/` if nothing is inside.
_TAG = re.compile(rf'({_NAME})(?: href="({_VALUE})")?(?: id="({_VALUE})"| rel="({_VALUE})")?(/?)>')
_HEAD, _ALONE = _TAG.match, _TAG.fullmatch
_SIMPLE = re.compile(rf"({_NAME})>({_TEXT})</\1>").fullmatch
# Compiled when the first such text comes: that takes as long as all the others.
_ANY_TEXT = rf"({_NAME})>([^\0-\x1f&<>\ufffe\uffff]*)</\1>"
_ACTIONS = re.compile(rf'actions>(?:\n *<link href="{_VALUE}" rel="{_VALUE}"/>)*').fullmatch
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_INDENT = tuple("\n" + "    " * level for level in range(16))
_BEGIN = tuple(f"{indent}<" for indent in _INDENT)
_DEEPEST = len(_BEGIN) - 2

_LONG = 1024  # What takes so many characters hardly comes twice.


class Doubt(Exception):
    """This is not laid out as usual, or perhaps not well-formed."""


def split_root(data: bytes) -> tuple[str, str | None, str | None, str]:
    """The tag, `href` and `id` of the root, and what is inside of it. Raises Doubt."""
    text = to_text(data)
    start = len(_DECLARATION) if text.startswith(_DECLARATION) else 0
    head = _HEAD(text, start + 1)
    if head is None or text[start] != "<":
        raise Doubt
    tag, href, id, rel, empty = head.groups()
    if rel or empty:
        raise Doubt
    end = f"\n</{tag}>\n"
    if text.endswith(end):
        return tag, href, id, text[head.end() : -len(end)]
    if text.endswith(end[:-1]):
        return tag, href, id, text[head.end() : 1 - len(end)]
    raise Doubt


def to_text(data: bytes | bytearray) -> str:
    """A document, or a piece of one, as text. Raises Doubt for what cannot be read here."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Doubt from None
    # One character is looked for much faster than two.
    if ("~" in text and '"~' in text) or ("!" in text and "<!" in text):
        raise Doubt
    return text


def read_items(table: Table, inside: str, *, lazily: bool = False, level: int = 1) -> list[Any]:
    """The objects of a list, from what is between its tags. Raises Doubt or DecodeError.

    With `lazily` what is nested in them is kept, to be read when it is touched.
    """
    begin, end = _BEGIN[level], _INDENT[level]
    first = _HEAD(inside, len(begin))
    if first is None or not inside.startswith(begin) or first[1] == "actions":
        raise Doubt
    name = first[1]
    close = f"</{name}>"
    # Split at tags without blanks: Python looks for blanks among blanks very slowly.
    *texts, rest = inside.split(close)
    if rest:
        return _read_empty_items(table, inside, begin)
    items, before = [], ""
    for text in texts:
        if not text.endswith(end):  # It ends an item inside of an item.
            before += text + close
            continue
        if before:
            text, before = before + text, ""
        head = _HEAD(text, len(begin))
        if head is None or not text.startswith(begin):
            raise Doubt
        tag, href, id, rel, empty = head.groups()
        if tag != name or rel or empty:
            raise Doubt
        inner = text[head.end() : -len(end)]
        items.append(read_object(table, href, id, inner, lazily=lazily, level=level + 1))
    if before:
        raise Doubt
    return items


def _read_empty_items(table: Table, inside: str, begin: str) -> list[Any]:
    """References, with nothing inside."""
    items = []
    for text in inside.split(begin)[1:]:
        head = _ALONE(text)
        if head is None:
            raise Doubt
        _, href, id, rel, empty = head.groups()
        if rel or not empty:
            raise Doubt
        items.append(read_object(table, href, id, ""))
    return items


def read_object(
    table: Table,
    href: str | None,
    id: str | None,
    inside: str,
    *,
    lazily: bool = False,
    level: int = 1,
) -> Any:
    """An object, from what is between its tags. Raises Doubt or DecodeError."""
    if href is not None:
        inside = inside.replace(f'href="{href}/', 'href="~/')
    first, *children = inside.split(_BEGIN[level])
    if first:
        raise Doubt
    meanings = list(map(table.memo.get, children))
    known: Any = filter(None, meanings)
    own: dict[str, Any] = dict(known)
    expected = len(meanings) - meanings.count(()) - meanings.count(None)
    if None in meanings:
        expected += _read_new(table, own, children, meanings, href, lazily, level)
    # Where something is there twice, it is not known here which of them counts.
    if len(own) != expected:
        raise Doubt
    own["\0"] = ""
    if href is not None:
        own["href"] = href
    if id is not None and table.has_id:
        own["id"] = read_id(table, id)
    value = new_object(table.cls)
    set_dict(value, own)
    return value


def _read_new(
    table: Table,
    own: dict[str, Any],
    children: list[str],
    meanings: list[Meaning | None],
    href: str | None,
    lazily: bool,
    level: int,
) -> int:
    """Read children that have no meaning yet; tells how many of them turned out to have one.

    Where an element has others inside of it, its end tag comes as a child of its own. That is
    never remembered, nor is the child before it here, so that the two are always looked at.
    """
    memo, count, ended = table.memo, 0, ""
    nested: list[str] = []
    for child, end, meaning in zip(children, [*children[1:], ""], meanings, strict=True):
        if meaning is not None:
            continue
        if child[0] == "/":
            if child != ended:
                raise Doubt
            ended = ""
            continue
        found: Meaning | None
        if end[:1] == "/":
            ended = end
            found = memo.kept.get((child, end)) if lazily else None
            if found is None:
                found = _read_nested(table, child, end, href, lazily, level)
                nested += found[:1]
        else:
            found = _learn(table, child)
            if found is None:
                found = _read_odd(table, _absolute(f"<{child}", href))
                nested += found[:1]
            else:
                memo.learn(child, found)
        if found:
            key, value = found
            count += key not in own
            own[key] = value if key not in own else _linked(own[key], value, href)
    for name in nested:
        link = own.pop(f"\0{name}", None)
        if link is not None:
            if not isinstance(own[name], list):
                raise Doubt
            own[name].href = _target(link, href)
            count -= 1
    return count


def _linked(one: Any, other: Any, href: str | None) -> Linked:
    """A list that is kept, and a link to it. Raises Doubt for anything else that is there twice."""
    for link, inside in ((one, other), (other, one)):
        if isinstance(inside, str) and inside[:1] == "<":
            return Linked(_target(link, href), inside)
    raise Doubt


def _target(link: Any, href: str | None) -> str:
    if not isinstance(link, str) or link[:1] != "\0" or link.count("\0") != 1:
        raise Doubt
    return f"{href}{link[2:]}" if link[1:2] == "~" else link[1:]


def _learn(table: Table, child: str) -> Meaning | None:
    """What a child with no other elements inside means, if it is of one of the usual forms."""
    if child[-2:] == "/>":
        return _learn_empty(table, child)
    simple = _SIMPLE(child) or (None if child.isascii() else re.fullmatch(_ANY_TEXT, child))
    if simple is None:
        return None
    tag, text = simple.groups()
    if tag not in table.simple:
        return None if tag in table.nested else ()
    name, convert = table.simple[tag]
    if convert is None:
        return name, text
    if not text:
        raise Doubt  # It takes away what came before it, if anything did.
    try:
        return name, convert(text)
    except ValueError as error:
        raise unreadable(table, name, text) from error


def _learn_empty(table: Table, child: str) -> Meaning | None:
    head = _ALONE(child)
    if head is None:
        return None
    tag, href, id, rel, _ = head.groups()
    if rel:
        if tag != "link" or not href:
            return None
        target = table.links.get(rel)
        return () if target is None else (f"\0{target}", f"\0{href}")
    if tag in table.nested and id:
        return f"\0{table.nested[tag][0]}", f"\0{href or ''}\0{id}"
    return None if tag in table.nested or tag in table.simple else ()


def _read_nested(
    table: Table, child: str, end: str, href: str | None, lazily: bool, level: int
) -> Meaning:
    """Read an element with others inside, or keep it. Raises Doubt or DecodeError."""
    tag = end[1:-1]
    if tag == "actions" and _ACTIONS(child):
        if lazily:
            table.memo.keep(child, end, ())
        return ()
    text = _absolute(f"<{child}{_BEGIN[level]}{end}", href)
    if tag in table.simple:
        return _read_odd(table, text)
    if not lazily:
        return _read_now(table, tag, text, end, level) or _read_odd(table, text)
    if '"~' not in child:
        found = _keep(table, tag, text)
        if len(child) < _LONG:
            table.memo.keep(child, end, found)
        return found
    # Lists with links below the object are what `follow` asked for, and will be looked at.
    with suppress(DecodeError):
        if followed := _read_now(table, tag, text, end, level, only_list=True):
            return followed
    return _keep(table, tag, text)


def _read_now(
    table: Table, tag: str, text: str, end: str, level: int, *, only_list: bool = False
) -> Meaning | None:
    """What an element with others inside means; None if it is not of the usual layout."""
    field = table.inside.get(tag)
    if field is None or field.is_simple or field.is_enum or level > _DEEPEST:
        return None
    if only_list and not field.is_list:
        return None
    try:
        return field.name, _read_field(table, field, text, len(_BEGIN[level] + end), level)
    except Doubt:
        return None


def _read_field(table: Table, field: Field, text: str, end: int, level: int) -> Any:
    """The value of an element that is an object, or a list of objects."""
    head = _HEAD(text, 1)
    if head is None:
        raise Doubt
    tag, href, id, rel, empty = head.groups()
    if tag != field.wire or rel or empty:
        raise Doubt
    inside, within = text[head.end() : -end], table.table_of(field.cls)
    if not field.is_list:
        return read_object(within, href, id, inside, level=level + 1)
    items = table.new_items(read_items(within, inside, level=level + 1))
    items.href = href
    return items


def _keep(table: Table, tag: str, text: str) -> Meaning:
    if _parse(text).tag != tag:
        raise Doubt
    return (f"\0{table.nested[tag][0]}", text) if tag in table.nested else ()


def _read_odd(table: Table, text: str) -> Meaning:
    """Let lxml read an element."""
    element, read = _parse(text), dict[str, Any]()
    fill(table, read, [element])
    for name, value in read.items():
        if element.tag != "link":
            return name, value
    if element.tag in table.simple or element.tag == "link":
        raise Doubt  # As above; and what counts of two links is the last one.
    return ()


def _parse(text: str) -> Any:
    try:
        return parse_text(text)
    except DecodeError:
        raise Doubt from None


def _absolute(text: str, href: str | None) -> str:
    """An element as it came."""
    return text.replace('href="~/', f'href="{href}/') if '"~' in text else text
