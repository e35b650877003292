"""What is nested in the items of long lists: kept as text, read when it is touched.

The text is the XML of the element; for a reference, which has nothing inside, its `href` and `id`;
for a link to a list the `href`. A NUL, which no XML can contain, begins the latter two and parts
them. Texts cost the garbage collector nothing, and there are some thirty of them in each machine
of a long list: as objects they would take twice the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lxml import etree

from trivirt.codec._parse import parse_kept
from trivirt.model import Items, Later

if TYPE_CHECKING:
    from trivirt.codec._tables import Table

_MOST_KNOWN = 10_000
_to_xml = partial(etree.tostring, encoding="unicode", with_tail=False)


class Linked(NamedTuple):
    """A list that is there, and a link to it besides."""

    href: str
    inside: str


def keep(element: Any, known: dict[str, str]) -> str:
    """Give an element as the text that `revive` understands.

    Machines are much alike: `known` makes equal texts one, which halves what a list holds.
    """
    if not len(element):
        href, id = element.get("href"), element.get("id")
        if href is not None and id is not None:
            return f"\0{href}\0{id}"
    text: str = _to_xml(element)
    return known.setdefault(text, text) if len(known) < _MOST_KNOWN else known.get(text, text)


def keep_link(pending: dict[str, str | Linked], name: str, href: str) -> None:
    """Keep a link to a list, beside the list itself where that is there, too."""
    inside = pending.get(name)
    if inside is None or inside[0] == "\0":
        pending[name] = f"\0{href}"
    else:
        pending[name] = Linked(href, str(inside))


def put_off(table: Table) -> None:
    """Let the class of a table read what is nested on touch; what is there is not affected."""
    for tag, (name, _) in table.nested.items():
        setattr(table.cls, name, Later(name, _reviver(table, tag)))
    table.puts_off = True


def _reviver(table: Table, tag: str) -> Callable[[Any], Any]:
    is_list = tag in table.lists

    def revive(kept: str | Linked) -> Any:
        if isinstance(kept, Linked):
            items = revive(kept.inside)
            items.href = kept.href
            return items
        if kept[0] != "\0":
            return table.nested[tag][1](parse_kept(kept))
        _, href, *id = kept.split("\0")
        if is_list:
            return Items(href=href)
        return table.nested[tag][1](_Reference(href, id[0]))

    return revive


class _Reference:
    """Stands for an element with nothing inside of it."""

    __slots__ = ("get",)

    def __init__(self, href: str, id: str) -> None:
        self.get = {"href": href, "id": id}.get

    def __len__(self) -> int:
        return 0
