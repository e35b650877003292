"""The facts about the API as tests see them, and samples made from them.

Nothing of the generator or of the codec is used here: what is expected comes from the facts alone,
so that a mistake made in both shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

ROOT = Path(__file__).parents[2]
Fact = dict[str, Any]


def _load() -> Fact:
    facts: Fact = json.loads((ROOT / "trivirt/_facts/api.json").read_text())
    for correction in json.loads((ROOT / "trivirt/_facts/corrections.json").read_text()):
        at: Any = facts
        for key in correction["path"]:
            at = next(x for x in at if x["name"] == key) if isinstance(at, list) else at[key]
        at.update(correction["set"])
    return facts


FACTS = _load()
STRUCTS: dict[str, Fact] = FACTS["structs"]
ENUMS: dict[str, Fact] = FACTS["enums"]
SERVICES: dict[str, Fact] = FACTS["services"]


def attributes(struct: str) -> dict[str, Fact]:
    """All attributes of a struct with the inherited ones, by Python name."""
    fact = STRUCTS[struct]
    return {**(attributes(fact["base"]) if "base" in fact else {}), **fact["attrs"]}


def methods() -> Iterator[tuple[str, Fact]]:
    for name, service in SERVICES.items():
        for method in service["methods"]:
            yield name, method


class Sample(NamedTuple):
    """One object as plain data, as `to_dict` gives it, and as the XML an engine sends."""

    plain: dict[str, Any]
    xml: str


TEXTS = {
    "string": ("Zoë & <co>", "Zoë & <co>"),
    "boolean": (True, "true"),
    "decimal": (2.5, "2.5"),
    "date": ("2024-03-05T10:11:12.345000+01:00", "2024-03-05T10:11:12.345000+01:00"),
}
INTEGERS = {"": 2**31 - 1, "long": 2**63 - 1, "unsignedInt": 2**32 - 1}


def scalar(fact: Fact, kind: str) -> tuple[Any, str]:
    """A value of a simple kind, and its text."""
    if kind == "integer":
        value = INTEGERS[fact.get("xs", "")]
        return value, str(value)
    if kind == "enum":
        word = list(ENUMS[fact["type"]]["values"].values())[-1]
        return word, word
    return TEXTS[kind]


def sample(struct: str, *, tag: str = "", depth: int = 2, every: int = 1) -> Sample:
    """An object with every n-th attribute set; objects inside of it, `depth` levels deep."""
    plain: dict[str, Any] = {"href": f"/ovirt-engine/api/{struct}?a=1&b"}
    xml_attributes = f" href={quoteattr(plain['href'])}"
    inside = []
    for name, fact in list(attributes(struct).items())[::every]:
        wire = fact.get("wire", name)
        if fact.get("xml") == "attribute":
            plain[name], text = scalar(fact, fact["kind"])
            xml_attributes += f" {wire}={quoteattr(text)}"
        elif fact["kind"] == "list":
            plain[name], body = _items(fact, depth)
            inside.append(f"<{wire}>{body}</{wire}>" if body else f"<{wire}/>")
        elif fact["kind"] == "struct":
            one = sample(fact["type"], tag=wire, depth=depth - 1, every=1 if depth > 1 else 9999)
            plain[name] = one.plain
            inside.append(one.xml)
        else:
            plain[name], text = scalar(fact, fact["kind"])
            inside.append(f"<{wire}>{escape(text)}</{wire}>")
    tag = tag or STRUCTS[struct]["tag"]
    # A pair with nothing between would be the same, but it confuses the client we compare with.
    content = f">{''.join(inside)}</{tag}>" if inside else "/>"
    return Sample(plain, f"<{tag}{xml_attributes}{content}")


def _items(fact: Fact, depth: int) -> tuple[list[Any], str]:
    if fact["of"] == "struct":
        if depth <= 0:
            return [], ""
        one = sample(fact["type"], depth=depth - 1, every=1 if depth > 1 else 9999)
        return [one.plain, one.plain], one.xml * 2
    value, text = scalar(fact, fact["of"])
    return [value, value], f"<{fact['item']}>{escape(text)}</{fact['item']}>" * 2
