"""Hosts: installed, sent to maintenance and back, upgraded, fenced."""

from __future__ import annotations

from typing import Any

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import vm_power

Status = types.HostStatus
STOPPABLE = (Status.UP, Status.NON_OPERATIONAL, Status.NON_RESPONSIVE, Status.ERROR,
             Status.INSTALL_FAILED)  # fmt: skip


def add(command: Command, host: types.Host) -> Entry:
    """Installed, started, and up after a while."""
    for name in ("address",):
        if settled(host).get(name) is None:
            raise incomplete("Host", f"{name}", "add")
    if host.cluster is None:
        cluster = command.store.named("/clusters", "Default")
        host.cluster = None if cluster is None else link_to(cluster)
    host.root_password = None
    host.ssh = types.Ssh(port=22)
    model = next(iter(command.store.collection("/hosts")), None)
    known = settled(model.value) if model is not None else {}
    for name in ("cpu", "memory", "os", "version", "libvirt_version", "type", "ksm", "se_linux"):
        if settled(host).get(name) is None and name in known:
            setattr(host, name, known[name])
    for name, value in DEFAULTS.items():
        if settled(host).get(name) is None:
            setattr(host, name, value)
    host.status = Status.INSTALLING
    entry = command.put(host)
    command.log(42, "Host {host} was added by " + command.asked.user, host=entry)
    wants_up = "activate" not in command.asked.parameters or command.flag("activate")
    _install(command, entry, activate=wants_up)
    return entry


DEFAULTS: dict[str, Any] = {
    "comment": "",
    "description": "",
    "external_status": types.ExternalStatus.OK,
    "kdump_status": types.KdumpStatus.DISABLED,
    "max_scheduling_memory": 128 * 1024**3,
    "memory": 128 * 1024**3,
    "port": 54321,
    "protocol": types.HostProtocol.STOMP,
    "spm": types.Spm(priority=5, status=types.SpmStatus.NONE),
    "summary": types.VmSummary(active=0, migrating=0, total=0),
    "type": types.HostType.RHEL,
    "update_available": False,
}


def _install(command: Command, host: Entry, *, activate: bool) -> None:
    last = (Status.INITIALIZING, Status.UP) if activate else (Status.MAINTENANCE,)

    def installed() -> None:
        command.log(13, "Status of host {host} was set to Up.", host=host)

    command.passes(host, (Status.INSTALLING, *last), installed if activate else None)


def update(command: Command, changes: types.Host) -> None:
    """The cluster can change in maintenance only."""
    cluster = changes.cluster
    if cluster is not None and cluster.id != get(command.entry, "cluster").id:
        _must_rest(command.entry, "edit Host")
    changes.root_password = changes.status = None


def remove(command: Command) -> None:
    """Only from maintenance."""
    _must_rest(command.entry, "remove Host")
    command.log(46, "Host {host} was removed by " + command.asked.user, host=command.entry)
    for below in command.store.paths("/", "/hosts"):
        member = command.store.find(below, command.entry.id)
        if member is not None and below != "/hosts":
            command.store.remove(member)
    command.store.remove(command.entry)


def _must_rest(host: Entry, what: str) -> None:
    resting = (Status.MAINTENANCE, Status.DOWN, Status.INSTALL_FAILED, Status.PENDING_APPROVAL)
    if get(host, "status") not in resting:
        raise conflict(f"Cannot {what}. Host is not in maintenance mode.")


def deactivate(command: Command) -> None:
    """Its VMs leave first."""
    host = command.entry
    status = get(host, "status")
    if status in (Status.MAINTENANCE, Status.PREPARING_FOR_MAINTENANCE):
        raise conflict("Cannot switch Host to Maintenance mode. Host is already in Maintenance.")
    if status not in STOPPABLE:
        raise conflict("Cannot switch Host to Maintenance mode. Host is not operational.")
    running = vm_power.vms_on(command, host)
    targets = {vm.id: vm_power.choose_host(command, vm, other=True) for vm in running}
    command.log(600, "Host {host} is preparing for maintenance.", host=host)
    for vm in running:
        _send_away(command, vm, targets[vm.id])

    def rests() -> None:
        command.log(15, "Host {host} was switched to Maintenance Mode.", host=host)

    lasting = command.durations.preparing_for_maintenance
    if running:
        lasting = max(lasting, command.durations.migrating)
    command.passes(
        host, (Status.PREPARING_FOR_MAINTENANCE, Status.MAINTENANCE), rests, lasting=lasting
    )


def _send_away(command: Command, vm: Entry, target: Entry) -> None:
    state = vm_power.Status
    if get(vm, "status") is not state.UP:
        return
    chain = (state.MIGRATING, state.UP)
    command.passes(vm, chain, lambda: vm_power.place(command, vm, target))


def activate(command: Command) -> None:
    """Up again."""
    host = command.entry
    if get(host, "status") is Status.UP:
        raise conflict("Cannot activate Host. Host is already up.")
    rise(command, host)


def rise(command: Command, host: Entry) -> None:
    """Through the states before up."""

    def up() -> None:
        command.log(16, "Activation of host {host} initiated by " + command.asked.user, host=host)

    command.passes(host, (Status.UNASSIGNED, Status.INITIALIZING, Status.UP), up)


def approve(command: Command) -> None:
    """A host that registered itself is installed."""
    if get(command.entry, "status") is not Status.PENDING_APPROVAL:
        raise conflict("Cannot approve Host. Host is not in Pending Approval.")
    _install(command, command.entry, activate=True)


def install(command: Command) -> None:
    """Once more, from maintenance."""
    _must_rest(command.entry, "install Host")
    wanted = command.action
    _install(command, command.entry, activate=wanted.activate is not False)


def check_for_upgrade(command: Command) -> None:
    """Tells by an event whether there is something new."""
    host = command.entry
    command.log(884, "Started to check for available updates on host {host}.", host=host)

    def checked() -> None:
        text = "Check for available updates on host {host} was completed successfully."
        command.log(885, text, host=host)

    command.after(command.durations.checking, checked)


def upgrade(command: Command) -> None:
    """To maintenance, installed, rebooted, and back to what it was."""
    host = command.entry
    before = get(host, "status")
    if not get(host, "update_available"):
        raise conflict("Cannot upgrade Host. There are no available updates for the host.")
    running = vm_power.vms_on(command, host)
    for vm in running:
        _send_away(command, vm, vm_power.choose_host(command, vm, other=True))
    command.log(840, "Host {host} upgrade was started.", host=host)
    last = (Status.INITIALIZING, Status.UP) if before is Status.UP else (Status.MAINTENANCE,)

    def upgraded() -> None:
        command.store.replace(host, update_available=False)
        command.log(842, "Host {host} upgrade was completed successfully.", host=host)

    reboots = (Status.REBOOT,) if command.action.reboot is not False else ()
    chain = (Status.PREPARING_FOR_MAINTENANCE, Status.INSTALLING, *reboots, *last)
    lasting = command.durations.migrating if running else None
    command.passes(host, chain, upgraded, lasting=lasting)


def fence(command: Command) -> dict[str, Any] | None:
    """By its power management: status, stop, start, restart; or by hand."""
    host, kind = command.entry, (command.action.fence_type or "").lower()
    if not kind:
        raise incomplete("Action", "fenceType", "fence")
    power = get(host, "power_management")
    enabled = bool(power is not None and power.enabled)
    if kind == "manual":
        for vm in vm_power.vms_on(command, host):
            vm_power.leave_host(command, vm)
            command.store.replace(vm, status=vm_power.Status.DOWN)
        return None
    if not enabled:
        raise conflict("Cannot execute fence operation. Power management is disabled.")
    if kind == "status":
        on = get(host, "status") is not Status.DOWN
        status = types.PowerManagementStatus.ON if on else types.PowerManagementStatus.OFF
        return {"power_management": types.PowerManagement(status=status)}
    if kind == "stop":
        _must_rest(host, "stop Host")
        command.passes(host, (Status.REBOOT, Status.DOWN))
    elif kind in ("start", "restart"):
        command.passes(host, (Status.REBOOT, Status.INITIALIZING, Status.UP))
    return None


def become_spm(command: Command) -> None:
    """The storage pool manager; the one before is none any more."""
    for other in command.store.collection("/hosts"):
        spm = get(other, "spm")
        if spm is not None and spm.status is types.SpmStatus.SPM:
            changed = types.Spm(priority=spm.priority, status=types.SpmStatus.NONE)
            command.store.replace(other, spm=changed)
    command.store.replace(command.entry, spm=types.Spm(priority=5, status=types.SpmStatus.SPM))


def add_agent(command: Command, agent: types.Agent) -> None:
    """A way to reach its power button."""
    for name in ("address", "type", "username", "password", "order"):
        if settled(agent).get(name) is None:
            raise incomplete("Agent", name, "add")
    agent.password = None
    agent.host = link_to(command.owner())
    if agent.encrypt_options is None:
        agent.encrypt_options = False


def update_agent(command: Command, changes: types.Agent) -> None:
    """The password is not shown."""
    changes.password = None


ACTIONS = {
    ("HostService", "activate"): activate,
    ("HostService", "approve"): approve,
    ("HostService", "deactivate"): deactivate,
    ("HostService", "fence"): fence,
    ("HostService", "forceselectspm"): become_spm,
    ("HostService", "install"): install,
    ("HostService", "upgrade"): upgrade,
    ("HostService", "upgradecheck"): check_for_upgrade,
}
ADDING = {"HostsService": add, "FenceAgentsService": add_agent}
UPDATING = {"HostService": update, "FenceAgentService": update_agent}
REMOVING = {"HostService": remove}
