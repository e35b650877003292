"""What every engine has from its first day: roles, permits, operating systems, policies."""

from __future__ import annotations

from collections.abc import Iterable

from trivirt import types
from trivirt.model import Items, Struct
from trivirt.simulator._seed_layout import NOBODY, Layout
from trivirt.simulator._store import Store, reference
from trivirt.simulator.behaviours.people import PERMITS

# Name, id, administrative.
ROLES = (
    ("SuperUser", "00000000-0000-0000-0000-000000000001", True),
    ("ClusterAdmin", "00000000-0000-0000-0000-000000000002", True),
    ("DataCenterAdmin", "00000000-0000-0000-0000-000000000003", True),
    ("UserRole", "00000000-0000-0000-0001-000000000001", False),
    ("PowerUserRole", "00000000-0000-0000-0001-000000000002", False),
    ("InstanceCreator", "def00012-0000-0000-0000-def000000012", False),
    ("UserVmManager", "def00006-0000-0000-0000-def000000006", False),
    ("TemplateAdmin", "def00008-0000-0000-0000-def000000008", True),
    ("HostAdmin", "def00004-0000-0000-0000-def000000004", True),
    ("NetworkAdmin", "def00005-0000-0000-0000-def000000005", True),
    ("StorageAdmin", "def00003-0000-0000-0000-def000000003", True),
    ("VmPoolAdmin", "def00007-0000-0000-0000-def000000007", True),
    ("TagManager", "def00023-0000-0000-0000-def000000023", True),
    ("BookmarkManager", "def00024-0000-0000-0000-def000000024", True),
    ("GlusterAdmin", "def0000b-0000-0000-0000-def00000000b", True),
    ("DiskOperator", "def0000a-0000-0000-0000-def00000000a", False),
    ("DiskCreator", "def0000c-0000-0000-0000-def00000000c", False),
    ("VmCreator", "def0000d-0000-0000-0000-def00000000d", False),
    ("TemplateCreator", "def0000e-0000-0000-0000-def00000000e", False),
    ("TemplateOwner", "def0000f-0000-0000-0000-def00000000f", False),
    ("QuotaConsumer", "def00010-0000-0000-0000-def000000010", False),
    ("VnicProfileUser", "def00020-0000-0000-0000-def000000020", False),
    ("ReadOnlyAdmin", "def00025-0000-0000-0000-def000000025", True),
)
SYSTEMS = (
    ("other", "Other OS", "0"),
    ("other_linux", "Linux", "5"),
    ("rhel_8x64", "Red Hat Enterprise Linux 8.x x64", "30"),
    ("rhel_9x64", "Red Hat Enterprise Linux 9.x x64", "34"),
    ("debian_9", "Debian 9+", "1500"),
    ("windows_2019x64", "Windows 2019 x64", "31"),
    ("windows_11", "Windows 11", "36"),
)
POLICIES = ("none", "evenly_distributed", "power_saving", "vm_evenly_distributed")
UNITS = (
    ("Memory", types.PolicyUnitType.FILTER),
    ("CPU", types.PolicyUnitType.FILTER),
    ("Network", types.PolicyUnitType.FILTER),
    ("OptimalForCpuEvenDistribution", types.PolicyUnitType.WEIGHT),
    ("OptimalForMemoryEvenDistribution", types.PolicyUnitType.WEIGHT),
    ("OptimalForEvenDistribution", types.PolicyUnitType.LOAD_BALANCING),
)
FILTERS = ("vdsm-no-mac-spoofing", "allow-arp", "allow-dhcp", "clean-traffic", "no-ip-spoofing")
CPUS = (
    *("Intel Nehalem Family", "Intel Westmere Family", "Intel SandyBridge Family"),
    *("Intel Haswell Family", "Secure Intel Skylake Server Family"),
    *("Secure Intel Cascadelake Server Family", "AMD Opteron G5", "Secure AMD EPYC"),
)
FEATURES = (("00000017-0017-0017-0017-000000000066", "GLUSTER_GEO_REPLICATION"),)
# Name and value; those that other programs are known to ask for.
OPTIONS = (
    ("AgentAppName", "ovirt-guest-agent-common,ovirt-guest-agent,qemu-guest-agent"),
    ("AutoRegistrationDefaultVdsGroupID", "99408929-82CF-4DC7-A532-9D998063FA95"),
    ("ClusterRequiredRngSourcesDefault", ""),
    ("DefaultGeneralTimeZone", "Etc/GMT"),
    ("DefaultWindowsTimeZone", "GMT Standard Time"),
    ("EngineSSOEnabled", "true"),
    ("MaxNumOfVmCpus", "{x86=384, ppc=384, s390x=384}"),
    ("MaxNumOfVmSockets", "16"),
    ("SpiceUsbAutoShare", "true"),
    ("UserSessionTimeOutInterval", "30"),
    ("VncKeyboardLayout", "en-us"),
    ("VmGracefulShutdownTimeout", "30"),
    ("WebSocketProxy", "Engine:6100"),
)
LEVELS = ((4, 3), (4, 4), (4, 5), (4, 6), (4, 7), (4, 8))


def add_fixed(store: Store, layout: Layout) -> None:
    """Fill the collections that no client can add to, and those with predefined members."""
    for name, identity, administrative in ROLES:
        role = types.Role(
            id=identity,
            name=name,
            description=f"{name} role",
            administrative=administrative,
            mutable=False,
        )
        store.add("/roles", role)
    store.make_with("/roles/{id}/permits", _permits)
    for name, text, number in SYSTEMS:
        system = types.OperatingSystemInfo(
            id=number,
            name=name,
            description=text,
            architecture=types.Architecture.X86_64,
            small_icon=reference(types.Icon, "/icons", layout.id("small icon")),
            large_icon=reference(types.Icon, "/icons", layout.id("large icon")),
        )
        store.add("/operatingsystems", system)
    for name in POLICIES:
        policy = types.SchedulingPolicy(
            id=layout.id("scheduling policy", name),
            name=name,
            description="",
            default_policy=name == "none",
            locked=True,
        )
        store.add("/schedulingpolicies", policy)
    for name, kind in UNITS:
        unit = types.SchedulingPolicyUnit(
            id=layout.id("policy unit", name),
            name=name,
            description="",
            enabled=True,
            internal=True,
            type=kind,
        )
        store.add("/schedulingpolicyunits", unit)
    for name in FILTERS:
        known = types.NetworkFilter(
            id=layout.id("filter", name), name=name, version=types.Version(major=4, minor=0)
        )
        store.add("/networkfilters", known)
    store.make_with("/clusters/{id}/networkfilters", _filters)
    _add_levels(store)
    for name, value in OPTIONS:
        values = Items([types.SystemOptionValue(value=value, version="general")])
        store.add("/options", types.SystemOption(id=name, name=name, values=values))
    _add_instance_types(store, layout)
    everyone = types.Group(
        id="eee00000-0000-0000-0000-123456789eee", name="Everyone", namespace="*"
    )
    store.add("/groups", everyone)


def _add_levels(store: Store) -> None:
    permits = Items(types.Permit(id=number, name=name) for number, name, _ in PERMITS)
    cpus = Items(
        types.CpuType(name=name, level=level, architecture=types.Architecture.X86_64)
        for level, name in enumerate(CPUS, start=3)
    )
    for major, minor in LEVELS:
        level = types.ClusterLevel(id=f"{major}.{minor}", cpu_types=cpus, permits=permits)
        entry = store.add("/clusterlevels", level)
        for number, name in FEATURES:
            feature = types.ClusterFeature(id=number, name=name)
            feature.cluster_level = reference(types.ClusterLevel, "/clusterlevels", entry.id)
            store.add(f"{entry.path}/clusterfeatures", feature)


def _permits(store: Store, owner: str) -> Iterable[Struct]:
    role = store.find("/roles", owner)
    if role is None or getattr(role.value, "mutable", True):
        return
    full = getattr(role.value, "administrative", False)
    for identity, name, administrative in PERMITS:
        if full or not administrative:
            yield types.Permit(
                id=identity,
                name=name,
                administrative=administrative,
                role=reference(types.Role, "/roles", owner),
            )


def _filters(store: Store, owner: str) -> Iterable[Struct]:
    for entry in store.collection("/networkfilters"):
        yield types.NetworkFilter(id=entry.id, name=getattr(entry.value, "name", None))


def _add_instance_types(store: Store, layout: Layout) -> None:
    sizes = (("Tiny", 1, 1), ("Small", 2, 1), ("Medium", 4, 2), ("Large", 8, 2), ("XLarge", 16, 4))
    for name, gigabytes, cores in sizes:
        kind = types.InstanceType(
            id=layout.id("instance type", name),
            name=name,
            description=f"{name} instance type",
            memory=gigabytes * 1024**3,
            cpu=types.Cpu(topology=types.CpuTopology(cores=cores, sockets=1, threads=1)),
            status=types.TemplateStatus.OK,
        )
        store.add("/instancetypes", kind)


def add_domain(store: Store, layout: Layout, name: str, groups: Iterable[str] = ()) -> types.Domain:
    """A directory, with the groups it knows."""
    domain = types.Domain(id=layout.id("domain", name), name=name)
    entry = store.add("/domains", domain)
    for group in groups:
        known = types.Group(
            id=layout.id("directory group", group), name=group, namespace="*", domain=domain
        )
        store.add(f"{entry.path}/groups", known)
    return reference(types.Domain, "/domains", domain.id or "")


def add_user(
    store: Store, layout: Layout, domain: types.Domain, profile: str, name: str
) -> types.User:
    """Somebody who can sign on, known to a directory."""
    user = types.User(
        id=layout.id("user", name),
        name=name,
        last_name="",
        email="",
        department="",
        namespace="*",
        principal=name,
        user_name=f"{name}@{profile}",
        domain_entry_id=layout.id("entry", name).replace("-", ""),
        domain=domain,
    )
    store.add("/users", user)
    known = types.User(
        id=user.domain_entry_id, name=name, principal=name, user_name=user.user_name, domain=domain
    )
    store.add(f"/domains/{domain.id}/users", known)
    return reference(types.User, "/users", user.id or "")


def add_known_user(store: Store, name: str) -> str:
    """A user under a sign-on name of the profile `internal`; the id."""
    short = name.rpartition("@")[0] or name
    found = store.named("/users", short)
    if found is None:
        user = types.User(id=store.new_id(), name=short, last_name="", principal=short)
        user.user_name = f"{short}@internal-authz"
        domain = store.named("/domains", "internal-authz")
        if domain is not None:
            user.domain = reference(types.Domain, "/domains", domain.id)
        found = store.add("/users", user)
    return found.id


def permit_all(store: Store, layout: Layout, user: types.User) -> None:
    """The administrator of the system."""
    permission = types.Permission(
        id=layout.id("permission", "system"),
        role=reference(types.Role, "/roles", ROLES[0][1]),
        user=user,
    )
    store.add("/permissions", permission)


def add_root_tag(store: Store, names: Iterable[str], layout: Layout) -> None:
    """The root of the tags, and tags below it."""
    store.add("/tags", types.Tag(id=NOBODY, name="root", description=""))
    parent = reference(types.Tag, "/tags", NOBODY)
    for name in names:
        tag = types.Tag(id=layout.id("tag", name), name=name, description="", parent=parent)
        store.add("/tags", tag)
