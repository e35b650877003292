"""The VMs of a synthetic data center, its templates and disks.

A VM shares all that it can with others of its kind, so that a hundred thousand of them fit into
memory. Everything about a VM follows from its number.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from trivirt import types
from trivirt.model import Items
from trivirt.simulator._seed_layout import GIB, NOBODY, Layout, default_quota
from trivirt.simulator._store import Store, reference

KINDS = ("web", "app", "db", "build", "desk")
SIZES = ((2, 1), (4, 2), (8, 2), (16, 4))  # GiB of memory, sockets

# What all VMs and templates have in common.
COMMON = {
    "comment": "",
    "bios": {"boot_menu": {"enabled": False}, "type": "q35_sea_bios"},
    "cpu_shares": 0,
    "delete_protected": False,
    "high_availability": {"enabled": False, "priority": 1},
    "io": {"threads": 1},
    "migration": {"auto_converge": "inherit", "compressed": "inherit", "encrypted": "inherit"},
    "migration_downtime": -1,
    "multi_queues_enabled": True,
    "origin": "ovirt",
    "os": {"boot": {"devices": ["hd"]}, "type": "rhel_9x64"},
    "placement_policy": {"affinity": "migratable"},
    "sso": {"methods": [{"id": "guest_agent"}]},
    "start_paused": False,
    "stateless": False,
    "storage_error_resume_behaviour": "auto_resume",
    "time_zone": {"name": "Etc/GMT"},
    "tpm_enabled": False,
    "type": "server",
    "usb": {"enabled": False},
    "virtio_scsi_multi_queues_enabled": False,
}

ONLY_VMS = {
    "next_run_configuration_exists": False,
    "numa_tune_mode": "interleave",
    "run_once": False,
}

GUEST = {
    "guest_operating_system": {
        "architecture": "x86_64",
        "codename": "",
        "distribution": "CentOS Stream",
        "family": "Linux",
        "kernel": {
            "version": {
                "build": 0,
                "full_version": "5.14.0-503.el9.x86_64",
                "major": 5,
                "minor": 14,
                "revision": 503,
            }
        },
        "version": {"full_version": "9", "major": 9},
    },
    "guest_time_zone": {"name": "UTC", "utc_offset": "+00:00"},
}

ICONS = ("large icon", "small icon")
PNG = "iVBORw0KGgo="  # begins like a picture

DISPLAY = {
    "allow_override": False,
    "copy_paste_enabled": True,
    "disconnect_action": "LOCK_SCREEN",
    "disconnect_action_delay": 0,
    "file_transfer_enabled": True,
    "monitors": 1,
    "smartcard_enabled": False,
    "type": "spice",
    "video_type": "qxl",
}


DISK = {
    "description": "",
    "backup": "none",
    "content_type": "data",
    "propagate_errors": False,
    "shareable": False,
    "status": "ok",
    "storage_type": "image",
    "wipe_after_delete": False,
}
SPARSE = {"format": "cow", "sparse": True, "qcow_version": "qcow2_v3"}
FULL = {"format": "raw", "sparse": False}


class VmSeed:
    """Makes VMs and templates, and disks for both."""

    def __init__(self, layout: Layout, started: datetime) -> None:
        self.layout = layout
        self.started = started
        self._prototypes: dict[tuple[int, int], types.Vm] = {}
        self._templates: dict[str, types.Template] = {}
        self._displays: dict[int, types.Display] = {}
        self._homes: dict[
            tuple[int, int], tuple[Items[types.StorageDomain], types.DiskProfile]
        ] = {}
        self._idle_display = types.Display.from_dict(DISPLAY)
        self._sparse_disk = types.Disk.from_dict({**DISK, **SPARSE})
        self._full_disk = types.Disk.from_dict({**DISK, **FULL})
        self._guest = types.Vm.from_dict(GUEST)
        self._icons = [reference(types.Icon, "/icons", layout.id(name)) for name in ICONS]

    # Virtual machines.

    def vm(self, number: int) -> types.Vm:
        """The VM of a number, from 0."""
        layout = self.layout
        vm = copy.copy(self._prototype(layout.cluster_of_vm(number), number % len(SIZES)))
        vm.id = layout.id("vm", number)
        vm.name = f"{KINDS[number % len(KINDS)]}-{number:04d}"
        vm.description = "" if number % 3 else f"{vm.name}, owned by team {number % 7}"
        vm.creation_time = self.started + timedelta(minutes=7 * number % 200_000)
        vm.template = vm.original_template = self._template(self.template_of(number))
        vm.stop_time = vm.creation_time + timedelta(minutes=5)
        if layout.is_up(number):
            self._run(vm, number)
        else:
            vm.status = types.VmStatus.DOWN
            vm.stop_reason = ""
        return vm

    def _run(self, vm: types.Vm, number: int) -> None:
        host = self.layout.host_of_vm(number)
        vm.status = types.VmStatus.UP
        vm.fqdn = f"{vm.name}.guest.example"
        vm.guest_operating_system = self._guest.guest_operating_system
        vm.guest_time_zone = self._guest.guest_time_zone
        vm.host = reference(types.Host, "/hosts", self.layout.id("host", host))
        assert vm.stop_time is not None
        vm.start_time = vm.stop_time + timedelta(minutes=1)
        display = copy.copy(self._display(host))
        slot = number // self.layout.hosts
        display.port, display.secure_port = 5900 + 2 * slot, 5901 + 2 * slot
        vm.display = display

    def _prototype(self, cluster: int, size: int) -> types.Vm:
        """What the VMs of one cluster and size share."""
        found = self._prototypes.get((cluster, size))
        if found is None:
            vm = types.Vm.from_dict({**COMMON, **ONLY_VMS})
            gigabytes, sockets = SIZES[size]
            _size(vm, gigabytes, sockets)
            vm.display = self._idle_display
            vm.large_icon, vm.small_icon = self._icons
            vm.cluster = reference(types.Cluster, "/clusters", self.layout.id("cluster", cluster))
            profile = self.layout.id("cpu profile", cluster)
            vm.cpu_profile = reference(types.CpuProfile, "/cpuprofiles", profile)
            # One of the references that engines send without an address.
            center = self.layout.id("data center", self.layout.data_center_of_cluster(cluster))
            vm.quota = types.Quota(id=default_quota(center))
            found = self._prototypes[cluster, size] = vm
        return found

    def _display(self, host: int) -> types.Display:
        found = self._displays.get(host)
        if found is None:
            name = f"host-{host:03d}.example"
            found = types.Display.from_dict(DISPLAY)
            found.address = f"192.0.2.{host % 254 + 1}"
            found.certificate = types.Certificate(
                content=_certificate(name), organization="example", subject=f"O=example,CN={name}"
            )
            self._displays[host] = found
        return found

    # Templates.

    @property
    def templates(self) -> int:
        """Besides Blank."""
        return max(2, min(20, self.layout.vms // 50))

    def template_of(self, number: int) -> str:
        """The id of the template a VM was made from."""
        if number % 4 == 0:
            return NOBODY
        return self.layout.id("template", number % self.templates)

    def _template(self, identity: str) -> types.Template:
        found = self._templates.get(identity)
        if found is None:
            found = self._templates[identity] = reference(types.Template, "/templates", identity)
        return found

    def blank(self) -> types.Template:
        """The template that every engine has, with the date that every engine gives it."""
        template = types.Template.from_dict(COMMON)
        _size(template, 1, 1)
        template.id, template.name, template.description = NOBODY, "Blank", "Blank template"
        template.creation_time = datetime.fromisoformat("2008-04-01T00:00:00+02:00")
        return self._versioned(template)

    def template(self, number: int) -> types.Template:
        """The template of a number, from 0."""
        template = types.Template.from_dict(COMMON)
        _size(template, 4, 2)
        template.id = self.layout.id("template", number)
        template.name = f"golden-{number:02d}"
        template.description = "Golden image"
        template.creation_time = self.started - timedelta(days=30 + number)
        template.cluster = reference(types.Cluster, "/clusters", self.layout.id("cluster", 0))
        return self._versioned(template)

    def _versioned(self, template: types.Template) -> types.Template:
        template.status = types.TemplateStatus.OK
        template.large_icon, template.small_icon = self._icons
        template.version = types.TemplateVersion(
            version_name="base version",
            version_number=1,
            base_template=reference(types.Template, "/templates", template.id or ""),
        )
        return template

    # Disks.

    @staticmethod
    def disks_of(number: int) -> int:
        """Every fourth VM has two disks."""
        return 2 if number % 4 == 3 else 1

    def all_disks(self) -> Iterator[types.Disk]:
        """Those of VMs and templates, and what the engine keeps for itself on each domain."""
        for number in range(self.layout.vms):
            for index in range(self.disks_of(number)):
                name = f"{KINDS[number % len(KINDS)]}-{number:04d}_Disk{index + 1}"
                disk = self.disk(self.layout.id("disk", number, index), name, number)
                disk.vms = Items([reference(types.Vm, "/vms", self.layout.id("vm", number))])
                yield disk
        for number in range(self.templates):
            identity = self.layout.id("template disk", number)
            yield self.disk(identity, f"golden-{number:02d}", number)
        for data_center in range(self.layout.data_centers):
            for domain in range(self.layout.storage_domains):
                yield self._ovf_store(data_center, domain)

    def disk(self, identity: str, name: str, number: int) -> types.Disk:
        size = (10, 20, 40, 100)[self.layout.spread(4, "disk size", name)] * GIB
        sparse = number % 5 != 2
        disk = copy.copy(self._sparse_disk if sparse else self._full_disk)
        disk.id = identity
        disk.name = disk.alias = name
        disk.actual_size = size // 3 if sparse else size
        disk.image_id = self.layout.id("image", name)
        disk.provisioned_size = disk.total_size = size
        self._place(disk, 0, self.layout.spread(self.layout.storage_domains, "on", name))
        return disk

    def _ovf_store(self, data_center: int, domain: int) -> types.Disk:
        size = GIB // 8
        disk = types.Disk(
            id=self.layout.id("ovf store", data_center, domain),
            name="OVF_STORE",
            description="OVF_STORE",
            actual_size=size,
            alias="OVF_STORE",
            backup=types.DiskBackup.NONE,
            content_type=types.DiskContentType.OVF_STORE,
            format=types.DiskFormat.RAW,
            image_id=self.layout.id("image", "ovf store", data_center, domain),
            propagate_errors=False,
            provisioned_size=size,
            shareable=True,
            sparse=False,
            status=types.DiskStatus.OK,
            storage_type=types.DiskStorageType.IMAGE,
            total_size=size,
            wipe_after_delete=False,
        )
        self._place(disk, data_center, domain)
        return disk

    def _place(self, disk: types.Disk, data_center: int, domain: int) -> None:
        found = self._homes.get((data_center, domain))
        if found is None:
            identity = self.layout.id("storage domain", data_center, domain)
            profile = self.layout.id("disk profile", data_center, domain)
            found = self._homes[data_center, domain] = (
                Items([reference(types.StorageDomain, "/storagedomains", identity)]),
                reference(types.DiskProfile, "/diskprofiles", profile),
            )
        disk.storage_domains, disk.disk_profile = found


def _size(value: types.Vm | types.Template, gigabytes: int, sockets: int) -> None:
    value.memory = gigabytes * GIB
    value.memory_policy = types.MemoryPolicy(
        ballooning=True, guaranteed=gigabytes * GIB, max=4 * gigabytes * GIB
    )
    value.cpu = types.Cpu(
        architecture=types.Architecture.X86_64,
        topology=types.CpuTopology(cores=1, sockets=sockets, threads=1),
    )


def _certificate(name: str) -> str:
    """Text of the shape and length of a certificate; it certifies nothing."""
    digest = b"".join(hashlib.sha512(f"{name}{part}".encode()).digest() for part in range(8))
    text = base64.b64encode(digest).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def add_vms(store: Store, seed: VmSeed) -> None:
    """Fill `/vms` and `/templates`; `/disks` when somebody asks for it."""
    for name in ICONS:
        icon = types.Icon(id=seed.layout.id(name), media_type="image/png", data=PNG)
        store.add("/icons", icon)
    store.add("/templates", seed.blank())
    for number in range(seed.templates):
        store.add("/templates", seed.template(number))
    for number in range(seed.layout.vms):
        store.add("/vms", seed.vm(number))
    store.make_with("/disks", lambda store, owner: seed.all_disks())
