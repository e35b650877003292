"""Snapshots: taken, restored, previewed, merged; clones of them."""

from __future__ import annotations

import re

import pytest

NEW = "<snapshot><description>new</description></snapshot>"


@pytest.fixture
def vm(named):
    return named("/vms", "myvm")


@pytest.fixture
def mysnap(ask, vm):
    text = ask.get(f"{vm}/snapshots").body.decode()
    pattern = r'<snapshot href="/ovirt-engine/api([^"]+)"(?:(?!</snapshot>).)*mysnap'
    match = [m for m in re.finditer(pattern, text, re.S)][-1]
    return match[1]


def state(passes, snapshot):
    return passes(snapshot, element="snapshot_status")


def test_point_48_a_snapshot_is_locked_until_it_is_taken(ask, vm, added, passes, listed):
    snapshot = added(f"{vm}/snapshots", NEW)
    assert state(passes, snapshot) == ["locked", "ok"]
    assert ask.value(snapshot, "snapshot_type") == "regular"
    (disk,) = listed(ask.get(f"{snapshot}/disks"))
    assert ask.value(disk, "alias") == "mydisk"
    assert len(listed(ask.get(f"{snapshot}/nics"))) == 1


def test_point_54_a_second_command_meanwhile_is_409(vm, added, ask, refused, act, passes):
    snapshot = added(f"{vm}/snapshots", NEW)
    for method, path, body in (
        ("POST", f"{vm}/start", "<action/>"),
        ("POST", f"{vm}/clone", "<action><vm><name>x</name></vm></action>"),
        ("POST", f"{vm}/snapshots", NEW),
        ("PUT", vm, "<vm><description>x</description></vm>"),
        ("DELETE", vm, ""),
    ):
        status, text = refused(method, path, body)
        assert status == 409
        assert "performing an operation" in text
    state(passes, snapshot)
    act(vm, "start")


def test_the_disk_goes_on_in_a_new_volume(ask, vm, added, named, listed):
    disk = named("/disks", "mydisk")
    before, volumes = ask.value(disk, "image_id"), listed(ask.get(f"{disk}/disksnapshots"))
    added(f"{vm}/snapshots", NEW)
    assert ask.value(disk, "image_id") != before
    assert len(listed(ask.get(f"{disk}/disksnapshots"))) == len(volumes) + 1
    mydata = named("/storagedomains", "mydata")
    assert b"<alias>mydisk</alias>" in ask.get(f"{mydata}/disksnapshots").body


def test_only_the_disks_that_are_named(vm, added, ask, listed):
    nothing = "<snapshot><description>none</description><disk_attachments/></snapshot>"
    assert listed(ask.get(f"{added(f'{vm}/snapshots', nothing)}/disks")) == []


def test_restoring_answers_when_it_is_done(ask, vm, mysnap, act, passes):
    answer = act(mysnap, "restore")
    assert answer.again() is None
    assert passes(vm) == ["image_locked", "down"]
    assert answer.again().status == 200


def test_restoring_brings_the_configuration_back(ask, vm, added, act, passes):
    before = ask.value(vm, "memory")
    snapshot = added(f"{vm}/snapshots", NEW)
    state(passes, snapshot)
    ask("PUT", vm, f"<vm><memory>{2 * int(before)}</memory></vm>")
    act(snapshot, "restore")
    passes(vm)
    assert ask.value(vm, "memory") == before


def test_a_preview_is_committed_or_undone(ask, vm, mysnap, act, passes, refused):
    named = f"<snapshot id='{mysnap.rpartition('/')[2]}'/>"
    for end in ("undosnapshot", "commitsnapshot"):
        act(vm, "previewsnapshot", named)
        assert state(passes, mysnap) == ["locked", "in_preview"]
        assert refused("POST", f"{vm}/previewsnapshot", f"<action>{named}</action>")[0] == 409
        act(vm, end)
        assert state(passes, mysnap)[-1] == "ok"
        assert refused("POST", f"{vm}/{end}", "<action/>")[0] == 409


def test_removing_merges_and_then_it_is_gone(ask, vm, mysnap, passes, named, listed):
    disk = named("/disks", "mydisk")
    assert ask("DELETE", mysnap).status == 200
    assert state(passes, mysnap) == ["locked", "gone"]
    assert len(listed(ask.get(f"{disk}/disksnapshots"))) == 1


def test_the_active_snapshot_stays(ask, vm, refused, listed):
    active = listed(ask.get(f"{vm}/snapshots"))[0]
    assert ask.value(active, "snapshot_type") == "active"
    assert refused("DELETE", active)[0] == 409


def test_a_vm_is_made_of_a_snapshot(ask, mysnap, added, passes, listed):
    body = (
        "<vm><name>mysnapclone</name><cluster><name>mycluster</name></cluster>"
        f"<snapshots><snapshot id='{mysnap.rpartition('/')[2]}'/></snapshots></vm>"
    )
    clone = added("/vms", body)
    assert passes(clone) == ["image_locked", "down"]
    (attachment,) = listed(ask.get(f"{clone}/diskattachments"))
    assert ask.value(f"/disks/{attachment.rpartition('/')[2]}", "status") == "ok"
    assert len(listed(ask.get(f"{clone}/nics"))) == 1


def test_a_snapshot_of_nothing_is_not_found(refused):
    body = (
        "<vm><name>x</name><cluster><name>mycluster</name></cluster><snapshots>"
        "<snapshot id='00000000-0000-0000-0000-000000000001'/></snapshots>"
        "<template><name>Blank</name></template></vm>"
    )
    assert refused("POST", "/vms", body)[0] == 404
