"""What must not be removed because something else stands on it."""

from __future__ import annotations

from trivirt.model import settled
from trivirt.simulator._refusals import conflict
from trivirt.simulator._store import Entry, Store, identity_of

# Who may point to an entity of a collection, and by which attribute.
USERS = {
    "/clusters": (("/vms", "cluster"), ("/hosts", "cluster"), ("/vmpools", "cluster")),
    "/templates": (("/vms", "template"), ("/vmpools", "template")),
    "/hosts": (("/vms", "host"),),
    "/networks": (),
    "/datacenters": (("/clusters", "data_center"), ("/storagedomains", "data_centers")),
    "/macpools": (("/clusters", "mac_pool"), ("/datacenters", "mac_pool")),
    "/instancetypes": (("/vms", "instance_type"), ("/vmpools", "instance_type")),
    "/schedulingpolicies": (("/clusters", "scheduling_policy"),),
    "/cpuprofiles": (("/vms", "cpu_profile"),),
    "/diskprofiles": (("/disks", "disk_profile"),),
}


def check_unused(store: Store, entry: Entry) -> None:
    """Refuse to remove what others refer to, naming the first of them."""
    for path, attribute in USERS.get(entry.collection.path, ()):
        for other in store.collection(path):
            found = settled(other.value).get(attribute)
            for one in found if isinstance(found, list) else (found,):
                if identity_of(one) == entry.id:
                    kind = type(entry.value).__name__
                    name = settled(other.value).get("name", other.id)
                    raise conflict(f"Cannot remove {kind}. It is used by {name}.")
