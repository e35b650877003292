"""Pools of equal VMs: filled, grown, lent out and emptied."""

from __future__ import annotations

import contextlib
from typing import Any

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of, points_to
from trivirt.simulator._refusals import Refused, conflict, incomplete
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import vm_making, vm_power

LARGEST = 1000  # MaxVmsInPool

DEFAULTS = {
    "auto_storage_select": False,
    "comment": "",
    "description": "",
    "max_user_vms": 1,
    "prestarted_vms": 0,
    "size": 1,
    "stateful": False,
    "type": types.VmPoolType.AUTOMATIC,
    "use_latest_template_version": False,
}


def add(command: Command, pool: types.VmPool) -> Entry:
    """With as many VMs as it says."""
    for name in ("cluster", "template"):
        if settled(pool).get(name) is None:
            raise incomplete("VmPool", f"{name}.id|name", "add")
    for name, value in DEFAULTS.items():
        if settled(pool).get(name) is None:
            setattr(pool, name, value)
    _check_size(pool.size or 0)
    entry = command.put(pool)
    _fill(command, entry, pool.size or 0)
    return entry


def _check_size(size: int) -> None:
    if not 0 <= size <= LARGEST:
        raise conflict(f"Cannot add VM-Pool. A VM-Pool has between 0 and {LARGEST} VMs.")


def _fill(command: Command, pool: Entry, size: int) -> None:
    have = len(members(command, pool))
    for number in range(have + 1, size + 1):
        name = name_of(pool)
        name = name.replace("?", str(number)) if "?" in name else f"{name}-{number}"
        vm = types.Vm(
            name=name,
            cluster=get(pool, "cluster"),
            template=get(pool, "template"),
            stateless=not get(pool, "stateful"),
        )
        made = vm_making.add(command, vm)
        pointer = link_to(pool)
        pointer.name = name_of(pool)
        command.store.replace(made, vm_pool=pointer)
    if get(pool, "prestarted_vms"):
        _prestart(command, pool)


def _prestart(command: Command, pool: Entry) -> None:
    """Once its VMs are made, as many are started as shall wait for users."""

    def start() -> None:
        wanted = get(pool, "prestarted_vms") or 0
        down = vm_power.Status.DOWN
        mine = members(command, pool)
        running = sum(get(vm, "status") is not down for vm in mine)
        for vm in [vm for vm in mine if get(vm, "status") is down][: max(0, wanted - running)]:
            with contextlib.suppress(Refused):  # no host is fit: it is tried again never
                vm_power.launch(command, vm, vm_power.choose_host(command, vm))

    durations = command.durations
    command.after(max(durations.copying, durations.image_locked) + 1.0, start)


def members(command: Command, pool: Entry) -> list[Entry]:
    """Its VMs."""
    return [e for e in command.store.collection("/vms") if points_to(get(e, "vm_pool"), pool)]


def update(command: Command, changes: types.VmPool) -> None:
    """It can grow, and have more VMs wait for users."""
    if (changes.prestarted_vms or 0) > (get(command.entry, "prestarted_vms") or 0):
        _prestart(command, command.entry)
    if changes.size is None:
        return
    if changes.size < len(members(command, command.entry)):
        raise conflict("Cannot edit VM-Pool. The size of a VM-Pool cannot be decreased.")
    _check_size(changes.size)
    _fill(command, command.entry, changes.size)


def remove(command: Command) -> None:
    """With its VMs; they are stopped first."""
    pool = command.entry
    for vm in members(command, pool):
        if get(vm, "status") not in (vm_power.Status.DOWN, vm_power.Status.IMAGE_LOCKED):
            vm_power.leave_host(command, vm)
            command.store.replace(vm, status=vm_power.Status.DOWN)
        vm_making.drop(command, vm)
    command.store.remove(pool)


def allocate(command: Command) -> dict[str, Any]:
    """A free VM of the pool, started."""
    for vm in members(command, command.entry):
        if get(vm, "status") is vm_power.Status.DOWN:
            vm_power.launch(command, vm, vm_power.choose_host(command, vm))
            return {"vm": link_to(vm)}
    raise conflict("Cannot allocate VM from VM-Pool. No VM is free.")


ACTIONS = {("VmPoolService", "allocatevm"): allocate}
ADDING = {"VmPoolsService": add}
UPDATING = {"VmPoolService": update}
REMOVING = {"VmPoolService": remove}
