"""How to read and write each class: tables made from its fields on first use.

A reader takes an element and gives a value, None when it stands for nothing. Whether a name in an
annotation is an enumeration or a class of objects is found out when the first such element comes,
so that reading a list of machines does not import the types of what machines do not have.

A subclass of `Table` reads into other classes than those that the fields were declared in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from trivirt.codec._later import keep, keep_link, put_off
from trivirt.codec._scalars import read_boolean, read_date
from trivirt.errors import DecodeError
from trivirt.model import Field, Items, fields
from trivirt.types import ENUMS

# Elements are lxml's, and what a field holds is known only to its declaration: hence Any here.
Reader = Callable[[Any], Any]
Convert = Callable[[str], Any]

# `int` and `float` are as strict as is needed, and bound the length of what they read.
_CONVERT: dict[type[Any], Convert | None] = {
    str: None,
    bool: read_boolean,
    int: int,
    float: float,
    datetime: read_date,
}

new_object = object.__new__

#: A key of an object's dict and its value, or nothing.
Meaning = tuple[str, Any] | tuple[()]

_MOST = 1 << 18  # Characters that a memo keeps.


class Memo(dict[str, Meaning]):
    """What a child of the objects of a class means, by its text; `kept` by that and its end tag.

    It forgets everything when it has become large.
    """

    __slots__ = ("_room", "kept")

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], Meaning] = {}
        self._room = _MOST

    def learn(self, child: str, meaning: Meaning) -> None:
        self._make_room(len(child))
        self[child] = meaning

    def keep(self, child: str, end: str, meaning: Meaning) -> None:
        self._make_room(2 * len(child))
        self.kept[child, end] = meaning

    def _make_room(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            self.clear()
            self.kept.clear()
            self._room = _MOST - size


class Table:
    """How to read one class: for each element the attribute, and what makes a value of it.

    `simple` has what is made of a text (None: the text itself), `nested` what is made of an
    element, and `inside` the fields of those; `links` names the attribute that a `rel` is a link
    for. `dict_of` gives the dict of an object whose `__dict__` is something else. `memo` is
    for documents that are read line by line.
    """

    __slots__ = (
        *("cls", "dict_of", "has_id", "href_key", "id_key", "inside", "links", "memo"),
        *("nested", "read_id", "simple"),
    )

    converters: Mapping[type[Any], Convert | None] = _CONVERT

    def __init__(self, cls: type[Any]) -> None:
        self.cls = self.class_for(cls)
        self.dict_of: Callable[[Any], dict[str, Any]] | None = None
        self.href_key, self.id_key = self.key("href"), self.key("id")
        self.simple: dict[str, tuple[str, Convert | None]] = {}
        self.nested: dict[str, tuple[str, Reader]] = {}
        self.inside: dict[str, Field] = {}
        self.links: dict[str, str] = {}
        self.memo = Memo()
        self.has_id = False
        self.read_id: Convert | None = None
        for field in fields(cls).values():
            self._add(field)

    def _add(self, field: Field) -> None:
        if field.is_xml_attribute:
            if field.name == "id":
                self.has_id = True
                self.read_id = _id_converter(self, field)
        elif field.is_list or not (field.is_simple or field.type_name in ENUMS):
            self.nested[field.wire] = (self.key(field.name), self._nested_reader(field))
            self.inside[field.wire] = field
            if field.link:
                self.links.update(dict.fromkeys(self.rels(field), self.key(field.name)))
        else:
            self.simple[field.wire] = (self.key(field.name), self._simple_converter(field))

    # What another family of classes does in its own way.

    def class_for(self, cls: type[Any]) -> type[Any]:
        """The class of the objects, for the one that declares their fields."""
        return cls

    def table_of(self, cls: type[Any]) -> Table:
        return table_of(cls)

    def key(self, name: str) -> str:
        """Where the dict of an object has the value of a field."""
        return name

    def rels(self, field: Field) -> Iterable[str]:
        return field.rels

    def new_items(self, values: Iterable[Any]) -> Any:
        """A list that takes an `href`."""
        return Items(values)

    def new_values(self, values: list[Any]) -> Any:
        """A list of simple values, which has no `href`."""
        return Items(values)

    def words(self, field: Field) -> Convert:
        """What makes a member of an enumeration of a text."""
        return _Words(field.cls).__getitem__

    def put_empty(self, own: dict[str, Any], name: str, convert: Convert | None, el: Any) -> None:
        """Put the value of an element without text."""
        if convert is None:
            own[name] = ""
        else:
            own.pop(name, None)

    def empty_item(self, convert: Convert | None, el: Any) -> Any:
        """Likewise for an item of a list."""
        return "" if convert is None else None

    def _nested_reader(self, field: Field) -> Reader:
        """Give a reader that finds the real one, and takes its place, at the first element."""

        def find(element: Any) -> Any:
            if field.is_list and not len(element):
                return _empty_list(self, field, element)
            reader = _element_reader(self, field)
            self.nested[field.wire] = (self.key(field.name), reader)
            return reader(element)

        return find

    def _simple_converter(self, field: Field) -> Convert | None:
        """Likewise for text: an enumeration is imported when the first word of it comes."""
        if field.is_simple:
            return self.converters[field.cls]

        def find(text: str) -> Any:
            convert = self.words(field)
            self.simple[field.wire] = (self.key(field.name), convert)
            return convert(text)

        return find


_TABLES: dict[type[Any], Table] = {}


def table_of(cls: type[Any]) -> Table:
    """Give the table of a class, making it at the first time."""
    table = _TABLES.get(cls)
    if table is None:
        table = Table(cls)
        put_off(table, fields(cls).values())
        _TABLES[cls] = table
    return table


def text_of(element: Any) -> str:
    """Give the text of an element; that of elements inside of it, should there be any, joined."""
    if len(element):
        return "".join(element.itertext())
    return element.text or ""


class _Words(dict[str, Any]):
    """The members of an enumeration by text, and a value for every other text."""

    def __init__(self, cls: type[Any]) -> None:
        super().__init__(cls._value2member_map_)
        self._unknown = cls.unknown

    def __missing__(self, text: str) -> Any:
        return self._unknown(text)


def _converter(table: Table, field: Field) -> Convert | None:
    return table.converters[field.cls] if field.is_simple else table.words(field)


def _id_converter(table: Table, field: Field) -> Convert | None:
    """As above, for an XML attribute: there the engine is careless about case."""
    convert = _converter(table, field)
    return (lambda text: convert(text.lower())) if convert and not field.is_simple else convert


def _empty_list(table: Table, field: Field, element: Any) -> Any:
    """A list without items, for which their class need not be there."""
    if field.is_simple or field.type_name in ENUMS:
        return table.new_values([])
    items = table.new_items(())
    items.href = element.get("href")
    return items


def _element_reader(owner: Table, field: Field) -> Reader:
    if field.is_simple or field.is_enum:
        convert = _converter(owner, field)
        return lambda element: owner.new_values(
            [_one_value(owner, child, convert) for child in element]
        )
    table = owner.table_of(field.cls)
    if field.is_list:
        return lambda element: read_items(element, table)
    return lambda element: read_object(element, table)


def _one_value(table: Table, element: Any, convert: Convert | None) -> Any:
    text = text_of(element)
    if not text:
        return table.empty_item(convert, element)
    return text if convert is None else convert(text)


def read_items(element: Any, table: Table) -> Any:
    """Read a list: every child is an item, whatever its name; `<actions>` is none."""
    items = table.new_items(
        [read_object(child, table) for child in element if child.tag != "actions"]
    )
    items.href = element.get("href")
    return items


def read_object(element: Any, table: Table, later: dict[str, str] | None = None) -> Any:
    """Read an object: what is not known is skipped, of what comes twice the last one counts.

    With `later`, what is nested in it is kept as it is, to be read when it is touched; see `keep`.
    """
    value = new_object(table.cls)
    own: dict[str, Any] = value.__dict__ if table.dict_of is None else table.dict_of(value)
    href, id = element.get("href"), element.get("id")
    if href is not None:
        own[table.href_key] = href
    if id is not None and table.has_id:
        own[table.id_key] = read_id(table, id)
    if len(element):
        fill(table, own, element, later)
    return value


def fill(
    table: Table, own: dict[str, Any], element: Any, later: dict[str, str] | None = None
) -> None:
    """Put what the children of an element say into the dict of an object."""
    if later is not None:
        own["\0"] = ""
    simple, nested, links = table.simple, table.nested, []
    # This loop is where the time goes: no call that can be avoided, one `try` around all.
    name = text = ""
    try:
        for child in element:
            tag = child.tag
            entry = simple.get(tag)
            if entry is not None:
                name, convert = entry
                text = text_of(child) if len(child) else child.text
                if not text:
                    table.put_empty(own, name, convert, child)
                elif convert is None:
                    own[name] = text
                else:
                    own[name] = convert(text)
            elif tag == "link":
                links.append(child)
            elif tag in nested:
                name, read = nested[tag]
                if later is None:
                    own[name] = read(child)
                else:
                    own[f"\0{name}"] = keep(child, later)
    except ValueError as error:
        raise unreadable(table, name, text) from error
    for link in links:
        href = link.get("href")
        target = table.links.get(link.get("rel"))
        if target is not None and href is not None:
            if later is None:
                _apply_link(table, own, target, href)
            else:
                keep_link(own, target, href)


def read_id(table: Table, text: str) -> Any:
    if table.read_id is None:
        return text
    try:
        return table.read_id(text)
    except ValueError as error:
        raise unreadable(table, "id", text) from error


def _apply_link(table: Table, own: dict[str, Any], name: str, href: str) -> None:
    """A link to a list gives it its href, and makes an empty one where there is none."""
    items = own.get(name)
    if items is None:
        own[name] = items = table.new_items(())
    items.href = href


def unreadable(table: Table, name: str, text: str) -> DecodeError:
    return DecodeError(f"{table.cls.__name__}.{name} cannot be {text[:60]!r}")
