"""LUNs on the storage network: found, logged in to, used by a domain or a disk or free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trivirt import types
from trivirt.model import Items
from trivirt.simulator._command import Command, get
from trivirt.simulator._refusals import Refused, conflict, incomplete
from trivirt.simulator._store import Store

GIB = 1024**3


@dataclass(frozen=True)
class Target:
    """A LUN, where it is, and who may log in."""

    lun: str
    target: str
    address: str
    port: int = 3260
    username: str = "username"
    password: str = "password"

    @property
    def portal(self) -> str:
        return f"{self.address}:{self.port},1"


# The storage network of every simulated engine.
TARGETS = (
    Target("36001405e396b3d9c9a54284a51685f9a", "iqn.2014-07.org.ovirt:storage", "192.168.201.3"),
    Target("36001405d6c6cbba754c4b568d843ff6a", "iqn.2017-05.org.ovirt:storage", "192.168.1.1"),
)


def discover(command: Command) -> dict[str, Any]:
    """The targets behind an address, as both forms of the question want them."""
    wanted = command.action.iscsi
    if wanted is None or wanted.address is None:
        raise incomplete("Action", "iscsi.address", command.place.action)
    found = [one for one in TARGETS if one.address == wanted.address]
    if not found:
        raise Refused(400, "[Failed discovery of iSCSI targets.]")
    details = Items(
        types.IscsiDetails(address=one.address, port=one.port, portal=one.portal, target=one.target)
        for one in found
    )
    return {
        "discovered_targets": details,
        "iscsi_targets": Items(one.target for one in found),
    }


def login(command: Command) -> None:
    """With the name and password of the target."""
    wanted = command.action.iscsi
    if wanted is None or wanted.target is None:
        raise incomplete("Action", "iscsi.target", "iscsilogin")
    known = [one for one in TARGETS if one.target == wanted.target]
    if not known:
        raise Refused(400, "[Cannot login to iSCSI target. The target is unknown.]")
    given = wanted.username, wanted.password
    if given != (None, None) and given != (known[0].username, known[0].password):
        raise Refused(400, "[Cannot login to iSCSI target. Authentication failed.]")


def described(
    units: Iterable[types.LogicalUnit], domain: str | None = None, disk: str | None = None
) -> Items[types.LogicalUnit]:
    """What is known about LUNs; by the id of the domain or disk that has them."""
    found: Items[types.LogicalUnit] = Items()
    for unit in units:
        target = next((one for one in TARGETS if one.lun == unit.id), None)
        found.append(
            types.LogicalUnit(
                id=unit.id,
                address=unit.address or (target.address if target else None),
                lun_mapping=0,
                paths=1,
                port=unit.port or 3260,
                portal=target.portal if target else None,
                product_id="storage",
                serial=f"SLIO-ORG_storage_{unit.id}",
                size=50 * GIB,
                status=types.LunStatus.USED if domain or disk else types.LunStatus.FREE,
                disk_id=disk,
                storage_domain_id=domain,
                target=unit.target or (target.target if target else None),
                vendor_id="LIO-ORG",
            )
        )
    return found


def used_by(store: Store) -> dict[str, str]:
    """LUNs that storage domains have, with the ids of these."""
    found = {}
    for domain in store.collection("/storagedomains"):
        storage = get(domain, "storage")
        group = storage.volume_group if storage is not None else None
        for unit in (group.logical_units if group is not None else None) or ():
            found[unit.id or ""] = domain.id
    return found


def used_by_disks(store: Store) -> dict[str, str]:
    """LUNs that are disks, with the ids of these."""
    lun = types.DiskStorageType.LUN
    disks = (e for e in store.collection("/disks") if get(e, "storage_type") is lun)
    return {
        unit.id or "": disk.id
        for disk in disks
        for unit in get(disk, "lun_storage").logical_units or ()
    }


def check_free(command: Command, units: Iterable[types.LogicalUnit]) -> None:
    """Refuse LUNs that a domain has already."""
    given = [unit.id for unit in units if unit.id]
    if not given:
        raise incomplete("HostStorage", "logical_units.id", "add")
    if any(one in used_by(command.store) for one in given):
        raise conflict("Cannot add Storage Domain. The LUNs are already part of one.")
    if any(one in used_by_disks(command.store) for one in given):
        raise conflict("Cannot add Storage Domain. The LUNs are already used by disks.")


ACTIONS = {
    ("HostService", "discoveriscsi"): discover,
    ("HostService", "iscsidiscover"): discover,
    ("HostService", "iscsilogin"): login,
}
