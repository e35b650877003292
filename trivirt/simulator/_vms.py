"""What virtual machines do: they start, stop and sleep, and take their time about it.

Every command checks the state first, answers at once, and leaves the rest to timers: a client
sees the states in between. Times are seconds of the engine's clock.
"""

from __future__ import annotations

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._durations import Durations
from trivirt.simulator._events import add_event
from trivirt.simulator._front import API, Asked
from trivirt.simulator._refusals import conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry, Store, reference

Status = types.VmStatus


class VmBehaviour:
    """The actions of VMs, and what adding and removing one means."""

    def __init__(self, store: Store, durations: Durations) -> None:
        self._store = store
        self._durations = durations
        self._going_on: dict[str, object] = {}
        self.actions = {
            "start": self.start,
            "stop": self.stop,
            "shutdown": self.shut_down,
            "reboot": self.reboot,
            "reset": self.reboot,
            "suspend": self.suspend,
            "migrate": self.migrate,
        }

    # Actions. Each raises Refused if the state of the VM forbids it.

    def start(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """Down or suspended to up, on the host that is least busy."""
        status = _status(vm)
        if status not in (Status.DOWN, Status.SUSPENDED, Status.PAUSED):
            self._check_lock(vm, "run")
            raise conflict("Cannot run VM. VM is running.")
        if status is Status.PAUSED:
            self._become(vm, Status.UP)
            return
        host = self._choose_host(vm)
        now = self._store.clock.date(self._store.now)
        self._store.replace(vm, host=reference(types.Host, "/hosts", host.id), start_time=now)
        if status is Status.SUSPENDED:
            self._pass(vm, (Status.RESTORING_STATE, Status.UP), 153, "VM {vm} started", asked)
            return
        if action.pause:
            self._pass(vm, (Status.WAIT_FOR_LAUNCH, Status.PAUSED), 39, "VM {vm} paused", asked)
            return
        self._log(32, f"VM {{vm}} was started by {asked.user}-authz (Host: {{host}}).", vm, asked)
        chain = (Status.WAIT_FOR_LAUNCH, Status.POWERING_UP, Status.UP)
        self._pass(vm, chain, 153, "VM {vm} started on Host {host}", asked)

    def stop(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """Whatever it does, it ends."""
        if _status(vm) is Status.DOWN:
            raise conflict("Cannot stop VM. VM is not running.")
        self._check_lock(vm, "stop")
        self._pass(vm, (Status.POWERING_DOWN, Status.DOWN), 33, "VM {vm} powered off", asked)

    def shut_down(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """The same, asked for politely."""
        if _status(vm) not in (Status.UP, Status.POWERING_UP, Status.REBOOT_IN_PROGRESS):
            raise conflict("Cannot shutdown VM. VM is not running.")
        self._log(73, "VM shutdown initiated on VM {vm}", vm, asked)
        self._pass(vm, (Status.POWERING_DOWN, Status.DOWN), 61, "VM {vm} is down.", asked)

    def reboot(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """Up again after a while."""
        self._must_be_up(vm, "reboot")
        chain = (Status.REBOOT_IN_PROGRESS, Status.UP)
        self._pass(vm, chain, 157, "VM {vm} was rebooted", asked)

    def suspend(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """Its memory goes to disk."""
        self._must_be_up(vm, "hibernate")
        self._pass(vm, (Status.SAVING_STATE, Status.SUSPENDED), 503, "VM {vm} suspended", asked)

    def migrate(self, vm: Entry, action: types.Action, asked: Asked) -> None:
        """To the host that was named, or another one of its cluster."""
        self._must_be_up(vm, "migrate")
        target = self._choose_host(vm, other=True, wanted=action.host)
        here = reference(types.Host, "/hosts", target.id)
        self._log(62, "Migration started (VM: {vm}, Source: {host})", vm, asked)
        chain = (Status.MIGRATING, Status.UP)
        text = "Migration completed (VM: {vm}, Destination: {host})"
        self._pass(vm, chain, 63, text, asked, host=here)

    # Adding and removing.

    def prepare_add(self, vm: types.Vm, asked: Asked) -> None:
        """Complete a VM that a client sent, or refuse it."""
        missing = [name for name in ("cluster", "name", "template") if not _set(vm, name)]
        if missing:
            shown = {"cluster": "cluster.id|name", "template": "template.id|name"}
            names = ", ".join(shown.get(name, name) for name in missing)
            raise incomplete("Vm", names, "add")
        if self._store.named("/vms", vm.name or "") is not None:
            raise conflict("Cannot add VM. The VM name is already in use.")
        template = self._resolve(vm, "template", "/templates", "Template")
        self._resolve(vm, "cluster", "/clusters", "Cluster")
        inherited = settled(template.value)
        for name in ("cpu", "memory", "memory_policy", "os", "type", "bios", "display"):
            if settled(vm).get(name) is None and name in inherited:
                setattr(vm, name, inherited[name])
        vm.original_template = vm.template
        vm.creation_time = self._store.clock.date(self._store.now)
        vm.status = Status.IMAGE_LOCKED
        for name, value in _DEFAULTS.items():
            if settled(vm).get(name) is None:
                setattr(vm, name, value)

    def added(self, vm: Entry, asked: Asked) -> None:
        """Its disks are made, then it is down."""
        date = settled(vm.value)["creation_time"]
        active = types.Snapshot(
            id=self._store.new_id(),
            description="Active VM",
            date=date,
            persist_memorystate=False,
            snapshot_status=types.SnapshotStatus.OK,
            snapshot_type=types.SnapshotType.ACTIVE,
            vm=reference(types.Vm, "/vms", vm.id),
        )
        self._store.add(f"{vm.path}/snapshots", active)
        self._log(34, f"VM {{vm}} was created by {asked.user}-authz.", vm, asked)
        chain = (Status.IMAGE_LOCKED, Status.DOWN)
        self._pass(vm, chain, 53, "VM {vm} creation has been completed.", asked)

    def check_remove(self, vm: Entry) -> None:
        """Refuse what must not go."""
        if settled(vm.value).get("delete_protected"):
            raise conflict(
                "Cannot remove VM. Delete protection is enabled. In order to delete, disable"
                " Delete protection first."
            )
        self._check_lock(vm, "remove")
        if _status(vm) is not Status.DOWN:
            raise conflict("Cannot remove VM. VM is running.")

    def remove(self, vm: Entry, asked: Asked) -> None:
        """With its disks, unless only the VM was meant."""
        keep = asked.parameters.get("detach_only", "false").lower() in ("", "true", "1")
        path = f"{vm.path}/diskattachments"
        attached = list(self._store.collection(path, "/vms/{id}/diskattachments"))
        self._log(113, f"VM {{vm}} was removed by {asked.user}-authz.", vm, asked)
        self._store.remove(vm)
        self._going_on.pop(vm.id, None)
        for attachment in attached:
            disk = self._store.find("/disks", attachment.id)
            if disk is not None and not keep:
                self._store.remove(disk)

    # How states pass.

    def _pass(
        self,
        vm: Entry,
        chain: tuple[types.VmStatus, ...],
        code: int,
        text: str,
        asked: Asked,
        host: types.Host | None = None,
    ) -> None:
        """Take the first state now and the others in time; then write the event.

        Another command in between starts a chain of its own and ends this one.
        """
        self._become(vm, chain[0])
        mark = self._going_on[vm.id] = object()

        def go_on() -> None:
            if self._going_on.get(vm.id) is not mark:
                return
            if len(chain) > 2:
                self._pass(vm, chain[1:], code, text, asked, host)
                return
            del self._going_on[vm.id]
            if host is not None:
                self._store.replace(vm, host=host)
            # Before the state, because a VM that is down has no host to name.
            self._log(code, text, vm, asked)
            self._become(vm, chain[1])

        self._store.after(getattr(self._durations, chain[0].value), go_on)

    def _become(self, vm: Entry, status: types.VmStatus) -> None:
        if status is Status.DOWN or status is Status.SUSPENDED:
            now = self._store.clock.date(self._store.now)
            self._store.replace(vm, status=status, host=None, stop_time=now, fqdn=None)
        else:
            self._store.replace(vm, status=status)

    def _log(self, code: int, text: str, vm: Entry, asked: Asked) -> None:
        values = settled(vm.value)
        reached: types.Host | None = values.get("host")
        host = self._store.find("/hosts", reached.id or "") if reached is not None else None
        name = settled(host.value)["name"] if host is not None else ""
        text = text.replace("{vm}", values["name"]).replace("{host}", name)
        user = self._store.user(asked.user)
        add_event(
            self._store,
            code,
            text,
            correlation_id=asked.correlation_id,
            vm=vm,
            host=host,
            user=user,
        )

    # Finding things.

    def _must_be_up(self, vm: Entry, verb: str) -> None:
        self._check_lock(vm, verb)
        if _status(vm) is not Status.UP:
            raise conflict(f"Cannot {verb} VM. VM is not running.")

    def _check_lock(self, vm: Entry, verb: str) -> None:
        if _status(vm) is Status.IMAGE_LOCKED:
            name = settled(vm.value)["name"]
            raise conflict(f"Cannot {verb} VM: VM {name} is locked. Please try again later.")
        if _status(vm) is Status.MIGRATING and verb != "stop":
            raise conflict(f"Cannot {verb} VM. VM is being migrated.")

    def _choose_host(
        self, vm: Entry, *, other: bool = False, wanted: types.Host | None = None
    ) -> Entry:
        values = settled(vm.value)
        if wanted is not None:
            return find_named(self._store, "/hosts", wanted, "Host")
        cluster, current = values["cluster"].id, settled(values.get("host") or vm.value).get("id")
        fitting = [
            host
            for host in self._store.collection("/hosts")
            if settled(host.value)["cluster"].id == cluster
            and settled(host.value)["status"] == types.HostStatus.UP
            and not (other and host.id == current)
        ]
        if not fitting:
            verb = "migrate" if other else "run"
            raise conflict(
                f"Cannot {verb} VM. There is no host that satisfies current scheduling constraints."
            )
        running: dict[str, int] = {}
        for each in self._store.collection("/vms"):
            host = settled(each.value).get("host")
            if host is not None:
                running[host.id] = running.get(host.id, 0) + 1
        return min(fitting, key=lambda host: running.get(host.id, 0))

    def _resolve(self, vm: types.Vm, name: str, path: str, element: str) -> Entry:
        entry = find_named(self._store, path, getattr(vm, name), element)
        cls: type[Struct] = type(entry.value)
        setattr(vm, name, cls(id=entry.id, href=f"{API}{entry.path}"))
        return entry


_DEFAULTS = {
    "description": "",
    "comment": "",
    "delete_protected": False,
    "start_paused": False,
    "stateless": False,
    "run_once": False,
    "next_run_configuration_exists": False,
    "origin": "ovirt",
    "stop_reason": "",
}


def find_named(store: Store, path: str, wanted: Struct, element: str) -> Entry:
    """The entity that a body refers to by id or name; refused when there is none."""
    values = settled(wanted)
    if (identity := values.get("id")) is not None:
        found, how = store.find(path, identity), f"id={identity}"
    else:
        name = values.get("name") or ""
        found, how = store.named(path, name), f"name={name}"
    if found is None:
        raise unknown_related(element, how)
    return found


def _status(vm: Entry) -> types.VmStatus:
    status: types.VmStatus = settled(vm.value)["status"]
    return status


def _set(vm: types.Vm, name: str) -> bool:
    value = settled(vm).get(name)
    if isinstance(value, Struct):
        return bool(settled(value).get("id") or settled(value).get("name"))
    return bool(value)
