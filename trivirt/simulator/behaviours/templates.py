"""Templates and instance types: made of a VM, in versions, exported and removed."""

from __future__ import annotations

import copy

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import disks, nics, ovf, vm_making, vm_power
from trivirt.simulator.behaviours._use import check_unused

Status = types.TemplateStatus


def add(command: Command, template: types.Template) -> Entry:
    """Of a VM that is down, with copies of its disks."""
    if template.vm is None or not settled(template.vm).keys() & {"id", "name"}:
        raise incomplete("Template", "vm.id|name", "add")
    vm = command.find(template.vm)
    assert vm is not None
    _number(command, template)
    vm_power.must_be_down(command, vm, "create Template")
    wishes = {
        wish.disk.id: wish.disk
        for wish in template.vm.disk_attachments or ()
        if wish.disk is not None and wish.disk.id
    }
    template.vm = template.disk_attachments = None
    if template.cluster is None:
        template.cluster = get(vm, "cluster")
    entry = _make(command, template, vm)
    for attachment in command.below(vm, "diskattachments"):
        disk = command.store.find("/disks", attachment.id)
        if disk is None:
            continue
        wish = wishes.get(disk.id)
        domains = None if wish is None else wish.storage_domains
        new = disks.copy_of(
            command,
            disk,
            name=None if wish is None else wish.name or wish.alias,
            domain=command.find(domains[0]) if domains else None,
        )
        tie(command, entry, new, attachment)
    for nic in command.below(vm, "nics"):
        nics.copy_to(command, entry, nic)
    vm_state = vm_power.Status
    command.passes(vm, (vm_state.IMAGE_LOCKED, vm_state.DOWN), lasting=command.durations.copying)
    _announce(command, entry)
    return entry


def _number(command: Command, template: types.Template) -> None:
    """A version of a family gets the next number; a name of its own begins one."""
    version = template.version
    base = command.find(version.base_template) if version is not None else None
    if base is None:
        if template.name is None:
            raise incomplete("Template", "name", "add")
        if command.store.named("/templates", template.name) is not None:
            raise conflict("Cannot add Template. The Template name is already in use.")
        name = "base version" if version is None else version.version_name
        template.version = types.TemplateVersion(version_number=1, version_name=name)
        return
    latest = vm_making.latest_version(command, base)
    template.name = name_of(base)
    template.version = types.TemplateVersion(
        base_template=link_to(base),
        version_name=version.version_name if version is not None else None,
        version_number=(get(latest, "version").version_number or 1) + 1,
    )


def _make(command: Command, template: types.Template, model: Entry) -> Entry:
    inherited = settled(model.value)
    for name in (*vm_making.INHERITED, "custom_properties", "initialization"):
        if settled(template).get(name) is None and name in inherited:
            setattr(template, name, inherited[name])
    for name, value in (("description", ""), ("comment", ""), ("delete_protected", False)):
        if settled(template).get(name) is None:
            setattr(template, name, value)
    template.id, template.href = command.store.new_id(), None
    template.creation_time = command.store.clock.date(command.store.now)
    template.status = Status.LOCKED
    template.origin = "ovirt"
    entry = command.store.add("/templates", template)
    version = copy.copy(template.version)
    if version is not None and version.base_template is None:
        version.base_template = link_to(entry)
        command.store.replace(entry, version=version)
    return entry


def _announce(command: Command, template: Entry) -> None:
    command.log(50, "Creation of Template {template} was initiated.", template=template)
    done = "Creation of Template {template} has been completed."
    command.passes(
        template,
        (Status.LOCKED, Status.OK),
        lambda: command.log(52, done, template=template),
        lasting=command.durations.copying,
    )


def tie(command: Command, template: Entry, disk: Entry, like: Entry | None = None) -> None:
    """A disk becomes part of a template."""
    attachment = types.DiskAttachment(interface=types.DiskInterface.VIRTIO_SCSI, active=True)
    if like is not None:
        assert isinstance(like.value, types.DiskAttachment)
        attachment = copy.copy(like.value)
    attachment.id, attachment.href = disk.id, None
    attachment.vm, attachment.template = None, link_to(template)
    attachment.disk = link_to(disk)
    path = f"{template.path}/diskattachments"
    command.store.add(path, attachment, "/templates/{id}/diskattachments")
    command.store.replace(disk, template=link_to(template))


def of_disk(command: Command, name: str, disk: Entry, cluster: Entry | None) -> Entry:
    """A template around a disk that was imported."""
    blank = command.store.named("/templates", "Blank") or disk
    template = types.Template(name=name)
    _number(command, template)
    template.cluster = link_to(cluster) if cluster is not None else None
    entry = _make(command, template, blank)
    tie(command, entry, disk)
    _announce(command, entry)
    return entry


def update(command: Command, changes: types.Template) -> None:
    """Versions keep their number."""
    if changes.version is not None:
        changes.version = types.TemplateVersion(version_name=changes.version.version_name)
    changes.vm = None


def remove(command: Command) -> None:
    """With its disks; not while VMs stand on it, nor the first version before the others."""
    template = command.entry
    if name_of(template) == "Blank":
        raise conflict("Cannot remove Template. The Blank Template cannot be removed.")
    if get(template, "delete_protected"):
        raise conflict("Cannot remove Template. Delete protection is enabled.")
    if get(template, "status") is Status.LOCKED:
        raise conflict("Cannot remove Template. The Template is locked. Please try again later.")
    check_unused(command.store, template)
    for other in command.store.collection("/templates"):
        version = get(other, "version")
        base = version.base_template if version is not None else None
        if other is not template and base is not None and base.id == template.id:
            raise conflict("Cannot remove base Template. It has versions.")

    def gone() -> None:
        for attachment in command.below(template, "diskattachments"):
            disk = command.store.find("/disks", attachment.id)
            if disk is not None:
                disks.drop(command, disk)
        command.log(253, "Template {template} has been removed.", template=template)
        command.store.remove(template)

    command.passes(template, (Status.LOCKED, Status.OK), gone)


def export(command: Command) -> None:
    """To an export domain, or as a file on a host."""
    template, domain = command.entry, command.find(command.action.storage_domain)
    if domain is not None:
        same = [e for e in command.below(domain, "templates") if e.id == template.id]
        if same and not command.action.exclusive:
            raise conflict("Cannot export Template. It already exists in the Export Domain.")
        for each in same:
            command.store.remove(each)
        ovf.leave_on(command, template, domain)
    chain = (Status.LOCKED, Status.OK)
    command.passes(template, chain, lasting=command.durations.copying)


def add_instance_type(command: Command, kind: types.InstanceType) -> None:
    """A name, a size, and what else a VM may take from it."""
    kind.status = Status.OK
    kind.creation_time = command.store.clock.date(command.store.now)
    if kind.memory is None:
        kind.memory = 1024**3
    if kind.cpu is None:
        kind.cpu = types.Cpu(topology=types.CpuTopology(cores=1, sockets=1, threads=1))


ACTIONS = {("TemplateService", "export"): export}
ADDING = {"TemplatesService": add, "InstanceTypesService": add_instance_type}
UPDATING = {"TemplateService": update}
REMOVING = {"TemplateService": remove}
