"""VMs, templates and disks of the small data center for examples."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._seed_layout import GIB, Layout
from trivirt.simulator._seed_vms import ICONS, PNG, VmSeed
from trivirt.simulator._store import Entry, Store, reference

Vm = types.Vm
PLAIN = ("myvm", "myvm0", "myvm1", "myvm2", "myvm3", "myagent", "myvm-up", "doomedvm", "vm")


def add_example_vms(store: Store, layout: Layout, now: datetime, admin: types.User) -> None:
    """All of them, with what hangs on them."""
    ExampleVms(store, layout, now, admin).add()


class ExampleVms:
    """Adds them one after the other."""

    def __init__(self, store: Store, layout: Layout, now: datetime, admin: types.User) -> None:
        self._store = store
        self._layout = layout
        self._now = now
        self._admin = admin
        self._seed = VmSeed(layout, now - timedelta(days=200))
        self._macs = 0

    def add(self) -> None:
        for name in ICONS:
            icon = types.Icon(id=self._layout.id(name), media_type="image/png", data=PNG)
            self._store.add("/icons", icon)
        self._store.add("/templates", self._seed.blank())
        for number in (1, 2, 3):
            self._add_template(number)
        for name in PLAIN:
            self._add_vm(name)
        self._add_disks()
        self._complete_myvm()
        self._complete_running()
        self._tag("myvm0", "mytag")
        self._label("myvm", "my_affinity_label")
        self._lie_on("mysd", "myvm")
        self._lie_on("myexport", "exported-before")

    # Templates.

    def _add_template(self, number: int) -> None:
        template = self._seed.template(0)
        identity = self._layout.id("template", "mytemplate", number)
        base = self._layout.id("template", "mytemplate", 1)
        template.id, template.name, template.href = identity, "mytemplate", None
        template.description = "A template" if number == 1 else f"Version {number}"
        template.cluster = self._cluster()
        template.version = types.TemplateVersion(
            base_template=reference(types.Template, "/templates", base),
            version_name="base version" if number == 1 else f"version {number}",
            version_number=number,
        )
        entry = self._store.add("/templates", template)
        disk = self._disk(f"mytemplate-{number}_disk", "mytemplate_disk")
        self._store.replace(disk, template=reference(types.Template, "/templates", identity))
        attachment = self._attachment(disk)
        attachment.template = reference(types.Template, "/templates", identity)
        path = f"{entry.path}/diskattachments"
        self._store.add(path, attachment, "/templates/{id}/diskattachments")

    # Disks.

    def _disk(self, key: str, alias: str, **changes: Any) -> Entry:
        disk = self._seed.disk(self._layout.id("disk", key), alias, 0)
        domain = self._layout.id("storage domain", "mydata")
        disk.storage_domains = Items([reference(types.StorageDomain, "/storagedomains", domain)])
        profile = self._layout.id("disk profile", "mydata")
        disk.disk_profile = reference(types.DiskProfile, "/diskprofiles", profile)
        disk.image_id = self._layout.id("image", key)
        disk.provisioned_size = disk.total_size = 10 * GIB
        disk.actual_size = GIB
        for name, value in changes.items():
            setattr(disk, name, value)
        return self._store.add("/disks", disk)

    def _attachment(self, disk: Entry) -> types.DiskAttachment:
        return types.DiskAttachment(
            id=disk.id,
            active=True,
            bootable=True,
            interface=types.DiskInterface.VIRTIO_SCSI,
            pass_discard=False,
            read_only=False,
            uses_scsi_reservation=False,
            disk=reference(types.Disk, "/disks", disk.id),
        )

    def _attach(self, name: str, disk: Entry) -> None:
        vm = self._vm(name)
        attachment = self._attachment(disk)
        attachment.vm = reference(Vm, "/vms", vm.id)
        path = f"{vm.path}/diskattachments"
        self._store.add(path, attachment, "/vms/{id}/diskattachments")
        self._store.replace(disk, vms=Items([reference(Vm, "/vms", vm.id)]))

    def _add_disks(self) -> None:
        for vm, disk, changes in (
            ("myvm", "mydisk", {}),
            ("myvm-up", "mydisk-up", {"backup": types.DiskBackup.INCREMENTAL}),
            ("vm", "vm_Disk1", {}),
            ("doomedvm", "doomedvm_Disk1", {}),
            ("myvm0", "myvm0_Disk1", {}),
        ):
            self._attach(vm, self._disk(disk, disk, **changes))
        iso = types.DiskContentType.ISO
        raw = types.DiskFormat.RAW
        self._disk(
            "mycd", "mycd", content_type=iso, format=raw, sparse=False, qcow_version=None,
            provisioned_size=GIB, total_size=GIB,
        )  # fmt: skip
        for number in (1, 2):
            self._disk(f"old-{number}", f"old-{number}", description="throwaway")

    # Virtual machines.

    def _add_vm(self, name: str) -> None:
        vm = self._seed.vm(2)
        vm.id, vm.name, vm.href = self._layout.id("vm", name), name, None
        vm.description = ""
        vm.creation_time = self._now - timedelta(days=100)
        vm.stop_time = vm.creation_time
        vm.cluster = self._cluster()
        vm.cpu_profile = reference(
            types.CpuProfile, "/cpuprofiles", self._layout.id("cpu profile", 0)
        )
        blank = self._store.named("/templates", "Blank")
        template = self._layout.id("template", "mytemplate", 1)
        if name != "vm" and blank is not None:
            template = blank.id
        vm.template = vm.original_template = reference(types.Template, "/templates", template)
        vm.use_latest_template_version = False
        vm.quota = None
        vm.console = types.Console(enabled=False)
        entry = self._store.add("/vms", vm)
        self._below(entry, "nics", self._nic(name))
        self._below(entry, "snapshots", self._snapshot(name, "Active VM", entry))
        for role, user in (("UserVmManager", self._admin),):
            found = self._store.named("/roles", role)
            permission = types.Permission(
                id=self._layout.id("permission", name, role),
                role=reference(types.Role, "/roles", found.id if found else ""),
                user=user,
                vm=reference(Vm, "/vms", entry.id),
            )
            self._below(entry, "permissions", permission)

    def _below(self, owner: Entry, name: str, value: Any) -> Entry:
        if "vm" in type(value)._fields:
            value.vm = reference(Vm, "/vms", owner.id)
        return self._store.add(f"{owner.path}/{name}", value, f"/vms/{{id}}/{name}")

    def _nic(self, name: str) -> types.Nic:
        self._macs += 1
        profile = self._layout.id("vnic profile", "mydc", "ovirtmgmt")
        return types.Nic(
            id=self._layout.id("nic", name),
            name="nic1",
            interface=types.NicInterface.VIRTIO,
            linked=True,
            mac=types.Mac(address=f"56:6f:00:00:00:{self._macs:02x}"),
            plugged=True,
            synced=True,
            vnic_profile=reference(types.VnicProfile, "/vnicprofiles", profile),
        )

    def _snapshot(self, vm: str, text: str, entry: Entry) -> types.Snapshot:
        kinds = types.SnapshotType
        return types.Snapshot(
            id=self._layout.id("snapshot", vm, text),
            description=text,
            date=self._now - timedelta(days=50),
            persist_memorystate=False,
            snapshot_status=types.SnapshotStatus.OK,
            snapshot_type=kinds.ACTIVE if text == "Active VM" else kinds.REGULAR,
            **{
                name: settled(entry.value)[name]
                for name in ("bios", "cpu", "memory", "memory_policy", "os", "type")
            },
        )

    def _complete_myvm(self) -> None:
        vm, disk = self._vm("myvm"), self._named("/disks", "mydisk")
        snapshot = self._below(vm, "snapshots", self._snapshot("myvm", "mysnap", vm))
        kept = copy.copy(disk.value)
        assert isinstance(kept, types.Disk)
        kept.href = kept.vms = None
        kept.image_id = self._layout.id("image", "mydisk", "mysnap")
        kept.snapshot = types.Snapshot(id=snapshot.id)
        self._store.add(f"{snapshot.path}/disks", kept, "/vms/{id}/snapshots/{id}/disks")
        nic = copy.copy(next(iter(self._store.collection(f"{vm.path}/nics"))).value)
        nic.href = None
        self._store.add(f"{snapshot.path}/nics", nic, "/vms/{id}/snapshots/{id}/nics")
        volumes = self._store.collection(f"{disk.path}/disksnapshots", "/disks/{id}/disksnapshots")
        values = {
            name: value
            for name, value in settled(kept).items()
            if name not in ("href", "id", "vms", "description", "name")
        }
        older = types.DiskSnapshot(**values, id=kept.image_id)
        older.disk = reference(types.Disk, "/disks", disk.id)
        for volume in volumes:
            self._store.replace(volume, parent=types.DiskSnapshot(id=older.id))
        self._store.add(f"{disk.path}/disksnapshots", older)
        for index in (0, 1):
            node = types.VirtualNumaNode(
                id=self._layout.id("numa node", index),
                index=index,
                memory=2048,
                cpu=types.Cpu(cores=Items([types.Core(index=index)])),
            )
            self._below(vm, "numanodes", node)
        self._report(vm)

    def _complete_running(self) -> None:
        vm, disk = self._vm("myvm-up"), self._named("/disks", "mydisk-up")
        host = self._named("/hosts", "otherhost")
        display = copy.copy(settled(vm.value)["display"])
        display.address, display.port, display.secure_port = "192.0.2.11", 5900, 5901
        display.certificate = settled(host.value)["certificate"]
        self._store.replace(
            vm,
            status=types.VmStatus.UP,
            host=reference(types.Host, "/hosts", host.id),
            start_time=self._now - timedelta(hours=3),
            fqdn="myvm-up.example.com",
            display=display,
        )
        summary = types.VmSummary(active=1, migrating=0, total=1)
        self._store.replace(host, summary=summary)
        self._report(vm)
        checkpoint = types.Checkpoint(
            id=self._layout.id("checkpoint"),
            creation_date=self._now - timedelta(days=2),
            state=types.CheckpointState.CREATED,
        )
        entry = self._below(vm, "checkpoints", checkpoint)
        kept = copy.copy(disk.value)
        kept.href = None
        self._store.add(f"{entry.path}/disks", kept, "/vms/{id}/checkpoints/{id}/disks")

    def _report(self, vm: Entry) -> None:
        nic = next(iter(self._store.collection(f"{vm.path}/nics")))
        address = types.Ip(address=f"192.0.2.{100 + self._macs}", version=types.IpVersion.V4)
        self._macs += 1
        device = types.ReportedDevice(
            id=self._layout.id("reported device", vm.id),
            name="eth0",
            description="guest reported data",
            ips=Items([address]),
            mac=settled(nic.value)["mac"],
            type=types.ReportedDeviceType.NETWORK,
        )
        self._below(vm, "reporteddevices", device)

    # Labels, and what lies on storage domains.

    def _tag(self, vm: str, tag: str) -> None:
        found = self._named("/tags", tag)
        self._below(self._vm(vm), "tags", types.Tag(id=found.id, name=tag, description=""))

    def _label(self, vm: str, name: str) -> None:
        label = types.AffinityLabel(
            id=self._layout.id("label", name),
            name=name,
            has_implicit_affinity_group=False,
            read_only=False,
        )
        entry = self._store.add("/affinitylabels", label)
        owner = self._vm(vm)
        shown = types.AffinityLabel(id=entry.id, name=name)
        self._store.add(f"{owner.path}/affinitylabels", shown, "/vms/{id}/affinitylabels")
        self._store.add(f"{entry.path}/vms", Vm(id=owner.id, name=vm), "/affinitylabels/{id}/vms")

    def _lie_on(self, domain: str, name: str) -> None:
        """A VM that is on a storage domain and not in the engine."""
        home = self._named("/storagedomains", domain)
        vm = copy.copy(self._vm("myvm").value)
        assert isinstance(vm, Vm)
        vm.id, vm.name, vm.href = self._layout.id("vm on", domain, name), name, None
        entry = self._store.add(f"{home.path}/vms", vm, "/storagedomains/{id}/vms")
        disk = copy.copy(self._named("/disks", "mydisk").value)
        assert isinstance(disk, types.Disk)
        disk.id, disk.href = self._layout.id("disk on", domain, name), None
        disk.alias = disk.name = f"{name}_Disk1"
        disk.vms = None
        kept = self._store.add(f"{entry.path}/disks", disk)
        attachment = self._attachment(kept)
        self._store.add(f"{entry.path}/diskattachments", attachment)

    # Finding.

    def _cluster(self) -> types.Cluster:
        return reference(types.Cluster, "/clusters", self._layout.id("cluster", 0))

    def _vm(self, name: str) -> Entry:
        return self._named("/vms", name)

    def _named(self, path: str, name: str) -> Entry:
        found = self._store.named(path, name)
        assert found is not None, name
        return found
