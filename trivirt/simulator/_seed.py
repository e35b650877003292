"""A synthetic data center: the same for the same number, of believable proportions.

`_seed_layout` says how much there is, this module makes people, storage and networks,
`_seed_hosts` the hosts, `_seed_vms` the VMs with their templates and disks, `_seed_parts` what
belongs to single VMs and hosts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from trivirt import types
from trivirt.model import Items, settled
from trivirt.simulator._clock import Clock
from trivirt.simulator._events import add_event
from trivirt.simulator._parts import add_general_parts
from trivirt.simulator._seed_fixed import (
    add_domain,
    add_fixed,
    add_root_tag,
    add_user,
    permit_all,
)
from trivirt.simulator._seed_hosts import add_cluster, add_host
from trivirt.simulator._seed_layout import GIB, Layout
from trivirt.simulator._seed_parts import TAGS, USERS, add_parts
from trivirt.simulator._seed_vms import VmSeed, add_vms
from trivirt.simulator._store import Store, reference


def seeded(clock: Clock, *, vms: int, seed: int, username: str) -> Store:
    """A store with a data center of so many VMs in it."""
    store = Store(clock, seed=seed)
    layout = Layout(vms, seed)
    add_fixed(store, layout)
    _add_people(store, layout, username)
    add_root_tag(store, TAGS, layout)
    for number in range(layout.data_centers):
        _add_data_center(store, layout, number)
    for number in range(layout.clusters):
        add_cluster(store, layout, number)
    for number in range(layout.hosts):
        add_host(store, layout, number)
    vm_seed = VmSeed(layout, clock.date(0.0) - timedelta(days=200))
    add_vms(store, vm_seed)
    add_parts(store, vm_seed)
    add_general_parts(store)
    _add_events(store, layout, clock.date(0.0))
    return store


def _add_people(store: Store, layout: Layout, username: str) -> None:
    domain = add_domain(store, layout, "internal-authz")
    admin = username.rpartition("@")[0] or username
    first = add_user(store, layout, domain, "internal-authz", admin)
    for name in USERS:
        if name != admin:
            add_user(store, layout, domain, "internal-authz", name)
    permit_all(store, layout, first)


VERSION = types.Version(major=4, minor=7)


def _add_data_center(store: Store, layout: Layout, number: int) -> None:
    pool = reference(types.MacPool, "/macpools", layout.id("mac pool"))
    if number == 0:
        mac_pool = types.MacPool(
            id=pool.id,
            name="Default",
            description="Default MAC pool",
            allow_duplicates=False,
            default_pool=True,
            ranges=Items([types.Range(from_="56:6f:00:00:00:00", to="56:6f:ff:ff:ff:ff")]),
        )
        store.add("/macpools", mac_pool)
    data_center = types.DataCenter(
        id=layout.id("data center", number),
        name="Default" if number == 0 else f"dc-{number}",
        description="The default Data Center" if number == 0 else "",
        local=False,
        quota_mode=types.QuotaModeType.DISABLED,
        status=types.DataCenterStatus.UP,
        storage_format=types.StorageFormat.V5,
        supported_versions=Items([VERSION]),
        version=VERSION,
        mac_pool=pool,
    )
    store.add("/datacenters", data_center)
    here = reference(types.DataCenter, "/datacenters", data_center.id or "")
    for storage in range(layout.storage_domains):
        _add_storage_domain(store, layout, number, storage, here)
    for network in range(layout.networks):
        _add_network(store, layout, number, network, here)


def _add_storage_domain(
    store: Store, layout: Layout, data_center: int, number: int, here: types.DataCenter
) -> None:
    used = (100 + layout.spread(900, "used", data_center, number)) * GIB
    domain = types.StorageDomain(
        id=layout.id("storage domain", data_center, number),
        name=f"data-{data_center * layout.storage_domains + number}",
        description="",
        comment="",
        available=4096 * GIB - used,
        backup=False,
        block_size=512,
        committed=used // 2,
        critical_space_action_blocker=5,
        discard_after_delete=False,
        external_status=types.ExternalStatus.OK,
        master=number == 0,
        storage=types.HostStorage(
            address=f"nas{number}.storage.example",
            nfs_version=types.NfsVersion.AUTO,
            path=f"/exports/data{number}",
            type=types.StorageType.NFS,
        ),
        storage_format=types.StorageFormat.V5,
        supports_discard=False,
        supports_discard_zeroes_data=False,
        type=types.StorageDomainType.DATA,
        used=used,
        warning_low_space_indicator=10,
        wipe_after_delete=False,
        data_centers=Items([here]),
    )
    store.add("/storagedomains", domain)
    profile = types.DiskProfile(
        id=layout.id("disk profile", data_center, number),
        name=domain.name,
        storage_domain=reference(types.StorageDomain, "/storagedomains", domain.id or ""),
    )
    store.add("/diskprofiles", profile)


def _add_network(
    store: Store, layout: Layout, data_center: int, number: int, here: types.DataCenter
) -> None:
    name = "ovirtmgmt" if number == 0 else f"net-{number:03d}"
    network = types.Network(
        id=layout.id("network", data_center, number),
        name=name,
        description="Management Network" if number == 0 else "",
        comment="",
        mtu=1500 if number % 4 else 0,
        port_isolation=False,
        stp=False,
        usages=Items([types.NetworkUsage.VM]),
        vdsm_name=name,
        data_center=here,
    )
    if number:
        network.vlan = types.Vlan(id=100 + number)
    store.add("/networks", network)
    profile = types.VnicProfile(
        id=layout.id("vnic profile", data_center, number),
        name=name,
        description="",
        migratable=True,
        pass_through=types.VnicPassThrough(mode=types.VnicPassThroughMode.DISABLED),
        port_mirroring=False,
        network=reference(types.Network, "/networks", network.id or ""),
    )
    store.add("/vnicprofiles", profile)


def _add_events(store: Store, layout: Layout, now: datetime) -> None:
    """The log of the last days: the engine started, people signed on, VMs were started."""
    admin = settled(next(iter(store.collection("/users"))).value)
    user = types.User(id=admin["id"], href=admin["href"], name=admin["user_name"])
    running = [vm for vm in range(min(layout.vms, 150)) if layout.is_up(vm)]
    moment = now - timedelta(days=3)
    add_event(store, 1, "Starting oVirt Engine.", time=moment)
    for count, number in enumerate(running):
        moment += timedelta(milliseconds=216_000_000 // len(running))
        if count % 10 == 0:
            text = f"User {user.name} connecting from '192.0.2.1' logged in."
            add_event(store, 30, text, time=moment, user=user)
        vm = store.find("/vms", layout.id("vm", number))
        host = store.find("/hosts", layout.id("host", layout.host_of_vm(number)))
        if vm is not None and host is not None:
            names = settled(vm.value)["name"], settled(host.value)["name"]
            text = "VM {} started on Host {}".format(*names)
            add_event(store, 153, text, time=moment, user=user, about={"vm": vm, "host": host})
