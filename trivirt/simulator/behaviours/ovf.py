"""Configurations of VMs as documents, and VMs that lie on a storage domain."""

from __future__ import annotations

import copy
from html import escape

from lxml import etree

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._command import Command, get, link_to, name_of
from trivirt.simulator._store import Entry

RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
NAMESPACE = "http://schemas.dmtf.org/ovf/envelope/1/"


def document(command: Command, vm: Entry) -> str:
    """A VM in the form that engines keep beside its disks."""
    memory = (get(vm, "memory") or 0) // 1024**2
    references, items = [], []
    for attachment in command.below(vm, "diskattachments"):
        disk = command.store.find("/disks", attachment.id)
        if disk is None:
            continue
        size, image = get(disk, "provisioned_size") or 0, get(disk, "image_id") or ""
        file = f"{disk.id}/{image}"
        references.append(f'<File ovf:href="{file}" ovf:id="{image}" ovf:size="{size}"/>')
        items.append(
            f'<Disk ovf:diskId="{image}" ovf:size="{size // 1024**3}"'
            f' ovf:fileRef="{file}" ovf:disk-alias="{escape(name_of(disk))}"'
            f"{_form(disk)}{_way(attachment)}/>"
        )
    cluster = get(vm, "cluster")
    cards = "".join(_card(nic) for nic in command.below(vm, "nics"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<ovf:Envelope xmlns:ovf="{NAMESPACE}" xmlns:rasd="{RASD}" ovf:version="4.7.0.0">'
        f"<References>{''.join(references)}</References>"
        f'<Section xsi:type="ovf:DiskSection_Type" xmlns:xsi="http://www.w3.org/2001/'
        f'XMLSchema-instance"><Info>List of Virtual Disks</Info>{"".join(items)}</Section>'
        f'<Content ovf:id="out"><Name>{escape(name_of(vm))}</Name>'
        f"<ClusterId>{cluster.id if cluster else ''}</ClusterId>"
        f"<Section><Info>{memory} MB of memory</Info><MemoryMb>{memory}</MemoryMb>{cards}</Section>"
        "</Content></ovf:Envelope>"
    )


def _form(disk: Entry) -> str:
    cow = get(disk, "format") is types.DiskFormat.COW
    kind = "Sparse" if get(disk, "sparse") else "Preallocated"
    return f' ovf:volume-format="{"COW" if cow else "RAW"}" ovf:volume-type="{kind}"'


def _way(attachment: Entry) -> str:
    names = {"virtio": "VirtIO", "virtio_scsi": "VirtIO_SCSI", "ide": "IDE", "sata": "SATA"}
    interface, boot = get(attachment, "interface"), bool(get(attachment, "bootable"))
    shown = names.get(interface.value if interface is not None else "", "VirtIO")
    return f' ovf:disk-interface="{shown}" ovf:boot="{str(boot).lower()}"'


def _card(nic: Entry) -> str:
    interface, mac = get(nic, "interface"), get(nic, "mac")
    return (
        "<Item><rasd:ResourceType>10</rasd:ResourceType>"
        f"<rasd:ResourceSubType>{interface.value if interface else ''}</rasd:ResourceSubType>"
        f"<rasd:Name>{escape(name_of(nic))}</rasd:Name>"
        f"<rasd:MACAddress>{mac.address if mac else ''}</rasd:MACAddress></Item>"
    )


def nics_of(data: str) -> list[types.Nic]:
    """The interfaces that a document tells of; they get addresses of their own."""
    found = []
    for item in _parsed(data):
        values = {etree.QName(each).localname: each.text or "" for each in item if _is(each)}
        if values.get("ResourceType") == "10":
            kind = types.NicInterface(values.get("ResourceSubType") or "virtio")
            found.append(types.Nic(name=values.get("Name") or "nic1", interface=kind))
    return found


def _parsed(data: str) -> list[etree._Element]:
    """All elements; none of what is no document."""
    try:
        root = etree.fromstring(data.encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError:
        return []
    return [each for each in root.iter() if _is(each)]


def _is(node: etree._Element) -> bool:
    """An element; comments are nodes, too."""
    return isinstance(node.tag, str)


def complete(vm: types.Vm, data: str) -> None:
    """Take name and memory from a document unless the body says otherwise."""
    elements = _parsed(data)
    if not elements:
        return
    found = {etree.QName(each).localname: each.text for each in elements if each.text}
    if vm.name is None:
        vm.name = found.get("Name")
    memory = found.get("MemoryMb")
    if vm.memory is None and memory and memory.isdigit():
        vm.memory = int(memory) * 1024**2
    if vm.template is None:
        vm.template = types.Template(name="Blank")
    if vm.initialization is not None:
        vm.initialization.configuration = None


def leave_on(command: Command, vm: Entry, domain: Entry) -> Entry:
    """A VM, or a template, as it lies on a domain, with its disks."""
    lying = copy.copy(vm.value)
    kind = type(lying).plural
    lying.href = None
    for name in ("host", "vm_pool"):
        if name in settled(lying):
            setattr(lying, name, None)
    entry = command.store.add(f"{domain.path}/{kind}", lying, f"/storagedomains/{{id}}/{kind}")
    for attachment in command.below(vm, "diskattachments"):
        disk = command.store.find("/disks", attachment.id)
        if disk is None:
            continue
        kept = copy.copy(disk.value)
        kept.href = None
        command.store.add(f"{entry.path}/disks", kept)
        tied = copy.copy(attachment.value)
        tied.href = None
        if kind == "vms":
            command.store.add(f"{entry.path}/diskattachments", tied)
    return entry


def vm_of(command: Command, lying: Entry) -> types.Vm:
    """What an import makes of it."""
    vm = copy.copy(lying.value)
    assert isinstance(vm, types.Vm)
    vm.template = vm.original_template = link_to(
        command.store.named("/templates", "Blank") or lying
    )
    vm.id = vm.href = None
    return vm
