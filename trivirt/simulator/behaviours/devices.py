"""Small things that VMs have: CD-ROMs, consoles, watchdogs; and clusters and data centers."""

from __future__ import annotations

import copy
from typing import Any

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, points_to
from trivirt.simulator._refusals import conflict, incomplete, unknown_related
from trivirt.simulator._store import Entry
from trivirt.simulator.behaviours import vm_making, vm_power
from trivirt.simulator.behaviours._use import check_unused


def change_cdrom(command: Command, changes: types.Cdrom) -> None:
    """Insert an image, or eject with an empty id; `current` for the running VM only."""
    vm, file = command.owner(), changes.file
    if command.flag("current"):
        vm_power.must_be_up(command, vm, "change CD of")
    if file is None or file.id is None:
        return
    if file.id == "":
        changes.file = None
        command.store.replace(command.entry, file=None)
        return
    if not _is_known(command, file.id):
        raise unknown_related("File", f"id={file.id}")
    changes.file = types.File(id=file.id)


def _is_known(command: Command, identity: str) -> bool:
    """A file of an ISO domain, or a disk with such content."""
    disk = command.store.find("/disks", identity)
    if disk is not None:
        return get(disk, "content_type") is types.DiskContentType.ISO
    paths = command.store.paths("/storagedomains/", "/files")
    return any(command.store.find(path, identity) for path in paths) or identity.endswith(".iso")


def add_console(command: Command, console: types.GraphicsConsole) -> Entry:
    """SPICE or VNC, each once; its id is its protocol in hexadecimal."""
    if console.protocol is None:
        raise incomplete("GraphicsConsole", "protocol", "add")
    owner = command.owner()
    identity = console.protocol.value.encode().hex()
    if any(each.id == identity for each in command.below(owner, "graphicsconsoles")):
        raise conflict("Cannot add Graphics Console. One with this protocol exists.")
    console.id, console.href = identity, None
    setattr(console, type(owner.value).element, link_to(owner))
    home = command.home
    return command.store.add(home.path, console, home.template)


def viewer_file(command: Command) -> dict[str, Any]:
    """What a viewer needs to connect."""
    console = command.entry
    host, port = get(console, "address") or "192.0.2.1", get(console, "port") or 5900
    protocol = get(console, "protocol")
    lines = ["[virt-viewer]", f"type={protocol.value if protocol else 'spice'}", f"host={host}",
             f"port={port}", f"password={command.store.new_id()[:12]}", "delete-this-file=1",
             "fullscreen=0"]  # fmt: skip
    return {"remote_viewer_connection_file": "\n".join(lines) + "\n"}


def proxy_ticket(command: Command) -> dict[str, Any]:
    """For a proxy of displays."""
    return {"proxy_ticket": types.ProxyTicket(value=command.store.new_id())}


def belongs(command: Command, device: Any) -> None:
    """A device names its VM or template."""
    owner = command.owner()
    element = type(owner.value).element
    if hasattr(type(device), element):
        setattr(device, element, link_to(owner))


def add_watchdog(command: Command, device: types.Watchdog) -> None:
    """One is enough."""
    if command.store.collection(command.home.path, command.home.template):
        raise conflict("Cannot add watchdog. There is one already.")
    for name in ("model", "action"):
        if settled(device).get(name) is None:
            raise incomplete("Watchdog", name, "add")
    belongs(command, device)


def add_host_device(command: Command, device: types.HostDevice) -> Entry:
    """A device of the host is passed through under its own name."""
    if device.name is None and device.id is None:
        raise incomplete("HostDevice", "id|name", "add")
    device.id = device.id or (device.name or "").encode().hex()
    device.vm = link_to(command.owner())
    return command.store.add(command.home.path, device, command.home.template)


def auto_pin(command: Command) -> None:
    """CPUs and NUMA nodes follow the host; only its VM has to be down."""
    vm_power.must_be_down(command, command.entry, "pin VM")


def reorder_addresses(command: Command) -> None:
    """MAC addresses in the order of the interfaces' names."""
    nics = sorted(command.below(command.entry, "nics"), key=lambda nic: get(nic, "name"))
    addresses = sorted(get(nic, "mac").address for nic in nics)
    for nic, address in zip(nics, addresses, strict=True):
        command.store.replace(nic, mac=types.Mac(address=address))


def import_vm(command: Command, wanted: types.ExternalVmImport) -> None:
    """From another hypervisor: it becomes a VM here."""
    if wanted.name is None or wanted.cluster is None:
        raise incomplete("ExternalVmImport", "name, cluster.id|name", "add")
    blank = command.store.named("/templates", "Blank")
    named = wanted.vm.name if wanted.vm is not None else None
    vm = types.Vm(name=named or wanted.name, cluster=wanted.cluster)
    vm.template = None if blank is None else link_to(blank)
    wanted.vm, wanted.password = link_to(vm_making.add(command, vm, imported=True)), None


# Clusters and data centers.


def add_cluster(command: Command, cluster: types.Cluster) -> Entry:
    """In a data center, with its management network and what it does not say."""
    if cluster.data_center is None and "/datacenters/{id}" in command.place.template:
        cluster.data_center = link_to(command.owner())
    if cluster.data_center is None:
        raise incomplete("Cluster", "dataCenter.name|id", "add")
    model = command.store.named("/clusters", "Default") or next(
        iter(command.store.collection("/clusters")), None
    )
    for name, value in settled(model.value).items() if model is not None else ():
        if name not in ("id", "href", "name", "description", "comment") and (
            settled(cluster).get(name) is None
        ):
            setattr(cluster, name, copy.copy(value))
    for name in ("description", "comment"):
        if settled(cluster).get(name) is None:
            setattr(cluster, name, "")
    entry = command.put(cluster)
    profile = types.CpuProfile(
        id=command.store.new_id(), name=cluster.name, description="", cluster=link_to(entry)
    )
    command.store.add("/cpuprofiles", profile)
    command.log(809, "Cluster {cluster} was added by " + command.asked.user, cluster=entry)
    return entry


def upgrade_cluster(command: Command) -> None:
    """What tells others that somebody is upgrading its hosts."""
    step, percent = command.action.upgrade_action, command.action.upgrade_percent_complete
    steps = types.ClusterUpgradeAction
    going_on = bool(get(command.entry, "upgrade_in_progress"))
    if step is None:
        raise incomplete("Action", "upgradeAction", "upgrade")
    if (step is steps.START) is going_on:
        text = "is running already" if going_on else "is not running"
        raise conflict(f"Cannot change the upgrade of the Cluster. It {text}.")
    command.store.replace(
        command.entry,
        upgrade_in_progress=step is not steps.FINISH,
        upgrade_percent_complete=None if step is steps.FINISH else percent or 0,
    )


def remove_cluster(command: Command) -> None:
    """Empty ones only, with their CPU profiles."""
    cluster = command.entry
    check_unused(command.store, cluster)
    for profile in list(command.store.collection("/cpuprofiles")):
        if points_to(get(profile, "cluster"), cluster):
            command.store.remove(profile)
    command.store.remove(cluster)


def add_data_center(command: Command, center: types.DataCenter) -> Entry:
    """Without storage it is uninitialized; it has a management network from the start."""
    if center.name is None:
        raise incomplete("DataCenter", "name", "add")
    center.status = types.DataCenterStatus.UNINITIALIZED
    level = types.Version(major=4, minor=7)
    center.version = center.version or level
    for name, value in (
        ("local", False),
        ("description", ""),
        ("comment", ""),
        ("quota_mode", types.QuotaModeType.DISABLED),
        ("storage_format", types.StorageFormat.V5),
    ):
        if settled(center).get(name) is None:
            setattr(center, name, value)
    entry = command.put(center)
    network = types.Network(
        id=command.store.new_id(),
        name="ovirtmgmt",
        description="Management Network",
        comment="",
        mtu=0,
        port_isolation=False,
        stp=False,
        usages=None,
        vdsm_name="ovirtmgmt",
        data_center=link_to(entry),
    )
    made = command.store.add("/networks", network)
    profile = types.VnicProfile(
        id=command.store.new_id(), name="ovirtmgmt", port_mirroring=False, network=link_to(made)
    )
    command.store.add("/vnicprofiles", profile)
    command.log(950, "Data Center {data_center} was added.", data_center=entry)
    return entry


def remove_data_center(command: Command) -> None:
    """With its networks; not while it has clusters or storage, unless forced."""
    center = command.entry
    check_unused(command.store, center)
    mine = [n for n in command.store.collection("/networks")
            if (at := get(n, "data_center")) is not None and at.id == center.id]  # fmt: skip
    ids = {network.id for network in mine}
    for profile in list(command.store.collection("/vnicprofiles")):
        if (at := get(profile, "network")) is not None and at.id in ids:
            command.store.remove(profile)
    for network in mine:
        command.store.remove(network)
    command.store.remove(center)


ACTIONS = {
    ("ClusterService", "upgrade"): upgrade_cluster,
    ("VmGraphicsConsoleService", "remoteviewerconnectionfile"): viewer_file,
    ("VmGraphicsConsoleService", "proxyticket"): proxy_ticket,
    ("VmGraphicsConsoleService", "ticket"): vm_making.tickets,
    ("VmService", "autopincpuandnumanodes"): auto_pin,
    ("VmService", "reordermacaddresses"): reorder_addresses,
}
ADDING = {
    "ClustersService": add_cluster,
    "DataCentersService": add_data_center,
    "ExternalVmImportsService": import_vm,
    "InstanceTypeGraphicsConsolesService": add_console,
    "TemplateGraphicsConsolesService": add_console,
    "VmGraphicsConsolesService": add_console,
    "VmHostDevicesService": add_host_device,
    **dict.fromkeys(
        ("VmNumaNodesService", "VmMediatedDevicesService", "TemplateMediatedDevicesService"),
        belongs,
    ),
    **dict.fromkeys(
        ("VmWatchdogsService", "TemplateWatchdogsService", "InstanceTypeWatchdogsService"),
        add_watchdog,
    ),
}
UPDATING = {"VmCdromService": change_cdrom}
REMOVING = {"ClusterService": remove_cluster, "DataCenterService": remove_data_center}
