"""Items of long lists are read when they are looked at, and nobody can tell."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from trivirt.compat import _decode, _later
from trivirt.compat._struct import UNREAD, dict_of

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
ITEM = """
    <vm href="/api/vms/{0}" id="{0}">
        <actions><link href="/api/vms/{0}/start" rel="start"/></actions>
        <name>vm &amp; {0}</name>
        <description></description>
        <comment/>
        <memory>1073741824</memory>
        <status>up</status>
        <creation_time>2026-01-02T03:04:05.678+01:00</creation_time>
        <cpu><topology><cores>{0}</cores></topology></cpu>
        <cluster href="/api/clusters/1" id="1"/>
        <link href="/api/vms/{0}/nics" rel="nics"/>
        <snapshots><snapshot id="s{0}"><description>d</description></snapshot></snapshots>
    </vm>"""
UNUSUAL = {
    "comment": "<vm id='1'><!-- </vm><vm id='2'> --><name>a</name></vm>",
    "cdata": "<vm id='1'><name><![CDATA[</vm><vm id='2'>]]></name></vm>",
    "instruction": "<vm id='1'><?x </vm><vm> ?><name>a</name></vm>",
    "one of the same name inside": '<vm id="1"><vm id="2"><name>b</name></vm><name>a</name></vm>',
    "an empty item": '<vm id="1"/>',
    "an item of another name": '<thing id="1"><name>a</name></thing>',
    "actions between items": "<actions><link href='/a' rel='b'/></actions>",
    "blank before the end": '<vm id="1"><name>a</name></vm >',
    "the other order": '<vm id="1" href="/api/vms/1"><name>a</name></vm>',
    "another attribute": '<vm x="1" href="/api/vms/1" id="1"><name>a</name></vm>',
    "an entity in the address": '<vm href="/api/vms/1?a&amp;b" id="1"><name>a</name></vm>',
    "other quotes": "<vm href='/api/vms/1' id='1'><name>a</name></vm>",
    "no attributes": "<vm><name>a</name></vm>",
    "line breaks": '<vm\n href="/api/vms/1"\n id="1"\n><name>a</name></vm\n>',
}


def many(*more: str, root: str = "<vms>", count: int = 300) -> bytes:
    items = [ITEM.format(number) for number in range(count)]
    items[count // 2 : count // 2] = more
    return f"{HEAD}{root}{''.join(items)}\n</vms>".encode()


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [getattr(value, "href", 0), [plain(item) for item in value]]
    if hasattr(value, "href"):
        return {name: plain(inner) for name, inner in vars(value).items()}
    return value


def unread(items: Any) -> int:
    return sum(UNREAD in dict_of(item) for item in items)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads a document without putting anything off."""

    def read(data: bytes) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(_later, "LONG", len(data) + 1)
            return _decode.decode(data)

    return read


@pytest.fixture
def vms() -> Iterator[Any]:
    return _decode.decode(many())


def test_a_long_list_is_read_late_and_reads_the_same(at_once):
    for data in (many(), many(root='<vms href="/api/vms">')):
        assert len(data) > _later.LONG
        found = _decode.decode(data)
        assert unread(found) == 300
        assert plain(found) == plain(at_once(data))
        assert unread(found) == 0


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_reads_the_same(name, at_once):
    data = many(UNUSUAL[name])
    assert plain(_decode.decode(data)) == plain(at_once(data))


@pytest.mark.parametrize(
    "bad",
    [
        many()[:-3],
        many()[:-40],
        many("<vm><name>a</vm>"),
        many("<vm><name>&nothing;</name></vm>"),
        many('<vm id="1" id="2"></vm>'),
        many("<vm><name>\x01</name></vm>"),
        many("</vm>"),
        many() + b"<vms/>",
        many().replace(b"vm &amp; 150", b"vm \xff 150"),
    ],
    ids=range(9),
)
def test_malformed_xml_is_an_error_of_the_call_that_fetched_it(bad, sdk):
    with pytest.raises(sdk.Error, match="can't be read: malformed XML"):
        _decode.decode(bad)


def test_address_and_identity_are_there_without_reading(vms):
    assert [vm.id for vm in vms] == [str(number) for number in range(300)]
    assert vms[7].href == "/api/vms/7"
    assert unread(vms) == 300


def test_one_look_reads_one_item(vms):
    assert vms[3].name == "vm & 3"
    assert vms[3].comment is None
    assert vms[3].description == ""
    assert vms[3].cpu.topology.cores == 3
    assert vms[3].fqdn is None
    assert unread(vms) == 299


def test_what_is_nested_is_read_one_by_one(vms):
    assert vms[3].memory == 1 << 30
    nested = {"\0_cluster", "\0_cpu", "\0_nics", "\0_snapshots"}
    assert {key for key in dict_of(vms[3]) if key[:1] == "\0" and key[1:]} == nested
    assert (vms[3].cluster.href, vms[3].cluster.id) == ("/api/clusters/1", "1")
    assert dict_of(vms[3].cluster) == {"_href": "/api/clusters/1", "_id": "1"}
    assert vms[3].cluster is vms[3].cluster
    assert {key for key in dict_of(vms[3]) if key[:1] == "\0" and key[1:]} < nested
    assert (vms[3].nics, vms[3].nics.href) == ([], "/api/vms/3/nics")
    assert "\0" not in "".join(vars(vms[3]))


def test_what_is_nested_can_be_set_before_it_is_read(vms, sdk):
    assert vms[4].memory == 1 << 30
    vms[4].cluster = mine = sdk.types.Cluster(name="mine")
    vms[4].snapshots = None
    assert vms[4].cluster is mine
    assert vms[4].snapshots is None
    assert vars(vms[4])["_cluster"] is mine


def test_a_list_and_the_link_to_it_are_one():
    both = '<link href="/api/vms/x/disks" rel="diskattachments"/>'
    both += "<disk_attachments><disk_attachment id='d'><active>true</active></disk_attachment>"
    (vm,) = [
        vm
        for vm in _decode.decode(many(f'<vm id="x">{both}</disk_attachments></vm>'))
        if vm.id == "x"
    ]
    assert vm.disk_attachments.href == "/api/vms/x/disks"
    assert [one.active for one in vm.disk_attachments] == [True]


def test_what_was_set_before_the_first_look_stays(vms, sdk):
    vms[0].name = "mine"
    vms[0].nics = []
    vms[0].comment = None
    vms[0].own = 1
    assert unread(vms) == 300
    assert vms[0].memory == 1 << 30
    assert (vms[0].name, vms[0].nics, vms[0].own) == ("mine", [], 1)


def test_private_names_and_dictionaries_are_complete(vms, sdk):
    assert vms[1]._status is sdk.types.VmStatus.UP
    assert vms[2].__dict__.keys() == sdk.types.Vm().__dict__.keys()
    assert vms[2].__dict__["_name"] == "vm & 2"


def test_copies_and_pickles_are_complete(vms):
    for number, made in enumerate(
        [copy.copy(vms[0]), copy.deepcopy(vms[1]), pickle.loads(pickle.dumps(vms[2]))]
    ):
        assert made.name == f"vm & {number}"
        assert made.snapshots[0].id == f"s{number}"
        assert plain(made) == plain(vms[number])


def test_all_threads_see_the_same_objects(vms):
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: [vm.cluster for vm in vms], range(8)))
    for clusters in found:
        assert all(vm.cluster is cluster for vm, cluster in zip(vms, clusters, strict=True))


def test_a_value_that_cannot_be_read_raises_whenever_it_is_looked_at():
    vms = _decode.decode(many('<vm id="x"><memory>much</memory></vm>'))
    (bad,) = [vm for vm in vms if vm.id == "x"]
    assert unread(vms) == 301
    for look in (lambda: bad.name, lambda: bad.__dict__, lambda: bad.memory):
        with pytest.raises(ValueError, match="The text 'much' isn't a valid integer value"):
            look()


def test_garbage_is_collected_again_afterwards():
    _decode.decode(many())
    assert gc.isenabled()
