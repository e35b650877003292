"""Storage domains: made, attached to data centers, activated, and what lies on them."""

from __future__ import annotations

import copy
from typing import Any

from trivirt import types
from trivirt.model import Items, Struct, settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry, identity_of
from trivirt.simulator._views import attachment_status
from trivirt.simulator.behaviours import luns, nics, ovf

Status = types.StorageDomainStatus
GIB = 1024**3
DEFAULTS: dict[str, Any] = {
    "available": 1024 * GIB,
    "backup": False,
    "block_size": 512,
    "comment": "",
    "committed": 0,
    "critical_space_action_blocker": 5,
    "description": "",
    "discard_after_delete": False,
    "external_status": types.ExternalStatus.OK,
    "master": False,
    "storage_format": types.StorageFormat.V5,
    "supports_discard": False,
    "supports_discard_zeroes_data": False,
    "used": 16 * GIB,
    "warning_low_space_indicator": 10,
    "wipe_after_delete": False,
}
BLOCK = (types.StorageType.ISCSI, types.StorageType.FCP)


def add(command: Command, domain: types.StorageDomain) -> Entry:
    """Formatted by a host, or imported, and unattached."""
    if domain.host is None:
        raise incomplete("StorageDomain", "host.id|name", "add")
    if domain.type is None:
        raise incomplete("StorageDomain", "type", "add")
    if domain.storage is None and not domain.id:
        raise incomplete("StorageDomain", "storage", "add")
    if domain.storage is not None:
        _check_storage(command, domain.storage)
    if domain.name is None:
        domain.name = f"imported-{command.store.next_number()}"
    host, domain.host, domain.import_ = domain.host, None, None
    for name, value in DEFAULTS.items():
        if settled(domain).get(name) is None:
            setattr(domain, name, value)
    domain.status = Status.UNATTACHED
    domain.id, domain.href = command.store.new_id(), None
    entry = command.store.add("/storagedomains", domain)
    if domain.storage is not None:
        _connect(command, entry, domain.storage)
    command.log(956, "Storage Domain {storage_domain} was added.", storage_domain=entry,
                host=command.find(host))  # fmt: skip
    command.passes(entry, (Status.LOCKED, Status.UNATTACHED))
    return entry


def _check_storage(command: Command, storage: types.HostStorage) -> None:
    if storage.type is None:
        raise incomplete("HostStorage", "type", "add")
    if storage.type in BLOCK:
        luns.check_free(command, _units(storage))
        return
    if storage.path is None and storage.id is None:
        raise incomplete("HostStorage", "path", "add")
    for other in command.store.collection("/storagedomains"):
        there = get(other, "storage")
        if there and (there.address, there.path) == (storage.address, storage.path):
            raise conflict("Cannot add Storage. The storage path is already in use.")


def _connect(command: Command, domain: Entry, storage: types.HostStorage) -> None:
    """Every domain has a connection of its own; block domains have a volume group."""
    if storage.type in BLOCK:
        known = luns.described(_units(storage), domain.id)
        storage.logical_units = None
        storage.volume_group = types.VolumeGroup(id=command.store.new_id(), logical_units=known)
    names = ("address", "path", "type", "nfs_version", "mount_options", "vfs_type", "port",
             "target", "username")  # fmt: skip
    known_values = {n: v for n, v in settled(storage).items() if n in names}
    value = types.StorageConnection(id=command.store.new_id(), **known_values)
    connection = command.store.add("/storageconnections", value)
    tie_connection(command, domain, connection)
    storage.password = None


def _units(storage: types.HostStorage) -> list[types.LogicalUnit]:
    """Of a body, which has them in one of two places."""
    group = storage.volume_group
    return storage.logical_units or (group.logical_units if group is not None else None) or []


def update(command: Command, changes: types.StorageDomain) -> None:
    """Logical units are added to those that a block domain has."""
    wanted, before = changes.storage, get(command.entry, "storage")
    if wanted is None:
        return
    changes.storage = None
    if before is None or before.type not in BLOCK or not _units(wanted):
        return
    luns.check_free(command, _units(wanted))
    new, storage = luns.described(_units(wanted), command.entry.id), copy.copy(before)
    storage.volume_group = copy.copy(before.volume_group)
    storage.volume_group.logical_units = Items([*_units(before), *new])
    changes.storage = storage
    changes.available = (get(command.entry, "available") or 0) + sum(e.size or 0 for e in new)
    command.log(1022, "Storage Domain {storage_domain} was extended.", storage_domain=command.entry)


def tie_connection(command: Command, domain: Entry, connection: Entry) -> None:
    """A domain uses a connection."""
    values = dict(settled(connection.value))
    values.pop("href")
    path = f"{domain.path}/storageconnections"
    template = "/storagedomains/{id}/storageconnections"
    command.store.add(path, types.StorageConnection(**values), template)


def add_connection(command: Command, connection: types.StorageConnection) -> Entry:
    """One more for a domain in maintenance."""
    domain = command.owner()
    found = command.store.find("/storageconnections", connection.id or "")
    if found is None:
        connection.id = command.store.new_id()
        found = command.store.add("/storageconnections", connection)
    tie_connection(command, domain, found)
    return command.store.collection(f"{domain.path}/storageconnections").entries[found.id]


def check_connection(command: Command, connection: types.StorageConnection) -> None:
    """A connection says what it is of."""
    if connection.type is None:
        raise incomplete("StorageConnection", "type", "add")
    known = command.store.collection("/storageconnections")
    if any(where_of(each.value) == where_of(connection) for each in known):
        raise conflict("Cannot add Storage Connection. It is there already.")
    connection.password = connection.host = None


def where_of(connection: Struct) -> list[Any]:
    """What tells a connection from another one."""
    values = settled(connection)
    return [values.get(name) for name in ("type", "address", "path", "port", "target", "username")]


def remove_connection(command: Command) -> None:
    """Not while a domain uses it."""
    for path in command.store.paths("/storagedomains/", "/storageconnections"):
        if command.store.find(path, command.entry.id) is not None:
            raise conflict("Cannot remove Storage Connection. It is used by a Storage Domain.")
    command.store.remove(command.entry)


def remove(command: Command) -> None:
    """Only a domain that no data center has."""
    domain = command.entry
    if get(domain, "data_centers"):
        raise conflict("Cannot remove Storage. The Storage Domain is attached to a Data Center.")
    if not {"host", "destroy"} & command.asked.parameters.keys():
        raise incomplete("StorageDomain", "host", "remove")
    command.log(960, "Storage Domain {storage_domain} was removed.", storage_domain=domain)
    for disk in list(command.store.collection("/disks")):
        if [identity_of(one) for one in get(disk, "storage_domains") or ()] == [domain.id]:
            command.store.remove(disk)
    for profile in list(command.store.collection("/diskprofiles")):
        if identity_of(get(profile, "storage_domain")) == domain.id:
            command.store.remove(profile)
    for connection in command.below(domain, "storageconnections"):
        found = command.store.find("/storageconnections", connection.id)
        if found is not None:
            command.store.remove(found)
    command.store.remove(domain)


# Attached to a data center.


def attach(command: Command, domain: types.StorageDomain) -> Entry:
    """Activated at once, as engines do."""
    center = command.owner()
    if not settled(domain).keys() & {"id", "name"}:
        raise incomplete("StorageDomain", "id|name", "add")
    entry = command.find(domain)
    assert entry is not None
    kind = get(entry, "type")
    if get(entry, "data_centers") and kind is not types.StorageDomainType.ISO:
        raise conflict("Cannot attach Storage. The Storage Domain is attached already.")
    here = [*(get(entry, "data_centers") or ()), link_to(center)]
    command.store.replace(entry, status=None, data_centers=Items(here))
    data = [e for e in command.store.collection("/storagedomains") if e is not entry]
    if kind is types.StorageDomainType.DATA and not any(
        get(e, "master") and center.id in {identity_of(c) for c in get(e, "data_centers") or ()}
        for e in data
    ):
        command.store.replace(entry, master=True)
        command.store.replace(center, status=types.DataCenterStatus.UP)
    _add_profile(command, entry)
    status = attachment_status(command.store, entry)
    command.log(962, "Storage Domain {storage_domain} was attached to {data_center}.",
                storage_domain=entry, data_center=center)  # fmt: skip
    command.passes(status, (Status.LOCKED, Status.ACTIVATING, Status.ACTIVE))
    return entry


def _add_profile(command: Command, domain: Entry) -> None:
    if get(domain, "type") is not types.StorageDomainType.DATA:
        return
    for profile in command.store.collection("/diskprofiles"):
        if identity_of(get(profile, "storage_domain")) == domain.id:
            return
    fresh = types.DiskProfile(
        id=command.store.new_id(), name=name_of(domain), storage_domain=link_to(domain)
    )
    command.store.add("/diskprofiles", fresh)


def deactivate(command: Command) -> None:
    """To maintenance; not while running VMs have disks there."""
    domain = command.entry
    status = attachment_status(command.store, domain)
    if get(status, "status") is not Status.ACTIVE:
        raise conflict("Cannot deactivate Storage. The status of Storage Domain is not active.")
    _check_no_vm_runs(command, domain)
    chain = (Status.PREPARING_FOR_MAINTENANCE, Status.MAINTENANCE)
    command.passes(status, chain, lambda: command.log(
        968, "Storage Domain {storage_domain} was deactivated.", storage_domain=domain
    ))  # fmt: skip


def _check_no_vm_runs(command: Command, domain: Entry) -> None:
    for disk in command.store.collection("/disks"):
        if domain.id not in {identity_of(one) for one in get(disk, "storage_domains") or ()}:
            continue
        for one in get(disk, "vms") or ():
            vm = command.store.find("/vms", one.id)
            if vm is not None and get(vm, "status") is types.VmStatus.UP:
                raise conflict("Cannot deactivate Storage. Running VMs have disks on it: "
                               f"{name_of(vm)}.")  # fmt: skip


def activate(command: Command) -> None:
    """Back in use."""
    status = attachment_status(command.store, command.entry)
    if get(status, "status") is Status.ACTIVE:
        raise conflict("Cannot activate Storage. The Storage Domain is already active.")
    command.passes(status, (Status.ACTIVATING, Status.ACTIVE))


def detach(command: Command) -> None:
    """Only from maintenance; its disks are unknown to the engine afterwards."""
    domain = command.entry
    status = attachment_status(command.store, domain)
    if get(status, "status") is not Status.MAINTENANCE:
        raise conflict("Cannot detach Storage. The Storage Domain is not in maintenance.")
    center = command.owner().id

    def detached() -> None:
        kept = [one for one in get(domain, "data_centers") or () if identity_of(one) != center]
        command.store.replace(
            domain,
            data_centers=Items(kept) if kept else None,
            master=False,
            status=Status.UNATTACHED,
        )
        command.store.remove(status)

    command.passes(status, (Status.DETACHING, Status.UNATTACHED), detached)


def is_attached(command: Command) -> dict[str, Any]:
    """Whether a data center has it."""
    return {"is_attached": bool(get(command.entry, "data_centers"))}


# What lies on it.


def register(command: Command) -> None:
    """A VM or template that lies there becomes one of the engine's, disks and all."""
    lying, domain = command.entry, command.owner()
    action = command.action
    cluster = command.find(action.cluster)
    if cluster is None:
        raise incomplete("Action", "cluster.id|name", command.place.action)
    if isinstance(lying.value, types.Template):
        _import_template(command, lying, cluster)
        return
    vm = ovf.vm_of(command, lying)
    if action.vm is not None and action.vm.name:
        vm.name = action.vm.name
    if command.store.named("/vms", vm.name or "") is not None:
        raise conflict("Cannot import VM. The VM name is already in use.")
    vm.cluster = link_to(cluster)
    from trivirt.simulator.behaviours import vm_making

    entry = vm_making.make(command, vm, lying)
    target = command.find(action.storage_domain) or domain
    for kept in command.below(lying, "disks"):
        vm_making.copy_disk(command, entry, kept)
        for disk in vm_making.disks_of(command, entry):
            command.store.replace(disk, storage_domains=Items([link_to(target)]))
    for nic in command.below(lying, "nics"):
        nics.copy_to(command, entry, nic)
    vm_making.announce(command, entry)
    if command.place.action == "register":
        command.store.remove(lying)


def _import_template(command: Command, lying: Entry, cluster: Entry) -> None:
    values = {n: v for n, v in settled(lying.value).items() if n not in ("id", "href")}
    template = types.Template(**values, id=command.store.new_id())
    template.cluster = link_to(cluster)
    wanted = command.action.template
    if wanted is not None and wanted.name:
        template.name = wanted.name
    if command.store.named("/templates", template.name or "") is not None:
        raise conflict("Cannot import Template. The Template name is already in use.")
    entry = command.store.add("/templates", template)
    command.passes(entry, (types.TemplateStatus.LOCKED, types.TemplateStatus.OK))


def import_image(command: Command) -> None:
    """An image of a repository becomes a disk, or a template."""
    image, action = command.entry, command.action
    domain = command.find(action.storage_domain)
    if domain is None:
        raise incomplete("Action", "storageDomain.id|name", "import")
    from trivirt.simulator.behaviours import disks, templates

    wanted = action.disk
    disk = types.Disk(
        name=(wanted.name or wanted.alias if wanted else None) or name_of(image),
        provisioned_size=get(image, "size") or GIB,
        format=types.DiskFormat.COW,
        storage_domains=Items([link_to(domain)]),
    )
    entry = disks.add(command, disk)
    if action.import_as_template:
        named = action.template.name if action.template is not None else None
        templates.of_disk(command, named or name_of(image), entry, command.find(action.cluster))


ACTIONS = {
    ("AttachedStorageDomainService", "activate"): activate,
    ("AttachedStorageDomainService", "deactivate"): deactivate,
    ("StorageDomainService", "isattached"): is_attached,
    ("StorageDomainVmService", "import"): register,
    ("StorageDomainVmService", "register"): register,
    ("StorageDomainTemplateService", "import"): register,
    ("StorageDomainTemplateService", "register"): register,
    ("ImageService", "import"): import_image,
    ("OpenstackImageService", "import"): import_image,
}
ADDING = {
    "StorageDomainsService": add,
    "AttachedStorageDomainsService": attach,
    "StorageDomainServerConnectionsService": add_connection,
    "StorageServerConnectionsService": check_connection,
}
UPDATING = {"StorageDomainService": update}
REMOVING = {
    "StorageDomainService": remove,
    "AttachedStorageDomainService": detach,
    "StorageServerConnectionService": remove_connection,
}
