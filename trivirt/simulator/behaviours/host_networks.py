"""The network configuration of hosts: attachments, bonds, labels."""

from __future__ import annotations

import copy

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._refusals import conflict, unknown_related
from trivirt.simulator._store import Entry, identity_of


def set_up(command: Command) -> None:
    """All changes of one request: removals first, then what is new or different."""
    host, action = command.entry, command.action
    for attachment in action.removed_network_attachments or ():
        _take_off(command, host, attachment)
    for bond in action.removed_bonds or ():
        _break_up(command, host, _nic(command, host, bond))
    for bond in action.modified_bonds or ():
        _bond(command, host, bond)
    for attachment in action.modified_network_attachments or ():
        put_on(command, host, attachment)
    for attachment in action.synchronized_network_attachments or ():
        found = _attachment(command, host, attachment)
        if found is not None:
            command.store.replace(found, in_sync=True)
    for label in action.modified_labels or ():
        if label.host_nic is not None:
            nic = _nic(command, host, label.host_nic)
            value = types.NetworkLabel(id=label.id, host_nic=link_to(nic))
            command.store.add(f"{nic.path}/networklabels", value)
    for label in action.removed_labels or ():
        for nic in command.below(host, "nics"):
            entry = command.store.find(f"{nic.path}/networklabels", label.id or "")
            if entry is not None:
                command.store.remove(entry)
    command.log(1146, "Network changes were set up on host {host}.", host=host)


def put_on(command: Command, host: Entry, wanted: types.NetworkAttachment) -> Entry:
    """A network on an interface, new or as it is from now on."""
    before = _attachment(command, host, wanted)
    if before is not None:
        changes = {
            name: value
            for name, value in settled(wanted).items()
            if name not in ("id", "href", "network", "host_nic")
        }
        if wanted.host_nic is not None:
            changes["host_nic"] = link_to(_nic(command, host, wanted.host_nic))
        command.store.replace(before, **changes)
        _show(command, host, before)
        return before
    network = command.find(wanted.network)
    if network is None or wanted.host_nic is None:
        raise conflict("Cannot setup Networks. Network and interface must be given.")
    nic = _nic(command, host, wanted.host_nic)
    value = copy.copy(wanted)
    value.id, value.href = command.store.new_id(), None
    value.network, value.host_nic = link_to(network), link_to(nic)
    value.host, value.in_sync = link_to(host), True
    template = "/hosts/{id}/networkattachments"
    entry = command.store.add(f"{host.path}/networkattachments", value, template)
    _show(command, host, entry)
    return entry


def _show(command: Command, host: Entry, attachment: Entry) -> None:
    """The interface tells what its attachment says."""
    nic = _nic(command, host, get(attachment, "host_nic"))
    assignments = get(attachment, "ip_address_assignments") or ()
    changes: dict[str, object] = {"network": get(attachment, "network"), "bridged": True}
    for each in assignments:
        changes["boot_protocol"] = each.assignment_method
        if each.ip is not None:
            changes["ip"] = each.ip
    command.store.replace(nic, **changes)


def _take_off(command: Command, host: Entry, wanted: types.NetworkAttachment) -> None:
    found = _attachment(command, host, wanted)
    if found is None:
        raise unknown_related("NetworkAttachment", f"id={wanted.id}")
    _clear(command, host, found)


def _clear(command: Command, host: Entry, attachment: Entry) -> None:
    on = identity_of(get(attachment, "host_nic"))
    nic = command.store.find(f"{host.path}/nics", on or "")
    if nic is not None:
        none = types.BootProtocol.NONE
        command.store.replace(nic, network=None, ip=None, boot_protocol=none)
    command.store.remove(attachment)


def _attachment(command: Command, host: Entry, wanted: types.NetworkAttachment) -> Entry | None:
    network = command.find(wanted.network)
    for each in command.below(host, "networkattachments"):
        at = identity_of(get(each, "network"))
        if each.id == wanted.id or (network is not None and at == network.id):
            return each
    return None


def _bond(command: Command, host: Entry, wanted: types.HostNic) -> None:
    slaves = [
        _nic(command, host, one)
        for one in (wanted.bonding.slaves if wanted.bonding else None) or ()
    ]
    bonding = types.Bonding(
        options=wanted.bonding.options if wanted.bonding is not None else None,
        slaves=Items(link_to(one) for one in slaves),
    )
    found = [
        e for e in command.below(host, "nics") if name_of(e) == wanted.name or e.id == wanted.id
    ]
    if found:
        command.store.replace(found[0], bonding=bonding)
        bond = found[0]
    else:
        if len(slaves) < 2:
            raise conflict("Cannot setup Networks. A bond needs two interfaces or more.")
        value = types.HostNic(
            id=command.store.new_id(),
            name=wanted.name or "bond0",
            bonding=bonding,
            boot_protocol=types.BootProtocol.NONE,
            bridged=False,
            mac=get(slaves[0], "mac"),
            mtu=1500,
            status=types.NicStatus.UP,
            host=link_to(host),
        )
        bond = command.store.add(f"{host.path}/nics", value, "/hosts/{id}/nics")
    for slave in slaves:
        for attachment in command.below(host, "networkattachments"):
            if identity_of(get(attachment, "host_nic")) == slave.id:
                _clear(command, host, attachment)
        command.store.replace(slave, base_interface=name_of(bond))


def _break_up(command: Command, host: Entry, bond: Entry) -> None:
    for attachment in command.below(host, "networkattachments"):
        if identity_of(get(attachment, "host_nic")) == bond.id:
            _clear(command, host, attachment)
    for nic in command.below(host, "nics"):
        if get(nic, "base_interface") == name_of(bond):
            command.store.replace(nic, base_interface=None)
    command.store.remove(bond)


def _nic(command: Command, host: Entry, wanted: types.HostNic) -> Entry:
    for nic in command.below(host, "nics"):
        if nic.id == wanted.id or (wanted.id is None and name_of(nic) == wanted.name):
            return nic
    raise unknown_related("HostNic", f"name={wanted.name}" if wanted.name else f"id={wanted.id}")


# The same by collections of their own.


def add(command: Command, wanted: types.NetworkAttachment) -> Entry:
    """On the host, or on the interface whose collection it is."""
    owner = command.owner()
    host = owner if isinstance(owner.value, types.Host) else command.owner(2)
    if _attachment(command, host, wanted) is not None:
        raise conflict("Cannot setup Networks. The network is attached to the host already.")
    if host is not owner:
        wanted.host_nic = link_to(owner)
    return put_on(command, host, wanted)


def update(command: Command, changes: types.NetworkAttachment) -> None:
    """The interface tells what its attachment says."""
    host = command.find(get(command.entry, "host"))
    assert host is not None
    changes.id = command.entry.id
    put_on(command, host, changes)


def remove(command: Command) -> None:
    """Off the host."""
    host = command.find(get(command.entry, "host"))
    if host is not None:
        _clear(command, host, command.entry)


def commit(command: Command) -> None:
    """The configuration outlives a reboot of the host, which nobody sees here."""


ACTIONS = {
    ("HostService", "setupnetworks"): set_up,
    ("HostService", "commitnetconfig"): commit,
}
ADDING = {"NetworkAttachmentsService": add}
UPDATING = {"NetworkAttachmentService": update}
REMOVING = {"NetworkAttachmentService": remove}
