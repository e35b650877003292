"""Services beside the engine that it uses: images, networks, volumes and hosts of others."""

from __future__ import annotations

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._command import Command, get, name_of
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry

Provider = types.ExternalProvider


def add(command: Command, provider: Provider) -> None:
    """Its password is for the engine alone."""
    kind = type(provider).__name__
    for name in ("name", "url"):
        if settled(provider).get(name) is None:
            raise incomplete(kind, name, "add")
    _check_name(command, provider.name or "")
    provider.password = None
    if provider.requires_authentication is None:
        provider.requires_authentication = False
    if provider.description is None:
        provider.description = ""


def add_images(command: Command, provider: types.OpenStackImageProvider) -> Entry:
    """Its images are seen in a storage domain of its name."""
    add(command, provider)
    if command.store.named("/storagedomains", provider.name or "") is not None:
        raise conflict("Cannot add Provider. The Storage Domain name is already in use.")
    entry = command.put(provider)
    domain = types.StorageDomain(
        id=command.store.new_id(),
        name=provider.name,
        description=provider.description,
        comment="",
        external_status=types.ExternalStatus.OK,
        master=False,
        storage=types.HostStorage(type=types.StorageType.GLANCE),
        storage_format=types.StorageFormat.V1,
        type=types.StorageDomainType.IMAGE,
    )
    command.store.add("/storagedomains", domain)
    return entry


def _check_name(command: Command, name: str) -> None:
    if any(name_of(each) == name for each in command.store.collection(command.place.path)):
        raise conflict("Cannot add Provider. The provider name is already in use.")


def update(command: Command, changes: Provider) -> None:
    """The password is not shown."""
    changes.password = None
    if changes.name is not None and changes.name != name_of(command.entry):
        inside = command.entry.collection
        if any(name_of(each) == changes.name for each in inside):
            raise conflict("Cannot edit Provider. The provider name is already in use.")
        domain = _domain(command)
        if domain is not None:
            command.store.replace(domain, name=changes.name)


def remove(command: Command) -> None:
    """The domain of its images goes with it."""
    domain = _domain(command)
    if domain is not None:
        command.store.remove(domain)
    command.store.remove(command.entry)


def _domain(command: Command) -> Entry | None:
    if not isinstance(command.entry.value, types.OpenStackImageProvider):
        return None
    found = command.store.named("/storagedomains", name_of(command.entry))
    is_image = found is not None and get(found, "type") is types.StorageDomainType.IMAGE
    return found if is_image else None


def import_certificates(command: Command) -> None:
    """Kept, to be shown."""
    for certificate in command.action.certificates or Items():
        certificate.id, certificate.href = command.store.new_id(), None
        command.store.add(f"{command.entry.path}/certificates", certificate)


def add_key(command: Command, key: types.OpenstackVolumeAuthenticationKey) -> None:
    """Its value is for the hosts alone."""
    for name in ("uuid", "value", "usage_type"):
        if settled(key).get(name) is None:
            raise incomplete("OpenstackVolumeAuthenticationKey", name, "add")
    key.value = None


def update_key(command: Command, changes: types.OpenstackVolumeAuthenticationKey) -> None:
    """The value is not shown."""
    changes.value = None


KINDS = ("ExternalHostProvider", "OpenstackNetworkProvider", "OpenstackVolumeProvider")
ALL = (*KINDS, "OpenstackImageProvider")
ACTIONS = {(f"{kind}Service", "importcertificates"): import_certificates for kind in ALL}
ADDING = {
    **{f"{kind}sService": add for kind in KINDS},
    "OpenstackImageProvidersService": add_images,
    "OpenstackVolumeAuthenticationKeysService": add_key,
}
UPDATING = {
    **{f"{kind}Service": update for kind in ALL},
    "OpenstackVolumeAuthenticationKeyService": update_key,
}
REMOVING = {"OpenstackImageProviderService": remove}
