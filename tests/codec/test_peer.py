"""The same documents through ovirtsdk4, where it is installed, compared attribute by attribute."""

from __future__ import annotations

from typing import Any

import pytest
from recorded import recorded
from surface_facts import STRUCTS, attributes, sample

from trivirt import codec

pytest.importorskip("ovirtsdk4")
from peer import CORRECTED, differences, theirs, without_corrected_links


def check(mine: Any, document: str) -> None:
    assert list(differences(mine, theirs(document), type(mine).__name__)) == []


@pytest.mark.parametrize("name", STRUCTS)
def test_full_objects(name: str) -> None:
    made = sample(name, depth=1)
    check(codec.decode(made.xml.encode()), made.xml)


@pytest.mark.parametrize("name", STRUCTS)
def test_links(name: str) -> None:
    tag = STRUCTS[name]["tag"]
    rels = [f["rel"] for f in attributes(name).values() if "rel" in f]
    links = "".join(f'<link href="/{r}" rel="{r}"/>' for r in rels if r not in CORRECTED)
    document = f'<{tag} href="/x">{links}</{tag}>'
    check(codec.decode(document.encode()), document)


@pytest.mark.parametrize("name", STRUCTS)
def test_what_is_written(name: str) -> None:
    """They read what we write as we read it."""
    value: Any = codec.decode(sample(name, depth=1).xml.encode())
    check(value, codec.encode(value).decode())


@pytest.mark.parametrize("document", [pytest.param(d, id=str(i)) for i, d in enumerate(recorded())])
def test_recordings(document: str) -> None:
    document = without_corrected_links(document)
    check(codec.decode(document.encode()), document)


def test_a_difference_shows() -> None:
    mine = codec.decode(b"<vm id='1'><name>a</name><nics><nic/></nics></vm>")
    other = theirs("<vm id='2'><name>b</name><nics><nic/><nic/></nics></vm>")
    found = list(differences(mine, other, "Vm"))
    assert [text.partition(":")[0] for text in found] == ["Vm.id", "Vm.name", "Vm.nics"]
