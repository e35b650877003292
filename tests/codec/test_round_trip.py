"""Every class and every list of the facts, there and back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from lxml import etree
from surface_facts import STRUCTS, attributes, sample

import trivirt.types
from trivirt import codec
from trivirt.model import Items


def tree(xml: bytes | str) -> Any:
    """The content of a document, whatever the order of different elements in it."""

    def shape(element: Any) -> Any:
        children = sorted((shape(child) for child in element), key=lambda s: s[0])
        return element.tag, dict(element.attrib), element.text or "", children

    return shape(etree.fromstring(xml))


@pytest.mark.parametrize("every", [1, 2, 9999], ids=["full", "half", "nearly-empty"])
@pytest.mark.parametrize("name", STRUCTS)
def test_object_round_trips(name: str, every: int) -> None:
    made = sample(name, every=every, depth=1)
    value = codec.decode(made.xml.encode())
    cls = getattr(trivirt.types, name)
    assert type(value) is cls
    assert value.to_dict() == made.plain
    assert cls.from_dict(made.plain) == value
    assert tree(codec.encode(value)) == tree(made.xml)
    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("name", STRUCTS)
def test_list_round_trips(name: str) -> None:
    made, tags = sample(name, depth=1), STRUCTS[name]["tags"]
    value = codec.decode(f'<{tags} href="/x">{made.xml}{made.xml}</{tags}>'.encode())
    assert isinstance(value, Items)
    assert value.href == "/x"
    assert [item.to_dict() for item in value] == [made.plain] * 2
    assert tree(codec.encode(value)) == tree(f"<{tags}>{made.xml * 2}</{tags}>")


@pytest.mark.parametrize("name", STRUCTS)
def test_empty_object_and_list(name: str) -> None:
    fact, cls = STRUCTS[name], getattr(trivirt.types, name)
    for xml in (f"<{fact['tag']}/>", f"<{fact['tag']}></{fact['tag']}>"):
        value = codec.decode(xml.encode())
        assert value == cls()
        assert value.__dict__ == {}
    assert codec.encode(cls()) == f"<{fact['tag']}/>".encode()
    assert codec.decode(f"<{fact['tags']}/>".encode()) == []
    assert (
        codec.encode(Items[Any](), root=fact["tags"])
        == f"<{fact['tags']}></{fact['tags']}>".encode()
    )


@pytest.mark.parametrize("name", STRUCTS)
def test_links_to_lists(name: str) -> None:
    links = {a: f["rel"] for a, f in attributes(name).items() if "rel" in f}
    xml = "".join(f'<link href="/x/{rel}" rel="{rel}"/>' for rel in links.values())
    value = codec.decode(f"<{STRUCTS[name]['tag']}>{xml}</{STRUCTS[name]['tag']}>".encode())
    assert value.to_dict() == {a: {"href": f"/x/{rel}"} for a, rel in links.items()}
    for a, rel in links.items():
        items = getattr(value, a)
        assert isinstance(items, Items)
        assert (items, items.href) == ([], f"/x/{rel}")


@pytest.mark.parametrize("name", STRUCTS)
def test_copies_and_pickles(name: str) -> None:
    value = codec.decode(sample(name, depth=1).xml.encode())
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert twin is not value
        assert repr(twin) == repr(value)


@pytest.mark.parametrize("name", STRUCTS)
def test_what_is_put_off_is_the_same(name: str, many: Any) -> None:
    """A long list gives the same as a short one, for every attribute of every class."""
    made, tags = sample(name, depth=1), STRUCTS[name]["tags"]
    links = "".join(
        f'<link href="/x/{f["rel"]}" rel="{f["rel"]}"/>'
        for f in list(attributes(name).values())[::2]
        if "rel" in f
    )
    tag = STRUCTS[name]["tag"]
    item = made.xml.removesuffix("/>").removesuffix(f"</{tag}>")
    item += (">" if made.xml.endswith("/>") else "") + f"{links}</{tag}>"
    document = many(tags, item)
    value = codec.decode(document)
    (expected,) = codec.decode(f"<{tags}>{item}</{tags}>".encode())
    assert len(value) > 1
    assert value[0] == expected
    assert value[-1].to_dict() == expected.to_dict()
    for attribute in attributes(name):
        one = getattr(value[1], attribute)
        assert one == getattr(expected, attribute)
        assert getattr(one, "href", None) == getattr(getattr(expected, attribute), "href", None)
