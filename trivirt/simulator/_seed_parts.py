"""What belongs to a single VM or host, made when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from trivirt import types
from trivirt.model import Items, Struct, settled
from trivirt.simulator._seed_layout import GIB, Layout
from trivirt.simulator._seed_vms import VmSeed
from trivirt.simulator._store import Glance, Store, reference
from trivirt.simulator.behaviours.networks import in_cluster

USERS = ("alice", "bob", "carol", "dave")
TAGS = ("production", "staging", "backup")


def add_parts(store: Store, seed: VmSeed) -> None:
    """Tell the store how to make the sub-collections."""
    Parts(store, seed).add()


class Parts:
    """Makers for the VMs and hosts of the seed; those added later get none of it."""

    def __init__(self, store: Store, seed: VmSeed) -> None:
        self._store = store
        self._seed = seed
        self._layout: Layout = seed.layout
        self._vms = {entry.id: at for at, entry in enumerate(store.collection("/vms"))}
        self._clusters = {entry.id for entry in store.collection("/clusters")}
        self._hosts = {entry.id: at for at, entry in enumerate(store.collection("/hosts"))}
        self._known_profiles: dict[int, types.VnicProfile] = {}
        first = next(iter(store.collection("/users"))).id
        self._administrator = reference(types.User, "/users", first)
        users = (self._user(number) for number in range(len(USERS)))
        self._known_users = [reference(types.User, "/users", user) for user in users]

    def add(self) -> None:
        for name, make in (
            ("diskattachments", self._attachments),
            ("nics", self._nics),
            ("permissions", self._permissions),
            ("snapshots", self._snapshots),
            ("statistics", self._statistics),
            ("reporteddevices", self._reported_devices),
            ("tags", self._tags),
            ("applications", self._applications),
            ("cdroms", self._cdroms),
            ("graphicsconsoles", self._consoles),
        ):
            known = self._vms.__contains__
            self._store.make_with(f"/vms/{{id}}/{name}", self._for_vm(make), known)
        for name, attributes, see in (
            ("diskattachments", "disk", self._disks),
            ("nics", "vnic_profile", self._profiles),
            ("permissions", "user", self._permitted),
            ("reporteddevices", "ips.address", self._addresses),
            ("statistics", "cpu.current.total", self._cpu),
            ("tags", "name", self._tag_names),
        ):
            self._store.tell_with(f"/vms/{{id}}/{name}", attributes, self._about_vm(see))
        self._store.make_with("/clusters/{id}/networks", self._cluster_networks)
        self._store.make_with("/hosts/{id}/nics", self._for_host(self._host_nics))
        self._store.make_with("/hosts/{id}/statistics", self._for_host(self._host_statistics))
        self._store.make_with("/hosts/{id}/permissions", self._for_host(self._host_permissions))

    def _for_vm(
        self, make: Callable[[int, types.Vm], Iterable[Struct]]
    ) -> Callable[[Store, str], Iterable[Struct]]:
        def maker(store: Store, owner: str) -> Iterable[Struct]:
            number = self._vms.get(owner)
            return () if number is None else make(number, reference(types.Vm, "/vms", owner))

        return maker

    def _about_vm(self, see: Callable[[int], list[Any]]) -> Glance:
        def glance(owner: str) -> list[Any] | None:
            number = self._vms.get(owner)
            return None if number is None else see(number)

        return glance

    def _for_host(
        self, make: Callable[[int, types.Host], Iterable[Struct]]
    ) -> Callable[[Store, str], Iterable[Struct]]:
        def maker(store: Store, owner: str) -> Iterable[Struct]:
            number = self._hosts.get(owner)
            return () if number is None else make(number, reference(types.Host, "/hosts", owner))

        return maker

    def _cluster_networks(self, store: Store, owner: str) -> Iterable[Struct]:
        """Those of its data center, to begin with; clusters of clients begin with management."""
        cluster = store.find("/clusters", owner)
        center = settled(cluster.value).get("data_center") if cluster is not None else None
        if cluster is None or center is None:
            return
        for network in store.collection("/networks"):
            values = settled(network.value)
            here = values["data_center"].id == center.id
            if here and (owner in self._clusters or values["name"] == "ovirtmgmt"):
                yield in_cluster(network, cluster)

    # Of VMs.

    def _attachments(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        for index in range(self._seed.disks_of(number)):
            disk = self._layout.id("disk", number, index)
            yield types.DiskAttachment(
                id=disk,
                active=True,
                bootable=index == 0,
                interface=types.DiskInterface.VIRTIO_SCSI,
                logical_name=f"/dev/sd{'ab'[index]}" if self._layout.is_up(number) else None,
                pass_discard=False,
                read_only=False,
                uses_scsi_reservation=False,
                disk=reference(types.Disk, "/disks", disk),
                vm=vm,
            )

    def _disks(self, number: int) -> list[types.Disk]:
        disks = (self._layout.id("disk", number, at) for at in range(self._seed.disks_of(number)))
        return [reference(types.Disk, "/disks", disk) for disk in disks]

    def _nics_of(self, number: int) -> int:
        """Every fifth VM has two."""
        return 2 if number % 5 == 4 else 1

    def _address(self, number: int, index: int) -> types.Mac:
        number = 2 * number + index
        parts = (0x56, 0x6F, *(number >> shift & 0xFF for shift in (24, 16, 8, 0)))
        return types.Mac(address=":".join(f"{part:02x}" for part in parts))

    def _nics(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        for index in range(self._nics_of(number)):
            yield types.Nic(
                id=self._layout.id("nic", number, index),
                name=f"nic{index + 1}",
                interface=types.NicInterface.VIRTIO,
                linked=True,
                mac=self._address(number, index),
                plugged=True,
                synced=True,
                vm=vm,
                vnic_profile=self._profile(number, index),
            )

    def _profile(self, number: int, index: int) -> types.VnicProfile:
        network = self._layout.spread(self._layout.networks, "nic on", number, index)
        found = self._known_profiles.get(network)
        if found is None:
            identity = self._layout.id("vnic profile", 0, network)
            found = reference(types.VnicProfile, "/vnicprofiles", identity)
            self._known_profiles[network] = found
        return found

    def _profiles(self, number: int) -> list[types.VnicProfile]:
        return [self._profile(number, index) for index in range(self._nics_of(number))]

    def _permissions(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        roles = ("SuperUser", "UserVmManager")
        for role, user in zip(roles, self._permitted(number), strict=True):
            entry = self._store.named("/roles", role)
            yield types.Permission(
                id=self._layout.id("permission", number, role),
                role=reference(types.Role, "/roles", entry.id if entry else ""),
                user=user,
                vm=vm,
            )

    def _permitted(self, number: int) -> list[types.User]:
        return [self._administrator, self._known_users[number % len(USERS)]]

    def _user(self, number: int) -> str:
        return self._layout.id("user", USERS[number % len(USERS)])

    def _snapshots(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        created = self._seed.vm(number).creation_time
        active = types.Snapshot(
            id=self._layout.id("active snapshot", number),
            description="Active VM",
            date=created,
            persist_memorystate=False,
            snapshot_status=types.SnapshotStatus.OK,
            snapshot_type=types.SnapshotType.ACTIVE,
            vm=vm,
        )
        yield active
        if number % 6 == 1:
            yield types.Snapshot(
                id=self._layout.id("snapshot", number),
                description="before update",
                date=created,
                persist_memorystate=False,
                snapshot_status=types.SnapshotStatus.OK,
                snapshot_type=types.SnapshotType.REGULAR,
                vm=vm,
            )

    def _statistics(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        memory = self._seed.vm(number).memory or 0
        used = self._used(number)
        for name, text, unit, datum in (
            ("memory.installed", "Total memory configured", "bytes", memory),
            ("memory.used", "Memory used (agent)", "bytes", memory * used // 100),
            ("memory.free", "Memory free", "bytes", memory - memory * used // 100),
            ("cpu.current.guest", "CPU used by guest", "percent", used / 4),
            ("cpu.current.hypervisor", "CPU overhead", "percent", used / 16),
            ("cpu.current.total", "Total CPU used", "percent", used / 4 + used / 16),
            ("migration.progress", "Migration Progress", "percent", 0),
            ("network.current.total", "Total network used", "percent", 0),
            ("elapsed.time", "Elapsed VM runtime", "seconds", 86400 * used),
        ):
            yield self._statistic("vm", number, name, text, unit, datum, vm=vm)

    def _used(self, number: int) -> int:
        """How much of its memory, in percent."""
        return self._layout.spread(90, "memory used", number) if self._layout.is_up(number) else 0

    def _cpu(self, number: int) -> list[float]:
        used = self._used(number)
        return [used / 4 + used / 16]

    def _statistic(
        self,
        kind: str,
        number: int,
        name: str,
        text: str,
        unit: str,
        datum: float,
        vm: types.Vm | None = None,
        host: types.Host | None = None,
    ) -> types.Statistic:
        whole = isinstance(datum, int)
        return types.Statistic(
            id=self._layout.id("statistic", kind, name, number),
            name=name,
            description=text,
            kind=types.StatisticKind.GAUGE,
            type=types.ValueType.INTEGER if whole else types.ValueType.DECIMAL,
            unit=types.StatisticUnit(unit),
            values=Items([types.Value(datum=float(datum))]),
            vm=vm,
            host=host,
        )

    def _reported_devices(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        if not self._layout.is_up(number):
            return
        for index in range(self._nics_of(number)):
            mac = self._address(number, index)
            inside, local = self._addresses_of(number, index)
            ips = Items([types.Ip(address=inside, version=types.IpVersion.V4)])
            ips.append(types.Ip(address=local, version=types.IpVersion.V6))
            yield types.ReportedDevice(
                id=self._layout.id("reported device", number, index),
                name=f"eth{index}",
                description="guest reported data",
                ips=ips,
                mac=mac,
                type=types.ReportedDeviceType.NETWORK,
                vm=vm,
            )

    @staticmethod
    def _addresses_of(number: int, index: int) -> tuple[str, str]:
        inside = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return inside, f"fe80::{number:x}:{index}"

    def _addresses(self, number: int) -> list[str]:
        if not self._layout.is_up(number):
            return []
        indexes = range(self._nics_of(number))
        return [one for index in indexes for one in self._addresses_of(number, index)]

    def _tag_name(self, number: int) -> str | None:
        return None if number % 3 else TAGS[number // 3 % len(TAGS)]

    def _tag_names(self, number: int) -> list[str]:
        name = self._tag_name(number)
        return [] if name is None else [name]

    def _tags(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        name = self._tag_name(number)
        if name is not None:
            yield types.Tag(id=self._layout.id("tag", name), name=name, description="", vm=vm)

    def _applications(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        if self._layout.is_up(number):
            for name in ("kernel-5.14.0-503.el9", "qemu-guest-agent-9.0.0-10.el9"):
                yield types.Application(
                    id=self._layout.id("application", number, name), name=name, vm=vm
                )

    def _cdroms(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        yield types.Cdrom(id="00000000-0000-0000-0000-000000000000", vm=vm)

    def _consoles(self, number: int, vm: types.Vm) -> Iterable[Struct]:
        console = types.GraphicsConsole(id="7370696365", protocol=types.GraphicsType.SPICE, vm=vm)
        display = self._seed.vm(number).display
        if display is not None and self._layout.is_up(number):
            console.address, console.port = display.address, display.port
            console.tls_port = display.secure_port
        yield console

    # Of hosts.

    def _host_nics(self, number: int, host: types.Host) -> Iterable[Struct]:
        for index in range(2):
            address = f"52:54:00:{number >> 8 & 255:02x}:{number & 255:02x}:{index:02x}"
            nic = types.HostNic(
                id=self._layout.id("host nic", number, index),
                name=f"eno{index + 1}",
                boot_protocol=types.BootProtocol.STATIC if index == 0 else types.BootProtocol.NONE,
                bridged=index == 0,
                custom_configuration=False,
                mac=types.Mac(address=address),
                mtu=1500,
                speed=10_000_000_000,
                status=types.NicStatus.UP,
                host=host,
            )
            if index == 0:
                address = f"192.0.2.{number % 254 + 1}"
                nic.ip = types.Ip(
                    address=address,
                    gateway="192.0.2.254",
                    netmask="255.255.255.0",
                    version=types.IpVersion.V4,
                )
                management = self._layout.id("network", 0, 0)
                nic.network = reference(types.Network, "/networks", management)
            yield nic

    def _host_statistics(self, number: int, host: types.Host) -> Iterable[Struct]:
        memory = 384 * GIB
        used = memory * self._layout.spread(80, "host memory", number) // 100
        for name, text, unit, datum in (
            ("memory.total", "Total memory", "bytes", memory),
            ("memory.used", "Used memory", "bytes", used),
            ("memory.free", "Free memory", "bytes", memory - used),
            ("memory.shared", "Shared memory", "bytes", 0),
            ("swap.total", "Total swap", "bytes", 16 * GIB),
            ("swap.free", "Free swap", "bytes", 16 * GIB),
            ("swap.used", "Used swap", "bytes", 0),
            ("cpu.current.user", "User CPU usage", "percent", 12.5),
            ("cpu.current.system", "System CPU usage", "percent", 2.25),
            ("cpu.current.idle", "Idle CPU usage", "percent", 85.25),
            ("cpu.load.avg.5m", "CPU 5 minute load average", "percent", 0.08),
            ("boot.time", "Boot time of the machine", "none", 1_700_000_000),
        ):
            yield self._statistic("host", number, name, text, unit, datum, host=host)

    def _host_permissions(self, number: int, host: types.Host) -> Iterable[Struct]:
        role = self._store.named("/roles", "SuperUser")
        yield types.Permission(
            id=self._layout.id("host permission", number),
            role=reference(types.Role, "/roles", role.id if role else ""),
            user=reference(types.User, "/users", next(iter(self._store.collection("/users"))).id),
            host=host,
        )
