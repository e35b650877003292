"""Snapshots: what a VM and its disks were like, kept, previewed, restored and merged away."""

from __future__ import annotations

import copy
from typing import Any

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import WAIT, Command, get, is_there, link_to
from trivirt.simulator._refusals import conflict
from trivirt.simulator._store import Entry, Store, identity_of
from trivirt.simulator.behaviours import vm_power

Status, Kind = types.SnapshotStatus, types.SnapshotType

# What of a VM's configuration a snapshot keeps and brings back.
KEPT = ("bios", "cpu", "display", "memory", "memory_policy", "os", "placement_policy", "type")


def add(command: Command, snapshot: types.Snapshot) -> Entry:
    """Locked until every disk has a new volume on top."""
    vm = command.owner()
    vm_power.check_lock(command, vm, "create snapshot of")
    for disk in _disks_of(command, vm):
        if get(disk, "status") is types.DiskStatus.LOCKED:
            raise conflict("Cannot create Snapshot. Disks are locked. Please try again later.")
    chosen = _chosen(snapshot)
    snapshot.disk_attachments = snapshot.disks = None
    _describe(command, vm, snapshot, Kind.REGULAR)
    entry = command.store.add(f"{vm.path}/snapshots", snapshot, "/vms/{id}/snapshots")
    for disk in _disks_of(command, vm):
        if chosen is None or disk.id in chosen:
            keep_disk(command, entry, disk)
    for nic in command.below(vm, "nics"):
        _keep(command, entry, "nics", nic)
    command.hold(vm, "The VM is performing an operation on a Snapshot.")
    text = "Snapshot '{snapshot}' creation for VM '{vm}' was initiated."
    command.log(45, _named(text, entry), vm=vm)
    done = _named("Snapshot '{snapshot}' creation for VM '{vm}' has been completed.", entry)
    command.passes(entry, (Status.LOCKED, Status.OK), lambda: command.log(68, done, vm=vm),
                   attribute="snapshot_status")  # fmt: skip
    return entry


def _chosen(snapshot: types.Snapshot) -> set[str | None] | None:
    """The ids of the disks that shall be in it; None for all."""
    if snapshot.disk_attachments is None:
        return None
    return {identity_of(each.disk) for each in snapshot.disk_attachments}


def _describe(
    command: Command, vm: Entry, snapshot: types.Snapshot, kind: types.SnapshotType
) -> None:
    snapshot.id, snapshot.href = command.store.new_id(), None
    snapshot.date = command.store.clock.date(command.store.now)
    snapshot.snapshot_type = kind
    snapshot.snapshot_status = Status.OK
    snapshot.vm = link_to(vm)
    if snapshot.persist_memorystate is None:
        snapshot.persist_memorystate = get(vm, "status") is vm_power.Status.UP
    for name in KEPT:
        setattr(snapshot, name, get(vm, name))


def make_active(command: Command, vm: Entry) -> Entry:
    """The snapshot that stands for the current state; every VM has one."""
    snapshot = types.Snapshot(description="Active VM", persist_memorystate=False)
    _describe(command, vm, snapshot, Kind.ACTIVE)
    return command.store.add(f"{vm.path}/snapshots", snapshot, "/vms/{id}/snapshots")


def keep_disk(command: Command, snapshot: Entry, disk: Entry) -> None:
    """The bytes written so far belong to the snapshot; the disk goes on in a new volume."""
    old = get(disk, "image_id")
    if old is None:
        return
    kept = copy.copy(disk.value)
    assert isinstance(kept, types.Disk)
    kept.href, kept.vms, kept.status = None, None, types.DiskStatus.OK
    kept.snapshot = types.Snapshot(id=snapshot.id)
    path = f"{snapshot.path}/disks"
    command.store.add(path, kept, "/vms/{id}/snapshots/{id}/disks")
    volumes = command.below(disk, "disksnapshots")
    new = command.store.new_id()
    command.world.images.copy(old, new, get(disk, "provisioned_size") or 0)
    command.store.replace(disk, image_id=new)
    for volume in volumes:
        if volume.id == old:
            command.store.replace(volume, snapshot=types.Snapshot(id=snapshot.id))
    value = disk_snapshot(command.store, disk, parent=old)
    command.store.add(f"{disk.path}/disksnapshots", value, "/disks/{id}/disksnapshots")


def disk_snapshot(store: Store, disk: Entry, parent: str | None = None) -> types.DiskSnapshot:
    """The volume that a disk writes to, as the lists of disk snapshots show it."""
    values = {
        name: value
        for name, value in settled(disk.value).items()
        if name not in ("href", "id", "vms", "status", "description", "name")
    }
    found = types.DiskSnapshot(**values)
    found.id = get(disk, "image_id")
    found.status = types.DiskStatus.OK
    found.disk = link_to(disk)
    found.snapshot = _active_of(store, disk)
    if parent is not None:
        found.parent = types.DiskSnapshot(id=parent)
    return found


def _active_of(store: Store, disk: Entry) -> types.Snapshot | None:
    """A reference to the current state of the VM that has a disk."""
    for vm in get(disk, "vms") or ():
        for snapshot in store.collection(f"/vms/{vm.id}/snapshots", "/vms/{id}/snapshots"):
            if get(snapshot, "snapshot_type") is Kind.ACTIVE:
                return types.Snapshot(id=snapshot.id)
    return None


def _keep(command: Command, snapshot: Entry, name: str, entry: Entry) -> None:
    kept = copy.copy(entry.value)
    kept.href = None
    command.store.add(f"{snapshot.path}/{name}", kept, f"/vms/{{id}}/snapshots/{{id}}/{name}")


# Actions.


def restore(command: Command) -> Any:
    """The VM as it was then; the engine answers when that is done."""
    snapshot, vm = command.entry, command.owner()
    _must_be_ok(snapshot)
    vm_power.must_be_down(command, vm, "preview Snapshot")
    command.passes(vm, (vm_power.Status.IMAGE_LOCKED, vm_power.Status.DOWN))
    chain = (Status.IN_PREVIEW, Status.OK)
    command.passes(snapshot, chain, lambda: bring_back(command, vm, snapshot),
                   attribute="snapshot_status", lasting=command.durations.locked)  # fmt: skip
    return WAIT


def bring_back(command: Command, vm: Entry, snapshot: Entry) -> None:
    """Configuration and bytes of a snapshot become the VM's."""
    command.store.replace(vm, **{name: get(snapshot, name) for name in KEPT})
    for kept in command.below(snapshot, "disks"):
        disk = command.store.find("/disks", kept.id)
        if disk is None:
            continue
        new, size = command.store.new_id(), get(kept, "provisioned_size") or 0
        command.world.images.copy(get(kept, "image_id") or "", new, size)
        command.store.replace(disk, image_id=new, provisioned_size=size)
    command.log(1174, _named("VM {vm} restored from Snapshot '{snapshot}'.", snapshot), vm=vm)


def preview(command: Command) -> None:
    """The VM shows the snapshot until the preview is committed or undone."""
    vm = command.entry
    vm_power.must_be_down(command, vm, "preview Snapshot")
    wanted = identity_of(command.action.snapshot)
    found = [one for one in command.below(vm, "snapshots") if one.id == wanted]
    if not found:
        raise conflict("Cannot preview Snapshot. The Snapshot does not exist.")
    if _previewed(command, vm) is not None:
        raise conflict("Cannot preview Snapshot. VM is in preview status.")
    command.passes(found[0], (Status.LOCKED, Status.IN_PREVIEW), attribute="snapshot_status")


def commit(command: Command) -> None:
    """What is previewed stays."""
    vm = command.entry
    shown = _previewed(command, vm)
    if shown is None:
        raise conflict("Cannot commit Snapshot. VM is not in preview status.")
    command.passes(shown, (Status.LOCKED, Status.OK), lambda: bring_back(command, vm, shown),
                   attribute="snapshot_status")  # fmt: skip


def undo(command: Command) -> None:
    """As if nothing had been previewed."""
    shown = _previewed(command, command.entry)
    if shown is None:
        raise conflict("Cannot undo Snapshot. VM is not in preview status.")
    command.passes(shown, (Status.LOCKED, Status.OK), attribute="snapshot_status")


def remove(command: Command) -> None:
    """Its volumes are merged into what follows; then it is gone."""
    snapshot, vm = command.entry, command.owner()
    if get(snapshot, "snapshot_type") is Kind.ACTIVE:
        raise conflict("Cannot remove Snapshot. The active Snapshot cannot be removed.")
    _must_be_ok(snapshot)
    vm_power.check_lock(command, vm, "remove snapshot of")
    command.hold(vm, "The VM is performing an operation on a Snapshot.")
    text = "Snapshot '{snapshot}' deletion for VM '{vm}' was initiated."
    command.log(342, _named(text, snapshot), vm=vm)
    done = _named("Snapshot '{snapshot}' deletion for VM '{vm}' has been completed.", snapshot)

    def merge() -> None:
        for kept in command.below(snapshot, "disks"):
            _forget_volume(command, kept)
        command.log(356, done, vm=vm)
        command.store.remove(snapshot)

    command.passes(
        snapshot, (Status.LOCKED, Status.OK), merge, attribute="snapshot_status",
        lasting=command.durations.copying,
    )  # fmt: skip


def _forget_volume(command: Command, kept: Entry) -> None:
    volume = get(kept, "image_id") or ""
    disk = command.store.find("/disks", kept.id)
    if disk is not None:
        for each in command.below(disk, "disksnapshots"):
            if each.id == volume:
                command.store.remove(each)
            elif identity_of(get(each, "parent")) == volume:
                command.store.replace(each, parent=None)
    command.world.images.remove(volume)


def remove_volume(command: Command) -> None:
    """One disk's part of a snapshot."""
    volume = command.entry
    if get(volume, "snapshot") is None:
        raise conflict("Cannot remove Disk Snapshot. It is the active one.")
    disk = command.find(get(volume, "disk"))
    for path in command.store.paths("/vms/", "/snapshots/"):
        kept = command.store.find(path, disk.id if disk else "")
        if path.endswith("/disks") and kept is not None and get(kept, "image_id") == volume.id:
            command.store.remove(kept)
    command.world.images.remove(volume.id)
    command.store.remove(volume)


# Helpers.


def find_snapshot(command: Command, identity: str) -> Entry | None:
    """A snapshot of whatever VM, by its id."""
    for path in command.store.paths("/vms/", "/snapshots"):
        if path.endswith("/snapshots") and (found := command.store.find(path, identity)):
            return found
    return None


def _previewed(command: Command, vm: Entry) -> Entry | None:
    snapshots = command.below(vm, "snapshots")
    return next((s for s in snapshots if get(s, "snapshot_status") is Status.IN_PREVIEW), None)


def _must_be_ok(snapshot: Entry) -> None:
    if get(snapshot, "snapshot_status") is not Status.OK:
        raise conflict("Cannot use Snapshot. The Snapshot is locked or in preview.")


def _disks_of(command: Command, vm: Entry) -> list[Entry]:
    attached = command.below(vm, "diskattachments")
    found = [command.store.find("/disks", each.id) for each in attached]
    return [disk for disk in found if disk is not None and is_there(disk)]


def _named(text: str, snapshot: Entry) -> str:
    return text.replace("{snapshot}", get(snapshot, "description") or "")


ACTIONS = {
    ("SnapshotService", "restore"): restore,
    ("VmService", "previewsnapshot"): preview,
    ("VmService", "commitsnapshot"): commit,
    ("VmService", "undosnapshot"): undo,
}
ADDING = {"SnapshotsService": add}
REMOVING = {"SnapshotService": remove, "DiskSnapshotService": remove_volume}
