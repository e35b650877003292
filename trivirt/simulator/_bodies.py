"""Bodies of requests: XML to objects, as strictly as the engine reads it."""

from __future__ import annotations

from typing import Any, TypeVar

from lxml import etree

from trivirt import codec, errors
from trivirt.model import Field, Struct, fields
from trivirt.simulator._refusals import bad_body

S = TypeVar("S", bound=Struct)

# The schema has these for every entity; clients that send back what they got use them.
IGNORED = {"actions", "link"}


def read_body(data: bytes, cls: type[S], element: str, usage: str) -> S:
    """The object in a body. Raises Refused where the engine does: unknown elements among it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
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
