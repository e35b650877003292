"""Each class says what the facts say."""

from __future__ import annotations

from typing import Any

import pytest
from surface_facts import ENUMS, STRUCTS, attributes

import trivirt.types
from trivirt.model import OpenEnum, Struct, fields

PYTHON = {"string": str, "integer": int, "decimal": float, "boolean": bool}


@pytest.mark.parametrize("name", STRUCTS)
def test_struct(name: str) -> None:
    cls = getattr(trivirt.types, name)
    fact, known = STRUCTS[name], fields(cls)
    assert (cls.element, cls.plural) == (fact["tag"], fact["tags"])
    assert cls.__bases__ == ((getattr(trivirt.types, fact["base"]) if "base" in fact else Struct),)
    assert set(known) == {"href", *attributes(name)}
    for attribute, about in attributes(name).items():
        field = known[attribute]
        assert field.wire == about.get("wire", attribute)
        assert field.is_list == (about["kind"] == "list")
        kind = about["of"] if field.is_list else about["kind"]
        expected: Any = PYTHON.get(kind)
        if "type" in about:
            expected = getattr(trivirt.types, about["type"])
        if expected:
            assert field.cls is expected
        assert field.is_enum == (kind == "enum")
        assert field.is_struct == (kind == "struct")
        assert field.xs == about.get("xs", "")
        assert field.is_xml_attribute == (about.get("xml") == "attribute")
        if field.is_list and kind != "struct":
            assert field.item == about["item"]
        if field.is_list and kind == "struct":
            assert field.link == ("rel" in about)
            assert about.get("rel", field.rels[0]) in field.rels
        assert getattr(cls, attribute) is None
        assert getattr(cls(), attribute) is None


@pytest.mark.parametrize("name", ENUMS)
def test_enum(name: str) -> None:
    cls = getattr(trivirt.types, name)
    assert issubclass(cls, OpenEnum)
    assert {member.name: member.value for member in cls} == ENUMS[name]["values"]
