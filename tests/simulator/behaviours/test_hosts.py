"""Hosts: their states, their networks, the LUNs they see."""

from __future__ import annotations

import re

import pytest

RISES = ["unassigned", "initializing", "up"]


@pytest.fixture
def host(named):
    return named("/hosts", "myhost")


def test_point_48_a_host_goes_to_maintenance_and_back(ask, host, act, passes, refused):
    act(host, "deactivate")
    assert refused("POST", f"{host}/deactivate", "<action/>")[0] == 409
    assert passes(host) == ["preparing_for_maintenance", "maintenance"]
    act(host, "activate")
    assert passes(host) == RISES
    assert refused("POST", f"{host}/activate", "<action/>")[0] == 409


def test_its_vms_leave_first(ask, named, act, passes):
    act(named("/hosts", "otherhost"), "deactivate")
    vm = named("/vms", "myvm-up")
    assert passes(vm) == ["migrating", "up"]
    assert f'href="/ovirt-engine/api{named("/hosts", "myhost")}"'.encode() in ask.get(vm).body
    assert passes(named("/hosts", "otherhost")) == ["maintenance"]


def test_a_new_host_is_installed_and_comes_up(added, passes, refused):
    body = (
        "<host><name>newhost</name><address>new.example.com</address>"
        "<root_password>secret</root_password><cluster><name>mycluster</name></cluster></host>"
    )
    host = added("/hosts", body)
    assert passes(host) == ["installing", "initializing", "up"]
    no_address = re.sub("<address>.*</address>", "", body).replace("newhost", "other")
    assert refused("POST", "/hosts", no_address)[0] == 400


def test_the_root_password_is_not_kept(ask, added):
    body = (
        "<host><name>n</name><address>n.example</address><root_password>x1y2</root_password></host>"
    )
    assert b"x1y2" not in ask.get(added("/hosts", body)).body


def test_only_a_resting_host_is_removed(ask, named, refused):
    assert refused("DELETE", named("/hosts", "freehost"))[0] == 409
    assert ask("DELETE", named("/hosts", "doomedhost")).status == 200


def test_the_check_for_upgrades_ends_with_an_event(ask, host, act):
    act(host, "upgradecheck")
    search = "/events?search=host.name%3Dmyhost%20and%20type%3D885"
    assert ask.get(search).body.rstrip().endswith(b"<events/>")
    ask.engine.clock.advance(5)
    assert b"<code>885</code>" in ask.get(search).body


def test_an_upgrade_ends_where_it_began(ask, host, act, passes, named, refused):
    assert refused("POST", f"{host}/upgrade", "<action/>")[0] == 409
    doomed = named("/hosts", "doomedhost")
    for one in (host, doomed):
        ask.engine.script.changes(one, update_available=True)
    act(host, "upgrade")
    expected = ["preparing_for_maintenance", "installing", "reboot", "initializing", "up"]
    assert passes(host) == expected
    assert ask.value(host, "update_available") == "false"
    act(doomed, "upgrade", "<reboot>false</reboot>")
    assert passes(doomed)[-1] == "maintenance"


def test_fencing(ask, host, act, refused):
    status = "<action><fence_type>status</fence_type></action>"
    assert refused("POST", f"{host}/fence", status)[0] == 409
    assert refused("POST", f"{host}/fence", "<action/>")[0] == 400
    ask("PUT", host, "<host><power_management><enabled>true</enabled></power_management></host>")
    body = act(host, "fence", "<fence_type>status</fence_type>").body
    assert b"<power_management>" in body
    assert b"<status>on</status>" in body
    act(host, "fence", "<fence_type>manual</fence_type>")


def test_fence_agents_keep_their_password(ask, host, added, refused):
    told = "<address>a</address><type>apc</type><username>u</username><order>2</order>"
    body = f"<agent>{told}{{}}</agent>"
    assert refused("POST", f"{host}/fenceagents", body.format(""))[0] == 400
    agent = added(f"{host}/fenceagents", body.format("<password>pw42</password>"))
    assert b"pw42" not in ask.get(agent).body


def test_statistics_begin_with_memory(ask, host):
    names = re.findall(r"<name>(.*)</name>", ask.get(f"{host}/statistics").body.decode())
    assert names[0] == "memory.total"
    assert ask.get(f"{host}/statistics").body.count(b"<datum>") == len(names)


BOND = (
    "<modified_bonds><host_nic><name>bond0</name><bonding><slaves><host_nic><name>eth1</name>"
    "</host_nic><host_nic><name>eth2</name></host_nic></slaves></bonding></host_nic>"
    "</modified_bonds>"
)
ON_BOND = (
    "<modified_network_attachments><network_attachment><network><name>mynetwork</name></network>"
    "<host_nic><name>bond0</name></host_nic></network_attachment></modified_network_attachments>"
)


def test_a_bond_and_a_network_on_it(ask, host, act, names, listed):
    act(host, "setupnetworks", BOND + ON_BOND)
    act(host, "commitnetconfig")
    assert names(f"{host}/nics") == ["eth0", "eth1", "eth2", "bond0"]
    attachments = listed(ask.get(f"{host}/networkattachments"))
    assert len(attachments) == 2
    bond = "<host_nic><name>bond0</name></host_nic>"
    act(host, "setupnetworks", f"<removed_bonds>{bond}</removed_bonds>")
    assert names(f"{host}/nics") == ["eth0", "eth1", "eth2"]
    assert listed(ask.get(f"{host}/networkattachments")) == attachments[:1]


def test_an_attachment_comes_and_goes_by_itself(ask, host, added):
    nic = re.findall(r'id="([^"]*)"', ask.get(f"{host}/nics").body.decode())
    on = f"<network><name>mynetwork</name></network><host_nic id='{nic[-2]}'/>"
    body = f"<network_attachment>{on}</network_attachment>"
    attachment = added(f"{host}/networkattachments", body)
    assert ask("DELETE", attachment).status == 200


@pytest.mark.parametrize("bad", [BOND.replace("eth2", "eth9"), ON_BOND])
def test_interfaces_must_be_there(host, refused, bad):
    assert refused("POST", f"{host}/setupnetworks", f"<action>{bad}</action>")[0] in (404, 409)


def test_luns_are_discovered_and_used(ask, host, act, refused, added):
    where = "<iscsi><address>192.168.201.3</address></iscsi>"
    for action in ("discoveriscsi", "iscsidiscover"):
        assert b"iqn.2014-07.org.ovirt:storage" in act(host, action, where).body
    assert refused("POST", f"{host}/discoveriscsi", "<action/>")[0] == 400
    target = "<target>iqn.2014-07.org.ovirt:storage</target>"
    good = f"{target}<username>username</username><password>password</password>"
    bad = f"<iscsi>{target}<username>username</username><password>no</password></iscsi>"
    act(host, "iscsilogin", f"<iscsi>{good}</iscsi>")
    assert refused("POST", f"{host}/iscsilogin", f"<action>{bad}</action>")[0] == 400
    assert ask.get(f"{host}/storage").body.count(b"<status>free</status>") == 2
    body = (
        "<storage_domain><name>onlun</name><type>data</type><host><name>myhost</name></host>"
        "<storage><type>iscsi</type><logical_units>"
        "<logical_unit id='36001405e396b3d9c9a54284a51685f9a'/></logical_units></storage>"
        "</storage_domain>"
    )
    added("/storagedomains", body)
    assert ask.get(f"{host}/storage").body.count(b"<status>used</status>") == 1
    assert refused("POST", "/storagedomains", body.replace("onlun", "again"))[0] == 409
