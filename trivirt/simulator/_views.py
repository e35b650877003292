"""Collections that show entities which live elsewhere: the networks of a data center."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._front import API
from trivirt.simulator._store import Collection, Entry, Store, identity_of


@dataclass(frozen=True)
class View:
    """Entities of `source` whose `attribute` points to the owner, or holds a reference that does.

    `moved` says that they get an address below the owner, as attached storage domains have.
    """

    source: str
    attribute: str
    moved: bool = False


VIEWS = {
    "/datacenters/{id}/clusters": View("/clusters", "data_center", moved=True),
    "/datacenters/{id}/networks": View("/networks", "data_center"),
    "/datacenters/{id}/storagedomains": View("/storagedomains", "data_centers", moved=True),
    "/clusters/{id}/cpuprofiles": View("/cpuprofiles", "cluster"),
    "/networks/{id}/vnicprofiles": View("/vnicprofiles", "network"),
    "/storagedomains/{id}/diskprofiles": View("/diskprofiles", "storage_domain"),
    "/storagedomains/{id}/disks": View("/disks", "storage_domains"),
    "/datacenters/{id}/storagedomains/{id}/disks": View("/disks", "storage_domains"),
}


def show(store: Store, view: View, path: str, owner: str) -> Iterable[Entry]:
    """The entities of a view as if they lived there; changing them changes nothing."""
    here = Collection(path)
    for entry in store.collection(view.source):
        if owner not in _owners(entry.value, view.attribute):
            continue
        if not view.moved:
            yield entry
            continue
        value = copy.copy(entry.value)
        value.href = f"{API}{path}/{entry.id}"
        if isinstance(value, types.StorageDomain):
            # Only seen from its data center an attached domain has a status.
            value.status = getattr(attachment_status(store, entry).value, "status", None)
        yield Entry(here, entry.id, value)


def attachment_status(store: Store, domain: Entry) -> Entry:
    """What holds the status of an attached domain; no path leads there."""
    found = store.find("/attached", domain.id)
    if found is None:
        active = types.StorageDomain(id=domain.id, status=types.StorageDomainStatus.ACTIVE)
        found = store.add("/attached", active)
    return found


def _owners(value: Struct, attribute: str) -> set[str | None]:
    found = settled(value).get(attribute)
    if isinstance(found, list):
        return {identity_of(one) for one in found}
    return {identity_of(found)}
