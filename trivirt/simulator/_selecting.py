"""Lists of which a parameter tells what part is wanted: what lies on a storage domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._store import Entry, Store, identity_of

Flag = Callable[[str], "bool | None"]


def selected(store: Store, template: str, path: str, entries: list[Entry], flag: Flag) -> list[Any]:
    """The entries of a collection that a request wants; `flag` gives its parameters."""
    select = SELECT.get(template)
    if select is None:
        return entries
    domain = store.find("/storagedomains", path.split("/")[2])
    return entries if domain is None else list(select(store, domain, entries, flag))


def _registered(home: str) -> Callable[[Store, Entry, list[Entry], Flag], Iterable[Entry]]:
    """What the engine knows and has disks there, or else what only lies there."""

    def select(store: Store, domain: Entry, entries: list[Entry], flag: Flag) -> Iterable[Entry]:
        is_data = settled(domain.value).get("type") is types.StorageDomainType.DATA
        if flag("unregistered") or not is_data:
            return entries
        owners = {one: None for disk in _disks_on(store, domain) for one in _owners(disk, home)}
        found = (store.find(home, one) for one in owners)
        return [entry for entry in found if entry is not None]

    return select


def _disks_on(store: Store, domain: Entry) -> Iterable[Entry]:
    for disk in store.collection("/disks"):
        places = settled(disk.value).get("storage_domains") or ()
        if domain.id in {identity_of(each) for each in places}:
            yield disk


def _owners(disk: Entry, home: str) -> Iterable[str]:
    values = settled(disk.value)
    found = values.get("vms") or () if home == "/vms" else [values.get("template")]
    return [one for each in found if (one := identity_of(each)) is not None]


def _disks(store: Store, domain: Entry, entries: list[Entry], flag: Flag) -> Iterable[Entry]:
    """All disks are registered, but for those of VMs that are not."""
    return [] if flag("unregistered") else entries


def _volumes(store: Store, domain: Entry, entries: list[Entry], flag: Flag) -> Iterable[Entry]:
    """Those that nothing writes to; others only if they are asked for."""
    for entry in entries:
        disk = store.find("/disks", identity_of(settled(entry.value).get("disk")) or "")
        values = settled(disk.value) if disk is not None else {}
        if values.get("template") is not None:
            wanted = flag("include_template")
        else:
            wanted = flag("include_active") or values.get("image_id") != entry.id
        if wanted:
            yield entry


SELECT: Mapping[str, Callable[[Store, Entry, list[Entry], Flag], Iterable[Entry]]] = {
    "/storagedomains/{id}/disks": _disks,
    "/storagedomains/{id}/disksnapshots": _volumes,
    "/storagedomains/{id}/templates": _registered("/templates"),
    "/storagedomains/{id}/vms": _registered("/vms"),
}
