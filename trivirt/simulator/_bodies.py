"""Bodies of requests: XML to objects, as strictly as the engine reads it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, TypeVar

from lxml import etree

from trivirt import codec, errors
from trivirt.model import Field, Struct, fields
from trivirt.simulator._refusals import bad_body

S = TypeVar("S", bound=Struct)

# The schema has these for every entity; clients that send back what they got use them.
IGNORED = {"actions", "link"}


def read_body(data: bytes, cls: type[S], element: str, usage: str, is_json: bool = False) -> S:
    """The object in a body. Raises Refused where the engine does: unknown elements among it."""
    if is_json:
        data = _as_xml(data, cls, element, usage)
    try:
        root = _parsed(data)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise bad_body(usage) from error
    if root.tag != element or not _is_known(root, cls):
        raise bad_body(usage)
    try:
        value = codec.decode(data)
    except errors.Error as error:
        raise bad_body(usage) from error
    if not isinstance(value, cls):
        raise bad_body(usage)
    return value


def read_bodies(data: bytes, cls: type[S], usage: str, is_json: bool = False) -> list[S]:
    """The objects of a body that is a list of them. Raises Refused as `read_body` does."""
    try:
        if is_json:
            parts = [json.dumps(each).encode() for each in json.loads(data)[cls.element]]
        else:
            parts = [etree.tostring(each) for each in _parsed(data) if isinstance(each.tag, str)]
    except (etree.XMLSyntaxError, ValueError, KeyError, TypeError) as error:
        raise bad_body(usage) from error
    return [read_body(each, cls, cls.element, usage, is_json) for each in parts]


def _parsed(data: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(data, parser)


def _is_known(element: Any, cls: type[Struct]) -> bool:
    """Whether the schema has everything inside of an element that stands for `cls`."""
    known = {each.wire: each for each in fields(cls).values() if not each.is_xml_attribute}
    for child in element:
        if not isinstance(child.tag, str) or child.tag in IGNORED:
            continue
        each = known.get(child.tag)
        if each is None or child.tag == "href" or not _fits(child, each):
            return False
    return True


def _fits(element: Any, each: Field) -> bool:
    if each.is_simple or not each.is_struct:
        return True
    if not each.is_list:
        return _is_known(element, each.cls)
    return all(_is_known(item, each.cls) for item in element if isinstance(item.tag, str))


# JSON has the same tree; what it says is written as XML and read as that.


def _as_xml(data: bytes, cls: type[Struct], element: str, usage: str) -> bytes:
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            raise bad_body(usage)
        root = etree.Element(element)
        _fill(root, value, cls)
        return etree.tostring(root)
    except (ValueError, TypeError, RecursionError) as error:
        raise bad_body(usage) from error


def _fill(element: Any, value: dict[str, Any], cls: type[Struct]) -> None:
    known = {each.wire: each for each in fields(cls).values()}
    for name, inner in value.items():
        each = known.get(name)
        if name in ("id", "href"):
            element.set(name, str(inner))
        elif name not in IGNORED and inner is not None:
            _append(etree.SubElement(element, name), inner, each)


def _append(child: Any, inner: Any, each: Field | None) -> None:
    if isinstance(inner, dict) and each is not None and each.is_list:
        for item_name, items in inner.items():
            for item in items if isinstance(items, list) else [items]:
                _append_one(etree.SubElement(child, item_name), item, each)
    else:
        _append_one(child, inner, each)


def _append_one(child: Any, inner: Any, each: Field | None) -> None:
    if isinstance(inner, dict):
        if each is None or each.is_simple or not each.is_struct:
            raise ValueError(child.tag)
        _fill(child, inner, each.cls)
    elif isinstance(inner, bool):
        child.text = "true" if inner else "false"
    elif each is not None and each.type_name == "datetime" and isinstance(inner, int):
        child.text = datetime.fromtimestamp(inner / 1000, timezone.utc).isoformat()
    else:
        child.text = str(inner)
