"""Disks: states on the way, attachments, what is refused."""

from __future__ import annotations

import json
import re

import pytest

NEW = (
    "<disk><name>new</name><format>cow</format><provisioned_size>1073741824</provisioned_size>"
    "<storage_domains><storage_domain><name>mydata</name></storage_domain></storage_domains></disk>"
)
INLINE = f"<disk_attachment><interface>virtio</interface>{NEW}</disk_attachment>"


def test_point_31_what_is_being_made_says_where_to_ask_for_that(ask):
    answer = ask("POST", "/disks", NEW)
    assert answer.status == 202
    assert b"    <creation_status>pending</creation_status>\n" in answer.body
    link = re.search(rb'<link href="/ovirt-engine/api([^"]+)" rel="creation_status"/>', answer.body)
    where = link[1].decode()
    assert ask.value(where, "status") == "in_progress"
    ask.engine.clock.advance(5)
    assert ask.value(where, "status") == "complete"
    disk = where.partition("/creation_status")[0]
    assert b"creation_status" not in ask.get(disk).body
    ask("DELETE", disk)
    ask.engine.clock.advance(5)
    assert ask.get(disk).status == 404
    assert ask.value(where, "status") == "complete"
    assert json.loads(ask.get(where, accept="application/json").body)["status"] == "complete"


def test_point_48_a_disk_is_locked_until_it_is_made(ask, passes, added):
    answer = ask("POST", "/disks", NEW)
    assert answer.status == 202
    disk = answer.header("location").partition("/api")[2]
    assert passes(disk) == ["locked", "ok"]
    assert ask.value(disk, "alias") == "new"
    assert ask.value(disk, "sparse") == "true"
    assert b"<disk_profile href=" in ask.get(disk).body


@pytest.mark.parametrize("left_out", ["provisioned_size", "format", "storage_domains"])
def test_what_a_disk_needs(refused, left_out):
    from re import sub

    body = sub(rf"<{left_out}>.*</{left_out}>", "", NEW)
    status, text = refused("POST", "/disks", body)
    assert status == 400
    assert "required for add" in text


def test_a_disk_can_be_made_through_an_attachment(ask, passes, added, named):
    vm = named("/vms", "myvm1")
    attachment = added(f"{vm}/diskattachments", INLINE)
    disk = f"/disks/{attachment.rpartition('/')[2]}"
    assert passes(disk) == ["locked", "ok"]
    assert ask.value(attachment, "active") == "true"
    assert f'<vm href="/ovirt-engine/api{vm}"'.encode() in ask.get(attachment).body


def test_an_attachment_names_its_disk_and_how(named, refused):
    vm = named("/vms", "myvm1")
    for body in ("<disk_attachment/>", INLINE.replace("<interface>virtio</interface>", "")):
        assert refused("POST", f"{vm}/diskattachments", body)[0] == 400


def test_a_vm_boots_from_one_disk(named, refused):
    body = INLINE.replace("<interface>", "<bootable>true</bootable><interface>")
    status, text = refused("POST", f"{named('/vms', 'myvm')}/diskattachments", body)
    assert (status, "bootable" in text) == (409, True)


def test_a_disk_is_attached_once_unless_it_can_be_shared(named, refused):
    disk = named("/disks", "mydisk").rpartition("/")[2]
    body = f"<disk_attachment><interface>virtio</interface><disk id='{disk}'/></disk_attachment>"
    for vm in ("myvm", "myvm1"):
        assert refused("POST", f"{named('/vms', vm)}/diskattachments", body)[0] == 409


def test_a_lun_is_attached_as_it_is(ask, added, named):
    lun = (
        "<disk_attachment><interface>virtio</interface><disk><name>lun</name><lun_storage>"
        "<type>iscsi</type><logical_units><logical_unit id='36001405d6c6cbba754c4b568d843ff6a'>"
        "<address>192.168.1.1</address></logical_unit></logical_units></lun_storage></disk>"
        "</disk_attachment>"
    )
    attachment = added(f"{named('/vms', 'myvm')}/diskattachments", lun)
    disk = f"/disks/{attachment.rpartition('/')[2]}"
    assert ask.value(disk, "storage_type") == "lun"
    assert ask.value(disk, "status") is None
    assert ask("DELETE", disk).status == 200
    assert ask.get(attachment).status == 404


def test_a_disk_moves(ask, act, passes, named, domain, refused):
    disk = named("/disks", "mydisk")
    act(disk, "move", domain("seconddata"))
    assert refused("POST", f"{disk}/copy", "<action/>")[0] == 409
    assert passes(disk) == ["locked", "ok"]
    second = named("/storagedomains", "seconddata")
    assert f'<storage_domain href="/ovirt-engine/api{second}"'.encode() in ask.get(disk).body
    assert refused("POST", f"{disk}/move", f"<action>{domain('seconddata')}</action>")[0] == 409


def test_a_copy_has_a_name_of_its_own(ask, act, passes, named, domain):
    act(named("/disks", "mydisk"), "copy", f"<disk><name>copied</name></disk>{domain()}")
    assert passes(named("/disks", "copied")) == ["locked", "ok"]
    assert ask.value(named("/disks", "mydisk"), "status") == "ok"


@pytest.mark.parametrize("action", ["sparsify", "reduce", "convert"])
def test_work_on_a_disk_locks_it(act, passes, named, action):
    disk = named("/disks", "mydisk")
    act(disk, action)
    assert passes(disk) == ["locked", "ok"]


def test_disks_only_grow(ask, passes, named, refused):
    disk = named("/disks", "mydisk")
    size = 20 * 2**30
    body = f"<disk><provisioned_size>{size}</provisioned_size></disk>"
    assert ask("PUT", disk, body).status == 200
    assert passes(disk) == ["locked", "ok"]
    assert ask.value(disk, "provisioned_size") == str(size)
    assert refused("PUT", disk, body.replace(str(size), "1"))[0] == 409


def test_a_disk_is_extended_through_its_attachment(ask, passes, named, listed):
    (attachment,) = listed(ask.get(f"{named('/vms', 'myvm')}/diskattachments"))
    size = 30 * 2**30
    body = f"<disk><provisioned_size>{size}</provisioned_size></disk>"
    answer = ask("PUT", attachment, f"<disk_attachment>{body}</disk_attachment>")
    assert answer.status == 200
    disk = named("/disks", "mydisk")
    assert passes(disk) == ["locked", "ok"]
    assert ask.value(disk, "provisioned_size") == str(size)


def test_removing_a_disk_takes_a_while_and_its_attachments(ask, passes, named, listed):
    vm = named("/vms", "myvm")
    disk = named("/disks", "mydisk")
    assert ask("DELETE", disk).status == 200
    assert passes(disk) == ["locked", "gone"]
    assert listed(ask.get(f"{vm}/diskattachments")) == []


def test_what_is_in_use_stays(refused, named, ask):
    for name in ("mydisk-up", "mytemplate_disk"):
        disk = ask.first(f"/disks?search=alias%3D{name}")
        assert refused("DELETE", disk)[0] == 409
    (attachment,) = [
        f"{named('/vms', 'myvm-up')}/diskattachments/{named('/disks', 'mydisk-up')[7:]}"
    ]
    assert refused("DELETE", attachment)[0] == 409


@pytest.mark.parametrize(
    ("query", "left"), [("", ["ok"]), ("?detach_only=false", ["locked", "gone"])]
)
def test_detaching_leaves_the_disk_unless_asked(ask, passes, named, listed, query, left):
    (attachment,) = listed(ask.get(f"{named('/vms', 'myvm')}/diskattachments"))
    disk = named("/disks", "mydisk")
    assert ask("DELETE", attachment + query).status == 200
    assert ask.get(attachment).status == 404
    assert passes(disk) == left


def test_a_backup_agent_reads_a_snapshot_of_a_disk_in_use(ask, added, named):
    vm, disk = named("/vms", "myvm"), named("/disks", "mydisk")
    snapshot = ask.first(f"{vm}/snapshots").rpartition("/")[2]
    inside = (
        f"<interface>virtio</interface><disk id='{disk[7:]}'><snapshot id='{snapshot}'/></disk>"
    )
    agent = named("/vms", "myagent")
    body = f"<disk_attachment>{inside}</disk_attachment>"
    attachment = added(f"{agent}/diskattachments", body)
    assert ask.value(attachment, "logical_name") == "/dev/vdb"
    assert ask("DELETE", attachment).status == 200
    assert ask.value(disk, "status") == "ok"


@pytest.mark.parametrize(("size", "status"), [(0, 400), (-5, 400), (2**62, 409)])
def test_sizes_that_no_disk_has(ask, domain, refused, size, status):
    body = f"<provisioned_size>{size}</provisioned_size><format>raw</format>"
    domains = f"<storage_domains>{domain()}</storage_domains>"
    assert refused("POST", "/disks", f"<disk>{body}{domains}</disk>")[0] == status
