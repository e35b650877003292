"""What Ansible is told of virtual machines: host variables and groups, as ovirt.ovirt has them.

Pure. The names and values of the variables, and the groups that its `keyed_groups` give for
cluster, status, tags, affinity groups and affinity labels, were found by running the inventory
plugin of the collection ovirt.ovirt 3.2 on a simulated engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivirt.types import ReportedDevice, Statistic, Vm

__all__ = ["Host", "Names", "host_name", "inventory_of", "variables_of"]

# Variables whose values make groups, with the beginning of the group's name.
_GROUPS = {
    "cluster": "cluster",
    "status": "status",
    "tags": "tag",
    "affinity_groups": "affinity_group",
    "affinity_labels": "affinity_label",
}


# How Ansible writes in JSON that a text is no template, and reads it from scripts (2.6 on).
_UNSAFE = "__ansible_unsafe"


@dataclass(frozen=True)
class Names:
    """Names by id of what machines refer to; names of affinity groups and labels by machine."""

    clusters: Mapping[str, str | None]
    hosts: Mapping[str, str | None]
    templates: Mapping[str, str | None]
    affinity_groups: Mapping[str, list[str]]
    affinity_labels: Mapping[str, list[str]]


@dataclass(frozen=True)
class Host:
    """A machine, and what was read below it."""

    vm: Vm
    tags: list[str] = field(default_factory=list)
    statistics: Sequence[Statistic] = ()
    devices: Sequence[ReportedDevice] = ()


def host_name(vm: Vm) -> str | None:
    """What Ansible calls a machine: its FQDN, or its name where no guest agent tells one."""
    return vm.fqdn or vm.name


def inventory_of(hosts: Iterable[Host], names: Names) -> dict[str, Any]:
    """The answer to `--list`: groups with their hosts, and all variables in `_meta`."""
    variables: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {}
    for host in hosts:
        name = host_name(host.vm)
        if name is None:
            continue
        # Of two machines with one name the later counts, but stays in the groups of both.
        variables[name] = variables_of(host, names)
        for group in _groups(_values(host, names)):
            members = groups.setdefault(group, [])
            if name not in members:
                members.append(name)
    return {
        "_meta": {"hostvars": variables},
        "all": {"children": ["ungrouped", *groups]},
        "ungrouped": {"hosts": list(variables)},
        **{group: {"hosts": members} for group, members in groups.items()},
    }


def variables_of(host: Host, names: Names) -> dict[str, Any]:
    """The variables of one host, whose texts are marked as no templates.

    Whoever may change a machine's description could else run what they like where Ansible runs:
    it takes what scripts say for templates.
    """
    return {name: _unsafe(value) for name, value in _values(host, names).items()}


def _unsafe(value: Any) -> Any:
    if isinstance(value, str):
        return {_UNSAFE: value}
    if isinstance(value, list):
        return [_unsafe(one) for one in value]
    if isinstance(value, dict):
        return {name: _unsafe(one) for name, one in value.items()}
    return value


def _values(host: Host, names: Names) -> dict[str, Any]:
    vm, created = host.vm, host.vm.creation_time
    identity = vm.id or ""
    return {
        "id": vm.id,
        "name": vm.name,
        "host": _named(names.hosts, vm.host),
        "cluster": _named(names.clusters, vm.cluster),
        "status": None if vm.status is None else vm.status.value,
        "description": vm.description,
        "fqdn": vm.fqdn,
        "os": None if vm.os is None else vm.os.type,
        "template": _named(names.templates, vm.template),
        "creation_time": None if created is None else str(created),
        "creation_time_timestamp": None if created is None else created.timestamp(),
        "tags": host.tags,
        "affinity_labels": names.affinity_labels.get(identity, []),
        "affinity_groups": names.affinity_groups.get(identity, []),
        "statistics": {one.name: _datum(one) for one in host.statistics if one.name},
        "devices": {one.name: _addresses(one) for one in host.devices if one.name},
    }


def _named(names: Mapping[str, str | None], reference: Any) -> str | None:
    return None if reference is None else names.get(reference.id)


def _datum(statistic: Statistic) -> float | None:
    return statistic.values[0].datum if statistic.values else None


def _addresses(device: ReportedDevice) -> list[str | None]:
    return [ip.address for ip in device.ips or ()]


def _groups(variables: Mapping[str, Any]) -> Iterable[str]:
    for variable, prefix in _GROUPS.items():
        value = variables[variable]
        for one in value if isinstance(value, list) else [value]:
            if one:
                # What Ansible does to names that could not be those of variables.
                yield re.sub(r"\W", "_", f"{prefix}_{one}")
