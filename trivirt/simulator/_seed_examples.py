"""A small data center with the objects that the published examples of the SDK ask for by name.

The people, storage and networks are here, VMs, templates and disks in `_seed_examples_vms`.
"""

from __future__ import annotations

from datetime import timedelta

from trivirt import types
from trivirt.model import Items
from trivirt.simulator._clock import Clock
from trivirt.simulator._events import add_event
from trivirt.simulator._parts import add_general_parts
from trivirt.simulator._seed_examples_vms import add_example_vms
from trivirt.simulator._seed_fixed import (
    add_domain,
    add_fixed,
    add_root_tag,
    add_user,
    permit_all,
)
from trivirt.simulator._seed_hosts import add_cluster, add_host
from trivirt.simulator._seed_layout import GIB, Layout
from trivirt.simulator._store import Entry, Store, reference
from trivirt.simulator.behaviours.luns import described
from trivirt.simulator.behaviours.networks import in_cluster

Kind, Storage = types.StorageDomainType, types.StorageType

# Name, type, storage, attached, master. The first ones are of mydc.
DOMAINS = (
    ("mydata", Kind.DATA, Storage.NFS, True, True),
    ("seconddata", Kind.DATA, Storage.NFS, True, False),
    ("bs-scsi-012", Kind.DATA, Storage.ISCSI, True, False),
    ("mysd", Kind.DATA, Storage.NFS, True, False),
    ("myexport", Kind.EXPORT, Storage.NFS, True, False),
    ("freedata", Kind.DATA, Storage.NFS, False, False),
    ("myiso", Kind.ISO, Storage.NFS, False, False),
    ("ovirt-image-repository", Kind.IMAGE, Storage.GLANCE, False, False),
)
# A LUN of its own, so that those of the storage network are free.
USED_LUN = "360014050b8e2c5f2c8b4c5ea0e3f0001"


def example_store(clock: Clock, *, seed: int, username: str) -> Store:
    """A store with all of them."""
    store, layout = Store(clock, seed=seed), Layout(0, seed)
    add_fixed(store, layout)
    admin = _add_people(store, layout, username)
    add_root_tag(store, ("mytag", "freetag"), layout)
    _add_data_centers(store, layout)
    for number, (name, center) in enumerate((("mycluster", "mydc"), ("othercluster", "mydc"))):
        _add_cluster(store, layout, number, name, center)
    _add_cluster(store, layout, 2, "Default", "Default")
    for number, domain in enumerate(DOMAINS):
        _add_domain(store, layout, number, *domain)
    _add_networks(store, layout)
    hosts = (("myhost", 0), ("otherhost", 0), ("freehost", 1), ("doomedhost", 0))
    for number, (name, cluster) in enumerate(hosts):
        _add_host(store, layout, number, name, cluster)
    add_general_parts(store)
    add_example_vms(store, layout, clock.date(0.0), admin)
    _add_events(store, layout, admin)
    return store


def _add_people(store: Store, layout: Layout, username: str) -> types.User:
    internal = add_domain(store, layout, "internal-authz", ("mygroup",))
    mine = add_domain(store, layout, "mydomain-authz")
    admin = add_user(
        store, layout, internal, "internal-authz", username.rpartition("@")[0] or username
    )
    add_user(store, layout, mine, "mydomain-authz", "myuser")
    add_user(store, layout, internal, "internal-authz", "user2")
    permit_all(store, layout, admin)
    return admin


def _add_data_centers(store: Store, layout: Layout) -> None:
    pool = types.MacPool(
        id=layout.id("mac pool"),
        name="Default",
        description="Default MAC pool",
        allow_duplicates=False,
        default_pool=True,
        ranges=Items([types.Range(from_="56:6f:00:00:00:00", to="56:6f:ff:ff:ff:ff")]),
    )
    store.add("/macpools", pool)
    version = types.Version(major=4, minor=7)
    status = types.DataCenterStatus
    for name, state in (("mydc", status.UP), ("Default", status.UNINITIALIZED)):
        center = types.DataCenter(
            id=layout.id("data center", name),
            name=name,
            description="",
            local=False,
            quota_mode=types.QuotaModeType.DISABLED,
            status=state,
            storage_format=types.StorageFormat.V5,
            supported_versions=Items([version]),
            version=version,
            mac_pool=reference(types.MacPool, "/macpools", pool.id or ""),
        )
        store.add("/datacenters", center)


def _center(layout: Layout, name: str = "mydc") -> types.DataCenter:
    return reference(types.DataCenter, "/datacenters", layout.id("data center", name))


def _add_cluster(store: Store, layout: Layout, number: int, name: str, center: str) -> None:
    add_cluster(store, layout, number)
    entry = store.find("/clusters", layout.id("cluster", number))
    profile = store.find("/cpuprofiles", layout.id("cpu profile", number))
    assert entry is not None
    assert profile is not None
    policy = store.named("/schedulingpolicies", "none")
    store.replace(
        entry,
        name=name,
        description="",
        data_center=_center(layout, center),
        scheduling_policy=reference(
            types.SchedulingPolicy, "/schedulingpolicies", policy.id if policy else ""
        ),
    )
    store.replace(profile, name=name)


def _add_domain(
    store: Store,
    layout: Layout,
    number: int,
    name: str,
    kind: types.StorageDomainType,
    storage: types.StorageType,
    attached: bool,
    master: bool,
) -> None:
    domain = types.StorageDomain(
        id=layout.id("storage domain", name),
        name=name,
        description="",
        comment="",
        available=900 * GIB,
        backup=False,
        block_size=512,
        committed=50 * GIB,
        critical_space_action_blocker=5,
        discard_after_delete=False,
        external_status=types.ExternalStatus.OK,
        master=master,
        storage=types.HostStorage(type=storage),
        storage_format=types.StorageFormat.V5 if kind is Kind.DATA else types.StorageFormat.V1,
        supports_discard=False,
        supports_discard_zeroes_data=False,
        type=kind,
        used=124 * GIB,
        warning_low_space_indicator=10,
        wipe_after_delete=False,
    )
    assert domain.storage is not None
    if storage is Storage.NFS:
        domain.storage.address, domain.storage.path = "nas.example.com", f"/exports/{name}"
        domain.storage.nfs_version = types.NfsVersion.AUTO
    elif storage is Storage.ISCSI:
        unit = types.LogicalUnit(id=USED_LUN, address="192.168.200.9", target="iqn.2012.example:12")
        domain.storage.volume_group = types.VolumeGroup(
            id=layout.id("volume group", name), logical_units=described([unit], domain.id)
        )
    if attached:
        domain.data_centers = Items([_center(layout)])
    elif kind is not Kind.IMAGE:
        domain.status = types.StorageDomainStatus.UNATTACHED
    entry = store.add("/storagedomains", domain)
    if kind is Kind.DATA:
        profile = types.DiskProfile(
            id=layout.id("disk profile", name),
            name=name,
            storage_domain=reference(types.StorageDomain, "/storagedomains", entry.id),
        )
        store.add("/diskprofiles", profile)
    if storage is not Storage.GLANCE:
        _add_connection(store, layout, entry, domain.storage)
    if kind is Kind.IMAGE:
        image = types.Image(
            id=layout.id("glance image"),
            name="CirrOS 0.4.0 for x86_64",
            size=12_716_032,
            type=types.ImageFileType.DISK,
        )
        store.add(f"{entry.path}/images", image)
    if kind is Kind.ISO:
        file = types.File(id="virtio-win.iso", name="virtio-win.iso", type="iso")
        store.add(f"{entry.path}/files", file)


def _add_connection(
    store: Store, layout: Layout, domain: Entry, storage: types.HostStorage
) -> None:
    identity = layout.id("connection", domain.id)
    for path in ("/storageconnections", f"{domain.path}/storageconnections"):
        connection = types.StorageConnection(
            id=identity,
            type=storage.type,
            address=storage.address or "192.168.200.9",
            path=storage.path,
            port=3260 if storage.type is Storage.ISCSI else None,
            target="iqn.2012.example:12" if storage.type is Storage.ISCSI else None,
        )
        store.add(path, connection)


def _add_networks(store: Store, layout: Layout) -> None:
    clusters = [store.named("/clusters", name) for name in ("mycluster", "othercluster")]
    for name, center, members in (
        ("ovirtmgmt", "mydc", clusters),
        ("mynetwork", "mydc", clusters[:1]),
        ("freenetwork", "mydc", []),
        ("ovirtmgmt", "Default", [store.named("/clusters", "Default")]),
    ):
        network = types.Network(
            id=layout.id("network", center, name),
            name=name,
            description="",
            comment="",
            mtu=0,
            port_isolation=False,
            stp=False,
            usages=Items([types.NetworkUsage.VM]),
            vdsm_name=name,
            data_center=_center(layout, center),
        )
        if name != "ovirtmgmt":
            network.vlan = types.Vlan(id=100 if name == "mynetwork" else 200)
        entry = store.add("/networks", network)
        profile = types.VnicProfile(
            id=layout.id("vnic profile", center, name),
            name=name,
            description="",
            migratable=True,
            pass_through=types.VnicPassThrough(mode=types.VnicPassThroughMode.DISABLED),
            port_mirroring=False,
            network=reference(types.Network, "/networks", entry.id),
        )
        store.add("/vnicprofiles", profile)
        for cluster in members:
            if cluster is not None:
                value = in_cluster(entry, cluster)
                store.add(f"{cluster.path}/networks", value)


def _add_host(store: Store, layout: Layout, number: int, name: str, cluster: int) -> None:
    add_host(store, layout, number)
    host = store.find("/hosts", layout.id("host", number))
    assert host is not None
    resting = name == "doomedhost"
    store.replace(
        host,
        name=name,
        address=f"{name}.example.com",
        certificate=types.Certificate(organization="example", subject=f"O=example,CN={name}"),
        cluster=reference(types.Cluster, "/clusters", layout.id("cluster", cluster)),
        status=types.HostStatus.MAINTENANCE if resting else types.HostStatus.UP,
        spm=types.Spm(
            priority=5, status=types.SpmStatus.SPM if number == 0 else types.SpmStatus.NONE
        ),
        update_available=False,
        power_management=types.PowerManagement(
            automatic_pm_enabled=True, enabled=False, kdump_detection=True, pm_proxies=Items()
        ),
    )
    if number == 0:
        agent = types.Agent(
            id=layout.id("agent", name),
            address="192.0.2.200",
            encrypt_options=False,
            options=Items([types.Option(name="lanplus", value="1")]),
            order=1,
            type="ipmilan",
            username="admin",
            host=reference(types.Host, "/hosts", host.id),
        )
        store.add(f"{host.path}/fenceagents", agent)


def _add_events(store: Store, layout: Layout, admin: types.User) -> None:
    now = store.clock.date(0.0)
    add_event(store, 1, "Starting oVirt Engine.", time=now - timedelta(days=3))
    host = store.find("/hosts", layout.id("host", 1))
    vm = store.named("/vms", "myvm-up")
    for number in range(12):
        moment = now - timedelta(hours=24 - number)
        name = "admin@internal-authz"
        user = types.User(id=admin.id, href=admin.href, name=name)
        text = f"User {name} connecting from '192.0.2.1' logged in."
        add_event(store, 30, text, time=moment, user=user)
    about = {"vm": vm, "host": host}
    text = "VM myvm-up started on Host otherhost"
    add_event(store, 153, text, time=now - timedelta(hours=3), about=about)
