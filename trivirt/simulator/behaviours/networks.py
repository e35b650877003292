"""Networks of data centers and clusters, and the profiles through which VMs use them."""

from __future__ import annotations

import copy

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._command import Command, get, link_to, name_of, points_to
from trivirt.simulator._refusals import conflict, incomplete
from trivirt.simulator._store import Entry, identity_of

DEFAULTS = {"comment": "", "description": "", "mtu": 0, "port_isolation": False, "stp": False}


def add(command: Command, network: types.Network) -> Entry | None:
    """With a profile of the same name unless told otherwise."""
    if "iscsibonds" in command.place.template:
        return None
    if network.name is None:
        raise incomplete("Network", "name", "add")
    if command.place.template == "/datacenters/{id}/networks":
        network.data_center = link_to(command.owner())
    if network.data_center is None:
        raise incomplete("Network", "dataCenter.name|id", "add")
    center = network.data_center.id
    for other in command.store.collection("/networks"):
        if name_of(other) == network.name and identity_of(get(other, "data_center")) == center:
            raise conflict("Cannot add Network. The Network name is already in use.")
    if network.usages is None:
        network.usages = Items([types.NetworkUsage.VM])
    for name, value in DEFAULTS.items():
        if settled(network).get(name) is None:
            setattr(network, name, value)
    wants_profile, network.profile_required = network.profile_required, None
    network.vdsm_name = network.name
    entry = command.put(network)
    if wants_profile is not False and types.NetworkUsage.VM in network.usages:
        profile = types.VnicProfile(
            id=command.store.new_id(),
            name=network.name,
            description="",
            migratable=True,
            pass_through=types.VnicPassThrough(mode=types.VnicPassThroughMode.DISABLED),
            port_mirroring=False,
            network=link_to(entry),
        )
        command.store.add("/vnicprofiles", profile)
    command.log(942, f"Network {network.name} was added to Data Center.")
    return entry


def update(command: Command, changes: types.Network) -> None:
    """Clusters show what it is now."""
    shown = {
        n: v for n, v in settled(changes).items() if n in ("name", "description", "mtu", "vlan")
    }
    for member in _members(command, command.entry):
        command.store.replace(member, **shown)


def remove(command: Command) -> None:
    """Not the management network, nor one that VMs or hosts use."""
    network = command.entry
    if "iscsibonds" in command.place.template:
        command.store.remove(network)
        return
    if name_of(network) == "ovirtmgmt":
        raise conflict("Cannot remove Network. The management network cannot be removed.")
    profiles = [
        e
        for e in command.store.collection("/vnicprofiles")
        if points_to(get(e, "network"), network)
    ]
    _check_nics(command, {e.id for e in profiles})
    for path in command.store.paths("/hosts/", "/networkattachments"):
        for attachment in command.store.collection(path):
            if points_to(get(attachment, "network"), network):
                raise conflict("Cannot remove Network. It is attached to a host.")
    for each in (*profiles, *_members(command, network), network):
        command.store.remove(each)
    command.log(944, f"Network {name_of(network)} was removed from Data Center.")


def _check_nics(command: Command, profiles: set[str]) -> None:
    template = "/vms/{id}/nics"
    glance = command.store.glance(template, "vnic_profile")
    for vm in command.store.collection("/vms"):
        path = f"{vm.path}/nics"
        seen = None if glance is None or command.store.is_made(path) else glance(vm.id)
        if seen is None:
            nics = command.store.collection(path, template)
            seen = [get(nic, "vnic_profile") for nic in nics]
        if any(identity_of(profile) in profiles for profile in seen):
            raise conflict(
                f"Cannot remove vNIC profile. It is in use by the following VM: {name_of(vm)}."
            )


def _members(command: Command, network: Entry) -> list[Entry]:
    found = []
    for cluster in command.store.collection("/clusters"):
        for member in command.below(cluster, "networks"):
            if member.id == network.id:
                found.append(member)
    return found


def add_label(command: Command, label: types.NetworkLabel) -> Entry:
    """Its id is its name; a network has one at most."""
    if label.id is None:
        raise incomplete("NetworkLabel", "id", "add")
    owner, home = command.owner(), command.home
    others = command.below(owner, home.path.rpartition("/")[2])
    is_network = isinstance(owner.value, types.Network)
    if any(is_network or each.id == label.id for each in others):
        raise conflict("Cannot add Network Label. It is labelled already.")
    label.href = None
    pointer = "network" if is_network else "host_nic"
    setattr(label, pointer, link_to(owner))
    return command.store.add(home.path, label, home.template)


# In clusters.


def assign(command: Command, network: types.Network) -> Entry:
    """A network of the data center becomes one of the cluster."""
    cluster = command.owner()
    if not settled(network).keys() & {"id", "name"}:
        raise incomplete("Network", "id|name", "add")
    center = identity_of(get(cluster, "data_center"))
    known = [
        each
        for each in command.store.collection("/networks")
        if (each.id == network.id or (network.id is None and name_of(each) == network.name))
        and identity_of(get(each, "data_center")) == center
    ]
    if not known:
        raise conflict("Cannot attach Network to Cluster. The Network does not exist.")
    if any(member.id == known[0].id for member in command.below(cluster, "networks")):
        raise conflict("Cannot attach Network to Cluster. It is attached already.")
    value = in_cluster(known[0], cluster)
    value.required = network.required if network.required is not None else True
    value.display = bool(network.display)
    value.usages = network.usages or value.usages
    template = "/clusters/{id}/networks"
    return command.store.add(f"{cluster.path}/networks", value, template)


def in_cluster(network: Entry, cluster: Entry) -> types.Network:
    """How a cluster shows a network."""
    value = copy.copy(network.value)
    assert isinstance(value, types.Network)
    value.href, value.cluster = None, link_to(cluster)
    value.status = types.NetworkStatus.OPERATIONAL
    value.required, value.display = True, False
    return value


def unassign(command: Command) -> None:
    """Not the management network."""
    if name_of(command.entry) == "ovirtmgmt":
        raise conflict("Cannot detach Network from Cluster. It is the management network.")
    command.store.remove(command.entry)


# Profiles.


def add_profile(command: Command, profile: types.VnicProfile) -> None:
    """For one network, under a name that it has once."""
    if profile.name is None:
        raise incomplete("VnicProfile", "name", "add")
    if profile.network is None and "networks/{id}" in command.place.template:
        profile.network = link_to(command.owner())
    if profile.network is None:
        raise incomplete("VnicProfile", "network.id", "add")
    for other in command.store.collection("/vnicprofiles"):
        same = identity_of(get(other, "network")) == profile.network.id
        if same and name_of(other) == profile.name:
            raise conflict("Cannot add vNIC profile. The profile name is already in use.")
    if profile.port_mirroring is None:
        profile.port_mirroring = False
    if profile.pass_through is None:
        profile.pass_through = types.VnicPassThrough(mode=types.VnicPassThroughMode.DISABLED)


def remove_profile(command: Command) -> None:
    """Not while an interface uses it."""
    _check_nics(command, {command.entry.id})
    command.store.remove(command.entry)


NETWORKS = ("Networks", "DataCenterNetworks")
ADDING = {
    **{f"{name}Service": add for name in NETWORKS},
    "ClusterNetworksService": assign,
    "NetworkLabelsService": add_label,
    "VnicProfilesService": add_profile,
    "AssignedVnicProfilesService": add_profile,
}
UPDATING = {f"{name[:-1]}Service": update for name in NETWORKS}
REMOVING = {
    **{f"{name[:-1]}Service": remove for name in NETWORKS},
    "ClusterNetworkService": unassign,
    "VnicProfileService": remove_profile,
    "AssignedVnicProfileService": remove_profile,
}
