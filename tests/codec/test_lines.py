"""The quick way of reading gives what lxml gives, for every type and for whatever is odd."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from recorded import recorded
from surface_facts import STRUCTS, sample

from trivirt import codec
from trivirt.codec import _decode, _lines
from trivirt.codec._decode import Decoder, decode_tree, decode_whole
from trivirt.codec._tables import Memo
from trivirt.errors import DecodeError
from trivirt.model import Items, Struct, settled
from trivirt.types import Vm

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def laid_out(xml: str) -> bytes:
    """A document with the declaration and the layout that engines give it."""
    root = etree.fromstring(xml)
    etree.indent(root, space="    ")
    return f"{DECLARATION}{etree.tostring(root, encoding='unicode')}\n".encode()


def with_usual_attributes(xml: str) -> str:
    """The same with ids and hrefs as engines make them."""
    root = etree.fromstring(xml)
    for element in root.iter():
        for name, value in element.attrib.items():
            element.set(name, re.sub(r"[^\w/-]", "", value, flags=re.ASCII))
    return etree.tostring(root, encoding="unicode")


def everything(value: Any) -> Any:
    """All that was read, with the `href` of each list."""
    if isinstance(value, Items):
        return value.href, [everything(one) for one in value]
    if isinstance(value, Struct):
        return type(value), {n: everything(v) for n, v in settled(value).items()}
    return type(value), value


def outcome(read: Any, document: bytes) -> Any:
    try:
        return everything(read(document, None))
    except DecodeError:
        return "refused"


def in_pieces(document: bytes, expect: str | None) -> Any:
    decoder = Decoder(expect)
    for start in range(0, len(document), 100):
        decoder.feed(document[start : start + 100])
    return decoder.close()


@pytest.fixture
def no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole documents cannot be given to lxml."""

    def refuse(*_: object) -> None:
        raise AssertionError("this was not read in the quick way")

    monkeypatch.setattr(_decode, "decode_tree", refuse)
    monkeypatch.setattr(_decode, "read_object", refuse)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_decode, "PIECE", 200)


@pytest.mark.parametrize("every", [1, 2], ids=["full", "half"])
@pytest.mark.parametrize("name", STRUCTS)
def test_object_as_lxml_reads_it(name: str, every: int) -> None:
    document = laid_out(sample(name, every=every, depth=2).xml)
    assert outcome(decode_whole, document) == outcome(decode_tree, document)


@pytest.mark.usefixtures("no_tree", "small_pieces")
@pytest.mark.parametrize("name", STRUCTS)
def test_list_as_lxml_reads_it(name: str) -> None:
    made, tags = with_usual_attributes(sample(name, depth=2).xml), STRUCTS[name]["tags"]
    document = laid_out(f'<{tags} href="/x">{made * 3}</{tags}>')
    expected = outcome(decode_tree, document)
    for _ in range(2):  # The second time it is remembered.
        assert outcome(decode_whole, document) == expected
        assert outcome(in_pieces, document) == expected


@pytest.mark.parametrize("document", [d for d in recorded() if "\n    <" in d])
def test_recorded_document_as_lxml_reads_it(document: str) -> None:
    data = document.encode()
    assert outcome(decode_whole, data) == outcome(decode_tree, data)
    assert outcome(in_pieces, data) == outcome(decode_tree, data)


@pytest.mark.usefixtures("no_tree")
def test_nearly_all_that_engines_sent_is_read_in_the_quick_way() -> None:
    slow = []
    for document in recorded():
        try:
            decode_whole(document.encode(), None)
        except AssertionError:
            slow.append(document)
    # What has nothing inside is quick enough anyway.
    assert [d[:200] for d in slow if "\n    <" in d] == []


ITEM = """
    <vm href="/vms/1" id="1">
        <actions>
            <link href="/vms/1/start" rel="start"/>
        </actions>
        <name>a</name>
        <link href="/vms/1/nics" rel="nics"/>
        <cpu>
            <topology>
                <cores>2</cores>
            </topology>
        </cpu>
        <memory>5</memory>
        <cluster href="/clusters/2" id="2"/>
    </vm>"""
ODD = {
    "twice": "<name>b</name>",
    "twice, empty": "<memory></memory>",
    "twice, closed": "<memory/>",
    "reference twice": '<cluster href="/clusters/3" id="3"/>',
    "list beside its link": "<nics>\n            <nic>\n                <name>x</name>\n"
    "            </nic>\n        </nics>",
    "empty list beside its link": "<nics></nics>",
    "comment": "<!-- </vm> -->",
    "comment in text": "<comment>a<!-- b -->c</comment>",
    "cdata": "<comment><![CDATA[</vm>]]></comment>",
    "instruction": "<?x </vm> ?>",
    "entity": "<comment>a &amp; b</comment>",
    "character reference": "<comment>&#13;</comment>",
    "several lines": "<comment>a\n        b\n        </comment>",
    "carriage return": "<comment>a\r\nb</comment>",
    "other letters": "<comment>\u65e5\u672c \u00e9 \U0001f600</comment>",
    "noncharacter": "<comment>\ufffe</comment>",
    "control": "<comment>\x01</comment>",
    "blanks": "<comment>  </comment>",
    "greater than": "<comment>a > b ]] ></comment>",
    "end of cdata": "<comment>]]></comment>",
    "our mark": '<cluster href="~/x" id="3"/>',
    "our mark in text": "<comment>~</comment>",
    "own href inside": '<host href="/vms/1/x" id="9"/>',
    "own href deeper": '<os>\n            <boot href="/vms/1/y"/>\n        </os>',
    "unknown": "<new_thing>1</new_thing>",
    "unknown with something inside": "<new>\n            <thing/>\n        </new>",
    "unknown reference": '<new href="/x" id="1"/>',
    "unknown link": '<link href="/vms/1/new" rel="new"/>',
    "link the other way round": '<link rel="nics" href="/other"/>',
    "link without an end": '<link href="/other"/>',
    "link to nowhere": '<link rel="nics"/>',
    "link with an id": '<link href="/other" id="1" rel="nics"/>',
    "object with a rel": '<cluster href="/clusters/3" rel="x"/>',
    "item with a rel": '</vm>\n    <vm href="/vms/1" rel="x">',
    "inner object with a rel": '<os rel="x">\n            <type>y</type>\n        </os>',
    "link elsewhere": '<link href="/other" rel="disk_attachments"/>',
    "object without anything": "<os/>",
    "object without anything, open": "<os></os>",
    "only an id": '<quota id="7"/>',
    "only a href": '<quota href="/quotas/7"/>',
    "other attribute": '<quota id="7" x="y"/>',
    "single quotes": "<quota id='7'/>",
    "attribute twice": '<quota id="7" id="8"/>',
    "on the same line": "<fqdn>x</fqdn><origin>y</origin>",
    "in two lines": "<fqdn\n        >x</fqdn>",
    "text and elements": "x<fqdn>y</fqdn>",
    "wrong end": "<fqdn>y</fqdm>",
    "no end": "<fqdn>y",
    "end of something else": "</os>",
    "end of nothing": "<fqdn>y</fqdn>\n        </fqdn>",
    "end too early": "</vm>\n    <vm>",
    "crossed": "<os>\n            <boot>\n        </os>\n        </boot>",
    "not a number": "<memory_policy>\n            <max>x</max>\n        </memory_policy>",
    "number": "<cpu_shares>x</cpu_shares>",
    "no truth": "<stateless>maybe</stateless>",
    "unknown word": "<type>nonsense</type>",
    "upper case": "<Name>b</Name>",
    "namespace": "<a:name xmlns:a='u'>b</a:name>",
    "actions with something else": "<actions>\n            <name/>\n        </actions>",
    "unbalanced actions": "<actions>\n            <link>\n        </actions>",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_whatever_is_odd_is_read_as_lxml_reads_it(odd: str) -> None:
    for old in ("        <name>", "        <cluster"):
        item = ITEM.replace(old, f"        {odd}\n{old}", 1)
        for document in (f"<vms>{ITEM}{item}{ITEM}\n</vms>\n", f"<vms>{item * 9}\n</vms>"):
            data = document.encode()
            assert outcome(decode_whole, data) == outcome(decode_tree, data)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_pieces_are_read_as_lxml_reads_the_whole(odd: str) -> None:
    item = ITEM.replace("        <name>", f"        {odd}\n        <name>", 1)
    data = f"<vms>{ITEM * 3}{item}{ITEM * 3}\n</vms>\n".encode()
    assert outcome(in_pieces, data) == outcome(decode_tree, data)


@pytest.mark.parametrize(
    "document",
    [
        f"<vms>{ITEM}\n</vms>\n<vms></vms>",
        f"<vms>{ITEM}\n</vms>x",
        f"<vms>{ITEM}\n</vms>\n<vm>",
        f"<vms>{ITEM}\n",
        f"<vms>{ITEM}{ITEM[:-5]}\n</vms>",
        f"<vms>{ITEM}{ITEM.replace('<vm ', '<wm ')}\n</vms>",
        f"<vms>{ITEM}{ITEM.replace('vm>', 'machine>').replace('<vm ', '<machine ')}\n</vms>",
        f"<vms>{ITEM}\n    <vm/>\n</vms>",
        f"<vms>{ITEM}\n    <vm id='3'></vm>\n</vms>",
        "<vms>\n    <vm/>\n</vms>",
        '<vms>\n    <vm id="1"/>\n    <vm href="/x" id="2"/>\n</vms>',
        '<vms>\n    <vm id="1"/>\n    <vm id="2">\n</vms>',
        '<vms>\n    <vm id="1">\n    <vm id="2"/>\n</vms>',
        '<vms>\n  <vm id="1"/>\n  <vm href="/x" id="2"/>\n</vms>',
        '<vms>\n  <vm id="1"></vm>\n  <vm id="2"/>\n</vms>',
        '<vm>\n    <nics>\n      <nic id="1"/>\n    </nics>\n</vm>',
        '<vms href="/vms"/>',
        "<vms>\n    <actions>\n        <link/>\n    </actions>\n</vms>",
        f"<vms>{ITEM}\n    <actions>\n    </actions>\n</vms>",
        f"<vms>x{ITEM}\n</vms>",
        f"<vms>{ITEM}x\n</vms>",
        f"<vms>\n{ITEM}\n</vms>",
        f"<vms x='y'>{ITEM}\n</vms>",
        f"<vms href='/vms'>{ITEM}\n</vms>",
        f"<vms>{ITEM}\n</vm>",
        f"<nothing>{ITEM}\n</nothing>",
        f"\ufeff{DECLARATION}<vms>{ITEM}\n</vms>",
        f"{DECLARATION}{DECLARATION}<vms>{ITEM}\n</vms>",
        "<vm>\n    <name>a</name>\n</vm>",
        "<vm>\n    <name>a</name></vm>",
        "<vm>\n    <name>a</name>\n</vm>\n</vm>",
        "<vm>\n    <name>a</name>\n    </vm>\n    <vm>\n</vm>",
    ],
)
@pytest.mark.usefixtures("small_pieces")
def test_odd_documents_are_read_as_lxml_reads_them(document: str) -> None:
    data = document.encode()
    assert outcome(decode_whole, data) == outcome(decode_tree, data)
    assert outcome(in_pieces, data) == outcome(decode_tree, data)


SEEDS = [
    *(laid_out(sample(n, depth=2).xml) for n in ("Vm", "Nic", "Host", "Disk", "StorageDomain")),
    f"<vms>{ITEM * 3}\n</vms>\n".encode(),
]
WORDS = [
    *(b"\n        ", b"\n    ", b"\n", b" ", b"<", b">", b"/", b'"', b"~", b"&amp;", b"</vm>"),
    *(b"<vm>", b"<name>b</name>", b"</name>", b"<nic/>", b"<!--", b"-->", b"\r", b"\xff", b"]]>"),
    *(b'<link href="/a" rel="nics"/>', b"<memory></memory>", b"<os>", b"</os>", b"<actions>"),
]
edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(WORDS) | st.binary(max_size=4)),
    max_size=3,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), edits)
def test_damaged_documents_are_read_as_lxml_reads_them(
    document: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    for place, length, new in changes:
        at = int(place * len(document))
        document = document[:at] + new + document[at + length :]
    assert outcome(decode_whole, document) == outcome(decode_tree, document)


def test_links_follow_the_href_that_was_read() -> None:
    vm: Any = codec.decode(laid_out(f"<vms>{ITEM}</vms>"))[0]
    vm.href = "/vms/7"
    assert vm.nics.href == "/vms/1/nics"


NICS = """<nics><nic href="/vms/1/nics/{0}" id="{0}"><name>nic{0}</name><vm href="/vms/1" id="1"/>
<link href="/vms/1/nics/{0}/statistics" rel="statistics"/><mac><address>00:{0}</address></mac>
<plugged>true</plugged></nic></nics>"""
LINK = '<link href="/vms/1/nics" rel="nics"/>'


@pytest.mark.parametrize("text", [LINK + NICS, NICS + LINK, NICS])
def test_a_list_that_was_followed_is_read_at_once(text: str) -> None:
    one = '<vm href="/vms/1" id="1"><name>a</name>{}<status>up</status></vm>'
    made = "".join(one.format(text.format(number)) for number in range(300))
    document = laid_out(f"<vms>{made}</vms>")
    vm: Any = codec.decode(document)[2]
    assert "nics" in vars(vm)
    assert [nic.mac.address for nic in vars(vm)["nics"]] == ["00:2"]
    assert vm.nics.href == (None if text == NICS else "/vms/1/nics")
    assert outcome(decode_whole, document) == outcome(decode_tree, document)


def test_an_error_in_a_list_that_was_followed_is_of_that_list_alone() -> None:
    one = f'<vm href="/vms/1" id="1"><name>a</name>{NICS}</vm>'.replace("{0}", "7")
    made = laid_out(f"<vms>{one * 300}</vms>").replace(b"true", b"maybe", 1)
    first, second, *_ = codec.decode(made)
    assert second.nics[0].plugged
    with pytest.raises(DecodeError, match=r"Nic\.plugged cannot be 'maybe'"):
        first.nics  # noqa: B018 - it is read now


def test_objects_of_one_document_share_nothing_that_can_change() -> None:
    first, second = codec.decode(laid_out(f"<vms>{ITEM}{ITEM}</vms>"))
    first.cluster.name = "x"
    first.nics.append("y")
    first.cpu.topology.cores = 9
    assert (second.cluster.name, second.nics, second.cpu.topology.cores) == (None, [], 2)


def test_memory_is_bounded() -> None:
    memo = Memo()
    for number in range(100_000):
        memo.learn(f"name>{number}</name>", ("name", str(number)))
        memo.keep(f"os>{number}", "/os>", ())
    size = sum(map(len, memo)) + sum(len(child) for child, _ in memo.kept)
    assert size < 300_000
    assert memo["name>99999</name>"] == ("name", "99999")


def test_what_is_remembered_is_not_what_another_class_means() -> None:
    document = "<{0}>\n    <status>up</status>\n    <type>server</type>\n</{0}>"
    values = [codec.decode(document.format(tag).encode()) for tag in ("vm", "host", "vm")]
    assert values[0] == values[2] == Vm.from_dict({"status": "up", "type": "server"})
    assert type(values[1].status) is not type(values[0].status)  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["<vm>\n    <name>a</name>\n</vm>", ITEM.strip()])
def test_a_single_object_is_read_in_the_quick_way(text: str) -> None:
    data = laid_out(text)
    tag, href, id, inside = _lines.split_root(data)
    assert (tag, href, id) == ("vm", *((None, None) if "href" not in text else ("/vms/1", "1")))
    assert "<name>a</name>" in inside
