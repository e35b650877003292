"""Network interfaces of VMs and templates: addresses from a pool, profiles, plugging."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry

DEFAULTS = {"interface": types.NicInterface.VIRTIO, "linked": True, "plugged": True, "synced": True}


def add(command: Command, nic: types.Nic) -> Entry:
    """It gets an address unless it brings one."""
    owner = command.owner()
    if nic.name is None:
        raise incomplete("Nic", "name", "add")
    if any(name_of(each) == nic.name for each in command.below(owner, "nics")):
        raise conflict("Cannot add Network Interface. The name is already in use.")
    if nic.vnic_profile is None and nic.network is not None:
        nic.vnic_profile = _profile_of(command, nic.network)
    nic.network = None
    entry = put(command, owner, nic)
    _tell(command, 932, "Interface {nic} was added to VM {vm}.", entry)
    return entry


def _tell(command: Command, code: int, text: str, nic: Entry | None = None) -> None:
    """An event, if the interface is that of a VM."""
    owner = command.owner()
    if isinstance(owner.value, types.Vm):
        command.log(code, text, nic=nic or command.entry, vm=owner)


def put(command: Command, owner: Entry, nic: types.Nic) -> Entry:
    """Store an interface of a VM or template."""
    nic.id, nic.href = command.store.new_id(), None
    nic.vm = nic.template = nic.instance_type = None
    setattr(nic, type(owner.value).element, link_to(owner))
    if isinstance(owner.value, types.Vm) and (nic.mac is None or nic.mac.address is None):
        nic.mac = types.Mac(address=next_address(command, owner))
    for name, value in DEFAULTS.items():
        if settled(nic).get(name) is None:
            setattr(nic, name, value)
    home = owner.collection.path
    return command.store.add(f"{owner.path}/nics", nic, f"{home}/{{id}}/nics")


def copy_to(command: Command, owner: Entry, nic: Entry) -> None:
    """The same interface with an address of its own."""
    new = copy.copy(nic.value)
    assert isinstance(new, types.Nic)
    new.mac = None
    put(command, owner, new)


def next_address(command: Command, vm: Entry) -> str:
    """From the MAC pool of the VM's cluster."""
    cluster = command.find(get(vm, "cluster"))
    pool = command.find(get(cluster, "mac_pool")) if cluster is not None else None
    if pool is not None and not get(pool, "default_pool") and get(pool, "ranges"):
        return _first_free(command, get(pool, "ranges"))
    number = command.store.next_number()
    parts = (0x56, 0x6F, *((number + 0x8000_0000) >> shift & 0xFF for shift in (24, 16, 8, 0)))
    return ":".join(f"{part:02x}" for part in parts)


def _first_free(command: Command, ranges: Iterable[types.Range]) -> str:
    taken = {
        get(nic, "mac").address.lower()
        for path in command.store.paths("/vms/", "/nics")
        for nic in command.store.collection(path)
        if path.endswith("/nics")
    }
    for each in ranges:
        first, last = (int((text or "0").replace(":", ""), 16) for text in (each.from_, each.to))
        for number in range(first, last + 1):
            address = number.to_bytes(6, "big").hex(":")
            if address not in taken:
                return address
    raise conflict("Cannot add Network Interface. Not enough MAC addresses left in MAC Pool.")


def update(command: Command, changes: types.Nic) -> None:
    """A profile named by its network is looked up."""
    if changes.vnic_profile is None and changes.network is not None:
        changes.vnic_profile = _profile_of(command, changes.network)
    changes.network = None
    _tell(command, 934, "Interface {nic} was updated for VM {vm}.")


def _profile_of(command: Command, network: types.Network) -> types.VnicProfile | None:
    wanted = command.find(network)
    for profile in command.store.collection("/vnicprofiles"):
        at = get(profile, "network")
        if wanted is not None and at is not None and at.id == wanted.id:
            found: types.VnicProfile = link_to(profile)
            return found
    return None


def remove(command: Command) -> None:
    """Not while it is plugged into a running VM."""
    owner = command.owner()
    running = isinstance(owner.value, types.Vm) and get(owner, "status") is types.VmStatus.UP
    if running and get(command.entry, "plugged"):
        raise conflict("Cannot remove Network Interface. It is plugged into a running VM.")
    _tell(command, 930, "Interface {nic} was removed from VM {vm}.")
    command.store.remove(command.entry)


def plug(command: Command) -> None:
    """Into the VM."""
    command.store.replace(command.entry, plugged=True)
    _tell(command, 1012, "Network Interface {nic} was plugged to VM {vm}.")


def unplug(command: Command) -> None:
    """Out of the VM."""
    command.store.replace(command.entry, plugged=False)
    _tell(command, 1014, "Network Interface {nic} was unplugged from VM {vm}.")


SERVICES = ("VmNic", "TemplateNic", "InstanceTypeNic")
ACTIONS = {("VmNicService", "activate"): plug, ("VmNicService", "deactivate"): unplug}
ADDING = {f"{service}sService": add for service in SERVICES}
UPDATING = {f"{service}Service": update for service in SERVICES}
REMOVING = {"VmNicService": remove}
