"""Collections that are worked out from others each time somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._store import Collection, Entry, Store, identity_of, reference


def _permissions_of(store: Store, path: str, owner: str) -> Iterable[Entry]:
    """All that a user or group may do, wherever it is written down."""
    attribute = "user" if path.startswith("/users") else "group"
    for collection in store.paths("/", "/permissions"):
        if collection.endswith("/permissions"):
            for entry in store.collection(collection):
                if identity_of(settled(entry.value).get(attribute)) == owner:
                    yield entry


def _roles_of(store: Store, path: str, owner: str) -> Iterable[Entry]:
    seen: dict[str, Entry] = {}
    for permission in _permissions_of(store, path, owner):
        role = store.find("/roles", identity_of(settled(permission.value).get("role")) or "")
        if role is not None:
            seen[role.id] = role
    return seen.values()


def _attachments_on(store: Store, path: str, owner: str) -> Iterable[Entry]:
    host = path.rpartition("/nics/")[0]
    for each in store.collection(f"{host}/networkattachments", "/hosts/{id}/networkattachments"):
        if identity_of(settled(each.value).get("host_nic")) == owner:
            yield each


def _volumes_on(store: Store, path: str, owner: str) -> Iterable[Entry]:
    for disk in list(store.collection("/disks")):
        domains = settled(disk.value).get("storage_domains") or ()
        if owner in {identity_of(one) for one in domains}:
            yield from store.collection(f"{disk.path}/disksnapshots", "/disks/{id}/disksnapshots")


def _devices_of_nic(store: Store, path: str, owner: str) -> Iterable[Entry]:
    vm = path.split("/")[2]
    nic = store.find(f"/vms/{vm}/nics", owner)
    devices = store.collection(f"/vms/{vm}/reporteddevices", "/vms/{id}/reporteddevices")
    mac = settled(nic.value).get("mac") if nic is not None else None
    return [each for each in devices if mac is not None and settled(each.value).get("mac") == mac]


def _storage_of_host(store: Store, path: str, owner: str) -> Iterable[Entry]:
    """What it sees of the storage network."""
    from trivirt.simulator.behaviours.luns import TARGETS, described, used_by, used_by_disks

    of_domains, of_disks = used_by(store), used_by_disks(store)
    here = Collection(path)
    for target in TARGETS:
        unit = types.LogicalUnit(id=target.lun)
        units = described([unit], of_domains.get(target.lun), of_disks.get(target.lun))
        value = types.HostStorage(
            id=target.lun,
            type=types.StorageType.ISCSI,
            logical_units=units,
            host=reference(types.Host, "/hosts", owner),
        )
        entry = Entry(here, target.lun, value)
        value.href = f"/ovirt-engine/api{entry.path}"
        yield entry


def _groups_of(store: Store, path: str, owner: str) -> Iterable[Entry]:
    return [e for e in store.collection("/groups") if settled(e.value).get("name") == "Everyone"]


def _storage_limits(store: Store, path: str, owner: str) -> Iterable[Entry]:
    from trivirt.simulator.behaviours.quotas import storage_limits

    return storage_limits(store, path, owner)


def _cluster_limits(store: Store, path: str, owner: str) -> Iterable[Entry]:
    from trivirt.simulator.behaviours.quotas import cluster_limits

    return cluster_limits(store, path, owner)


DERIVED: Mapping[str, Callable[[Store, str, str], Iterable[Entry]]] = {
    "/datacenters/{id}/quotas/{id}/quotaclusterlimits": _cluster_limits,
    "/datacenters/{id}/quotas/{id}/quotastoragelimits": _storage_limits,
    "/groups/{id}/permissions": _permissions_of,
    "/groups/{id}/roles": _roles_of,
    "/hosts/{id}/nics/{id}/networkattachments": _attachments_on,
    "/hosts/{id}/storage": _storage_of_host,
    "/storagedomains/{id}/disksnapshots": _volumes_on,
    "/users/{id}/groups": _groups_of,
    "/users/{id}/permissions": _permissions_of,
    "/users/{id}/roles": _roles_of,
    "/vms/{id}/nics/{id}/reporteddevices": _devices_of_nic,
}
