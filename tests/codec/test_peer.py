"""The same documents through ovirtsdk4, where it is installed, compared attribute by attribute.

The differences that are wanted: an empty element of a text is an empty text in both of its forms
(there `<x/>` is nothing), and a word of an enumeration that is not known is kept (there it is
lost). No document below has either.
"""

from __future__ import annotations

import gzip
import io
import json
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from surface import STRUCTS, attributes, sample

from trivirt import codec
from trivirt.model import Items, fields

pytest.importorskip("ovirtsdk4")
with pytest.MonkeyPatch.context() as patch:
    patch.setattr("warnings.filters", [])
    from ovirtsdk4 import reader, readers, types, xml  # noqa: F401  # readers register themselves


def theirs(document: str) -> Any:
    source = xml.XmlReader(io.BytesIO(document.encode()))
    try:
        return reader.Reader.read(source)
    finally:
        source.close()


def same(mine: Any, other: Any, path: str) -> None:
    """Fail at the first attribute that differs."""
    if isinstance(other, list):
        assert isinstance(mine, Items), path
        assert len(mine) == len(other), path
        assert mine.href == getattr(other, "href", None), f"{path}.href"
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            same(a, b, f"{path}[{i}]")
    elif isinstance(other, (str, int, float, datetime, Enum)) or other is None:
        if isinstance(other, Enum):
            other = other.value
        if mine == "" and other is None:
            return
        assert mine == other, path
        assert isinstance(mine, type(other)), path
    else:
        assert type(mine).__name__ == type(other).__name__, path
        for name in fields(type(mine)):
            same(getattr(mine, name), getattr(other, name), f"{path}.{name}")


@pytest.mark.parametrize("name", STRUCTS)
def test_full_objects(name: str) -> None:
    made = sample(name, depth=1)
    same(codec.decode(made.xml.encode()), theirs(made.xml), name)


@pytest.mark.parametrize("name", STRUCTS)
def test_links(name: str) -> None:
    tag = STRUCTS[name]["tag"]
    rels = [f["rel"] for f in attributes(name).values() if "rel" in f]
    corrected = {"fenceagents", "storage", "storageserverconnections", "glusterbricks", "weights"}
    links = "".join(f'<link href="/{r}" rel="{r}"/>' for r in rels if r not in corrected)
    document = f'<{tag} href="/x">{links}</{tag}>'
    same(codec.decode(document.encode()), theirs(document), name)


@pytest.mark.parametrize("name", STRUCTS)
def test_what_is_written(name: str) -> None:
    """They read what we write as we read it."""
    made = sample(name, depth=1)
    value: Any = codec.decode(made.xml.encode())
    document = codec.encode(value).decode()
    same(value, theirs(document), name)


def recorded() -> list[str]:
    path = Path(__file__).parents[1] / "recordings/dev.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [
        one["body"]
        for one in found
        if one["api_version"] == "4" and "xml" in (one["headers"].get("content-type") or "")
    ]


@pytest.mark.parametrize("document", [pytest.param(d, id=str(i)) for i, d in enumerate(recorded())])
def test_recordings(document: str) -> None:
    for rel in ("fenceagents", "glusterbricks", "storageserverconnections"):
        document = document.replace(f'rel="{rel}"', 'rel="-"')
    document = document.replace('/storage" rel="storage"', '/storage" rel="-"')
    same(codec.decode(document.encode()), theirs(document), "")
