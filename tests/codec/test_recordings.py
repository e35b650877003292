"""What real engines sent: all of it is read, and nothing that the facts name is lost."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from surface_facts import STRUCTS, attributes

from trivirt import codec
from trivirt.model import Items

FILE = Path(__file__).parents[1] / "recordings/dev.jsonl.gz"
ROOTS = {f["tag"]: (n, False) for n, f in STRUCTS.items()}
ROOTS.update({f["tags"]: (n, True) for n, f in STRUCTS.items()})


def recordings() -> list[Any]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [
        pytest.param(one["body"], id=f"{i}-{one['method']}-{one['path_and_query'][:60]}")
        for i, one in enumerate(found)
        if one["api_version"] == "4" and "xml" in (one["headers"].get("content-type") or "")
    ]


RECORDINGS = recordings()

#: What the engines send and the facts do not name, besides the links of the root, which are the
#: collections of the API: links to lists that the objects have no attribute for.
NOT_NAMED = {
    "HostNic link linklayerdiscoveryprotocolelements",
    "HostNic link networkattachments",
    "Vm link backups",
}


def lost(element: Any, value: Any, struct: str, found: Counter[str]) -> None:
    """Count what is in an element and not in the object."""
    known = attributes(struct)
    by_wire = {f.get("wire", n): (n, f) for n, f in known.items() if f.get("xml") != "attribute"}
    rels = {f["rel"]: n for n, f in known.items() if "rel" in f}
    rels.update({n.replace("_", ""): n for n, f in known.items() if "rel" in f})
    assert element.get("href") == value.href
    assert element.get("id") is None or str(value.id) == element.get("id")
    for child in element:
        if child.tag == "actions":
            continue
        if child.tag == "link":
            name = rels.get(child.get("rel"))
            if name is None:
                found[f"{struct} link {child.get('rel')}"] += 1
            else:
                assert getattr(value, name).href == child.get("href")
        elif child.tag not in by_wire:
            found[f"{struct} {child.tag}"] += 1
        else:
            name, fact = by_wire[child.tag]
            compare(child, getattr(value, name), fact, found)


def compare(element: Any, value: Any, fact: dict[str, Any], found: Counter[str]) -> None:
    if fact["kind"] == "struct":
        lost(element, value, fact["type"], found)
    elif fact["kind"] == "list":
        assert len(value) == len(element)
        for child, item in zip(element, value, strict=True):
            if fact["of"] == "struct":
                lost(child, item, fact["type"], found)
            else:
                assert item == (child.text or "")
    elif fact["kind"] == "string":
        assert value == (element.text or "")
    elif element.text is None:
        assert value is None
    else:
        text = {"boolean": lambda: str(value).lower(), "date": lambda: value.isoformat()}
        shown = text.get(fact["kind"], lambda: str(value))()
        if fact["kind"] == "date":
            assert shown[:19] == element.text[:19]
        elif fact["kind"] == "decimal":
            assert float(element.text) == value
        else:
            assert shown == element.text


@pytest.mark.parametrize("body", RECORDINGS)
def test_nothing_is_lost(body: str) -> None:
    root = etree.fromstring(body.encode())
    value = codec.decode(body.encode())
    struct, is_list = ROOTS[root.tag]
    found: Counter[str] = Counter()
    if is_list:
        assert isinstance(value, Items)
        assert len(value) == len(root)
        for element, item in zip(root, value, strict=True):
            lost(element, item, struct, found)
    else:
        lost(root, value, struct, found)
    unnamed = {n for n in found if not n.startswith("Api link")}
    assert unnamed <= NOT_NAMED, sorted(unnamed - NOT_NAMED)


@pytest.mark.parametrize("body", RECORDINGS)
def test_what_is_read_can_be_written(body: str) -> None:
    value = codec.decode(body.encode())
    root = etree.fromstring(body.encode()).tag
    assert codec.decode(codec.encode(value, root=root)) == value
