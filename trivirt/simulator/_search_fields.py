"""What can be searched for: fields by type, and how types are named in `OTHER.field`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trivirt import types
from trivirt.model import Struct

# Searched fields that are not an attribute of that name. A path walks attributes and lists; one
# that begins with `@` starts at a sub-collection, one that begins with `#` is worked out: `#note`
# is what the store knows besides, `#uptime` counts seconds.
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
        "cpu_usage": "#cpu_usage",
        "uptime": "#uptime",
        "created_by_user_id": "#note",
        "next_run_config_exists": "next_run_configuration_exists",
    },
    "Host": {
        "cluster": "cluster.name",
        "datacenter": "cluster.data_center.name",
        "tag": "@tags.name",
        "architecture": "cpu.architecture",
        "hw_id": "hardware_information.uuid",
    },
    "Cluster": {"datacenter": "data_center.name"},
    "Disk": {
        "disk_type": "storage_type",
        "disk_content_type": "content_type",
        "size": "provisioned_size",
        "storage": "storage_domains.name",
        "vm_names": "vms.name",
    },
    "Template": {"cluster": "cluster.name", "datacenter": "cluster.data_center.name"},
    "StorageDomain": {
        "datacenter": "data_centers.name",
        "free_size": "available",
        "used_size": "used",
        "total_size": "#total_size",
    },
    "Network": {"datacenter": "data_center.name"},
    "Job": {"correlation_id": "#note"},
    "User": {"usrname": "user_name", "directory": "domain.name", "tag": "@tags.name"},
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

# Other types that are reached through a collection below an entity.
BESIDE = {
    ("Vm", "User"): "permissions.user",
    ("Vm", "Network"): "nics.vnic_profile.network",
    ("Vm", "StorageDomain"): "disk_attachments.disk.storage_domains",
    ("Template", "StorageDomain"): "disk_attachments.disk.storage_domains",
    ("Template", "User"): "permissions.user",
    ("Host", "User"): "permissions.user",
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
    "CpuProfile": "/cpuprofiles",
    "DiskProfile": "/diskprofiles",
    "InstanceType": "/instancetypes",
    "MacPool": "/macpools",
    "SchedulingPolicy": "/schedulingpolicies",
    "VmPool": "/vmpools",
}
