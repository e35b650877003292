"""The quirks of the API that concern a client, one test each, under their numbers.

The numbers are those of the notes that came with the facts; each docstring says what the quirk is.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from trivirt import codec
from trivirt.errors import DecodeError, EncodeError
from trivirt.model import Items
from trivirt.types import (
    Action,
    AffinityGroup,
    Backup,
    CpuTopology,
    Disk,
    DnsResolverConfiguration,
    Fault,
    File,
    GlusterBrick,
    Host,
    Method,
    Network,
    NetworkUsage,
    Nic,
    OperatingSystemInfo,
    QuotaStorageLimit,
    Range,
    SchedulingPolicy,
    SsoMethod,
    StorageDomain,
    Tag,
    Value,
    Vlan,
    Vm,
    VmStatus,
    Weight,
)


def read(xml: str) -> Any:
    return codec.decode(xml.encode())


def write(value: Any) -> str:
    return codec.encode(value).decode()


def test_quirk_1_elements_not_named_like_the_attribute() -> None:
    assert read("<vm><host_numa_nodes><host_numa_node id='1'/></host_numa_nodes></vm>").numa_nodes
    assert read("<vm><numa_nodes><host_numa_node id='1'/></numa_nodes></vm>") == Vm()
    assert read("<host><link rel='numanodes' href='/x'/></host>").numa_nodes.href == "/x"
    assert read("<host><transparent_hugepages/></host>").transparent_huge_pages is not None


def test_quirk_2_python_keywords() -> None:
    assert read("<range><from>a</from></range>") == Range(from_="a")
    assert write(Action(async_=True)) == "<action><async>true</async></action>"
    assert write(StorageDomain(import_=True)) == (
        "<storage_domain><import>true</import></storage_domain>"
    )


def test_quirk_3_and_4_irregular_elements() -> None:
    assert type(read("<brick/>")) is GlusterBrick
    assert read("<operation_systems><operating_system/></operation_systems>") == [
        OperatingSystemInfo()
    ]
    with pytest.raises(DecodeError, match="operating_systems"):
        read("<operating_systems/>")


def test_quirk_6_a_list_with_a_singular_name() -> None:
    policy = SchedulingPolicy(weight=Items([Weight(factor=2)]))
    inside = "<weight><weight><factor>2</factor></weight></weight>"
    xml = f"<scheduling_policy>{inside}</scheduling_policy>"
    assert (write(policy), read(xml)) == (xml, policy)


def test_quirk_7_the_element_depends_on_the_position() -> None:
    assert write(Host(nics=Items())) == "<host><nics/></host>"
    assert read("<host><nics><host_nic id='1'/></nics></host>").nics[0].id == "1"
    assert write(Vm(nics=Items([Nic(id="1")]))) == '<vm><nics><nic id="1"/></nics></vm>'


def test_quirk_13_the_root_decides() -> None:
    assert type(read("<vm/>")) is Vm
    assert read("<vms/>") == []
    for root in ("virtual_machine", "html", "n:vm xmlns:n='x'", "vm xmlns='x'"):
        with pytest.raises(DecodeError, match="no document of the API"):
            read(f"<{root}/>")


def test_expected_root() -> None:
    assert codec.decode(b"<vms/>", expect="vms") == []
    with pytest.raises(DecodeError, match="expected a document <vms>, and <vm> came"):
        codec.decode(b"<vm/>", expect="vms")
    assert codec.decode(b"<fault/>", expect="vms") == Fault()


def test_quirk_14_no_polymorphism() -> None:
    assert type(read("<disk_attachment><disk/></disk_attachment>").disk) is Disk


def test_quirk_15_items_of_any_name() -> None:
    assert read("<vms><vm id='1'/><machine id='2'/></vms>") == [Vm(id="1"), Vm(id="2")]
    network = read("<network><usages><usage>vm</usage><x>display</x></usages></network>")
    assert network.usages == [NetworkUsage.VM, NetworkUsage.DISPLAY]


def test_quirk_16_unknown_is_skipped_and_the_last_one_wins() -> None:
    xml = "<vm id='1' x='y'><new><name>b</name></new><name>a</name><name>c</name><memory>1</memory>"
    assert read(f"{xml}<memory/></vm>") == Vm(id="1", name="c")


def test_quirk_17_ids_are_xml_attributes() -> None:
    assert read("<vm><id>1</id></vm>") == Vm()
    assert read("<vlan id='12'/>") == Vlan(id=12)
    assert read("<method id='GUEST_AGENT'/>") == Method(id=SsoMethod.GUEST_AGENT)
    assert read("<version id='1'/>").__dict__ == {"id": "1"}
    with pytest.raises(DecodeError, match=r"Vlan\.id cannot be 'x'"):
        read("<vlan id='x'/>")


def test_quirk_18_empty_elements() -> None:
    """`<x/>` and `<x></x>` are one and the same to XML, so they are here: an empty text, an empty
    list, an object without values, and nothing for numbers, dates, truth values and enums."""
    for empty in ("<{0}/>", "<{0}></{0}>"):
        for tag in ("memory", "start_time", "run_once", "status"):
            assert read(f"<vm>{empty.format(tag)}</vm>") == Vm()
        assert read(f"<vm>{empty.format('name')}</vm>") == Vm(name="")
        assert read(f"<vm>{empty.format('nics')}</vm>") == Vm(nics=Items())
        assert read(f"<vm>{empty.format('cpu')}</vm>").cpu is not None
    servers = read(
        "<dns_resolver_configuration><name_servers><x/><x>a</x></name_servers>"
        "</dns_resolver_configuration>"
    )
    assert servers == DnsResolverConfiguration(name_servers=Items(["", "a"]))


def test_quirk_19_text_is_never_trimmed() -> None:
    assert read("<vm><name> a\n</name></vm>").name == " a\n"
    assert read("<vm><name>  </name></vm>").name == "  "
    assert read("<vm><name> <![CDATA[<a> ]]>&amp;&#x41;<!-- c --> </name></vm>").name == " <a> &A "
    assert read("<vm><name>a<b>c</b>d</name></vm>").name == "acd"


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("false", False), ("1", True), ("0", False), ("TRUE", True), ("False", False)],
)
def test_quirk_20_truth_values(text: str, value: bool) -> None:
    assert read(f"<vm><run_once>{text}</run_once></vm>").run_once is value


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("run_once", "yes"),
        ("run_once", " true"),
        ("memory", "1.5"),
        ("memory", "x"),
        ("memory", "9" * 5000),
        ("start_time", "2024-03-05"),
        ("start_time", "2024-03-05T10:11:12+0100"),
        ("start_time", "2024-03-05T10:11:12.1234567"),
        ("start_time", "2024-03-05 10:11:12"),
        ("start_time", "2024-13-05T10:11:12"),
        ("start_time", "2024-03-05T10:11:12+25:00"),
    ],
)
def test_values_that_cannot_be_read_name_the_attribute(tag: str, text: str) -> None:
    with pytest.raises(DecodeError, match=rf"Vm\.{tag} cannot be '{text[:10].replace('+', '.')}"):
        read(f"<vm><{tag}>{text}</{tag}></vm>")


def test_quirk_21_numbers() -> None:
    assert read("<vm><memory>-9223372036854775808</memory></vm>").memory == -(2**63)
    assert read("<vm><memory> 12 </memory></vm>").memory == 12
    assert read("<value><datum>1.5e3</datum></value>") == Value(datum=1500.0)
    assert math.isnan(read("<value><datum>NaN</datum></value>").datum)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-03-05T10:11:12", datetime(2024, 3, 5, 10, 11, 12)),
        ("2024-03-05T10:11:12Z", datetime(2024, 3, 5, 10, 11, 12, tzinfo=timezone.utc)),
        ("2024-03-05T10:11:12.5", datetime(2024, 3, 5, 10, 11, 12, 500000)),
        (
            "2024-03-05T10:11:12.345-03:30",
            datetime(
                2024, 3, 5, 10, 11, 12, 345000, tzinfo=timezone(-timedelta(hours=3, minutes=30))
            ),
        ),
        ("2024-03-05T10:11:12.123456", datetime(2024, 3, 5, 10, 11, 12, 123456)),
    ],
)
def test_quirk_22_dates(text: str, value: datetime) -> None:
    assert read(f"<vm><start_time>{text}</start_time></vm>").start_time == value


def test_quirk_22_dates_before_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivirt.codec._scalars._FULL_ISO", False)
    zone = timezone(timedelta(hours=1))
    assert read("<vm><start_time>2024-03-05T10:11:12.3+01:00</start_time></vm>") == Vm(
        start_time=datetime(2024, 3, 5, 10, 11, 12, 300000, tzinfo=zone)
    )
    assert read("<vm><start_time>2024-03-05T10:11:12Z</start_time></vm>") == Vm(
        start_time=datetime(2024, 3, 5, 10, 11, 12, tzinfo=timezone.utc)
    )
    assert read("<vm><start_time>2024-03-05T10:11:12</start_time></vm>") == Vm(
        start_time=datetime(2024, 3, 5, 10, 11, 12)
    )


def test_quirk_23_enums() -> None:
    """An unknown word is kept, where the old client loses it (or fails, in `Method.id`)."""
    assert read("<vm><status>up</status></vm>").status is VmStatus.UP
    for word in ("hibernated", "UP", " up"):
        status = read(f"<vm><status>{word}</status></vm>").status
        assert (type(status), status.value, status.known) == (VmStatus, word, False)
    usages = read("<network><usages><usage>vm</usage><usage>new</usage></usages></network>").usages
    assert usages == [NetworkUsage.VM, "new"]
    assert read("<method id='face'/>").id.value == "face"


@pytest.mark.parametrize("order", [0, 1])
def test_quirk_24_links_to_lists(order: int) -> None:
    parts = ["<link rel='nics' href='/n'/>", "<nics href='/old'><nic id='1'/></nics>"]
    vm = read(f"<vm>{''.join(parts[::-1] if order else parts)}</vm>")
    assert (vm.nics, vm.nics.href) == ([Nic(id="1")], "/n")
    assert read("<vm><link rel='nics'/><link href='/n'/><link rel='x' href='/n'/></vm>") == Vm()
    assert read("<vlan><link rel='nics' href='/n'/></vlan>") == Vlan()


def test_quirk_25_references_are_elements() -> None:
    vm = read("<vm><cluster href='/c/1' id='1'/><quota id='q'/></vm>")
    assert (vm.cluster.href, vm.cluster.id, vm.quota.id, vm.quota.href) == ("/c/1", "1", "q", None)


@pytest.mark.parametrize(
    ("xml", "attribute"),
    [
        ("<host><link rel='fenceagents' href='/x'/></host>", "agents"),
        ("<host><link rel='storage' href='/x'/></host>", "storages"),
        (
            "<iscsi_bond><link rel='storageserverconnections' href='/x'/></iscsi_bond>",
            "storage_connections",
        ),
        ("<gluster_volume><link rel='glusterbricks' href='/x'/></gluster_volume>", "bricks"),
        ("<scheduling_policy><link rel='weights' href='/x'/></scheduling_policy>", "weight"),
    ],
)
def test_quirk_26_links_under_the_name_of_the_service(xml: str, attribute: str) -> None:
    """Bettered: where the list is there under another name, it gets the link."""
    assert getattr(read(xml), attribute).href == "/x"


def test_quirk_27_actions_are_ignored() -> None:
    inside = "<actions><link rel='start' href='/x'/></actions>"
    assert read(f"<vm>{inside}</vm>") == Vm()
    assert read(f"<vms>{inside}<vm/></vms>") == [Vm()]


def test_quirk_28_an_empty_pair_does_not_swallow_its_sibling() -> None:
    sso = read(
        "<vm><sso><methods><method id='guest_agent'></method><method id='x'></method>"
        "</methods></sso><name>a</name></vm>"
    )
    assert len(sso.sso.methods) == 2
    assert sso.name == "a"


def test_quirk_29_href_of_nested_lists() -> None:
    assert read("<vm><nics href='/n'/></vm>").nics.href == "/n"


def test_quirk_30_and_31_what_is_written() -> None:
    """Attributes first, then elements by name; what is not set is not there."""
    vm = Vm(id="1", href="/v", name="", nics=Items(), cpu=None, memory=0, run_once=False)
    assert write(vm) == (
        '<vm href="/v" id="1"><memory>0</memory><name></name><nics/><run_once>false</run_once></vm>'
    )
    servers = DnsResolverConfiguration(name_servers=Items(["a"]))
    assert servers.name_servers is not None
    servers.name_servers.append(None)  # type: ignore[arg-type]
    assert write(servers).count("<name_server>") == 1


def test_quirk_32_and_38_texts_of_values() -> None:
    zone = timezone(timedelta(hours=-3))
    assert "<run_once>true<" in write(Vm(run_once=True))
    assert "<start_time>2024-03-05T10:11:12<" in write(
        Vm(start_time=datetime(2024, 3, 5, 10, 11, 12))
    )
    assert "<start_time>2024-03-05T10:11:12.000300-03:00<" in write(
        Vm(start_time=datetime(2024, 3, 5, 10, 11, 12, 300, tzinfo=zone))
    )
    assert "<datum>5.0<" in write(Value(datum=5.0))
    assert "<status>up<" in write(Vm(status=VmStatus.UP))


def test_quirk_32_characters() -> None:
    """Bettered: line breaks arrive, and what XML cannot carry is refused and not dropped."""
    text = "a\r\nb\tc\n\u0085 ü \U0001f600 ]]> \"'"
    assert read(write(File(content=text))).content == text
    assert read(write(Vm(id=text))).id == text
    for bad in ("\0", "\x0b", "\x1f", "\ufffe", "\ud800"):
        with pytest.raises(EncodeError, match=r"File\.content has the character"):
            write(File(content=f"a{bad}"))
        with pytest.raises(EncodeError, match=r"Vm\.id has the character"):
            write(Vm(id=bad))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (Vm(nics=Items()), r"Vm\.nics must be a Nic, not Vm"),
        (Network(usages=Items()), r"Network\.usages must be a NetworkUsage, not Vm"),
    ],
)
def test_quirk_33_and_34_types_are_checked_when_written(value: Any, complaint: str) -> None:
    """A list may have been changed behind the back of its owner."""
    next(iter(value.__dict__.values())).append(Vm())
    with pytest.raises(EncodeError, match=complaint):
        write(value)


def test_values_that_went_around_the_checks() -> None:
    vm = Vm()
    vm.__dict__["nics"] = "eth0"
    with pytest.raises(EncodeError, match=r"Vm\.nics must be a list, not str"):
        write(vm)
    vm.__dict__["nics"] = Items(["eth0"])
    with pytest.raises(EncodeError, match=r"Vm\.nics must be a Nic, not str"):
        write(vm)
    vm.__dict__["nics"] = Items(href="\0")
    with pytest.raises(EncodeError, match=r"Vm\.nics has an href that has the character"):
        write(vm)


def test_quirk_35_links_are_written_inline() -> None:
    assert write(Vm(tags=Items([Tag(id="1")]))) == '<vm><tags><tag id="1"/></tags></vm>'


def test_quirk_36_a_list_as_root() -> None:
    """Bettered: the class of the items names the element."""
    bricks = Items([GlusterBrick(brick_dir="/d")])
    xml = "<bricks><brick><brick_dir>/d</brick_dir></brick></bricks>"
    assert write(bricks) == xml
    with pytest.raises(EncodeError, match="root="):
        write(Items[Any]())
    with pytest.raises(EncodeError, match="one class"):
        write(Items([Vm(), Nic()]))


def test_quirk_37_ranges_of_integers() -> None:
    """Bettered: what the engine would refuse is refused here."""
    assert write(Vm(memory=2**62))
    with pytest.raises(EncodeError, match=r"Vm\.memory must be between"):
        write(Vm(memory=2**63))
    with pytest.raises(EncodeError, match=r"CpuTopology\.cores must be between"):
        write(CpuTopology(cores=2**31))


def test_decimals_the_engine_can_read() -> None:
    """A schema `decimal` has no exponent, a `double` may have one, and neither is infinite here."""
    assert "<priority>10000000000000000000000<" in write(AffinityGroup(priority=1e22))
    assert "<priority>0.000001<" in write(AffinityGroup(priority=1e-6))
    assert "<usage>1e+22<" in write(QuotaStorageLimit(usage=1e22))
    for bad in (math.inf, -math.inf, math.nan):
        with pytest.raises(EncodeError, match="finite"):
            write(AffinityGroup(priority=bad))


def test_zones_of_whole_minutes() -> None:
    odd = timezone(timedelta(seconds=30))
    with pytest.raises(EncodeError, match=r"Backup\.creation_date must have a zone"):
        write(Backup(creation_date=datetime(2024, 1, 1, tzinfo=odd)))


def test_a_circle_is_refused() -> None:
    vm = Vm()
    vm.nics = Items([Nic(vm=vm)])
    with pytest.raises(EncodeError, match="does it contain itself"):
        write(vm)


def test_quirk_56_a_fault_in_an_action() -> None:
    action = read("<action><fault><reason>r</reason><detail>d</detail></fault></action>")
    assert action.fault == Fault(reason="r", detail="d")
