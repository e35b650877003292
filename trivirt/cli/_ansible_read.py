"""Reading from an engine what Ansible is told of its machines.

Names of hosts, clusters and templates come from one list of each, affinity from the groups and
labels, so that it takes three requests a machine and some tens for the engine. (The plugin of
ovirt.ovirt takes eight a machine and more, one after the other.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from trivirt.cli._ansible_hosts import Host, Names, host_name, inventory_of, variables_of
from trivirt.errors import ResponseError

if TYPE_CHECKING:
    from trivirt.engine import Engine
    from trivirt.types import Vm

__all__ = ["read_host", "read_inventory"]

T = TypeVar("T")

# Machines at a time, each with its requests one after the other.
_CREW = 64


async def read_inventory(engine: Engine) -> dict[str, Any]:
    """The answer to `--list`."""
    vms = await engine.vms.list()
    names = await _read_names(engine)
    hosts: dict[int, Host] = {}

    async def read(item: tuple[int, Vm]) -> None:
        index, vm = item
        hosts[index] = await _read_below(engine, vm)

    await _each(enumerate(vms), read)
    return inventory_of((hosts[index] for index in range(len(vms))), names)


async def read_host(engine: Engine, name: str) -> dict[str, Any]:
    """The answer to `--host`: the variables of one host; none where there is no such host."""
    found = [vm for vm in await engine.vms.list() if host_name(vm) == name]
    if not found:
        return {}
    host = await _read_below(engine, found[-1])
    return variables_of(host, await _read_names(engine))


async def _read_below(engine: Engine, vm: Vm) -> Host:
    place = engine.vms.vm(vm.id)
    tags = await _or_none(place.tags.list())
    statistics = await _or_none(place.statistics.list())
    devices = await _or_none(place.reported_devices.list())
    return Host(vm, [tag.name for tag in tags if tag.name], statistics, devices)


async def _read_names(engine: Engine) -> Names:
    clusters = await engine.clusters.list()
    labels = await _or_none(engine.affinity_labels.list())
    groups: dict[str, list[str]] = {}
    labelled: dict[str, list[str]] = {}
    for cluster in clusters:
        place = engine.clusters.cluster(cluster.id).affinity_groups
        for group in await _or_none(place.list()):
            _add(groups, group.name, await _or_none(place.group(group.id).vms.list()))
    for label in labels:
        vms = engine.affinity_labels.label(label.id).vms
        _add(labelled, label.name, await _or_none(vms.list()))
    hosts, templates = await engine.hosts.list(), await engine.templates.list()
    return Names(_by_id(clusters), _by_id(hosts), _by_id(templates), groups, labelled)


def _add(table: dict[str, list[str]], name: str | None, vms: Iterable[Vm]) -> None:
    for vm in vms:
        if name and vm.id:
            table.setdefault(vm.id, []).append(name)


def _by_id(objects: Iterable[Any]) -> dict[str, str | None]:
    return {one.id: one.name for one in objects}


async def _or_none(answer: Awaitable[Iterable[T]]) -> list[T]:
    """A list; an empty one where the engine has none, or the object has vanished meanwhile."""
    try:
        return list(await answer)
    except ResponseError as error:
        if not error.absent:
            raise
        return []


async def _each(items: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do something for all items, with a crew that shares them."""
    left = iter(items)

    async def work() -> None:
        for item in left:
            await do(item)

    async with trio.open_nursery() as nursery:
        for _ in range(_CREW):
            nursery.start_soon(work)
