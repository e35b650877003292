from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timezone

import pytest
from lxml import etree

from trivirt import codec
from trivirt.inventory import _schema
from trivirt.inventory._json import to_json
from trivirt.inventory._schema import NULL, Table, table_of
from trivirt.model import Items
from trivirt.types import (
    Cluster,
    Cpu,
    CpuTopology,
    Host,
    Nic,
    Vlan,
    Vm,
    VmStatus,
)
from trivirt.types import Network as NetworkType

VMS = table_of("vms")


def cells(table, row):
    values = [None if value is NULL else value for value in row]
    return dict(zip([name for name, _ in table.columns], values, strict=True))


def test_an_object_becomes_a_row_of_typed_columns():
    vm = Vm(
        id="v1",
        name="web",
        memory=2**40,
        status=VmStatus.UP,
        stateless=False,
        start_time=datetime(2024, 3, 5, 10, 11, 12, tzinfo=timezone.utc),
        host=Host(id="h1"),
        cpu=Cpu(topology=CpuTopology(sockets=2)),
    )
    row = cells(VMS, VMS.row("e", None, 7, vm))
    assert (
        row.items()
        >= {
            "engine": "e",
            "position": 7,
            "id": "v1",
            "name": "web",
            "memory": 2**40,
            "status": "up",
            "stateless": False,
            "start_time": "2024-03-05T10:11:12+00:00",
            "host_id": "h1",
            "cluster_id": None,
            "cpu_topology_sockets": 2,
            "cpu_topology_cores": None,
        }.items()
    )
    assert json.loads(row["attributes"]) == vm.to_dict()


def test_what_an_object_lacks_is_null():
    with sqlite3.connect(":memory:") as file:
        file.execute(VMS.create()[0])
        vm = Vm(id="v", cpu=Cpu(topology=CpuTopology(cores=2)))
        file.execute(VMS.insert(), VMS.row("e", None, 0, vm))
        names = "memory, status, host_id, cpu_topology_sockets, cpu_topology_cores"
        found = file.execute(f"SELECT {names} FROM vms").fetchall()
    file.close()
    assert found == [(None, None, None, None, 2)]


def test_a_status_of_a_newer_engine_keeps_its_word():
    row = cells(VMS, VMS.row("e", None, 0, Vm(id="v", status=VmStatus.unknown("hibernating"))))
    assert row["status"] == "hibernating"
    assert json.loads(row["attributes"])["status"] == "hibernating"


def test_a_row_below_an_object_begins_with_whose_it_is():
    nics = table_of("vms", "nics")
    row = nics.row("e", "v1", 2, Nic(id="n1", name="eth0"))
    assert row[:4] == ("e", "v1", 2, "n1")
    assert [name for name, _ in nics.columns][:5] == ["engine", "vm_id", "position", "id", "name"]


def test_the_id_of_what_is_no_object_of_its_own_is_a_number():
    row = cells(table_of("networks"), table_of("networks").row("e", None, 0, network()))
    assert row["vlan_id"] == 42


def network():
    return NetworkType(id="n", vlan=Vlan(id=42))


def test_a_list_that_is_only_linked_is_told_from_an_empty_one():
    vm = Vm(id="v", nics=Items(href="/h"), snapshots=Items())
    assert json.loads(to_json(vm)) == {"id": "v", "nics": {"href": "/h"}, "snapshots": []}
    assert json.loads(to_json(vm)) == vm.to_dict()


def test_json_is_sorted_and_says_things_as_they_are():
    assert to_json(Vm(name="Zürich", id="v")) == '{"id":"v","name":"Zürich"}'
    with pytest.raises(TypeError, match="no JSON for a object"):
        to_json(object())


# An object of a long list is read where it is touched; its row must not show that.

ONE = """<vm href="/api/vms/{n}" id="v{n}"><name>vm {n} &lt;&quot;ü&quot;&gt;</name>
<description></description><link href="/api/vms/{n}/nics" rel="nics"/>
<link href="/api/vms/{n}/tags" rel="tags"/><bios><type>q35_ovmf</type></bios>
<cpu><topology><cores>{cores}</cores><sockets>1</sockets></topology></cpu>
<os><boot><devices><device>hd</device></devices></boot><type>rhel_9x64</type></os>
<tags><tag id="t"><name>blue</name></tag></tags><status>up</status>
<memory>1</memory><cluster href="/api/clusters/c" id="c"/><quota id="q"/>
<creation_time>2024-03-05T10:11:12.345+01:00</creation_time></vm>"""


def listed(count):
    body = "".join(ONE.format(n=n, cores=n % 3) for n in range(count))
    return f"<vms>{body}</vms>".encode()


def test_the_row_of_an_object_of_a_long_list_is_that_of_a_short_one():
    data = listed(400)
    late = codec.decode(data)
    early = [
        codec.decode(f"<vms>{ONE.format(n=n, cores=n % 3)}</vms>".encode())[0] for n in range(400)
    ]
    assert "\0cpu" in vars(late[7])
    assert "\0cpu" not in vars(early[7])
    table = Table("vms", Vm, None)
    for n in range(400):
        assert table.row("e", None, n, late[n]) == table.row("e", None, n, early[n])
    # Machines are much alike, and each text was read once.
    assert sum(map(len, table._known.values())) < 50


def laid_out(count):
    """The same as engines lay it out, where the links of an object are kept without its href."""
    one = ONE.replace("ü", "u").replace(">\n<", "><").replace("&lt;&quot;u&quot;&gt;", "u")
    body = etree.fromstring(
        f"<vms>{''.join(one.format(n=n, cores=n % 3) for n in range(count))}</vms>"
    )
    etree.indent(body, "    ")
    return etree.tostring(body, encoding="UTF-8", standalone=True).replace(b"'", b'"') + b"\n"


def test_the_row_of_an_object_is_the_same_in_any_layout():
    usual = codec.decode(laid_out(400))
    assert usual[0].__dict__["\0nics"] == "\0~/nics"
    unusual = codec.decode(laid_out(400).replace(b"\n", b"\n "))
    assert unusual[0].__dict__["\0nics"] == "\0/api/vms/0/nics"
    for n in range(400):
        assert VMS.row("e", None, n, usual[n]) == VMS.row("e", None, n, unusual[n])


def test_the_href_of_an_object_may_have_any_character():
    data = laid_out(2).replace(b"/api/vms/1", rb"/api/vms/1\n")
    for vm in codec.decode(data)[1], codec.decode(data.replace(b"\n", b"\n "))[1]:
        attributes = json.loads(cells(VMS, VMS.row("e", None, 0, vm))["attributes"])
        assert attributes["href"] == r"/api/vms/1\n"
        assert attributes["nics"] == {"href": r"/api/vms/1\n/nics"}


def test_an_id_that_is_a_number_in_a_long_list():
    one = '    <network id="{0}">\n        <vlan id="{0}"/>\n    </network>\n'
    networks = "".join(one.format(n) for n in range(300))
    found = codec.decode(f"<networks>\n{networks}</networks>\n".encode())
    table = table_of("networks")
    rows = [cells(table, table.row("e", None, n, one)) for n, one in enumerate(found)]
    assert [row["vlan_id"] for row in rows] == list(range(300))


def test_the_href_of_what_has_a_number_for_an_id_is_that_of_its_own_object():
    one = (
        '    <network href="/api/networks/{0}" id="{0}">\n'
        '        <vlan href="/api/networks/{0}/vlan" id="7"/>\n    </network>\n'
    )
    networks = "".join(one.format(n) for n in range(300))
    found = codec.decode(f"<networks>\n{networks}</networks>\n".encode())
    assert found[0].__dict__["\0vlan"] == "\0~/vlan\x007"
    table = table_of("networks")
    for n, one in enumerate(found):
        attributes = json.loads(cells(table, table.row("e", None, n, one))["attributes"])
        assert attributes["vlan"] == {"href": f"/api/networks/{n}/vlan", "id": 7}


def test_the_row_of_an_object_that_was_touched_before():
    vm, same = codec.decode(listed(400))[5], codec.decode(listed(400))[5]
    vm.cpu.topology.cores  # noqa: B018 - touched
    vm.nics = Items(href="/other")
    same.nics = Items(href="/other")
    assert VMS.row("e", None, 0, vm) == VMS.row("e", None, 0, same)


def test_what_is_remembered_of_texts_is_bounded(monkeypatch):
    monkeypatch.setattr(_schema, "_MOST_KNOWN", 10)
    table = Table("vms", Vm, None)
    for n, vm in enumerate(codec.decode(listed(400))):
        row = cells(table, table.row("e", None, n, vm))
        assert row["cpu_topology_cores"] == n % 3
        assert row["cluster_id"] == "c"
    assert max(map(len, table._known.values())) <= 10


def test_a_table_of_an_earlier_version_gets_the_columns_it_lacks():
    with sqlite3.connect(":memory:") as file:
        file.execute("CREATE TABLE vms (engine TEXT, position INTEGER, id TEXT, attributes TEXT)")
        file.execute("INSERT INTO vms VALUES ('old', 0, 'v0', '{}')")
        there = [column[1] for column in file.execute("PRAGMA table_info(vms)")]
        for statement in VMS.create(there):
            file.execute(statement)
        file.execute(VMS.insert(), VMS.row("e", None, 0, Vm(id="v", cluster=Cluster(id="c"))))
        found = file.execute("SELECT engine, id, cluster_id FROM vms").fetchall()
    file.close()
    assert found == [("old", "v0", None), ("e", "v", "c")]
