"""What the guest in a running VM tells of itself: its name and addresses.

A VM with a disk has an operating system with an agent in it; one without has none.
"""

from __future__ import annotations

from trivirt import types
from trivirt.model import Items
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._store import Entry


def report(command: Command, vm: Entry) -> None:
    """It is up: what it was told to be called and to use as addresses is what it says."""
    told = command.action.vm.initialization if command.action.vm is not None else None
    told = told or get(vm, "initialization") or types.Initialization()
    fqdn = told.host_name or f"{name_of(vm)}.example.com"
    command.store.replace(vm, fqdn=fqdn)
    for old in command.below(vm, "reporteddevices"):
        command.store.remove(old)
    fixed = {each.name: each.ip.address for each in told.nic_configurations or () if each.ip}
    for index, nic in enumerate(command.below(vm, "nics")):
        mac = get(nic, "mac")
        if not get(nic, "plugged") or mac is None or mac.address is None:
            continue
        name = f"eth{index}"
        device = types.ReportedDevice(
            id=command.store.new_id(),
            name=name,
            description="guest reported data",
            ips=_addresses(mac.address, fixed.get(name)),
            mac=mac,
            type=types.ReportedDeviceType.NETWORK,
            vm=link_to(vm),
        )
        command.store.add(f"{vm.path}/reporteddevices", device, "/vms/{id}/reporteddevices")


def _addresses(mac: str, fixed: str | None) -> Items[types.Ip]:
    """The fixed one, or one that follows from the MAC address as a DHCP server might have it."""
    last = [int(part, 16) for part in mac.split(":")[-3:]]
    address = fixed or f"10.{last[0]}.{last[1]}.{last[2]}"
    local = f"fe80::{last[0]:x}:{last[1] << 8 | last[2]:x}"
    return Items([
        types.Ip(address=address, version=types.IpVersion.V4),
        types.Ip(address=local, version=types.IpVersion.V6),
    ])  # fmt: skip
