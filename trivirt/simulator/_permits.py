"""What users may see and do who are not administrators of the whole system.

They get the filtered view: of everything that can have permissions only what they have one on,
directly or through the pool, cluster or data center it is in. Commands need a role that permits
them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._refusals import NoSuchEntity, Refused
from trivirt.simulator._routes import ROOT, SERVICES, Method
from trivirt.simulator._routing import Place
from trivirt.simulator._store import Entry, Store, identity_of

# The permit that a command needs, by the kind of entity and what is done; others need any.
NEEDED = {
    ("vms", "remove"): "delete_vm",
    ("vms", "update"): "edit_vm_properties",
    ("vms", "migrate"): "migrate_vm",
    ("vms", "start"): "vm_basic_operations",
    ("vms", "stop"): "vm_basic_operations",
    ("vms", "shutdown"): "vm_basic_operations",
    ("vms", "reboot"): "vm_basic_operations",
    ("vms", "suspend"): "vm_basic_operations",
    ("disks", "remove"): "delete_disk",
    ("disks", "update"): "edit_disk_properties",
    ("templates", "remove"): "delete_template",
}
ABOVE = {"vm_pool": "/vmpools", "cluster": "/clusters", "data_center": "/datacenters"}
EVERYBODY = "eee00000-0000-0000-0000-123456789eee"


class Permits:
    """Answers for one store; users are known by their sign-on names."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version = -1
        self._limited: dict[str, bool] = {}

    def limited(self, user: str) -> bool:
        """Whether somebody is no administrator of the system."""
        version = self._store.collection("/permissions").version
        if version != self._version:
            self._version = version
            self._limited.clear()
        found = self._limited.get(user)
        if found is None:
            found = self._limited[user] = not self._is_administrator(user)
        return found

    def _is_administrator(self, user: str) -> bool:
        permissions = self._store.collection("/permissions")
        mine = self._mine(user)
        roles = [self._role(each) for each in permissions if self._is_for(each, mine)]
        return any(role is not None and settled(role.value).get("administrative") for role in roles)

    # Seeing.

    def visible(self, user: str, place: Place, entries: Iterable[Entry]) -> list[Entry]:
        """Those of a list that somebody may see."""
        if place.template.count("/") != 1 or not _has_permissions(place.template[1:]):
            return list(entries)
        mine = self._mine(user)
        return [entry for entry in entries if any(self._roles_on(entry, mine))]

    def check_see(self, user: str, place: Place) -> None:
        """Raise NoSuchEntity for what somebody may not see."""
        entry = self._top(place)
        if entry is not None and not any(self._roles_on(entry, self._mine(user))):
            raise NoSuchEntity

    # Doing.

    def check_do(self, user: str, place: Place, method: Method) -> None:
        """Refuse a command that no role of somebody permits."""
        entry = self._top(place)
        if entry is None:
            raise forbidden()
        kind, deep = entry.collection.path[1:], place.template.count("/") > 2
        what = place.action or method.op
        needed = None if deep else NEEDED.get((kind, what))
        for role in self._roles_on(entry, self._mine(user)):
            if needed is None or needed in self._permits_of(role):
                return
        raise forbidden()

    # Helpers.

    def _mine(self, user: str) -> str:
        found = self._store.user(user)
        return (found.id if found is not None else None) or ""

    def _top(self, place: Place) -> Entry | None:
        segments = place.path.split("/")
        if len(segments) < 3 or not _has_permissions(segments[1]):
            return None
        return self._store.find(f"/{segments[1]}", place.ids[0])

    def _roles_on(self, entry: Entry, mine: str) -> Iterator[Entry]:
        """The roles that somebody has on an entity or on what it is in."""
        template = f"{entry.collection.path}/{{id}}/permissions"
        for each in self._store.collection(f"{entry.path}/permissions", template):
            role = self._role(each) if self._is_for(each, mine) else None
            if role is not None:
                yield role
        for name in ABOVE:
            pointer: Any = settled(entry.value).get(name)
            above = self._store.find(ABOVE[name], identity_of(pointer) or "")
            if above is not None:
                yield from self._roles_on(above, mine)
        for vm in settled(entry.value).get("vms") or ():
            owner = self._store.find("/vms", identity_of(vm) or "")
            if owner is not None and isinstance(entry.value, types.Disk):
                yield from self._roles_on(owner, mine)

    def _is_for(self, permission: Entry, mine: str) -> bool:
        values = settled(permission.value)
        user, group = identity_of(values.get("user")), identity_of(values.get("group"))
        return (user is not None and user == mine) or group == EVERYBODY

    def _role(self, permission: Entry) -> Entry | None:
        role = identity_of(settled(permission.value).get("role"))
        return self._store.find("/roles", role or "")

    def _permits_of(self, role: Entry) -> set[str]:
        found = self._store.collection(f"{role.path}/permits", "/roles/{id}/permits")
        return {settled(permit.value)["name"] for permit in found}


def forbidden() -> Refused:
    """403: the words of the engine."""
    return Refused(403, "[User is not authorized to perform this action.]")


def filtered(value: Struct) -> Struct:
    """An entity without what only administrators see of it."""
    if not isinstance(value, types.Vm):
        return value
    value = copy.copy(value)
    value.host = value.placement_policy = None
    return value


def _has_permissions(segment: str) -> bool:
    collection = SERVICES[ROOT].segments.get(segment)
    item = SERVICES[collection].item if collection else ""
    return bool(item) and "permissions" in SERVICES[item].segments
