"""What virtual machines do: they start, stop, sleep and move, and take their time about it.

Every command checks the state first, answers at once, and leaves the rest to timers: a client
sees the states in between.
"""

from __future__ import annotations

import copy

from trivirt import types
from trivirt.simulator._command import NEXT_RUNS, Command, get, link_to, merged
from trivirt.simulator._refusals import conflict
from trivirt.simulator._store import Entry, identity_of
from trivirt.simulator.behaviours import guests, quotas

Status = types.VmStatus
STARTABLE = (Status.DOWN, Status.SUSPENDED, Status.PAUSED)
RUNNING = (Status.UP, Status.POWERING_UP, Status.REBOOT_IN_PROGRESS, Status.PAUSED)


def start(command: Command) -> None:
    """Down or suspended to up, on the host that was named or is least busy."""
    vm, action = command.entry, command.action
    check_lock(command, vm, "run")
    status = get(vm, "status")
    if status not in STARTABLE:
        raise conflict("Cannot run VM. VM is running.")
    if status is Status.PAUSED:
        command.store.replace(vm, status=Status.UP)
        return
    if status is Status.DOWN:
        quotas.check_cluster(command, vm)
    wanted = action.vm
    policy = None if wanted is None else wanted.placement_policy
    pinned = None if policy is None else policy.hosts
    host = choose_host(command, vm, wanted=pinned[0] if pinned else None)
    command.store.replace(vm, run_once=wanted is not None)
    if status is Status.SUSPENDED:
        launch(command, vm, host, (Status.RESTORING_STATE, Status.UP))
        return
    user = command.asked.user
    command.log(32, f"VM {{vm}} was started by {user}-authz (Host: {{host}}).", vm=vm, host=host)
    if action.pause or get(vm, "start_paused"):
        launch(command, vm, host, (Status.WAIT_FOR_LAUNCH, Status.PAUSED))
        return
    launch(command, vm, host)


def launch(
    command: Command,
    vm: Entry,
    host: Entry,
    chain: tuple[types.VmStatus, ...] = (Status.WAIT_FOR_LAUNCH, Status.POWERING_UP, Status.UP),
) -> None:
    """On a host, through the states on the way."""
    now = command.store.clock.date(command.store.now)
    command.store.replace(vm, start_time=now)
    place(command, vm, host)
    if chain[-1] is Status.PAUSED:
        command.passes(vm, chain, lambda: command.log(39, "VM {vm} was paused", vm=vm))
    else:
        command.passes(vm, chain, lambda: started(command, vm))


def started(command: Command, vm: Entry) -> None:
    """It is up: the guest reports, the display can be reached."""
    host = command.find(get(vm, "host"))
    display = copy.copy(get(vm, "display")) or types.Display(type=types.DisplayType.SPICE)
    display.address = None if host is None else get(host, "address")
    display.port, display.secure_port = 5900, 5901
    display.certificate = None if host is None else get(host, "certificate")
    command.store.replace(vm, display=display)
    for console in command.below(vm, "graphicsconsoles"):
        command.store.replace(console, address=display.address, port=5900, tls_port=5901)
    if command.below(vm, "diskattachments"):
        guests.report(command, vm)
    command.log(153, "VM {vm} started on Host {host}", vm=vm, host=host)


def stop(command: Command) -> None:
    """Whatever it does, it ends."""
    vm = command.entry
    status = get(vm, "status")
    if status is Status.DOWN:
        raise conflict("Cannot stop VM. VM is not running.")
    if status is Status.IMAGE_LOCKED:
        check_lock(command, vm, "stop")
    _end(command, vm, 33, "VM {vm} powered off by " + command.asked.user)


def shut_down(command: Command) -> None:
    """The same, asked for politely."""
    vm = command.entry
    if get(vm, "status") not in RUNNING:
        raise conflict("Cannot shutdown VM. VM is not running.")
    command.log(73, "VM shutdown initiated on VM {vm}", vm=vm, host=command.find(get(vm, "host")))
    _end(command, vm, 61, "VM {vm} is down.")


def _end(command: Command, vm: Entry, code: int, text: str) -> None:
    reason = command.action.reason or ""

    def down() -> None:
        command.log(code, text, vm=vm, host=command.find(get(vm, "host")))
        leave_host(command, vm)
        command.store.replace(vm, stop_reason=reason, run_once=False)
        apply_changes(command, vm)

    command.passes(vm, (Status.POWERING_DOWN, Status.DOWN), down)


def apply_changes(command: Command, vm: Entry) -> None:
    """What was put off while it ran."""
    later = command.store.find(NEXT_RUNS, vm.id)
    if later is not None:
        command.store.put(vm, merged(vm.value, later.value))
        command.store.remove(later)
    if get(vm, "next_run_configuration_exists"):
        command.store.replace(vm, next_run_configuration_exists=False)


def leave_host(command: Command, vm: Entry) -> None:
    """What it had while it ran is gone."""
    now = command.store.clock.date(command.store.now)
    place(command, vm, None)
    command.store.replace(vm, stop_time=now, fqdn=None)
    for device in command.below(vm, "reporteddevices"):
        command.store.remove(device)
    for console in command.below(vm, "graphicsconsoles"):
        command.store.replace(console, address=None, port=None, tls_port=None)


def reboot(command: Command) -> None:
    """Up again after a while; down in between if there are changes to be applied."""
    vm = command.entry
    must_be_up(command, vm, "reboot")
    chain: tuple[types.VmStatus, ...] = (Status.REBOOT_IN_PROGRESS, Status.UP)
    if get(vm, "next_run_configuration_exists"):
        apply_changes(command, vm)
        chain = (Status.POWERING_DOWN, Status.WAIT_FOR_LAUNCH, Status.POWERING_UP, Status.UP)
    command.passes(vm, chain, lambda: command.log(157, "VM {vm} was rebooted", vm=vm))


def suspend(command: Command) -> None:
    """Its memory goes to disk."""
    vm = command.entry
    must_be_up(command, vm, "hibernate")
    command.log(501, "Suspending VM {vm} was initiated by " + command.asked.user, vm=vm)

    def asleep() -> None:
        command.log(503, "VM {vm} on Host {host} is suspended.", vm=vm, host=host)
        leave_host(command, vm)

    host = command.find(get(vm, "host"))
    command.passes(vm, (Status.SAVING_STATE, Status.SUSPENDED), asleep)


def migrate(command: Command) -> None:
    """To the host that was named, or another one of its cluster."""
    vm = command.entry
    must_be_up(command, vm, "migrate")
    source = command.find(get(vm, "host"))
    target = choose_host(command, vm, other=True, wanted=command.action.host)
    command.log(62, "Migration started (VM: {vm}, Source: {host})", vm=vm, host=source)

    def arrived() -> None:
        place(command, vm, target)
        command.log(63, "Migration completed (VM: {vm}, Destination: {host})", vm=vm, host=target)

    command.passes(vm, (Status.MIGRATING, Status.UP), arrived)


def cancel_migration(command: Command) -> None:
    """It stays where it was."""
    vm = command.entry
    if get(vm, "status") is not Status.MIGRATING:
        raise conflict("Cannot cancel migration of VM. VM is not being migrated.")
    command.passes(vm, (Status.UP,))


def must_be_up(command: Command, vm: Entry, verb: str) -> None:
    """Refuse what only a running VM can do."""
    check_lock(command, vm, verb)
    if get(vm, "status") is not Status.UP:
        raise conflict(f"Cannot {verb} VM. VM is not running.")


def must_be_down(command: Command, vm: Entry, verb: str) -> None:
    """Refuse what only a stopped VM can do."""
    check_lock(command, vm, verb)
    if get(vm, "status") is not Status.DOWN:
        raise conflict(f"Cannot {verb}. VM is not down.")


def check_lock(command: Command, vm: Entry, verb: str) -> None:
    """Refuse a second command while one is busy with the VM."""
    status = get(vm, "status")
    name = get(vm, "name")
    if status is Status.IMAGE_LOCKED:
        raise conflict(f"Cannot {verb} VM: VM {name} is locked. Please try again later.")
    if status is Status.MIGRATING:
        raise conflict(f"Cannot {verb} VM. VM is being migrated.")
    command.check_free(vm, f"{verb} VM")


def choose_host(
    command: Command, vm: Entry, *, other: bool = False, wanted: types.Host | None = None
) -> Entry:
    """Where it shall run: refused when no host of its cluster is fit."""
    store = command.store
    verb = "migrate" if other else "run"
    named = command.find(wanted)
    if named is not None:
        _check_host(named, verb, identity_of(get(vm, "host")))
        return named
    cluster, current = identity_of(get(vm, "cluster")), identity_of(get(vm, "host"))
    policy = get(vm, "placement_policy")
    pinned = [command.find(host) for host in (policy.hosts if policy else None) or ()]
    fitting = [
        host
        for host in (pinned or store.collection("/hosts"))
        if host is not None
        and identity_of(get(host, "cluster")) == cluster
        and get(host, "status") is types.HostStatus.UP
        and not (other and host.id == current)
    ]
    if not fitting:
        raise conflict(
            f"Cannot {verb} VM. There is no host that satisfies current scheduling constraints."
        )
    return min(fitting, key=lambda host: len(vms_on(command, host)))


def _check_host(host: Entry, verb: str, current: str | None) -> None:
    if get(host, "status") is not types.HostStatus.UP:
        raise conflict(f"Cannot {verb} VM. Host {get(host, 'name')} is not up.")
    if host.id == current:
        raise conflict(f"Cannot {verb} VM. It runs on that host already.")


def place(command: Command, vm: Entry, host: Entry | None) -> None:
    """Let a VM be on a host, or on none; hosts tell how many they have."""
    before = command.find(get(vm, "host"))
    command.store.replace(vm, host=None if host is None else link_to(host))
    for each in (before, host):
        if each is not None:
            count = len(vms_on(command, each))
            summary = types.VmSummary(active=count, migrating=0, total=count)
            command.store.replace(each, summary=summary)


def vms_on(command: Command, host: Entry) -> list[Entry]:
    """The VMs that a host runs."""
    return command.store.where("/vms", "host", host.id)


ACTIONS = {
    ("VmService", "start"): start,
    ("VmService", "stop"): stop,
    ("VmService", "shutdown"): shut_down,
    ("VmService", "reboot"): reboot,
    ("VmService", "reset"): reboot,
    ("VmService", "suspend"): suspend,
    ("VmService", "migrate"): migrate,
    ("VmService", "cancelmigration"): cancel_migration,
}
