"""Answers as an engine writes them in JSON: the tree of the XML through its adapters.

Numbers and truth values are texts, dates are milliseconds since 1970, decimals stay numbers, and
a list is an object whose one member has the name of an item.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lxml import etree

from trivirt.codec import find_class
from trivirt.model import Field, Struct, fields

CREATION = (Struct, False)  # the one document that stands for no class
Element = Any  # of lxml, whose stubs know no more


def as_json(document: bytes) -> bytes:
    """A document of ours in its other form."""
    root: Element = etree.fromstring(document)
    cls, is_list = CREATION if root.tag == "creation" else find_class(root.tag, None)
    tree = _items(root, lambda item: _object(item, cls)) if is_list else _object(root, cls)
    return json.dumps(tree, indent=2).encode()


def _object(element: Element, cls: type[Struct]) -> dict[str, Any]:
    known = {each.wire: each for each in fields(cls).values()}
    out: dict[str, Any] = dict(element.attrib)
    for child in element:
        if child.tag == "link":
            out.setdefault("link", []).append(dict(child.attrib))
        elif child.tag == "actions":
            out["actions"] = _items(child, lambda link: dict(link.attrib))
        elif child.tag in known:
            out[child.tag] = _value(child, known[child.tag])
        else:
            out[child.tag] = child.text or ""  # only creations have what no class has
    return out


def _value(element: Element, each: Field) -> Any:
    make = _maker(each)
    return _items(element, make) if each.is_list else make(element)


def _maker(each: Field) -> Callable[[Element], Any]:
    if not each.is_simple and each.is_struct:
        return lambda element: _object(element, each.cls)
    if each.cls is float:
        return lambda element: float(element.text)
    if each.cls is datetime:
        return lambda element: int(datetime.fromisoformat(element.text).timestamp() * 1000)
    return lambda element: element.text or ""


def _items(element: Element, make: Callable[[Element], Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for item in element:
        out.setdefault(item.tag, []).append(make(item))
    return out
