"""Programs for services that few use: providers, gluster, pools of addresses, devices, labels."""

from __future__ import annotations

import pytest

sdk = pytest.importorskip("ovirtsdk4", reason="ovirtsdk4 from PyPI is not installed")
pytest.importorskip("trustme")

from ovirtsdk4 import types  # noqa: E402 - only where it is installed

pytestmark = pytest.mark.filterwarnings("default")

MYCLUSTER = types.Cluster(name="mycluster")
BLANK = types.Template(name="Blank")
TARGET = "36001405e396b3d9c9a54284a51685f9a"


@pytest.fixture
def host(system):
    hosts = system.hosts_service()
    return hosts.host_service(hosts.list(search="name=myhost")[0].id)


@pytest.fixture
def cluster(system):
    clusters = system.clusters_service()
    return clusters.cluster_service(clusters.list(search="name=mycluster")[0].id)


@pytest.fixture
def refused():
    """The code with which something is refused, and the text."""

    def code(action) -> tuple[int, str]:
        with pytest.raises(sdk.Error) as refusal:
            action()
        return refusal.value.code, str(refusal.value)

    return code


# Providers of others.


def test_images_of_a_provider_are_a_storage_domain(system):
    providers, domains = (
        system.openstack_image_providers_service(),
        system.storage_domains_service(),
    )
    added = providers.add(
        types.OpenStackImageProvider(
            name="myglance",
            url="http://glance.example.com:9292",
            requires_authentication=True,
            authentication_url="http://keystone.example.com:35357/v2.0",
            username="glance",
            password="secret",
            tenant_name="services",
        )
    )
    (domain,) = domains.list(search="name=myglance")
    assert domain.type == types.StorageDomainType.IMAGE
    one = providers.provider_service(added.id)
    one.test_connectivity()
    assert one.get().password is None
    assert one.images_service().list() == []
    one.remove()
    assert domains.list(search="name=myglance") == []


def provider_of(system, kind):
    """The service of the providers of a kind, and one to be added."""
    if kind == "hosts":
        service, cls = system.external_host_providers_service(), types.ExternalHostProvider
    elif kind == "networks":
        service, cls = system.openstack_network_providers_service(), types.OpenStackNetworkProvider
    else:
        service, cls = system.openstack_volume_providers_service(), types.OpenStackVolumeProvider
    url = "https://provider.example.com"
    return service, cls(name="newprovider", url=url, username="user", password="secret")


@pytest.mark.parametrize("kind", ["hosts", "networks", "volumes"])
def test_providers(system, is_gone, refused, kind):
    service, provider = provider_of(system, kind)
    added = service.add(provider)
    assert refused(lambda: service.add(provider))[0] == 409
    one = service.provider_service(added.id)
    one.import_certificates(certificates=[types.Certificate(content="PEM")])
    assert [each.content for each in one.certificates_service().list()] == ["PEM"]
    one.update(type(provider)(description="changed", password="another"))
    assert (one.get().description, one.get().password) == ("changed", None)
    one.remove()
    assert is_gone(one)


def test_keys_of_volumes_are_not_shown(system):
    service, provider = provider_of(system, "volumes")
    keys = service.provider_service(service.add(provider).id).authentication_keys_service()
    key = types.OpenstackVolumeAuthenticationKey(
        uuid="0ab9c1d2-0000-4000-8000-000000000001",
        value="c2VjcmV0",
        usage_type=types.OpenstackVolumeAuthenticationKeyUsageType.CEPH,
    )
    assert keys.add(key).value is None
    (shown,) = keys.list()
    assert (shown.uuid, shown.value) == (key.uuid, None)


# Gluster.


def test_a_gluster_volume(system, cluster, host, is_gone, refused):
    other = system.hosts_service().list(search="name=otherhost")[0]
    volumes = cluster.gluster_volumes_service()
    added = volumes.add(
        types.GlusterVolume(
            name="newvolume",
            volume_type=types.GlusterVolumeType.REPLICATE,
            replica_count=2,
            bricks=[
                types.GlusterBrick(server_id=each.id, brick_dir="/bricks/1")
                for each in (host.get(), other)
            ],
        )
    )
    one = volumes.volume_service(added.id)
    states, bricks = types.GlusterVolumeStatus, one.gluster_bricks_service()
    assert one.get().status == states.DOWN
    assert refused(one.rebalance)[0] == 409
    one.start()
    assert one.get().status == states.UP
    assert {each.status for each in bricks.list()} == {types.GlusterBrickStatus.UP}
    assert bricks.list()[0].name == "myhost.example.com:/bricks/1"
    assert refused(one.start)[0] == refused(one.remove)[0] == 409
    one.set_option(option=types.Option(name="nfs.disable", value="on"))
    one.set_option(option=types.Option(name="nfs.disable", value="off"))
    one.set_option(option=types.Option(name="auth.allow", value="*"))
    assert {each.name: each.value for each in one.get().options} == {
        "nfs.disable": "off",
        "auth.allow": "*",
    }
    one.reset_option(option=types.Option(name="auth.allow"))
    assert [each.name for each in one.get().options] == ["nfs.disable"]
    one.reset_all_options()
    assert not one.get().options
    one.rebalance()
    one.start_profile()
    assert len(one.get_profile_statistics().brick_profile_details) == 2
    bricks.brick_service(bricks.list()[1].id).remove()
    assert refused(bricks.brick_service(bricks.list()[0].id).remove)[0] == 409
    one.stop()
    one.remove()
    assert is_gone(one)


# Networks and storage of hosts and VMs.


def test_addresses_come_from_the_mac_pool_of_the_cluster(system, vms, cluster, refused):
    pool = system.mac_pools_service().add(
        types.MacPool(
            name="mymacpool",
            ranges=[types.Range(from_="02:00:00:00:00:0f", to="02:00:00:00:00:10")],
        )
    )
    cluster.update(types.Cluster(mac_pool=types.MacPool(id=pool.id)))
    added = vms.add(types.Vm(name="newvm", cluster=MYCLUSTER, template=BLANK))
    nics = vms.vm_service(added.id).nics_service()
    given = [nics.add(types.Nic(name=name)).mac.address for name in ("nic1", "nic2")]
    assert given == ["02:00:00:00:00:0f", "02:00:00:00:00:10"]
    code, text = refused(lambda: nics.add(types.Nic(name="nic3")))
    assert code == 409
    assert "Not enough MAC addresses" in text


def test_a_lun_is_used_once(system, host, refused):
    def disk(name):
        unit = types.LogicalUnit(id=TARGET, address="192.168.201.3")
        storage = types.HostStorage(type=types.StorageType.ISCSI, logical_units=[unit])
        return types.Disk(name=name, lun_storage=storage)

    disks = system.disks_service()
    added = disks.add(disk("newlun"))
    assert refused(lambda: disks.add(disk("newlun2")))[0] == 409
    (seen,) = [each for each in host.storage_service().list() if each.id == TARGET]
    assert seen.logical_units[0].status == types.LunStatus.USED
    assert seen.logical_units[0].disk_id == added.id
    disks.disk_service(added.id).remove()
    assert disks.add(disk("newlun2")).id


def test_a_network_on_an_interface_of_a_host(system, host, refused, is_gone):
    network = system.networks_service().list(search="name=mynetwork")[0]
    nic = next(each for each in host.nics_service().list() if each.name == "eth1")

    def attachment(card):
        return types.NetworkAttachment(
            network=types.Network(id=network.id), host_nic=types.HostNic(name=card)
        )

    attachments = host.network_attachments_service()
    one = attachments.attachment_service(attachments.add(attachment("eth1")).id)
    assert refused(lambda: attachments.add(attachment("eth2")))[0] == 409
    ip = types.Ip(address="192.0.2.77", netmask="255.255.255.0")
    static = types.BootProtocol.STATIC
    one.update(
        types.NetworkAttachment(
            ip_address_assignments=[types.IpAddressAssignment(assignment_method=static, ip=ip)]
        )
    )
    service = host.nics_service().nic_service(nic.id)
    assert (service.get().ip.address, service.get().boot_protocol) == ("192.0.2.77", static)
    assert [each.id for each in service.network_attachments_service().list()] == [one.get().id]
    assert all(each.values[0].datum == 0 for each in service.statistics_service().list())
    assert service.statistics_service().list()
    one.remove()
    assert is_gone(one)


def test_labels_of_networks_and_interfaces(system, host, refused):
    network = system.networks_service().list(search="name=mynetwork")[0]
    on_network = system.networks_service().network_service(network.id).network_labels_service()
    nic = host.nics_service().list()[0]
    on_nic = host.nics_service().nic_service(nic.id).network_labels_service()
    for labels in (on_network, on_nic):
        labels.add(types.NetworkLabel(id="red"))
        assert [each.id for each in labels.list()] == ["red"]
        assert refused(lambda: labels.add(types.NetworkLabel(id="red")))[0] == 409  # noqa: B023
        labels.label_service("red").remove()
        assert labels.list() == []


def test_a_storage_connection_is_there_once(system, refused):
    connections = system.storage_connections_service()
    wanted = types.StorageConnection(
        type=types.StorageType.NFS, address="server0.example.com", path="/nfs/ovirt/40/new"
    )
    added = connections.add(wanted)
    assert refused(lambda: connections.add(wanted))[0] == 409
    connections.storage_connection_service(added.id).remove()
    assert connections.add(wanted).id


def test_what_lies_on_a_storage_domain(system):
    domains = system.storage_domains_service()

    def on(name):
        return domains.storage_domain_service(domains.list(search=f"name={name}")[0].id)

    assert [each.name for each in on("mysd").vms_service().list(unregistered=True)] == ["myvm"]
    assert on("mysd").vms_service().list() == []
    assert {"myvm", "myvm-up"} <= {each.name for each in on("mydata").vms_service().list()}
    assert on("mydata").vms_service().list(unregistered=True) == []
    for each in on("mydata").vms_service().list():
        assert on("mydata").vms_service().vm_service(each.id).get().name == each.name
    assert [each.name for each in on("myexport").vms_service().list()]
    assert {each.name for each in on("mydata").templates_service().list()} == {"mytemplate"}
    assert on("mydata").disks_service().list()
    assert on("mydata").disks_service().list(unregistered=True) == []


def test_volumes_of_a_storage_domain(system):
    domains = system.storage_domains_service()
    domain = domains.list(search="name=mydata")[0]
    volumes = domains.storage_domain_service(domain.id).disk_snapshots_service()
    (kept,) = volumes.list()
    assert kept.snapshot.id
    assert kept.disk.id == system.disks_service().list(search="name=mydisk")[0].id
    written = volumes.list(include_active=True)
    assert kept.id in {each.parent.id for each in written if each.parent is not None}
    assert len(volumes.list(include_active=True, include_template=True)) == len(written) + 3


def test_the_disk_of_a_template_is_copied_to_another_domain(system, wait, refused):
    templates, disks = system.templates_service(), system.disks_service()
    template = templates.list(search="name=mytemplate")[0]
    service = templates.template_service(template.id)
    disk = disks.disk_service(service.disk_attachments_service().list()[0].disk.id)
    second = types.StorageDomain(name="seconddata")
    disk.copy(storage_domain=second)
    wait(lambda: disk.get().status == types.DiskStatus.OK)
    assert len(disk.get().storage_domains) == 2
    assert refused(lambda: disk.copy(storage_domain=second))[0] == 409
    assert refused(disk.remove)[0] == 409


def test_nothing_is_put_on_a_domain_that_is_not_in_use(system, wait, refused):
    second = system.storage_domains_service().list(search="name=seconddata")[0]
    mydc = system.data_centers_service().list(search="name=mydc")[0]
    center = system.data_centers_service().data_center_service(mydc.id)
    attached = center.storage_domains_service().storage_domain_service(second.id)
    attached.deactivate()
    wait(lambda: attached.get().status == types.StorageDomainStatus.MAINTENANCE)
    disks = system.disks_service()
    there = types.StorageDomain(id=second.id)
    new = types.Disk(
        name="newdisk",
        format=types.DiskFormat.COW,
        provisioned_size=2**30,
        storage_domains=[there],
    )
    mine = disks.disk_service(disks.list(search="name=mydisk")[0].id)
    for action in (
        lambda: disks.add(new),
        lambda: mine.move(storage_domain=there),
        lambda: mine.copy(storage_domain=there),
    ):
        assert refused(action)[0] == 409
    attached.activate()
    wait(lambda: attached.get().status == types.StorageDomainStatus.ACTIVE)
    assert disks.add(new).id


def test_a_block_domain_is_extended(system, refused):
    domains = system.storage_domains_service()
    one = domains.storage_domain_service(domains.list(search="name=bs-scsi-012")[0].id)
    before = one.get()
    unit = types.LogicalUnit(id=TARGET, address="192.168.201.3")
    change = types.StorageDomain(
        storage=types.HostStorage(type=types.StorageType.ISCSI, logical_units=[unit])
    )
    one.update(change)
    after = one.get()
    units = [each.id for each in after.storage.volume_group.logical_units]
    assert units == [*(e.id for e in before.storage.volume_group.logical_units), TARGET]
    assert after.available > before.available
    assert refused(lambda: one.update(change))[0] == 409


# VMs.


def test_the_guest_tells_its_name_and_addresses(vm, wait):
    service = vm("vm")
    ip = types.Ip(address="192.0.2.99", netmask="255.255.255.0", version=types.IpVersion.V4)
    service.start(
        use_cloud_init=True,
        vm=types.Vm(
            initialization=types.Initialization(
                host_name="told.example.com",
                nic_configurations=[types.NicConfiguration(name="eth0", ip=ip, on_boot=True)],
            )
        ),
    )
    wait(lambda: service.get().status == types.VmStatus.UP)
    assert service.get().fqdn == "told.example.com"
    (device,) = service.reported_devices_service().list()
    assert device.mac.address == service.nics_service().list()[0].mac.address
    assert device.ips[0].address == "192.0.2.99"
    service.stop()
    wait(lambda: service.get().status == types.VmStatus.DOWN)
    assert service.reported_devices_service().list() == []
    assert service.get().fqdn is None


def test_a_vm_without_a_disk_has_no_guest(vms, wait):
    service = vms.vm_service(vms.add(types.Vm(name="newvm", cluster=MYCLUSTER, template=BLANK)).id)
    wait(lambda: service.get().status == types.VmStatus.DOWN)
    service.start()
    wait(lambda: service.get().status == types.VmStatus.UP)
    assert service.reported_devices_service().list() == []


def test_one_watchdog_is_enough(vm, refused):
    watchdogs = vm().watchdogs_service()
    wanted = types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.RESET)
    added = watchdogs.add(wanted)
    assert refused(lambda: watchdogs.add(wanted))[0] == 409
    watchdogs.watchdog_service(added.id).remove()
    assert watchdogs.add(wanted).action == types.WatchdogAction.RESET


@pytest.mark.parametrize("name", ["my vm", "vm/1", "vm!"])
def test_names_of_vms_have_no_special_characters(vms, vm, refused, name):
    code, text = refused(lambda: vms.add(types.Vm(name=name, cluster=MYCLUSTER, template=BLANK)))
    assert code == 400
    assert "special characters" in text
    assert refused(lambda: vm().update(types.Vm(name=name)))[0] == 400


def test_a_vm_out_of_another_s_document_has_its_interfaces(vms, vm, wait):
    (old,) = vms.list(search="name=myvm", all_content=True)
    configuration = types.Configuration(
        type=types.ConfigurationType.OVF, data=old.initialization.configuration.data
    )
    added = vms.add(
        types.Vm(
            name="newvm",
            cluster=MYCLUSTER,
            initialization=types.Initialization(configuration=configuration),
        )
    )
    service = vms.vm_service(added.id)
    wait(lambda: service.get().status == types.VmStatus.DOWN)
    assert (service.get().name, service.get().memory) == ("newvm", old.memory)
    (nic,) = service.nics_service().list()
    assert nic.name == "nic1"
    assert nic.mac.address != vm().nics_service().list()[0].mac.address


def test_searching_for_what_is_false(vms):
    up = [each.name for each in vms.list(search="run_once=false and status=up")]
    assert up == ["myvm-up"]
    assert vms.list(search="delete_protected=true") == []


# The system.


def test_levels_systems_and_options(system, connection):
    for level in system.cluster_levels_service().list():
        assert level.cpu_types
        assert {"1", "1300"} <= {permit.id for permit in level.permits}
    for known in system.operating_systems_service().list():
        assert connection.follow_link(known.large_icon).data
    option = system.options_service().option_service("UserSessionTimeOutInterval").get()
    assert [(each.version, each.value) for each in option.values] == [("general", "30")]


def test_predefined_roles_keep_their_permits(system, refused):
    roles = system.roles_service()
    known = next(each for each in roles.list() if each.name == "UserVmManager")
    permits = roles.role_service(known.id).permits_service()
    before = [each.id for each in permits.list()]
    assert refused(lambda: permits.add(types.Permit(id="1300")))[0] == 409
    assert refused(permits.permit_service(before[0]).remove)[0] == 409
    assert [each.id for each in permits.list()] == before


def test_more_vms_of_a_pool_wait_for_users(system, vms, wait):
    pools = system.vm_pools_service()
    pool = types.VmPool(
        name="myvmpool", cluster=MYCLUSTER, template=types.Template(name="mytemplate"), size=2
    )
    one = pools.pool_service(pools.add(pool).id)
    wait(lambda: len(vms.list(search="pool=myvmpool and status=down")) == 2)
    one.update(types.VmPool(prestarted_vms=1))
    wait(lambda: len(vms.list(search="pool=myvmpool and status=up")) == 1)
    assert one.get().prestarted_vms == 1


def test_the_upgrade_of_a_cluster(cluster, refused):
    steps = types.ClusterUpgradeAction
    assert refused(lambda: cluster.upgrade(upgrade_action=steps.FINISH))[0] == 409
    cluster.upgrade(upgrade_action=steps.START)
    assert cluster.get().upgrade_in_progress
    assert refused(lambda: cluster.upgrade(upgrade_action=steps.START))[0] == 409
    cluster.upgrade(upgrade_action=steps.UPDATE_PROGRESS, upgrade_percent_complete=40)
    assert cluster.get().upgrade_percent_complete == 40
    cluster.upgrade(upgrade_action=steps.FINISH)
    assert not cluster.get().upgrade_in_progress


def test_there_is_nothing_to_upgrade_a_host_to(host, refused):
    assert refused(host.upgrade)[0] == 409


def test_hosts_are_found_by_their_tags(system, host):
    host.tags_service().add(types.Tag(name="freetag"))
    assert [each.name for each in system.hosts_service().list(search="tag=freetag")] == ["myhost"]
