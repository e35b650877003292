"""What can be searched for: fields by type, and how types are named in `OTHER.field`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trivirt import types
from trivirt.model import Struct

# Searched fields that are not an attribute of that name. A path walks attributes and lists; one
# that begins with `@` starts at a sub-collection, `#note` is what the store knows besides.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Vm": {
        "datacenter": "cluster.data_center.name",
        "fqdn": "fqdn",
        "host": "host.name",
        "cluster": "cluster.name",
        "pool": "vm_pool.name",
        "template": "template.name",
        "os": "os.type",
        "tag": "@tags.name",
        "ip": "@reported_devices.ips.address",
        "architecture": "cpu.architecture",
    },
    "Host": {"cluster": "cluster.name", "datacenter": "cluster.data_center.name"},
    "Cluster": {"datacenter": "data_center.name"},
    "Disk": {
        "disk_type": "storage_type",
        "disk_content_type": "content_type",
        "size": "provisioned_size",
        "storage": "storage_domains.name",
    },
    "Template": {"cluster": "cluster.name", "datacenter": "cluster.data_center.name"},
    "StorageDomain": {
        "datacenter": "data_centers.name",
        "free_size": "available",
        "used_size": "used",
    },
    "Network": {"datacenter": "data_center.name"},
    "Job": {"correlation_id": "#note"},
    "User": {"usrname": "user_name", "directory": "domain.name"},
    "Event": {
        "type": "code",
        "message": "description",
        "usrname": "user.name",
        "event_host": "host.name",
        "event_vm": "vm.name",
        "event_template": "template.name",
        "event_storage": "storage_domain.name",
        "event_datacenter": "data_center.name",
        "event_cluster": "cluster.name",
        "custom_event_id": "custom_id",
    },
}

# How other types are named in `OTHER.field`, and where their entities are.
OTHERS = {
    "vm": "/vms",
    "host": "/hosts",
    "cluster": "/clusters",
    "datacenter": "/datacenters",
    "template": "/templates",
    "storage": "/storagedomains",
    "storagedomain": "/storagedomains",
    "network": "/networks",
    "disk": "/disks",
    "user": "/users",
    "event": "/events",
}

CLASSES: Mapping[str, Callable[[], type[Struct]]] = {
    "/vms": lambda: types.Vm,
    "/hosts": lambda: types.Host,
    "/clusters": lambda: types.Cluster,
    "/datacenters": lambda: types.DataCenter,
    "/templates": lambda: types.Template,
    "/storagedomains": lambda: types.StorageDomain,
    "/networks": lambda: types.Network,
    "/disks": lambda: types.Disk,
    "/users": lambda: types.User,
    "/events": lambda: types.Event,
}

# The attributes that a reference to such an entity has.
HOMES = {
    "Vm": "/vms",
    "Host": "/hosts",
    "Cluster": "/clusters",
    "DataCenter": "/datacenters",
    "Template": "/templates",
    "StorageDomain": "/storagedomains",
    "Network": "/networks",
    "Disk": "/disks",
    "User": "/users",
    "Group": "/groups",
    "Role": "/roles",
    "Tag": "/tags",
    "VnicProfile": "/vnicprofiles",
}
