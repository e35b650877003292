"""Backups of VMs and the checkpoints they leave."""

from __future__ import annotations

import copy

from trivirt import types
from trivirt.simulator._command import Command, get, link_to
from trivirt.simulator._refusals import conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import vm_power

Phase = types.BackupPhase


def add(command: Command, backup: types.Backup) -> Entry:
    """A consistent view of disks, to be downloaded until it is finalized."""
    vm = command.owner()
    vm_power.check_lock(command, vm, "backup")
    if not backup.disks:
        raise incomplete("Backup", "disks", "add")
    disks = []
    for wanted in backup.disks:
        disk = command.find(wanted)
        if disk is not None:
            disks.append(disk)
    if backup.from_checkpoint_id is not None:
        known = {each.id for each in command.below(vm, "checkpoints")}
        if backup.from_checkpoint_id not in known:
            raise unknown_related("Checkpoint", f"id={backup.from_checkpoint_id}")
    for disk in disks:
        if get(disk, "status") is types.DiskStatus.LOCKED:
            raise conflict("Cannot start backup. Disks are locked. Please try again later.")
    now = command.store.clock.date(command.store.now)
    incremental = any(get(disk, "backup") is types.DiskBackup.INCREMENTAL for disk in disks)
    backup.id = backup.id or command.store.new_id()
    backup.href = backup.disks = None
    backup.creation_date = backup.modification_date = now
    backup.vm, backup.host = link_to(vm), get(vm, "host")
    backup.phase = Phase.INITIALIZING
    backup.to_checkpoint_id = command.store.new_id() if incremental else None
    entry = command.store.add(f"{vm.path}/backups", backup, "/vms/{id}/backups")
    for disk in disks:
        _show(command, entry, disk, backup.from_checkpoint_id is not None)
    command.passes(
        entry,
        (Phase.INITIALIZING, Phase.STARTING, Phase.READY),
        lambda: _checkpoint(command, vm, entry, disks),
        attribute="phase",
    )
    return entry


def _show(command: Command, backup: Entry, disk: Entry, incremental: bool) -> None:
    shown = copy.copy(disk.value)
    assert isinstance(shown, types.Disk)
    shown.href = None
    mode = types.DiskBackupMode
    shown.backup_mode = mode.INCREMENTAL if incremental else mode.FULL
    command.store.add(f"{backup.path}/disks", shown, "/vms/{id}/backups/{id}/disks")


def _checkpoint(command: Command, vm: Entry, backup: Entry, disks: list[Entry]) -> None:
    identity = get(backup, "to_checkpoint_id")
    if identity is None:
        return
    before = command.below(vm, "checkpoints")
    checkpoint = types.Checkpoint(
        id=identity,
        creation_date=command.store.clock.date(command.store.now),
        parent_id=before[-1].id if before else None,
        state=types.CheckpointState.CREATED,
        vm=link_to(vm),
    )
    entry = command.store.add(f"{vm.path}/checkpoints", checkpoint, "/vms/{id}/checkpoints")
    for disk in disks:
        command.world.images.changes(get(disk, "image_id") or "").mark(identity)
        shown = copy.copy(disk.value)
        shown.href = None
        command.store.add(f"{entry.path}/disks", shown, "/vms/{id}/checkpoints/{id}/disks")


def finalize(command: Command) -> None:
    """Over; what was backed up can change again."""
    backup = command.entry
    if get(backup, "phase") is not Phase.READY:
        raise conflict("Cannot stop backup. The backup is not ready.")
    command.passes(backup, (Phase.FINALIZING, Phase.SUCCEEDED), attribute="phase")


def remove_checkpoint(command: Command) -> None:
    """The oldest one only: the others build on it."""
    checkpoint, vm = command.entry, command.owner()
    oldest = command.below(vm, "checkpoints")[0]
    if oldest is not checkpoint:
        raise conflict("Cannot remove checkpoint. It is not the oldest one of the VM.")
    command.store.remove(checkpoint)


ACTIONS = {("VmBackupService", "finalize"): finalize}
ADDING = {"VmBackupsService": add}
REMOVING = {"VmCheckpointService": remove_checkpoint}
