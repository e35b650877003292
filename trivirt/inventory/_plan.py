"""What an inventory reads, as data: collections, and of each which collections below its objects.

    vms: [disk_attachments, nics, permissions]
    hosts: [nics, statistics]
    clusters: []

It knows the names of the API and not how anything is reached; that is chosen in `_ways`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from trivirt.errors import UsageError
from trivirt.inventory._surface import collection, relation

# By name, because type checkers look for both and find one.
_TOML: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

__all__ = ["PRESETS", "VMS", "Plan"]


class Plan(Mapping[str, tuple[str, ...]]):
    """The names of collections, and of each the names below its objects that are read, too.

    All are names of the API in Python's spelling: `storage_domains`, `disk_attachments`. Raises
    UsageError for one that the API does not have, or that is there twice.
    """

    def __init__(self, collections: Mapping[str, Iterable[str]]) -> None:
        if not collections:
            raise UsageError("a plan names one collection at least, such as vms")
        self._parts: dict[str, tuple[str, ...]] = {}
        for name, parts in collections.items():
            if isinstance(parts, str) or not all(isinstance(part, str) for part in parts):
                raise UsageError(f"plan: {name} takes a list of names, such as [nics, snapshots]")
            collection(name)
            self._parts[name] = tuple(relation(name, part).name for part in parts)
            if len(set(self._parts[name])) != len(self._parts[name]):
                raise UsageError(f"plan: a part of {name} is named twice in {list(parts)}")

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self._parts[name]

    def __iter__(self) -> Any:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __hash__(self) -> int:
        return hash(tuple(self._parts.items()))

    def __repr__(self) -> str:
        return f"Plan({dict(self)!r})"

    def __str__(self) -> str:
        lines = (f"{name}: {', '.join(parts)}" if parts else name for name, parts in self.items())
        return "\n".join(lines)

    @classmethod
    def of(cls, text: str) -> Plan:
        """Take the name of a preset, the name of a file (.toml, .json), or the plan itself.

        The latter is collections with what is read of each: `vms=nics,snapshots hosts`.
        """
        if text in PRESETS:
            return PRESETS[text]
        if text.endswith((".toml", ".json")):
            return cls.from_file(text)
        return cls(dict(_words(text)))

    @classmethod
    def from_file(cls, path: str | Path) -> Plan:
        """Read a plan from a file whose top level maps collections to lists of names.

        Raises UsageError when it cannot be read, or is no plan.
        """
        path = Path(path)
        try:
            text = path.read_text("utf-8")
            data = _TOML.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise UsageError(f"the plan {path} cannot be read: {error}") from error
        if not isinstance(data, dict):
            raise UsageError(f"the plan {path} is no table of collections")
        return cls(data)


def _words(text: str) -> Iterable[tuple[str, list[str]]]:
    for word in text.split():
        name, _, parts = word.partition("=")
        yield name, [part for part in parts.split(",") if part]


VMS = Plan({"vms": ("disk_attachments", "nics", "permissions")})
"""Every virtual machine with its disk attachments, NICs and permissions."""

PRESETS: Mapping[str, Plan] = {
    "vms": VMS,
    # One list each: what there is and how it hangs together, in a dozen requests or so.
    "minimal": Plan(
        dict.fromkeys(
            (
                "data_centers",
                "clusters",
                "hosts",
                "storage_domains",
                "networks",
                "templates",
                "vms",
            ),
            (),
        )
    ),
    # What inventories for Ansible make host variables and groups of.
    "ansible": Plan(
        {
            "data_centers": (),
            "clusters": ("affinity_groups",),
            "hosts": (),
            "templates": (),
            "vms": (
                *("affinity_labels", "disk_attachments", "nics", "reported_devices"),
                *("statistics", "tags"),
            ),
        }
    ),
    "full": Plan(
        {
            "data_centers": ("quotas", "storage_domains"),
            "clusters": ("affinity_groups", "networks", "permissions"),
            "hosts": ("network_attachments", "nics", "permissions", "statistics", "tags"),
            "storage_domains": ("permissions",),
            "networks": ("network_labels", "permissions"),
            "vnic_profiles": (),
            "cpu_profiles": (),
            "disk_profiles": (),
            "mac_pools": (),
            "affinity_labels": (),
            "tags": (),
            "roles": (),
            "users": (),
            "groups": (),
            "disks": ("permissions",),
            "templates": ("disk_attachments", "nics", "permissions", "tags"),
            "vm_pools": (),
            "vms": (
                *("affinity_labels", "applications", "cdroms", "disk_attachments"),
                *("graphics_consoles", "host_devices", "nics", "permissions", "reported_devices"),
                *("sessions", "snapshots", "statistics", "tags", "watchdogs"),
            ),
        }
    ),
}
