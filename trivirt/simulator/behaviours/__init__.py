"""What single types do beyond what all types have in common.

Each module has tables of functions by the name of a service: `ACTIONS` by service and action,
`ADDING` by that of a collection, `UPDATING` and `REMOVING` by that of an entity. Every function
is given the `Command`; those that add or change also what the body says. One that adds may
return the entity it made; when it returns None the value is stored as it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from trivirt.simulator.behaviours import (
    backups,
    devices,
    disks,
    gluster,
    host_networks,
    hosts,
    labels,
    log,
    luns,
    networks,
    nics,
    people,
    pools,
    providers,
    quotas,
    snapshots,
    storage_domains,
    templates,
    transfers,
    vm_making,
    vm_power,
)

MODULES: tuple[ModuleType, ...] = (
    *(backups, devices, disks, gluster, host_networks, hosts, labels, log, luns, networks, nics),
    *(people, pools, providers, quotas),
    *(snapshots, storage_domains, templates, transfers, vm_making, vm_power),
)


def _table(name: str) -> Mapping[Any, Callable[..., Any]]:
    merged: dict[Any, Callable[..., Any]] = {}
    for module in MODULES:
        own = getattr(module, name, {})
        both = merged.keys() & own.keys()
        assert not both, f"{module.__name__} repeats {both}"
        merged.update(own)
    return merged


ACTIONS = _table("ACTIONS")
ADDING = _table("ADDING")
UPDATING = _table("UPDATING")
REMOVING = _table("REMOVING")
