"""How virtual machines come into being, are copied, exported and removed."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._command import NEXT_RUNS, Command, get, link_to, merged, name_of
from trivirt.simulator._refusals import Refused, conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import disks, nics, ovf, snapshots, vm_power

Status = vm_power.Status

INHERITED = (
    *("bios", "console", "cpu", "display", "high_availability", "io", "memory", "memory_policy"),
    *("migration", "migration_downtime", "os", "placement_policy", "time_zone", "type", "usb"),
    *("small_icon", "large_icon", "cpu_profile", "storage_error_resume_behaviour", "sso"),
)
# What a running VM takes at its next start only, and what it always takes at once.
AT_START = {"bios", "console", "display", "os", "placement_policy", "type", "usb", "virtio_scsi"}
# What engines let VMs be called.
NAME = re.compile(r"[\w.+-]{1,255}")
BAD_NAME = (
    "The given name contains special characters. Only lower-case and upper-case letters, "
    "numbers, '_', '-', '.' are allowed."
)
ALWAYS = {"comment", "description", "id", "href", "name"}
DEFAULTS: dict[str, Any] = {
    "description": "",
    "comment": "",
    "delete_protected": False,
    "start_paused": False,
    "stateless": False,
    "run_once": False,
    "next_run_configuration_exists": False,
    "origin": "ovirt",
    "stop_reason": "",
}


def add(command: Command, vm: types.Vm, *, imported: bool = False) -> Entry:
    """From a template, a snapshot or an OVF document; or for disks that come from elsewhere."""
    if (data := _document(vm)) is not None:
        ovf.complete(vm, data)
    source = _snapshot_of(command, vm)
    if source is not None and vm.template is None:
        vm.template = get(command.find(get(source, "vm")) or source, "template")
    missing = [name for name in ("cluster", "name", "template") if not _set(vm, name)]
    if missing:
        shown = {"cluster": "cluster.id|name", "template": "template.id|name"}
        raise incomplete("Vm", ", ".join(shown.get(name, name) for name in missing), "add")
    _check_name(vm.name, "add")
    template = command.find(vm.template)
    cluster = command.find(vm.cluster)
    assert template is not None
    assert cluster is not None
    attachments, vm.disk_attachments = vm.disk_attachments, None
    vm.snapshots = vm.storage_domain = None
    latest = latest_version(command, template) if vm.use_latest_template_version else template
    vm.template = link_to(latest)
    entry = make(command, vm, source or latest)
    mine = {a.disk.id: a for a in attachments or () if a.disk is not None and a.disk.id}
    below = "disks" if source is not None else "diskattachments"
    for old in command.below(source or latest, below):
        copy_disk(command, entry, old, mine.pop(old.id, None))
    for attachment in attachments or ():
        if attachment.disk is not None and attachment.disk.id is None:
            _attach(command, entry, attachment)
    for attachment in mine.values():
        _attach(command, entry, attachment)
    for nic in command.below(source or latest, "nics"):
        nics.copy_to(command, entry, nic)
    for described in ovf.nics_of(data) if data is not None else ():
        nics.put(command, entry, described)
    empty = name_of(template) == "Blank" and not disks_of(command, entry)
    announce(command, entry, at_once=empty and not imported)  # The engine locks for disks' sake.
    return entry


def _check_name(name: str | None, verb: str) -> None:
    if name is not None and not NAME.fullmatch(name):
        raise Refused(400, f"[Cannot {verb} VM. {BAD_NAME}]")


def make(command: Command, vm: types.Vm, model: Entry) -> Entry:
    """The VM itself, with what it inherits, and locked."""
    kind = command.find(vm.instance_type)
    sized = vm.memory is not None or kind is not None
    for source in (kind, model):
        if source is not None:
            _inherit(vm, settled(source.value))
    _keep_secrets(vm)
    vm.id, vm.href = command.store.new_id(), None
    vm.original_template = vm.template
    vm.creation_time = command.store.clock.date(command.store.now)
    vm.status = Status.IMAGE_LOCKED
    for name, value in DEFAULTS.items():
        if settled(vm).get(name) is None:
            setattr(vm, name, value)
    if vm.memory is None:
        vm.memory = 1024**3
    _fit_policy(vm, sized)
    entry = command.store.add("/vms", vm)
    snapshots.make_active(command, entry)
    _give_permission(command, entry)
    return entry


def _inherit(vm: types.Vm, inherited: Mapping[str, Any]) -> None:
    """What the body does not say; of a structure the parts that it does not say."""
    for name in INHERITED:
        if name not in inherited:
            continue
        mine, theirs = settled(vm).get(name), inherited[name]
        if mine is None:
            setattr(vm, name, theirs)
        elif isinstance(mine, Struct) and "id" not in settled(mine):
            setattr(vm, name, merged(theirs, mine))


def _fit_policy(vm: types.Vm, sized: bool) -> None:
    """Of memory no more is guaranteed than there is, and no less can be had at the most."""
    memory = vm.memory or 0
    policy = copy.copy(vm.memory_policy) or types.MemoryPolicy()
    if policy.guaranteed is None or (sized and policy.guaranteed > memory):
        policy.guaranteed = memory
    if policy.max is None or (sized and policy.max < memory):
        policy.max = 4 * memory
    vm.memory_policy = policy


def _keep_secrets(vm: types.Vm) -> None:
    """A password comes back masked."""
    if vm.initialization is not None and vm.initialization.root_password is not None:
        vm.initialization.root_password = "******"


def _give_permission(command: Command, vm: Entry) -> None:
    user = command.store.user(command.asked.user)
    role = command.store.named("/roles", "UserVmManager")
    if user is None or role is None:
        return
    permission = types.Permission(
        id=command.store.new_id(),
        role=link_to(role),
        user=types.User(id=user.id, href=user.href),
        vm=link_to(vm),
    )
    command.store.add(f"{vm.path}/permissions", permission, "/vms/{id}/permissions")


def announce(command: Command, vm: Entry, *, at_once: bool = False) -> None:
    """Say that a VM is being made, and how it goes on."""
    command.log(34, f"VM {{vm}} was created by {command.asked.user}-authz.", vm=vm)
    copies = [get(each, "status") for each in disks_of(command, vm)]
    longer = command.durations.copying if copies else None
    done = "VM {vm} creation has been completed."
    if at_once:
        command.store.replace(vm, status=Status.DOWN)
        command.log(53, done, vm=vm)
        return
    command.passes(vm, (Status.IMAGE_LOCKED, Status.DOWN), lambda: command.log(53, done, vm=vm),
                   lasting=longer)  # fmt: skip


def disks_of(command: Command, vm: Entry) -> list[Entry]:
    attached = command.below(vm, "diskattachments")
    return [disk for each in attached if (disk := command.store.find("/disks", each.id))]


def copy_disk(
    command: Command, vm: Entry, old: Entry, wish: types.DiskAttachment | None = None
) -> None:
    """One disk of the template or snapshot, as the body may want it otherwise."""
    source = old if isinstance(old.value, types.Disk) else command.store.find("/disks", old.id)
    if source is None:
        return
    inner = None if wish is None else wish.disk
    domains = None if inner is None else inner.storage_domains
    name = None if inner is None else inner.name or inner.alias
    domain = command.find(domains[0]) if domains else None
    disk = disks.copy_of(command, source, name=name, domain=domain)
    if inner is not None and inner.format is not None:
        sparse = inner.sparse
        command.store.replace(disk, format=inner.format, sparse=sparse)
    attachment = types.DiskAttachment(
        active=True,
        bootable=get(old, "bootable") if source is not old else not command.below(
            vm, "diskattachments"
        ),
        interface=get(old, "interface") or types.DiskInterface.VIRTIO_SCSI,
    )  # fmt: skip
    disks.tie(command, vm, disk, attachment)


def _attach(command: Command, vm: Entry, attachment: types.DiskAttachment) -> None:
    assert attachment.disk is not None
    if attachment.disk.id is None:
        disk = disks.add(command, attachment.disk)
    else:
        found = command.find(attachment.disk)
        assert found is not None
        disk = found
    disks.tie(command, vm, disk, attachment)


def _snapshot_of(command: Command, vm: types.Vm) -> Entry | None:
    if not vm.snapshots:
        return None
    identity = vm.snapshots[0].id or ""
    found = snapshots.find_snapshot(command, identity)
    if found is None:
        raise unknown_related("Snapshot", f"id={identity}")
    return found


def _document(vm: types.Vm) -> str | None:
    initialization = vm.initialization
    configuration = None if initialization is None else initialization.configuration
    return None if configuration is None else configuration.data


def latest_version(command: Command, template: Entry) -> Entry:
    """The template of the same family with the highest number."""
    base = _base_of(template)
    family = [each for each in command.store.collection("/templates") if _base_of(each) == base]
    return max(family or [template], key=lambda each: get(each, "version").version_number or 0)


def _base_of(template: Entry) -> str | None:
    version = get(template, "version")
    base = None if version is None else version.base_template
    return template.id if base is None else base.id


# Changing and removing.


def update(command: Command, changes: types.Vm) -> None:
    """What a running VM cannot take at once applies after its next start."""
    vm = command.entry
    vm_power.check_lock(command, vm, "update")
    changes.status = changes.disk_attachments = changes.nics = changes.snapshots = None
    _check_name(changes.name, "edit")
    _keep_secrets(changes)
    if get(vm, "status") is not Status.DOWN:
        _put_off(command, vm, changes)
    user = command.asked.user
    command.log(35, f"VM {{vm}} configuration was updated by {user}-authz.", vm=vm)


def _put_off(command: Command, vm: Entry, changes: types.Vm) -> None:
    """Keep for the next start what a running VM cannot take, or all if that is what was asked."""
    given = settled(changes)
    names = given.keys() & AT_START
    if command.flag("next_run"):
        names = given.keys() - ALWAYS
    if "memory" in names or (changes.memory or 0) < (get(vm, "memory") or 0):
        names |= given.keys() & {"memory", "memory_policy"}
    if changes.cpu is not None and not _can_plug(get(vm, "cpu"), changes.cpu.topology):
        names |= {"cpu"}
    if not names:
        return
    later = types.Vm(id=vm.id, href="")
    for name in names:
        setattr(later, name, given[name])
    before = command.store.find(NEXT_RUNS, vm.id)
    if before is None:
        command.store.add(NEXT_RUNS, later)
    else:
        command.store.put(before, merged(before.value, later))
    for name in names:
        setattr(changes, name, None)
    changes.next_run_configuration_exists = True


def _can_plug(cpu: types.Cpu | None, wanted: types.CpuTopology | None) -> bool:
    """Sockets, and no fewer of them, are all that can change while it runs."""
    if wanted is None:
        return True
    now = (cpu.topology if cpu is not None else None) or types.CpuTopology()
    same = wanted.cores in (None, now.cores) and wanted.threads in (None, now.threads)
    return same and (wanted.sockets is None or wanted.sockets >= (now.sockets or 1))


def remove(command: Command) -> None:
    """With its disks, unless only the VM was meant."""
    vm = command.entry
    if get(vm, "delete_protected"):
        raise conflict(
            "Cannot remove VM. Delete protection is enabled. In order to delete, disable"
            " Delete protection first."
        )
    if not command.flag("force"):
        vm_power.check_lock(command, vm, "remove")
    if get(vm, "status") not in (Status.DOWN, Status.IMAGE_LOCKED):
        raise conflict("Cannot remove VM. VM is running.")
    if get(vm, "vm_pool") is not None:
        raise conflict("Cannot remove VM. VM is attached to a VM-Pool.")
    drop(command, vm, keep_disks=command.flag("detach_only"))


def drop(command: Command, vm: Entry, *, keep_disks: bool = False) -> None:
    """Gone, and the disks that only it had."""
    attached = disks_of(command, vm)
    command.log(113, f"VM {{vm}} was removed by {command.asked.user}-authz.", vm=vm)
    command.store.remove(vm)
    for disk in attached:
        if keep_disks or len(get(disk, "vms") or ()) > 1:
            disks.untie(command, disk, vm)
        else:
            disks.drop(command, disk)
    for path in ("/affinitylabels/", "/clusters/"):
        for below in command.store.paths(path, "/vms"):
            member = command.store.find(below, vm.id)
            if member is not None:
                command.store.remove(member)


# Actions.


def clone(command: Command) -> None:
    """A VM of its own with the same disks."""
    vm = command.entry
    vm_power.must_be_down(command, vm, "clone VM")
    wanted = command.action.vm
    if wanted is None or not wanted.name:
        raise incomplete("Action", "vm.name", "clone")
    if command.store.named("/vms", wanted.name) is not None:
        raise conflict("Cannot clone VM. The VM name is already in use.")
    new = copy.copy(vm.value)
    assert isinstance(new, types.Vm)
    new.name, new.host, new.stop_time = wanted.name, None, None
    entry = make(command, new, vm)
    for attachment in command.below(vm, "diskattachments"):
        copy_disk(command, entry, attachment)
    for nic in command.below(vm, "nics"):
        nics.copy_to(command, entry, nic)
    announce(command, entry)


def export(command: Command) -> None:
    """To an export domain, or as a file on a host."""
    vm = command.entry
    vm_power.check_lock(command, vm, "export")
    action = command.action
    domain = command.find(action.storage_domain)
    if domain is None:
        _export_ova(command, vm)
        return
    vm_power.must_be_down(command, vm, "export VM")
    there = command.below(domain, "vms")
    same = [each for each in there if name_of(each) == name_of(vm)]
    if same and not action.exclusive:
        raise conflict("Cannot export VM. VM already exists in the target Export Domain.")

    def exported() -> None:
        for each in same:
            command.store.remove(each)
        ovf.leave_on(command, vm, domain)
        command.log(1162, "Vm {vm} was exported successfully to Export Domain.", vm=vm)

    chain = (Status.IMAGE_LOCKED, Status.DOWN)
    command.passes(vm, chain, exported, lasting=command.durations.copying)


def _export_ova(command: Command, vm: Entry) -> None:
    """A file on a host; a VM that runs goes on running."""

    def written() -> None:
        command.log(1223, "Vm {vm} was exported successfully as a Virtual Appliance", vm=vm)

    seconds = command.durations.copying
    if get(vm, "status") is Status.DOWN:
        command.passes(vm, (Status.IMAGE_LOCKED, Status.DOWN), written, lasting=seconds)
    else:
        command.hold(vm, "The VM is being exported.")
        command.after(seconds, written)


def _set(vm: types.Vm, name: str) -> bool:
    value: Any = settled(vm).get(name)
    if isinstance(value, (types.Cluster, types.Template)):
        return bool(settled(value).get("id") or settled(value).get("name"))
    return bool(value)


def tickets(command: Command) -> dict[str, Any]:
    """A password for the display, good for two hours unless the client says otherwise."""
    wanted = command.action.ticket or types.Ticket()
    value = wanted.value or command.store.new_id().replace("-", "")[:12]
    return {"ticket": types.Ticket(value=value, expiry=wanted.expiry or 7200)}


def detach_from_pool(command: Command) -> None:
    """It is a VM of its own from now on."""
    if get(command.entry, "vm_pool") is None:
        raise conflict("Cannot detach VM from VM-Pool. VM is not attached to a VM-Pool.")
    command.store.replace(command.entry, vm_pool=None)


def needs_running(command: Command) -> None:
    """What the guest does, without a trace outside."""
    vm_power.must_be_up(command, command.entry, command.place.action)


ACTIONS = {
    ("VmService", "clone"): clone,
    ("VmService", "export"): export,
    ("VmService", "ticket"): tickets,
    ("VmService", "detach"): detach_from_pool,
    **{
        ("VmService", action): needs_running
        for action in ("freezefilesystems", "thawfilesystems", "logon", "screenshot")
    },
}
ADDING = {"VmsService": add}
UPDATING = {"VmService": update}
REMOVING = {"VmService": remove}
