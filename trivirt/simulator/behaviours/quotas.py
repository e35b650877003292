"""Quotas: what a data center allows, what of it is used, and what happens beyond.

A data center whose mode is `enabled` refuses what goes beyond a limit and its grace, one whose
mode is `audit` writes a warning, with `disabled` nobody counts. Limits are in GiB; -1 is no limit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of, points_to
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Collection, Entry, Store, identity_of

Mode = types.QuotaModeType
WARNING = types.LogSeverity.WARNING
GIB = 1024**3
STORAGE, CLUSTER = "quotastoragelimits", "quotaclusterlimits"
RUNNING = (
    *(types.VmStatus.UP, types.VmStatus.POWERING_UP, types.VmStatus.WAIT_FOR_LAUNCH),
    *(types.VmStatus.PAUSED, types.VmStatus.MIGRATING, types.VmStatus.REBOOT_IN_PROGRESS),
)
# Codes of events: beyond the grace, the limit, the threshold.
CODES = {STORAGE: (3003, 3004, 3005), CLUSTER: (3000, 3001, 3002)}


def add(command: Command, quota: types.Quota) -> None:
    """For the data center it is added to."""
    if quota.name is None:
        raise incomplete("Quota", "name", "add")
    center = command.owner()
    for other in command.below(center, "quotas"):
        if name_of(other) == quota.name:
            raise conflict("Cannot add Quota. The Quota name is already in use.")
    quota.data_center = link_to(center)
    complete(quota)


def complete(quota: types.Quota) -> types.Quota:
    """With the percentages that the engine takes when nobody says others."""
    for name, value in (
        ("cluster_hard_limit_pct", 20),
        ("cluster_soft_limit_pct", 80),
        ("storage_hard_limit_pct", 20),
        ("storage_soft_limit_pct", 80),
    ):
        if settled(quota).get(name) is None:
            setattr(quota, name, value)
    return quota


def add_limit(command: Command, limit: types.QuotaClusterLimit | types.QuotaStorageLimit) -> None:
    """For one cluster or storage domain, or for all of them; not both."""
    quota = command.owner()
    limit.quota = link_to(quota)
    others = command.below(quota, command.place.path.rpartition("/")[2])
    attribute = "cluster" if isinstance(limit, types.QuotaClusterLimit) else "storage_domain"
    mine = identity_of(settled(limit).get(attribute))
    for other in others:
        theirs = identity_of(get(other, attribute))
        if mine == theirs or mine is None or theirs is None:
            raise conflict("Cannot edit Quota. Limits for all and for single ones exclude another.")


def remove(command: Command) -> None:
    """Not the one that every data center has, nor one that is used."""
    quota = command.entry
    if name_of(quota) == "Default":
        raise conflict("Cannot remove Quota. The default quota cannot be removed.")
    for path in ("/disks", "/vms"):
        for each in command.store.collection(path):
            if points_to(get(each, "quota"), quota):
                raise conflict(f"Cannot remove Quota. It is used by {name_of(each)}.")
    command.store.remove(quota)


# Checking.


def check_storage(
    command: Command, wanted: types.Quota | None, domain: Entry, size: int, before: int = 0
) -> None:
    """Refuse, or warn, when a disk of this size on a storage domain is beyond the quota.

    `before` is what the disk has of it already.
    """
    for pointer in get(domain, "data_centers") or ():
        center = command.find(pointer)
        quota = _counted(command, center, wanted)
        if quota is None:
            continue
        limit = _limit_for(command, quota, STORAGE, "storage_domain", domain)
        if limit is not None:
            used = _stored(command.store, quota.id, _scope(limit, "storage_domain"))
            allowed = get(limit, "limit")
            after = used + (size - before) / GIB
            _judge(command, center, quota, STORAGE, after, -1 if allowed is None else allowed)


def check_cluster(command: Command, vm: Entry) -> None:
    """Refuse, or warn, when a VM that starts takes more processors or memory than the quota has."""
    cluster = command.find(get(vm, "cluster"))
    center = None if cluster is None else command.find(get(cluster, "data_center"))
    quota = _counted(command, center, get(vm, "quota"))
    if quota is None or cluster is None:
        return
    limit = _limit_for(command, quota, CLUSTER, "cluster", cluster)
    if limit is None:
        return
    processors, memory = _running(command.store, quota.id, _scope(limit, "cluster"))
    for used, more, allowed in (
        (processors, _processors(vm), get(limit, "vcpu_limit")),
        (memory, (get(vm, "memory") or 0) / GIB, get(limit, "memory_limit")),
    ):
        _judge(command, center, quota, CLUSTER, used + more, -1 if allowed is None else allowed)


def _counted(command: Command, center: Entry | None, wanted: types.Quota | None) -> Entry | None:
    """The quota that something counts for; None when nobody counts."""
    if center is None or get(center, "quota_mode") in (None, Mode.DISABLED):
        return None
    quotas = command.below(center, "quotas")
    identity = identity_of(wanted)
    if identity is None:
        return next((each for each in quotas if name_of(each) == "Default"), None)
    found = next((each for each in quotas if each.id == identity), None)
    if found is None and get(center, "quota_mode") is Mode.ENABLED:
        raise conflict("Cannot consume Quota. The quota is not valid in this data center.")
    return found


def _limit_for(
    command: Command, quota: Entry, kind: str, attribute: str, owner: Entry
) -> Entry | None:
    limits = command.below(quota, kind)
    for limit in limits:
        if identity_of(get(limit, attribute)) in (None, owner.id):
            return limit
    if name_of(quota) != "Default":
        center = command.find(get(quota, "data_center"))
        if center is not None and get(center, "quota_mode") is Mode.ENABLED:
            what = name_of(owner)
            raise conflict(f"Cannot consume Quota {name_of(quota)}. It has no limit for {what}.")
    return None


def _judge(
    command: Command, center: Entry | None, quota: Entry, kind: str, used: float, limit: float
) -> None:
    if limit < 0 or center is None:
        return
    part = kind.removeprefix("quota").removesuffix("limits")  # storage, cluster
    grace = limit * (100 + get(quota, f"{part}_hard_limit_pct")) / 100
    threshold = limit * get(quota, f"{part}_soft_limit_pct") / 100
    beyond, over, near = CODES[kind]
    if used > grace:
        _warn(command, beyond, f"the {part} quota and its grace", quota, center)
        if get(center, "quota_mode") is Mode.ENABLED:
            raise conflict(
                f"Cannot consume Quota {name_of(quota)}. "
                f"The {part} quota limit of {limit:g} was exceeded."
            )
    elif used > limit:
        _warn(command, over, f"the {part} quota", quota, center)
    elif used > threshold:
        _warn(command, near, f"the threshold of the {part} quota", quota, center)


def _warn(command: Command, code: int, what: str, quota: Entry, center: Entry) -> None:
    text = f"{{quota}}: user {command.asked.user}-authz has exceeded {what}."
    command.log(code, f"Quota {text}", severity=WARNING, quota=quota, data_center=center)


# Counting.


def _scope(limit: Entry, attribute: str) -> str | None:
    """The one that a limit is for; None for all."""
    return identity_of(get(limit, attribute))


def _stored(store: Store, quota: str, domain: str | None) -> float:
    total = 0
    for disk in store.collection("/disks"):
        on = {identity_of(one) for one in get(disk, "storage_domains") or ()}
        if identity_of(get(disk, "quota")) == quota and (domain is None or domain in on):
            total += get(disk, "provisioned_size") or 0
    return total / GIB


def _running(store: Store, quota: str, cluster: str | None) -> tuple[int, float]:
    processors, memory = 0, 0
    for vm in store.collection("/vms"):
        if identity_of(get(vm, "quota")) != quota or get(vm, "status") not in RUNNING:
            continue
        if cluster in (None, identity_of(get(vm, "cluster"))):
            processors += _processors(vm)
            memory += get(vm, "memory") or 0
    return processors, memory / GIB


def _processors(vm: Entry) -> int:
    cpu = get(vm, "cpu")
    topology = None if cpu is None else cpu.topology
    if topology is None:
        return 1
    return (topology.cores or 1) * (topology.sockets or 1) * (topology.threads or 1)


def storage_limits(store: Store, path: str, owner: str) -> Iterable[Entry]:
    """The limits of a quota with what is used of them now."""
    for limit, here in _limits(store, path):
        used = _stored(store, owner, _scope(limit, "storage_domain"))
        yield _shown(limit, here, usage=used)


def cluster_limits(store: Store, path: str, owner: str) -> Iterable[Entry]:
    """The same for clusters."""
    for limit, here in _limits(store, path):
        processors, memory = _running(store, owner, _scope(limit, "cluster"))
        yield _shown(limit, here, vcpu_usage=processors, memory_usage=memory)


def _limits(store: Store, path: str) -> Iterator[tuple[Entry, Collection]]:
    here = Collection(path)
    for limit in list(store.collection(path)):
        yield limit, here


def _shown(limit: Entry, here: Collection, **usage: float) -> Entry:
    value = copy.copy(limit.value)
    for name, used in usage.items():
        setattr(value, name, used)
    return Entry(here, limit.id, value)


ADDING = {
    "QuotaClusterLimitsService": add_limit,
    "QuotaStorageLimitsService": add_limit,
    "QuotasService": add,
}
REMOVING = {"QuotaService": remove}
