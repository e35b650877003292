"""What happens to an engine by itself: crashes, losses, and others who change things.

    engine.script.vm_crashes("web-1", after=5)
    engine.script.host_is_lost("host-2")
    engine.script.changes("/disks/d1", after=3, status="illegal")

Times are seconds of the engine's clock from now on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from trivirt import errors, types
from trivirt.model import fields, settled
from trivirt.simulator._command import World
from trivirt.simulator._events import add_event
from trivirt.simulator._store import Entry, identity_of

ERROR = types.LogSeverity.ERROR


class Script:
    """Lets things happen in one engine."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.store

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Anything at all."""
        self._store.settle()
        self._store.after(seconds, happen)

    def changes(self, path: str, *, after: float = 0.0, **attributes: Any) -> None:
        """Somebody else changes attributes of an entity; states may be given as text."""
        home, _, identity = path.rpartition("/")
        entry = self._store.find(home, identity)
        if entry is None:
            raise errors.UsageError(f"there is no {path}")
        known, trial = fields(type(entry.value)), copy.copy(entry.value)
        for name, value in attributes.items():
            if name not in known or name in ("id", "href"):
                raise errors.UsageError(f"{type(entry.value).__name__} has no attribute {name!r}")
            if isinstance(value, str) and not known[name].is_simple:
                attributes[name] = known[name].cls(value)
            setattr(trial, name, attributes[name])  # what cannot be is refused now, not later
        self.after(after, lambda: self._store.replace(entry, **attributes))

    def vm_crashes(self, name: str, *, after: float = 0.0) -> None:
        """It is down, and an event tells of an error."""
        vm = self._named("/vms", name)
        self.after(after, lambda: self._crash(vm))

    def host_is_lost(self, name: str, *, after: float = 0.0) -> None:
        """It does not answer any more, and nobody knows what its VMs do."""
        host = self._named("/hosts", name)
        self.after(after, lambda: self._lose(host))

    def host_returns(self, name: str, *, after: float = 0.0) -> None:
        """It is up again, and so are its VMs."""
        host = self._named("/hosts", name)
        self.after(after, lambda: self._return(host))

    def guest_writes(self, disk: str, start: int, data: bytes, *, after: float = 0.0) -> None:
        """A VM writes to a disk, which the next incremental backup finds changed."""
        found = self._named("/disks", disk)
        if "image_id" not in settled(found.value):
            raise errors.UsageError(f"the disk {disk!r} is a LUN, which nobody keeps the bytes of")
        size = settled(found.value)["provisioned_size"]
        if not 0 <= start <= size - len(data):
            raise errors.UsageError(f"the disk {disk!r} ends at {size}")

        def write() -> None:
            image = settled(found.value)["image_id"]
            self._world.images.write(image, size, start, data)

        self.after(after, write)

    def _crash(self, vm: Entry) -> None:
        text = f"VM {settled(vm.value)['name']} is down with error. Exit message: Lost connection."
        add_event(self._store, 119, text, severity=ERROR, about={"vm": vm})
        self._store.replace(vm, status=types.VmStatus.DOWN, host=None, fqdn=None)

    def _lose(self, host: Entry) -> None:
        text = f"Host {settled(host.value)['name']} is non responsive."
        self._store.replace(host, status=types.HostStatus.CONNECTING)
        self._on(host, types.VmStatus.UP, types.VmStatus.UNKNOWN)

        def given_up() -> None:
            add_event(self._store, 12, text, severity=ERROR, about={"host": host})
            self._store.replace(host, status=types.HostStatus.NON_RESPONSIVE)

        self._store.after(5.0, given_up)

    def _return(self, host: Entry) -> None:
        self._store.replace(host, status=types.HostStatus.UP)
        self._on(host, types.VmStatus.UNKNOWN, types.VmStatus.UP)

    def _on(self, host: Entry, before: types.VmStatus, now: types.VmStatus) -> None:
        for vm in list(self._store.collection("/vms")):
            values = settled(vm.value)
            if identity_of(values.get("host")) == host.id and values.get("status") is before:
                self._store.replace(vm, status=now)

    def _named(self, path: str, name: str) -> Entry:
        found = self._store.named(path, name)
        if found is None:
            raise errors.UsageError(f"there is no {name!r} in {path}")
        return found
