"""Disks: made, attached, copied, moved, extended and removed, locked while it lasts."""

from __future__ import annotations

import copy
from typing import Any

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._command import Command, get, is_there, link_to, merged, name_of
from trivirt.simulator._refusals import Refused, conflict, incomplete
from trivirt.simulator._store import Entry, identity_of
from trivirt.simulator._views import attachment_status
from trivirt.simulator.behaviours import luns, quotas

Status = types.DiskStatus
LARGEST = 8192 * 1024**3  # MaxBlockDiskSizeInGibiBytes
DEFAULTS = {
    "description": "",
    "backup": types.DiskBackup.NONE,
    "content_type": types.DiskContentType.DATA,
    "propagate_errors": False,
    "shareable": False,
    "wipe_after_delete": False,
}


def add(command: Command, disk: types.Disk) -> Entry:
    """A disk of its own: it is there at once, and locked until its image is made."""
    if disk.lun_storage is not None:
        return _add_lun(command, disk)
    missing = [name for name in ("provisioned_size", "format") if settled(disk).get(name) is None]
    if missing:
        raise incomplete("Disk", ", ".join(missing), "add")
    check_size(disk.provisioned_size or 0)
    domain = _domain_for(command, disk)
    quotas.check_storage(command, disk.quota, domain, disk.provisioned_size or 0)
    disk.storage_domains, disk.storage_domain = Items([link_to(domain)]), None
    name = disk.name or disk.alias or f"Disk-{command.store.next_number()}"
    disk.name = disk.alias = name
    if disk.sparse is None:
        disk.sparse = disk.format is types.DiskFormat.COW
    size = disk.provisioned_size or 0
    disk.actual_size = disk.total_size = 200_704 if disk.sparse else size
    disk.initial_size = disk.bootable = disk.active = disk.interface = None
    _complete(command, disk)
    entry = command.store.add("/disks", disk)
    command.log(2020, "Add-Disk operation of '{disk}' was initiated.", disk=entry)

    def made() -> None:
        command.log(2021, "The disk '{disk}' was successfully added.", disk=entry)

    command.passes(entry, (Status.LOCKED, Status.OK), made)
    return entry


def check_size(size: int) -> None:
    """Refuse what no storage domain can hold."""
    if size <= 0:
        raise Refused(400, "[Cannot add Virtual Disk. The disk size must be positive.]")
    if size > LARGEST:
        limit = LARGEST // 1024**3
        raise conflict(f"Cannot add Virtual Disk. Disk size exceeds the maximum of {limit} GiB.")


def _add_lun(command: Command, disk: types.Disk) -> Entry:
    """A LUN is taken as it is: no image, no status."""
    units = disk.lun_storage.logical_units if disk.lun_storage is not None else None
    if not units or units[0].id is None:
        raise incomplete("Disk", "lun_storage.logical_units.id", "add")
    if units[0].id in {**luns.used_by(command.store), **luns.used_by_disks(command.store)}:
        raise conflict("Cannot add Virtual Disk. The LUN is already in use.")
    disk.name = disk.alias = disk.name or disk.alias or f"LUN-{command.store.next_number()}"
    disk.storage_type = types.DiskStorageType.LUN
    disk.id = command.store.new_id()
    for name, value in DEFAULTS.items():
        if settled(disk).get(name) is None:
            setattr(disk, name, value)
    for unit in units:
        unit.password, unit.disk_id = None, disk.id
        unit.size = unit.size or 50 * 1024**3
    return command.store.add("/disks", disk)


def _complete(command: Command, disk: types.Disk) -> None:
    disk.id = command.store.new_id()
    disk.image_id = command.store.new_id()
    disk.storage_type = types.DiskStorageType.IMAGE
    disk.status = Status.LOCKED
    if disk.format is types.DiskFormat.COW:
        disk.qcow_version = types.QcowVersion.QCOW2_V3
    for name, value in DEFAULTS.items():
        if settled(disk).get(name) is None:
            setattr(disk, name, value)
    domains = disk.storage_domains or ()
    for profile in command.store.collection("/diskprofiles"):
        owner = identity_of(get(profile, "storage_domain"))
        if disk.disk_profile is None and owner in {identity_of(one) for one in domains}:
            disk.disk_profile = link_to(profile)


def _domain_for(command: Command, disk: types.Disk) -> Entry:
    wanted = [*(disk.storage_domains or ()), disk.storage_domain]
    if "/storagedomains/{id}/disks" in command.place.template:
        wanted.append(link_to(command.owner()))
    found = next((entry for one in wanted if (entry := command.find(one)) is not None), None)
    if found is None:
        raise incomplete("Disk", "storageDomains.storageDomain", "add")
    check_active(command, found, "add")
    return found


def check_active(command: Command, domain: Entry, verb: str) -> None:
    """Refuse to put anything on a storage domain that is not in use."""
    status = get(attachment_status(command.store, domain), "status")
    if not get(domain, "data_centers") or status is not types.StorageDomainStatus.ACTIVE:
        raise conflict(f"Cannot {verb} Virtual Disk. The relevant Storage Domain is inaccessible.")


def copy_of(
    command: Command, disk: Entry, *, name: str | None = None, domain: Entry | None = None
) -> Entry:
    """A new disk with the same bytes, locked while they are copied."""
    new = copy.copy(disk.value)
    assert isinstance(new, types.Disk)
    target_domain = domain or next(filter(None, map(command.find, new.storage_domains or ())), None)
    if target_domain is not None:
        quotas.check_storage(command, new.quota, target_domain, new.provisioned_size or 0)
    new.href = new.vms = new.snapshot = new.template = None
    new.name = new.alias = name or new.alias
    if domain is not None:
        new.storage_domains, new.disk_profile = Items([link_to(domain)]), None
    _complete(command, new)
    entry = command.store.add("/disks", new)
    source, target = get(disk, "image_id"), get(entry, "image_id")
    size = get(disk, "provisioned_size") or 0
    command.passes(
        entry,
        (Status.LOCKED, Status.OK),
        lambda: command.world.images.copy(source or "", target, size),
        lasting=command.durations.copying,
    )
    return entry


# Actions.


def copy_disk(command: Command) -> None:
    """To another storage domain, or under another name."""
    disk = command.entry
    check_lock(disk, "copy")
    domain = command.find(command.action.storage_domain)
    wanted = command.action.disk
    if domain is not None:
        check_active(command, domain, "copy")
    if get(disk, "template") is not None:
        _spread(command, disk, domain)
        return
    copied = copy_of(
        command, disk, name=None if wanted is None else wanted.name or wanted.alias, domain=domain
    )
    command.log(2004, "User copied disk {disk}.", disk=copied, storage_domain=domain)


def _spread(command: Command, disk: Entry, domain: Entry | None) -> None:
    """Templates' disks are the same wherever they lie."""
    if domain is None:
        raise incomplete("Action", "storageDomain.id|name", "copy")
    before = get(disk, "storage_domains") or Items()
    if domain.id in {identity_of(one) for one in before}:
        raise conflict("Cannot copy Virtual Disk. It is on the target Storage Domain already.")
    command.log(2004, "User copied disk {disk}.", disk=disk, storage_domain=domain)

    def copied() -> None:
        command.store.replace(disk, storage_domains=Items([*before, link_to(domain)]))

    command.passes(disk, (Status.LOCKED, Status.OK), copied, lasting=command.durations.copying)


def move(command: Command) -> None:
    """It is the same disk afterwards, elsewhere."""
    disk = command.entry
    check_lock(disk, "move")
    domain = command.find(command.action.storage_domain)
    if domain is None:
        raise incomplete("Action", "storageDomain.id|name", "move")
    if domain.id in {identity_of(one) for one in get(disk, "storage_domains") or ()}:
        raise conflict("Cannot move Virtual Disk. Source and target domains must differ.")
    check_active(command, domain, "move")
    command.log(2008, "User moving disk {disk} to domain {storage_domain}.", disk=disk,
                storage_domain=domain)  # fmt: skip

    def moved() -> None:
        command.store.replace(disk, storage_domains=Items([link_to(domain)]))
        command.log(2010, "User finished moving disk {disk}.", disk=disk, storage_domain=domain)

    command.passes(disk, (Status.LOCKED, Status.OK), moved, lasting=command.durations.copying)


def work_on(command: Command) -> None:
    """Sparsify, reduce, convert: the disk is locked and is the same afterwards."""
    disk = command.entry
    check_lock(disk, command.place.action)
    wanted = command.action.disk

    def done() -> None:
        if wanted is not None and command.place.action == "convert":
            changes = {n: v for n, v in settled(wanted).items() if n in ("format", "sparse")}
            command.store.replace(disk, **changes)

    command.passes(disk, (Status.LOCKED, Status.OK), done, lasting=command.durations.copying)


def check_lock(disk: Entry, verb: str) -> None:
    """Refuse to touch a disk that something is done with."""
    if get(disk, "status") is Status.LOCKED:
        raise conflict(f"Cannot {verb} Virtual Disk. Disk {name_of(disk)} is locked."
                       " Please try again later.")  # fmt: skip


# Changing and removing.


def update(command: Command, changes: types.Disk) -> None:
    """Larger, or called otherwise."""
    disk = command.entry
    check_lock(disk, "update")
    name = changes.name or changes.alias
    if name is not None:
        changes.name = changes.alias = name
    size, before = changes.provisioned_size, get(disk, "provisioned_size") or 0
    if size is None or size == before:
        return
    if size < before:
        raise conflict("Cannot edit Virtual Disk. New disk size must be larger than the current.")
    check_size(size)
    quota = changes.quota or get(disk, "quota")
    for one in get(disk, "storage_domains") or ():
        if (domain := command.find(one)) is not None:
            quotas.check_storage(command, quota, domain, size, before)
    changes.total_size = size

    def extended() -> None:
        command.world.images.resize(get(disk, "image_id") or "", size)

    command.passes(disk, (Status.LOCKED, Status.OK), extended)


def remove(command: Command) -> None:
    """Not while a running VM uses it, or a template is made of it."""
    disk = command.entry
    check_lock(disk, "remove")
    for attachment in attachments_of(command, disk):
        if attachment.path.startswith("/templates"):
            raise conflict("Cannot remove Virtual Disk. It is part of a template.")
        vm = command.store.find("/vms", identity_of(get(attachment, "vm")) or "")
        if (
            vm is not None
            and get(vm, "status") is not types.VmStatus.DOWN
            and get(attachment, "active")
        ):
            raise conflict("Cannot remove Virtual Disk. At least one of the VMs is not down.")
    vanish(command, disk)


def vanish(command: Command, disk: Entry) -> None:
    """Locked, then gone, with everything that shows it."""
    command.log(2014, "Disk {disk} was removed.", disk=disk)
    if get(disk, "storage_type") is types.DiskStorageType.LUN:
        drop(command, disk)
        return
    command.passes(disk, (Status.LOCKED, Status.LOCKED), lambda: drop(command, disk))


def drop(command: Command, disk: Entry) -> None:
    """Gone at once."""
    for attachment in attachments_of(command, disk):
        command.store.remove(attachment)
    for each in command.below(disk, "disksnapshots"):
        command.world.images.remove(each.id)
    command.world.images.remove(get(disk, "image_id") or "")
    command.store.remove(disk)


# Attachments.


def attachments_of(command: Command, disk: Entry) -> list[Entry]:
    """Where a disk is attached."""
    homes = [(vm, "vms") for vm in get(disk, "vms") or ()]
    template = get(disk, "template")
    homes += [(template, "templates")] if template is not None else []
    found = []
    for owner, kind in homes:
        template_path = f"/{kind}/{{id}}/diskattachments"
        path = f"/{kind}/{identity_of(owner)}/diskattachments"
        entry = command.store.collection(path, template_path).entries.get(disk.id)
        if entry is not None:
            found.append(entry)
    return found


def attach(command: Command, attachment: types.DiskAttachment) -> Entry:
    """A disk that is there, or a new one, becomes one of the VM's."""
    vm = command.owner()
    command.check_free(vm, "add disk to VM")
    if attachment.disk is None:
        raise incomplete("DiskAttachment", "disk", "add")
    if attachment.interface is None:
        raise incomplete("DiskAttachment", "interface", "add")
    others = command.below(vm, "diskattachments")
    if attachment.bootable and any(get(other, "bootable") for other in others):
        raise conflict("Cannot attach Virtual Disk. VM already has a bootable disk.")
    if attachment.disk.id is None:
        inline = attachment.disk
        if inline.name is None and inline.alias is None and inline.lun_storage is None:
            inline.name = f"{name_of(vm)}_Disk{len(others) + 1}"
        inline.format = inline.format or types.DiskFormat.COW
        disk = add(command, inline)
    else:
        found = command.find(attachment.disk)
        assert found is not None
        disk = found
        if attachment.disk.snapshot is None:
            _check_attachable(disk, others)
        else:
            # A backup agent reads a snapshot of a disk that another VM goes on using.
            attachment.logical_name = f"/dev/vd{'bcdefghijk'[len(others) % 10]}"
    return tie(command, vm, disk, attachment)


def _check_attachable(disk: Entry, others: list[Entry]) -> None:
    check_lock(disk, "attach")
    if any(other.id == disk.id for other in others):
        raise conflict("Cannot attach Virtual Disk. The disk is already attached to the VM.")
    if get(disk, "vms") and not get(disk, "shareable"):
        raise conflict("Cannot attach Virtual Disk. The disk is not shareable and is attached.")


def tie(
    command: Command, vm: Entry, disk: Entry, attachment: types.DiskAttachment | None = None
) -> Entry:
    """The attachment of a disk to a VM."""
    value = attachment or types.DiskAttachment(interface=types.DiskInterface.VIRTIO_SCSI)
    value.id, value.href = disk.id, None
    value.disk, value.vm, value.template = link_to(disk), link_to(vm), None
    for name, default in (
        ("active", True),
        ("bootable", False),
        ("pass_discard", False),
        ("read_only", False),
        ("uses_scsi_reservation", False),
    ):
        if settled(value).get(name) is None:
            setattr(value, name, default)
    before = get(disk, "vms") or ()
    command.store.replace(disk, vms=Items([*before, link_to(vm)]))
    return command.store.add(f"{vm.path}/diskattachments", value, "/vms/{id}/diskattachments")


def update_attachment(command: Command, changes: types.DiskAttachment) -> None:
    """What it says about the disk is for the disk."""
    disk = command.store.find("/disks", command.entry.id)
    inner, changes.disk = changes.disk, None
    if inner is None or disk is None or not settled(inner).keys() - {"id", "href"}:
        return
    on_disk = Command(command.world, command.asked, command.place, disk)
    update(on_disk, inner)
    command.store.put(disk, merged(disk.value, inner))
    on_disk.close(f"Editing Disk {name_of(disk)}")


def detach(command: Command) -> None:
    """Off the VM; the disk stays unless it was asked to go."""
    attachment = command.entry
    vm = command.owner()
    command.check_free(vm, "detach disk from VM")
    if get(vm, "status") is not types.VmStatus.DOWN and get(attachment, "active"):
        raise conflict("Cannot detach Virtual Disk from VM. The disk is active in a running VM.")
    disk = command.store.find("/disks", attachment.id)
    if disk is not None:
        check_lock(disk, "detach")
    command.store.remove(attachment)
    if disk is None:
        return
    untie(command, disk, vm)
    if not _flag_or(command, "detach_only", True):
        vanish(command, disk)


def untie(command: Command, disk: Entry, vm: Entry) -> None:
    """The disk does not name the VM any more."""
    kept = [one for one in get(disk, "vms") or () if identity_of(one) != vm.id]
    if is_there(disk):
        command.store.replace(disk, vms=Items(kept) if kept else None)


def _flag_or(command: Command, name: str, default: bool) -> bool:
    return command.flag(name) if name in command.asked.parameters else default


def register(command: Command) -> None:
    """An unregistered disk is known from now on: here every disk is."""


def unsupported(command: Command) -> Any:
    """What the engine once could."""
    raise Refused(400, f"[Cannot {command.place.action}. The operation is not supported.]")


OTHER_DISKS = ("StorageDomainDiskService", "AttachedStorageDomainDiskService")
_WORK = ("sparsify", "reduce", "convert", "export")

ACTIONS = {
    (service, action): behave
    for service in ("DiskService", *OTHER_DISKS)
    for action, behave in (
        ("copy", copy_disk),
        ("move", move),
        ("register", register),
        *((work, work_on) for work in _WORK),
    )
}
ADDING = {
    "DisksService": add,
    "StorageDomainDisksService": add,
    "AttachedStorageDomainDisksService": add,
    "DiskAttachmentsService": attach,
}
UPDATING = {
    "DiskService": update,
    "DiskAttachmentService": update_attachment,
    **dict.fromkeys(OTHER_DISKS, update),
}
REMOVING = {
    "DiskService": remove,
    "DiskAttachmentService": detach,
    **dict.fromkeys(OTHER_DISKS, remove),
}
