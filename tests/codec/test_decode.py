"""Long documents, cut into pieces wherever they happen to break."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivirt import codec
from trivirt.codec import _decode
from trivirt.codec._decode import PIECE, Decoder, decode_whole
from trivirt.errors import DecodeError
from trivirt.model import Items
from trivirt.types import Nic, Vm

Many = Callable[[str, str], bytes]

ITEM = (
    "<vm id='1'><name>a</name><cpu><topology><cores>2</cores></topology></cpu>"
    "<link rel='nics' href='/n'/><cluster id='c' href='/c'/></vm>"
)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 64 bytes, so that short documents break everywhere."""
    monkeypatch.setattr(_decode, "PIECE", 64)


def fed(document: bytes, size: int = 7, expect: str | None = None) -> Any:
    decoder = Decoder(expect)
    for start in range(0, len(document), size):
        decoder.feed(document[start : start + size])
    return decoder.close()


def touch_all(value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        one.to_dict()


LIST_AND_LINK = "<vm><link rel='nics' href='/n'/><nics><nic/></nics></vm>"
DOCUMENTS = {
    "plain": f"<vms>{ITEM * 9}</vms>",
    "indented": f"<?xml version='1.0'?>\n<vms>\n  {(ITEM + chr(10)) * 9}</vms>\n",
    "with href": f"<vms href='/vms?a=1&amp;b'>{ITEM * 9}</vms>",
    "odd root tag": f"<vms\n href = '>' >{ITEM * 9}</vms >",
    "root with a > in it": f"<vms href='>>'>{ITEM * 9}</vms>",
    "blank before": f" \n {'<vms>'}{ITEM * 9}</vms>",
    "mark": f"\ufeff<vms>{ITEM * 9}</vms>",
    "comments": f"<!-- a --><vms><!-- </vm> -->{(ITEM + '<!-- <vm> -->') * 9}</vms><!-- b -->",
    "comment cut": f"<vms>{ITEM * 3}<vm><name><!-- {'</vm>' * 30} -->x</name></vm>{ITEM}</vms>",
    "cdata": f"<vms>{ITEM * 3}<vm><name><![CDATA[{'</vm>' * 30}]]></name></vm>{ITEM}</vms>",
    "instructions": f"<vms>{ITEM * 3}<?x </vm> ?>{ITEM * 3}</vms>",
    "nested items": f"<vms>{'<vm><x><vm><vm/></vm></x><name>n</name></vm>' * 9}</vms>",
    "other names": f"<vms>{ITEM * 3}<machine id='2'/>{ITEM * 3}<x/></vms>",
    "actions first": f"<vms><actions><link/></actions>{ITEM * 9}</vms>",
    "self-closing": "<vms>" + "<vm id='1'/>" * 40 + "</vms>",
    "one": f"<vms>{ITEM}</vms>",
    "empty": "<vms/>",
    "empty and long": f"<vms>{' ' * 300}</vms>",
    "text between": f"<vms>{(ITEM + 'x') * 9}</vms>",
    "not a list": f"<vm><name>{'n' * 300}</name><cpu/></vm>",
    "list and link": f"<vms>{LIST_AND_LINK * 9}</vms>",
    "umlauts": f"<vms>{'<vm><name>üß€😀</name><cpu><name>ü😀</name></cpu></vm>' * 20}</vms>",
}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 10**6])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_pieces_give_what_the_whole_gives(name: str, size: int) -> None:
    document = DOCUMENTS[name].encode()
    whole = decode_whole(document, None)
    value = fed(document, size)
    assert value == whole
    assert getattr(value, "href", None) == getattr(whole, "href", None)
    if isinstance(whole, Items):
        assert [vm.to_dict() for vm in value] == [vm.to_dict() for vm in whole]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_truncation_is_an_error(name: str) -> None:
    document = DOCUMENTS[name].encode().rstrip()
    if document.endswith(b"-->"):
        document = document[: document.rindex(b"<!--")]
    for end in range(len(document)):
        with pytest.raises(DecodeError):
            fed(document[:end], 50)


@pytest.mark.usefixtures("small_pieces")
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_wrong_byte_is_an_error_or_means_the_same_to_both(data: st.DataObject) -> None:
    document = bytearray(DOCUMENTS["plain"].encode())
    at = data.draw(st.integers(0, len(document) - 1))
    document[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        whole = decode_whole(bytes(document), None)
    except DecodeError:
        with pytest.raises(DecodeError):
            touch_all(fed(bytes(document), 50))
    else:
        assert fed(bytes(document), 50) == whole


def test_steps_are_bounded_and_count(many: Many) -> None:
    document = many("vms", ITEM)
    steps = codec.decode_steps(document)
    counts = []
    while True:
        try:
            counts.append(next(steps))
        except StopIteration as end:
            value = end.value
            break
    assert len(counts) == -(-len(document) // PIECE)
    assert counts == sorted(counts)
    most = max(b - a for a, b in pairwise(counts))
    assert most <= 1.1 * PIECE / len(ITEM)
    assert value == codec.decode(document)


def test_a_short_document_is_one_step() -> None:
    with pytest.raises(StopIteration) as end:
        next(codec.decode_steps(b"<vms/>"))
    assert end.value.value == []


def test_a_root_that_is_not_expected_is_known_early(many: Many) -> None:
    decoder = Decoder("hosts")
    with pytest.raises(DecodeError, match="expected a document <hosts>"):
        decoder.feed(many("vms", ITEM))


def test_a_malformed_declaration_is_noticed(many: Many) -> None:
    """Found by fuzzing: what is before the root was dropped and not parsed."""
    document = b'<?xml version="1.0" encoding<vm>="UTF-8"?>' + many("vms", ITEM)
    with pytest.raises(DecodeError):
        codec.decode(document)


class TestPutOff:
    """What is nested is there as soon as somebody looks, and no sooner."""

    @pytest.fixture
    def vm(self, many: Many) -> Vm:
        value: Any = codec.decode(many("vms", ITEM))
        first: Vm = value[0]
        return first

    def test_not_read_before_it_is_touched(self, vm: Vm) -> None:
        assert "cpu" not in vm.__dict__
        assert vm.cpu is not None
        assert "cpu" in vm.__dict__
        assert vm.cpu is vm.cpu
        assert vm.host is None

    def test_references_and_links(self, vm: Vm) -> None:
        assert vm.cluster is not None
        assert (vm.cluster.id, vm.cluster.href) == ("c", "/c")
        assert vm.nics == []
        assert vm.nics is not None
        assert vm.nics.href == "/n"

    def test_assignment_wins(self, vm: Vm) -> None:
        vm.cpu = None
        vm.nics = Items([Nic()])
        assert vm.cpu is None
        assert vm.nics == [Nic()]

    def test_a_value_that_cannot_be_read_raises_when_touched(self, many: Many) -> None:
        item = "<vm><name>a</name><cpu><topology><cores>x</cores></topology></cpu></vm>"
        value: Any = codec.decode(many("vms", item))
        assert value[0].name == "a"
        with pytest.raises(DecodeError, match=r"CpuTopology\.cores cannot be 'x'"):
            _ = value[0].cpu
        with pytest.raises(DecodeError):
            codec.decode(f"<vms>{item}</vms>".encode())

    def test_a_class_still_answers_none(self, vm: Vm) -> None:
        assert vm.cpu is not None
        assert Vm.cpu is None
        assert Vm().cpu is None
