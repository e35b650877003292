"""The engine as another client sees it: ovirtsdk4 from PyPI, over TLS.

Both sides of our codec could share a mistake; this client shares nothing with us.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable

import pytest

sdk = pytest.importorskip("ovirtsdk4", reason="ovirtsdk4 from PyPI is not installed")
pytest.importorskip("trustme")

from ovirtsdk4 import types  # noqa: E402 - only where it is installed

# Their parser warns about its own use of lxml-like interfaces on some versions of Python.
pytestmark = pytest.mark.filterwarnings("default")

COLLECTIONS = {
    "affinity_labels": "label_service",
    "bookmarks": "bookmark_service",
    "cluster_levels": "level_service",
    "clusters": "cluster_service",
    "cpu_profiles": "profile_service",
    "data_centers": "data_center_service",
    "disk_profiles": "disk_profile_service",
    "disks": "disk_service",
    "domains": "domain_service",
    "events": "event_service",
    "groups": "group_service",
    "hosts": "host_service",
    "icons": "icon_service",
    "image_transfers": "image_transfer_service",
    "instance_types": "instance_type_service",
    "jobs": "job_service",
    "mac_pools": "mac_pool_service",
    "network_filters": "network_filter_service",
    "networks": "network_service",
    "openstack_image_providers": "provider_service",
    "openstack_network_providers": "provider_service",
    "operating_systems": "operating_system_service",
    "roles": "role_service",
    "scheduling_policies": "policy_service",
    "scheduling_policy_units": "unit_service",
    "storage_domains": "storage_domain_service",
    "storage_connections": "storage_connection_service",
    "tags": "tag_service",
    "templates": "template_service",
    "users": "user_service",
    "vm_pools": "pool_service",
    "vms": "vm_service",
    "vnic_profiles": "profile_service",
}


@pytest.fixture(scope="module")
def served():
    command = [sys.executable, "-m", "trivirt.simulator", "--seed", "examples"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture(scope="module")
def connection(served):
    with sdk.Connection(
        url=served["url"],
        username=served["username"],
        password=served["password"],
        ca_file=served["ca_file"],
    ) as opened:
        yield opened


@pytest.fixture
def system(connection):
    return connection.system_service()


@pytest.fixture
def advance(served) -> Callable[[float], None]:
    """Let the engine's time pass."""

    def forward(seconds: float = 60) -> None:
        body = json.dumps({"advance": seconds}).encode()
        urllib.request.urlopen(served["control_url"] + "/clock", body).close()

    return forward


@pytest.mark.parametrize("name", COLLECTIONS)
def test_list_and_get(system, name):
    service = getattr(system, f"{name}_service")()
    found = service.list()
    for one in found[:5]:
        again = getattr(service, COLLECTIONS[name])(one.id).get()
        assert type(again) is type(one)
        assert again.id == one.id
        assert again.name == one.name
        assert again.href == one.href


@pytest.mark.parametrize("name", ["vms", "hosts", "templates", "storage_domains", "data_centers"])
def test_every_link_of_an_entity_leads_to_a_list(system, connection, name):
    first = getattr(system, f"{name}_service")().list()[0]
    links = [value for value in vars(first).values() if isinstance(value, sdk.List)]
    links = [link for link in links if link.href and not link]
    assert links
    for link in links:
        assert isinstance(connection.follow_link(link), list)


def reference(cls, name):
    return cls(name=name)


MYDC = types.DataCenter(name="mydc")
MYCLUSTER = types.Cluster(name="mycluster")

# Collection, what to add, what to change. The name is filled in.
MADE = {
    "affinity_labels": (lambda: types.AffinityLabel(), None),
    "bookmarks": (lambda: types.Bookmark(value="vms:"), types.Bookmark(value="hosts:")),
    "clusters": (
        lambda: types.Cluster(data_center=MYDC, cpu=types.Cpu(type="AMD EPYC")),
        types.Cluster(description="changed"),
    ),
    "data_centers": (lambda: types.DataCenter(local=False), types.DataCenter(comment="x")),
    "disks": (
        lambda: types.Disk(
            provisioned_size=2**33,
            format=types.DiskFormat.COW,
            storage_domains=[types.StorageDomain(name="mydata")],
        ),
        types.Disk(description="changed"),
    ),
    "hosts": (
        lambda: types.Host(address="h.example", root_password="x", cluster=MYCLUSTER),
        types.Host(comment="changed"),
    ),
    "instance_types": (
        lambda: types.InstanceType(memory=2**30),
        types.InstanceType(description="changed"),
    ),
    "mac_pools": (
        lambda: types.MacPool(
            ranges=[types.Range(from_="02:00:00:00:00:00", to="02:00:00:00:00:09")]
        ),
        types.MacPool(description="changed"),
    ),
    "networks": (
        lambda: types.Network(data_center=MYDC, vlan=types.Vlan(id=7), mtu=9000),
        types.Network(description="changed"),
    ),
    "roles": (
        lambda: types.Role(administrative=False, permits=[types.Permit(id="1")]),
        types.Role(description="changed"),
    ),
    "tags": (lambda: types.Tag(), types.Tag(description="changed")),
    "templates": (
        lambda: types.Template(vm=types.Vm(name="vm")),
        types.Template(description="changed"),
    ),
    "vm_pools": (
        lambda: types.VmPool(cluster=MYCLUSTER, template=types.Template(name="Blank"), size=2),
        types.VmPool(description="changed"),
    ),
    "vms": (
        lambda: types.Vm(cluster=MYCLUSTER, template=types.Template(name="mytemplate")),
        types.Vm(description="changed", memory=3 * 2**30),
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_create_change_and_delete(system, advance, name):
    make, change = MADE[name]
    service = getattr(system, f"{name}_service")()
    wanted = make()
    wanted.name = f"contract-{uuid.uuid4().hex[:8]}"
    added = service.add(wanted)
    assert added.name == wanted.name
    advance()
    one = getattr(service, COLLECTIONS[name])(added.id)
    assert one.get().id == added.id
    if change is not None:
        changed = one.update(change)
        for attribute, value in vars(change).items():
            if value is not None and isinstance(value, (str, int)):
                assert getattr(changed, attribute) == value
        advance()
    if name == "hosts":
        one.deactivate()
        advance()
    one.remove()
    advance()
    with pytest.raises(sdk.NotFoundError):
        one.get()


def test_errors_are_understood(system):
    vms = system.vms_service()
    with pytest.raises(sdk.Error, match="already in use") as raised:
        vms.add(types.Vm(name="myvm", cluster=MYCLUSTER, template=types.Template(name="Blank")))
    assert raised.value.code == 409
    with pytest.raises(sdk.Error, match="required for add") as raised:
        vms.add(types.Vm(name="x"))
    assert raised.value.code == 400
    with pytest.raises(sdk.NotFoundError):
        vms.vm_service("123").get()
    running = vms.list(search="name=myvm-up")[0]
    with pytest.raises(sdk.Error, match="VM is running"):
        vms.vm_service(running.id).remove()


@pytest.mark.parametrize(
    ("collection", "search", "count"),
    [
        ("vms", "name=myvm", 1),
        ("vms", "name=MYVM", 1),
        ("vms", "name=myvm*", 6),
        ("vms", "tag=mytag", 1),
        ("vms", "status=up", 1),
        ("clusters", "mycluster", 1),
        ("data_centers", "Clusters.name=mycluster", 1),
        ("data_centers", "storage.name=mydata", 1),
        ("networks", "name=mynetwork and datacenter=mydc", 1),
        ("users", "usrname=myuser@mydomain-authz", 1),
        ("users", "name=myuser", 1),
        ("disks", "description=throwaway", 2),
        ("templates", "name=mytemplate", 3),
        ("jobs", "correlation_id=nothing", 0),
    ],
)
def test_searches(system, collection, search, count):
    assert len(getattr(system, f"{collection}_service")().list(search=search)) == count
