"""What every VM, host and disk has below it, whoever made it; made when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trivirt import types
from trivirt.model import Items, Struct, settled
from trivirt.simulator._seed_layout import GIB, NOBODY, default_quota
from trivirt.simulator._store import Entry, Store, reference
from trivirt.simulator.behaviours.networks import in_cluster
from trivirt.simulator.behaviours.quotas import complete
from trivirt.simulator.behaviours.snapshots import disk_snapshot

SPICE = "7370696365"  # the id of a console is its protocol in hexadecimal


def statistic(
    store: Store,
    name: str,
    text: str,
    unit: str,
    datum: float,
    *,
    identity: str | None = None,
    **owner: Struct | None,
) -> types.Statistic:
    """One value of a VM, a host, a disk or an interface."""
    whole = isinstance(datum, int)
    found = types.Statistic(
        id=identity or store.new_id(),
        name=name,
        description=text,
        kind=types.StatisticKind.GAUGE,
        type=types.ValueType.INTEGER if whole else types.ValueType.DECIMAL,
        unit=types.StatisticUnit(unit),
        values=Items([types.Value(datum=float(datum))]),
    )
    for attribute, pointer in owner.items():
        setattr(found, attribute, pointer)
    return found


def _vm_statistics(store: Store, vm: Entry) -> Iterable[Struct]:
    memory = settled(vm.value).get("memory") or GIB
    here = reference(types.Vm, "/vms", vm.id)
    for name, text, unit, datum in (
        ("memory.installed", "Total memory configured", "bytes", memory),
        ("memory.used", "Memory used (agent)", "bytes", memory // 4),
        ("memory.free", "Memory free", "bytes", memory - memory // 4),
        ("memory.buffered", "Memory buffered (agent)", "bytes", memory // 64),
        ("memory.cached", "Memory cached (agent)", "bytes", memory // 16),
        ("cpu.current.guest", "CPU used by guest", "percent", 1.5),
        ("cpu.current.hypervisor", "CPU overhead", "percent", 0.5),
        ("cpu.current.total", "Total CPU used", "percent", 2.0),
        ("cpu.usage.history", "List of CPU usage history, sorted by date", "percent", 2.0),
        ("memory.usage.history", "List of memory usage history, sorted by date", "percent", 25.0),
        ("migration.progress", "Migration Progress", "percent", 0),
        ("network.current.total", "Total network used", "percent", 0),
        ("network.usage.history", "List of network usage history, sorted by date", "percent", 0),
        ("elapsed.time", "Elapsed VM runtime", "seconds", 0),
    ):
        yield statistic(store, name, text, unit, datum, vm=here)
    usage = statistic(store, "disks.usage", "Disk usage, in bytes, per filesystem", "none", 0)
    usage.vm, usage.type = here, types.ValueType.STRING
    usage.values = Items([types.Value(detail="[]")])
    yield usage


def nic_statistics(store: Store, nic: str) -> Iterable[Struct]:
    """Of VMs' interfaces and those of hosts alike."""
    for name, text, unit in (
        ("data.current.rx", "Receive data rate", "bytes_per_second"),
        ("data.current.tx", "Transmit data rate", "bytes_per_second"),
        ("data.current.rx.bps", "Receive data rate", "bits_per_second"),
        ("data.current.tx.bps", "Transmit data rate", "bits_per_second"),
        ("errors.total.rx", "Total errors from receiving data", "none"),
        ("errors.total.tx", "Total errors from transmitting data", "none"),
        ("data.total.rx", "Total received data", "bytes"),
        ("data.total.tx", "Total transmitted data", "bytes"),
    ):
        yield statistic(store, name, text, unit, 0.0)


def host_statistics(store: Store, host: Entry) -> Iterable[Struct]:
    """Memory first, as engines list it."""
    memory = settled(host.value).get("memory") or 128 * GIB
    here = reference(types.Host, "/hosts", host.id)
    for name, text, unit, datum in (
        ("memory.total", "Total memory", "bytes", memory),
        ("memory.used", "Used memory", "bytes", memory // 5),
        ("memory.free", "Free memory", "bytes", memory - memory // 5),
        ("memory.shared", "Shared memory", "bytes", 0),
        ("memory.buffers", "IO buffers", "bytes", 0),
        ("memory.cached", "OS caches", "bytes", 0),
        ("swap.total", "Total swap", "bytes", 16 * GIB),
        ("swap.free", "Free swap", "bytes", 16 * GIB),
        ("swap.used", "Used swap", "bytes", 0),
        ("swap.cached", "Swap also on memory", "bytes", 0),
        ("ksm.cpu.current", "KSM CPU usage", "percent", 0.0),
        ("cpu.current.user", "User CPU usage", "percent", 12.5),
        ("cpu.current.system", "System CPU usage", "percent", 2.25),
        ("cpu.current.idle", "Idle CPU usage", "percent", 85.25),
        ("cpu.load.avg.5m", "CPU 5 minute load average", "percent", 0.08),
        ("boot.time", "Boot time of the machine", "none", 1_700_000_000),
    ):
        yield statistic(store, name, text, unit, datum, host=here)


def _disk_statistics(store: Store, disk: Entry) -> Iterable[Struct]:
    here = reference(types.Disk, "/disks", disk.id)
    for name, unit in (
        ("data.current.read", "bytes_per_second"),
        ("data.current.write", "bytes_per_second"),
        ("disk.read.latency", "seconds"),
        ("disk.write.latency", "seconds"),
        ("disk.flush.latency", "seconds"),
    ):
        yield statistic(store, name, name.replace(".", " "), unit, 0.0, disk=here)


def _cdroms(store: Store, vm: Entry) -> Iterable[Struct]:
    yield types.Cdrom(id=NOBODY, vm=reference(types.Vm, "/vms", vm.id))


def _consoles(store: Store, vm: Entry) -> Iterable[Struct]:
    console = types.GraphicsConsole(
        id=SPICE, protocol=types.GraphicsType.SPICE, vm=reference(types.Vm, "/vms", vm.id)
    )
    if settled(vm.value).get("status") is types.VmStatus.UP:
        display = settled(vm.value).get("display") or types.Display()
        console.address = display.address or "192.0.2.1"
        console.port, console.tls_port = display.port or 5900, display.secure_port or 5901
    yield console


def _volumes(store: Store, disk: Entry) -> Iterable[Struct]:
    if settled(disk.value).get("image_id") is not None:
        yield disk_snapshot(store, disk)


def _host_nics(store: Store, host: Entry) -> Iterable[Struct]:
    here = reference(types.Host, "/hosts", host.id)
    for index in range(3):
        number = len(store.collection("/hosts"))
        nic = types.HostNic(
            id=store.new_id(),
            name=f"eth{index}",
            boot_protocol=types.BootProtocol.DHCP if index == 0 else types.BootProtocol.NONE,
            bridged=index == 0,
            custom_configuration=False,
            mac=types.Mac(address=f"52:54:00:{number & 255:02x}:{index:02x}:01"),
            mtu=1500,
            speed=10_000_000_000,
            status=types.NicStatus.UP,
            host=here,
        )
        if index == 0:
            nic.ip = types.Ip(
                address="192.0.2.10", netmask="255.255.255.0", version=types.IpVersion.V4
            )
            management = store.named("/networks", "ovirtmgmt")
            if management is not None:
                nic.network = reference(types.Network, "/networks", management.id)
        yield nic


def _attachments(store: Store, host: Entry) -> Iterable[Struct]:
    for nic in store.collection(f"{host.path}/nics", "/hosts/{id}/nics"):
        values = settled(nic.value)
        if values.get("network") is None:
            continue
        assignment = types.IpAddressAssignment(
            assignment_method=values.get("boot_protocol"), ip=values.get("ip")
        )
        yield types.NetworkAttachment(
            id=store.new_id(),
            in_sync=True,
            ip_address_assignments=Items([assignment]),
            network=values["network"],
            host_nic=types.HostNic(id=nic.id, href=values["href"]),
            host=reference(types.Host, "/hosts", host.id),
        )


def _numa_nodes(store: Store, host: Entry) -> Iterable[Struct]:
    for index in range(2):
        yield types.NumaNode(
            id=store.new_id(),
            index=index,
            memory=64 * 1024,
            node_distance="10 21" if index == 0 else "21 10",
            host=reference(types.Host, "/hosts", host.id),
        )


def _host_devices(store: Store, host: Entry) -> Iterable[Struct]:
    yield types.HostDevice(
        id=b"pci_0000_00_02_0".hex(),
        name="pci_0000_00_02_0",
        capability="pci",
        iommu_group=1,
        placeholder=False,
        product=types.Product(id="0x1572", name="Ethernet Controller X710"),
        vendor=types.Vendor(id="0x8086", name="Intel Corporation"),
        host=reference(types.Host, "/hosts", host.id),
    )


def _cluster_networks(store: Store, cluster: Entry) -> Iterable[Struct]:
    """A new cluster has the management network of its data center."""
    center = settled(cluster.value).get("data_center")
    for network in store.collection("/networks"):
        values = settled(network.value)
        here = center is not None and values["data_center"].id == center.id
        if here and values["name"] == "ovirtmgmt":
            yield in_cluster(network, cluster)


def _quotas(store: Store, center: Entry) -> Iterable[Struct]:
    """One without limits, for whom no other one is chosen."""
    here = reference(types.DataCenter, "/datacenters", center.id)
    identity = default_quota(center.id)
    quota = types.Quota(id=identity, name="Default", description="Default unlimited quota")
    quota.data_center = here
    yield complete(quota)


Make = Callable[[Store, Entry], Iterable[Struct]]

GENERAL: dict[str, Make] = {
    "/vms/{id}/statistics": _vm_statistics,
    "/vms/{id}/cdroms": _cdroms,
    "/vms/{id}/graphicsconsoles": _consoles,
    "/templates/{id}/cdroms": lambda store, entry: [types.Cdrom(id=NOBODY)],
    "/hosts/{id}/statistics": host_statistics,
    "/hosts/{id}/nics": _host_nics,
    "/hosts/{id}/networkattachments": _attachments,
    "/hosts/{id}/numanodes": _numa_nodes,
    "/hosts/{id}/devices": _host_devices,
    "/disks/{id}/statistics": _disk_statistics,
    "/disks/{id}/disksnapshots": _volumes,
    "/clusters/{id}/networks": _cluster_networks,
    "/datacenters/{id}/quotas": _quotas,
}


def add_general_parts(store: Store) -> None:
    """Tell the store how to make them; what a seed makes itself comes first."""
    for owner in ("vms", "hosts"):
        store.make_with(f"/{owner}/{{id}}/nics/{{id}}/statistics", nic_statistics)
    for template, make in GENERAL.items():
        store.make_with(template, _maker(template, make, store.maker(template)))


def _maker(
    template: str, make: Make, before: Callable[[Store, str], Iterable[Struct]] | None
) -> Callable[[Store, str], Iterable[Struct]]:
    home = template.partition("/{id}")[0]

    def maker(store: Store, owner: str) -> Iterable[Struct]:
        made = list(before(store, owner)) if before is not None else []
        entry = store.find(home, owner)
        if made or entry is None:
            return made
        return make(store, entry)

    return maker
