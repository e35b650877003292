"""What is nested in an object that came in a document: kept as text, read when it is touched.

The text is the XML of the element; for a reference, which has nothing inside, its `href` and `id`;
for a link to a list the `href`. A NUL, which no XML can contain, begins the latter two and parts
them, and it begins the keys that such texts have in the dict of an object. A `~` at the beginning
of an href stands for that of the object. Texts cost the garbage collector nothing, and there are
some thirty of them in each machine of a long list: as objects they would take twice the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from lxml import etree

from trivirt.codec._parse import parse_text
from trivirt.model import Field, Items, Later, set_dict

if TYPE_CHECKING:
    from trivirt.codec._tables import Table

_MOST_KNOWN = 10_000
_to_xml = partial(etree.tostring, encoding="unicode", with_tail=False)
_new_object = object.__new__


class Linked:
    """A link to a list, and the XML of the list itself; that is empty if it is not there."""

    __slots__ = ("href", "inside")

    def __init__(self, href: str, inside: str) -> None:
        self.href, self.inside = href, inside


def keep(element: Any, known: dict[str, str]) -> str:
    """Give an element as the text that is read later.

    Machines are much alike: `known` makes equal texts one, which halves what a list holds.
    """
    if not len(element):
        href, id = element.get("href"), element.get("id")
        if href and id and href[0] != "~":
            return f"\0{href}\0{id}"
    text: str = _to_xml(element)
    return known.setdefault(text, text) if len(known) < _MOST_KNOWN else known.get(text, text)


def keep_link(own: dict[str, Any], name: str, href: str) -> None:
    """Keep a link to a list, beside the list itself where that is there, too."""
    inside = own.get(f"\0{name}") or ""
    if isinstance(inside, Linked):
        inside = inside.inside
    elif inside[:1] == "\0":
        inside = ""
    own[f"\0{name}"] = Linked(href, inside) if inside or href[:1] == "~" else f"\0{href}"


def put_off(table: Table, known: Iterable[Field]) -> None:
    """Let the class of a table read on touch what was kept."""
    for field in known:
        if field.wire in table.nested:
            read = (_list_reader if field.is_list else _object_reader)(table, field)
            setattr(table.cls, field.name, Later(field.name, read))


def _list_reader(table: Table, field: Field) -> Callable[[dict[str, Any], Any], Any]:
    def read(own: dict[str, Any], kept: str | Linked) -> Any:
        if isinstance(kept, Linked):
            items = read(own, kept.inside) if kept.inside else Items()
            items.href = kept.href
            return items
        if kept[0] == "\0":
            return Items(href=_absolute(own, kept.split("\0")[1]))
        return table.nested[field.wire][1](parse_text(kept))

    return read


def _object_reader(table: Table, field: Field) -> Callable[[dict[str, Any], Any], Any]:
    def read(own: dict[str, Any], kept: str) -> Any:
        if kept[0] != "\0":
            return table.nested[field.wire][1](parse_text(kept))
        _, href, id = kept.split("\0")
        inside = table.table_of(field.cls)
        value = _new_object(inside.cls)
        values = {"href": _absolute(own, href)} if href else {}
        if inside.has_id:
            values["id"] = inside.read_id(id) if inside.read_id else id
        set_dict(value, values)
        return value

    return read


def _absolute(own: dict[str, Any], href: str) -> str:
    return f"{own['href']}{href[1:]}" if href[:1] == "~" else href


def kept_reference(kept: object) -> tuple[str, str | None] | None:
    """What a kept text says when it is no XML: an `href`, and the id, None for a link to a list.

    The `href` is empty when there was none, and begins with `~` in place of that of the object.
    """
    if isinstance(kept, str):
        start, *said = kept.split("\0")
        return None if start else (said[0], said[1] if len(said) > 1 else None)
    if isinstance(kept, Linked) and not kept.inside:
        return kept.href, None
    return None
