"""What people's programs do, with the SDK they use: each must end as it does on a real engine.

Every test has the engine as it is after a reset, with the objects of the published examples. Where
a program would sleep between two looks, the engine's time is moved on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

sdk = pytest.importorskip("ovirtsdk4", reason="ovirtsdk4 from PyPI is not installed")
pytest.importorskip("trustme")

from ovirtsdk4 import types  # noqa: E402 - only where it is installed

# Their parser warns about its own use of lxml-like interfaces on some versions of Python.
pytestmark = pytest.mark.filterwarnings("default")

GIB = 2**30


def first(service, name):
    return service.list(search=f"name={name}")[0]


MYCLUSTER = types.Cluster(name="mycluster")
BLANK = types.Template(name="Blank")
MYTEMPLATE = types.Template(name="mytemplate")
MYDATA = types.StorageDomain(name="mydata")
Vm, Disk = types.VmStatus, types.DiskStatus


# Life of a VM.


def test_add_start_stop_and_remove_a_vm(vms, wait, is_gone):
    added = vms.add(types.Vm(name="newvm", cluster=MYCLUSTER, template=BLANK))
    service = vms.vm_service(added.id)
    wait(lambda: service.get().status == Vm.DOWN)
    service.start()
    wait(lambda: service.get().status == Vm.UP)
    assert service.get().host is not None
    with pytest.raises(sdk.Error, match="VM is running"):
        service.remove()
    service.shutdown()
    wait(lambda: service.get().status == Vm.DOWN)
    service.remove()
    wait(lambda: is_gone(service))


def test_add_a_vm_from_the_latest_version_of_a_template(system, vms, wait):
    templates = system.templates_service().list(search="name=mytemplate")
    latest = max(templates, key=lambda each: each.version.version_number)
    assert latest.version.version_number == 3
    added = vms.add(
        types.Vm(name="newvm", cluster=MYCLUSTER, template=types.Template(id=latest.id)),
        clone=True,
    )
    service = vms.vm_service(added.id)
    assert added.status == Vm.IMAGE_LOCKED
    wait(lambda: service.get().status == Vm.DOWN)
    (attachment,) = service.disk_attachments_service().list()
    disk = system.disks_service().disk_service(attachment.disk.id).get()
    assert disk.status == Disk.OK
    assert disk.id != latest.id


@pytest.mark.parametrize(
    ("form", "alias"),
    [(types.DiskFormat.COW, "newdisk"), (types.DiskFormat.RAW, "newraw")],
)
def test_a_template_s_disk_can_be_put_elsewhere_and_into_another_format(
    system, vms, wait, form, alias
):
    template = system.templates_service().list(search="name=mytemplate")
    service = system.templates_service().template_service(template[0].id)
    (old,) = service.disk_attachments_service().list()
    wanted = types.DiskAttachment(
        disk=types.Disk(
            id=old.disk.id,
            name=alias,
            format=form,
            sparse=form == types.DiskFormat.COW,
            storage_domains=[types.StorageDomain(name="seconddata")],
        )
    )
    added = vms.add(
        types.Vm(
            name="newvm",
            cluster=MYCLUSTER,
            template=types.Template(id=template[0].id),
            disk_attachments=[wanted],
        ),
        clone=True,
    )
    wait(lambda: vms.vm_service(added.id).get().status == Vm.DOWN)
    (attachment,) = vms.vm_service(added.id).disk_attachments_service().list()
    disk = system.disks_service().disk_service(attachment.disk.id).get()
    assert (disk.name, disk.format, disk.sparse) == (alias, form, form == types.DiskFormat.COW)
    second = first(system.storage_domains_service(), "seconddata")
    assert [domain.id for domain in disk.storage_domains] == [second.id]


@pytest.mark.parametrize(
    "initialization",
    [
        types.Initialization(
            user_name="root",
            root_password="secret",
            host_name="myvm.example.com",
            authorized_ssh_keys="ssh-rsa AAAA",
            custom_script="write_files: []",
            dns_servers="192.0.2.53",
            dns_search="example.com",
            nic_configurations=[
                types.NicConfiguration(
                    name="eth0",
                    on_boot=True,
                    boot_protocol=types.BootProtocol.STATIC,
                    ip=types.Ip(
                        version=types.IpVersion.V4,
                        address="192.0.2.7",
                        netmask="255.255.255.0",
                        gateway="192.0.2.1",
                    ),
                )
            ],
        ),
        types.Initialization(
            host_name="windows",
            domain="example.com",
            timezone="GMT Standard Time",
            root_password="secret",
            org_name="Example",
            input_locale="en-US",
        ),
    ],
    ids=["cloud-init", "sysprep"],
)
def test_run_once_with_initialization(vm, wait, initialization):
    service = vm()
    linux = initialization.nic_configurations is not None
    service.start(
        use_cloud_init=linux, use_sysprep=not linux, vm=types.Vm(initialization=initialization)
    )
    wait(lambda: service.get().status == Vm.UP)
    assert service.get().run_once
    service.stop()
    wait(lambda: service.get().status == Vm.DOWN)
    assert not service.get().run_once


def test_a_vm_is_started_from_a_cd_on_a_certain_host(system, vm, wait):
    host = first(system.hosts_service(), "myhost")
    service = vm()
    service.start(
        vm=types.Vm(
            os=types.OperatingSystem(boot=types.Boot(devices=[types.BootDevice.CDROM])),
            cdroms=[types.Cdrom(file=types.File(id="virtio-win.iso"))],
            placement_policy=types.VmPlacementPolicy(hosts=[types.Host(id=host.id)]),
        )
    )
    wait(lambda: service.get().status == Vm.UP)
    assert service.get().host.id == host.id


def test_a_vm_is_started_paused_and_resumed(vm, wait):
    service = vm()
    service.start(pause=True)
    wait(lambda: service.get().status == Vm.PAUSED)
    service.start()
    wait(lambda: service.get().status == Vm.UP)


def test_suspend_and_wake(vm, wait):
    service = vm("myvm-up")
    service.suspend()
    wait(lambda: service.get().status == Vm.SUSPENDED)
    assert service.get().host is None
    service.start()
    wait(lambda: service.get().status == Vm.UP)


def test_reboot_goes_through_its_state(vm, wait):
    service = vm("myvm-up")
    service.reboot()
    assert service.get().status == Vm.REBOOT_IN_PROGRESS
    wait(lambda: service.get().status == Vm.UP)


def test_migrate(system, vm, wait):
    service = vm("myvm-up")
    before = service.get().host.id
    target = first(system.hosts_service(), "myhost")
    service.migrate(host=types.Host(id=target.id))
    assert service.get().status == Vm.MIGRATING
    wait(lambda: service.get().status == Vm.UP)
    assert before != service.get().host.id == target.id
    with pytest.raises(sdk.Error):
        vm("myvm").migrate()
    for unfit in ("doomedhost", "myhost"):
        with pytest.raises(sdk.Error) as refusal:
            service.migrate(host=types.Host(name=unfit))
        assert refusal.value.code == 409


def test_clone(vms, vm, wait):
    vm().clone(vm=types.Vm(name="myclonedvm"))
    wait(lambda: vms.list(search="name=myclonedvm and status=down"))
    clone = vm("myclonedvm")
    assert len(clone.disk_attachments_service().list()) == 1
    assert clone.nics_service().list()[0].mac.address != vm().nics_service().list()[0].mac.address


def test_changes_of_a_running_vm_wait_for_the_next_start(vm, wait):
    service = vm("myvm-up")
    before = service.get().memory
    service.update(types.Vm(memory=before + 512 * 2**20), next_run=True)
    shown = service.get()
    assert shown.memory == before
    assert shown.next_run_configuration_exists
    assert service.get(next_run=True).memory == before + 512 * 2**20
    service.stop()
    wait(lambda: service.get().status == Vm.DOWN)
    assert service.get().memory == before + 512 * 2**20
    assert not service.get().next_run_configuration_exists


def test_delete_protection(vm):
    service = vm()
    service.update(types.Vm(delete_protected=True))
    with pytest.raises(sdk.Error) as refusal:
        service.remove()
    assert refusal.value.code == 409
    service.update(types.Vm(delete_protected=False))
    service.remove()


def test_removing_a_vm_can_leave_its_disks(system, vm, wait, is_gone):
    service = vm()
    (attachment,) = service.disk_attachments_service().list()
    service.remove(detach_only=True)
    wait(lambda: is_gone(service))
    disk = system.disks_service().disk_service(attachment.disk.id).get()
    assert disk.status == Disk.OK
    assert not disk.vms


def test_a_vm_is_pinned_to_hosts_and_has_priorities(system, vm):
    host = first(system.hosts_service(), "myhost")
    changed = vm().update(
        types.Vm(
            placement_policy=types.VmPlacementPolicy(
                affinity=types.VmAffinity.PINNED, hosts=[types.Host(id=host.id)]
            ),
            high_availability=types.HighAvailability(enabled=True, priority=50),
            custom_properties=[types.CustomProperty(name="sndbuf", value="10")],
        )
    )
    assert changed.placement_policy.affinity == types.VmAffinity.PINNED
    assert [each.id for each in changed.placement_policy.hosts] == [host.id]
    assert changed.high_availability.priority == 50
    assert changed.custom_properties[0].value == "10"


# Disks.


def test_add_a_disk_to_a_vm(system, vm, wait):
    attachments = vm().disk_attachments_service()
    added = attachments.add(
        types.DiskAttachment(
            disk=types.Disk(
                name="newdisk",
                format=types.DiskFormat.COW,
                provisioned_size=GIB,
                storage_domains=[MYDATA],
            ),
            interface=types.DiskInterface.VIRTIO,
            bootable=False,
            active=True,
        )
    )
    disk = system.disks_service().disk_service(added.disk.id)
    assert disk.get().status == Disk.LOCKED
    wait(lambda: disk.get().status == Disk.OK)
    assert [each.id for each in disk.get().vms] == [vm().get().id]


def test_detach_attach_activate_and_deactivate_a_disk(vm, wait):
    service = vm("myvm-up").disk_attachments_service()
    (attachment,) = service.list()
    one = service.attachment_service(attachment.id)
    with pytest.raises(sdk.Error):
        one.remove()
    one.update(types.DiskAttachment(active=False))
    assert one.get().active is False
    one.remove(detach_only=True)
    assert service.list() == []
    service.add(
        types.DiskAttachment(
            disk=types.Disk(id=attachment.disk.id),
            interface=types.DiskInterface.VIRTIO_SCSI,
            active=True,
        )
    )
    assert service.list()[0].active


def test_copy_move_extend_and_sparsify_a_disk(system, wait):
    disks = system.disks_service()
    disk = disks.disk_service(first(disks, "mydisk").id)
    disk.copy(
        disk=types.Disk(name="newcopy"), storage_domain=types.StorageDomain(name="seconddata")
    )
    wait(lambda: disks.list(search="name=newcopy and status=ok"))
    disk.move(storage_domain=types.StorageDomain(name="seconddata"))
    assert disk.get().status == Disk.LOCKED
    wait(lambda: disk.get().status == Disk.OK)
    second = first(system.storage_domains_service(), "seconddata")
    assert [domain.id for domain in disk.get().storage_domains] == [second.id]
    disk.sparsify()
    wait(lambda: disk.get().status == Disk.OK)
    larger = disk.get().provisioned_size + GIB
    disk.update(types.Disk(provisioned_size=larger))
    wait(lambda: disk.get().status == Disk.OK)
    assert disk.get().provisioned_size == larger


def test_a_direct_lun(system, vm):
    unit = types.LogicalUnit(
        address="192.168.201.3",
        port=3260,
        target="iqn.2014-07.org.ovirt:storage",
        id="36001405e396b3d9c9a54284a51685f9a",
        username="username",
        password="password",
    )
    disk = system.disks_service().add(
        types.Disk(
            name="myiscsidisk",
            lun_storage=types.HostStorage(type=types.StorageType.ISCSI, logical_units=[unit]),
        )
    )
    assert disk.storage_type == types.DiskStorageType.LUN
    vm().disk_attachments_service().add(
        types.DiskAttachment(
            disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=False
        )
    )
    assert len(vm().disk_attachments_service().list()) == 2
    shown = system.disks_service().disk_service(disk.id).get()
    assert shown.lun_storage.logical_units[0].password is None


def test_upload_and_download_of_an_image(system, daemon, wait):
    data = b"\xeb\x63\x90" + bytes(range(256)) * 256
    size = 2**20
    disks, transfers = system.disks_service(), system.image_transfers_service()
    added = disks.add(
        types.Disk(
            name="newimage",
            content_type=types.DiskContentType.DATA,
            format=types.DiskFormat.RAW,
            provisioned_size=size,
            storage_domains=[MYDATA],
        )
    )
    disk = disks.disk_service(added.id)
    wait(lambda: disk.get().status == Disk.OK)
    transfer = transfers.add(
        types.ImageTransfer(
            disk=types.Disk(id=added.id), direction=types.ImageTransferDirection.UPLOAD
        )
    )
    assert transfer.phase == types.ImageTransferPhase.INITIALIZING
    assert transfer.transfer_url is None
    one = transfers.image_transfer_service(transfer.id)
    wait(lambda: one.get().phase == types.ImageTransferPhase.TRANSFERRING)
    client, path = daemon(one.get())
    client.request("OPTIONS", path)
    assert "extents" in json.loads(client.getresponse().read())["features"]
    client.request("PUT", path, data, {"Content-Range": f"bytes 4096-{4096 + len(data) - 1}/*"})
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    assert disk.get().status == Disk.LOCKED
    one.finalize()
    wait(lambda: one.get().phase == types.ImageTransferPhase.FINISHED_SUCCESS)
    assert disk.get().status == Disk.OK

    transfer = transfers.add(
        types.ImageTransfer(
            disk=types.Disk(id=added.id), direction=types.ImageTransferDirection.DOWNLOAD
        )
    )
    one = transfers.image_transfer_service(transfer.id)
    wait(lambda: one.get().phase == types.ImageTransferPhase.TRANSFERRING)
    client, path = daemon(one.get())
    client.request("GET", path)
    answer = client.getresponse()
    whole = answer.read()
    assert len(whole) == size
    assert whole[4096 : 4096 + len(data)] == data
    client.request("GET", path, headers={"Range": "bytes=4096-4098"})
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (206, data[:3])
    one.finalize()
    wait(lambda: one.get().phase == types.ImageTransferPhase.FINISHED_SUCCESS)


# In a process of its own: it leaves sockets open that Python would complain of here.
MOVE = """
import sys
from ovirt_imageio import client

verb, source, target, ca_file = sys.argv[1:]
form = {} if verb == "upload" else {"fmt": "qcow2"}
getattr(client, verb)(source, target, ca_file, secure=True, **form)
"""


@pytest.mark.skipif(shutil.which("qemu-nbd") is None, reason="qemu-nbd is not installed")
@pytest.mark.parametrize(
    ("form", "suffix"), [(types.DiskFormat.COW, "qcow2"), (types.DiskFormat.RAW, "raw")]
)
def test_the_client_of_ovirt_imageio(system, served, wait, tmp_path, form, suffix):
    pytest.importorskip("ovirt_imageio.client", reason="ovirt-imageio is not installed")
    size = 4 * 2**20
    source, target = tmp_path / f"source.{suffix}", tmp_path / "target.qcow2"
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(2**20) + bytes(range(1, 255)) * 4000 + bytes(size - 2**20 - 254 * 4000))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", suffix, raw, source], check=True)
    disks, transfers = system.disks_service(), system.image_transfers_service()
    added = disks.add(
        types.Disk(
            name="newimage",
            format=form,
            sparse=form == types.DiskFormat.COW,
            provisioned_size=size,
            storage_domains=[MYDATA],
        )
    )
    wait(lambda: disks.disk_service(added.id).get().status == Disk.OK)
    for direction in (types.ImageTransferDirection.UPLOAD, types.ImageTransferDirection.DOWNLOAD):
        transfer = transfers.add(
            types.ImageTransfer(
                disk=types.Disk(id=added.id), direction=direction, format=types.DiskFormat.RAW
            )
        )
        one = transfers.image_transfer_service(transfer.id)
        wait(lambda: one.get().phase == types.ImageTransferPhase.TRANSFERRING)  # noqa: B023
        url = one.get().transfer_url
        way = (source, url) if str(direction) == "upload" else (url, target)
        words = [sys.executable, "-c", MOVE, str(direction), *map(str, way), served["ca_file"]]
        subprocess.run(words, check=True, timeout=60)
        one.finalize()
        wait(lambda: one.get().phase == types.ImageTransferPhase.FINISHED_SUCCESS)  # noqa: B023
    compare = ["qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw, target]
    subprocess.run(compare, check=True)


@pytest.mark.parametrize("action", ["cancel", "pause"])
def test_a_transfer_that_is_not_finished(system, wait, action):
    disk = first(system.disks_service(), "mydisk")
    transfers = system.image_transfers_service()
    transfer = transfers.add(
        types.ImageTransfer(
            disk=types.Disk(id=disk.id), direction=types.ImageTransferDirection.DOWNLOAD
        )
    )
    one = transfers.image_transfer_service(transfer.id)
    wait(lambda: one.get().phase == types.ImageTransferPhase.TRANSFERRING)
    if action == "pause":
        with pytest.raises(sdk.Error):
            one.pause()
        return
    one.cancel()
    phases = types.ImageTransferPhase
    ended = (phases.FINISHED_CLEANUP, phases.FINISHED_FAILURE)
    wait(lambda: one.get().phase in ended)
    assert system.disks_service().disk_service(disk.id).get().status == Disk.OK


# Snapshots and backups.


def test_snapshots(system, vm, wait, is_gone):
    service = vm()
    snapshots = service.snapshots_service()
    added = snapshots.add(types.Snapshot(description="newsnap", persist_memorystate=False))
    one = snapshots.snapshot_service(added.id)
    wait(lambda: one.get().snapshot_status == types.SnapshotStatus.OK)
    assert len(one.disks_service().list()) == 1
    descriptions = [each.description for each in snapshots.list()]
    assert {"Active VM", "mysnap", "newsnap"} <= set(descriptions)
    one.restore()
    wait(lambda: service.get().status == Vm.DOWN)
    one.remove()
    wait(lambda: is_gone(one))


def test_preview_commit_and_undo(vm, wait):
    service = vm()
    snapshots = service.snapshots_service()
    mysnap = next(each for each in snapshots.list() if each.description == "mysnap")
    service.preview_snapshot(snapshot=types.Snapshot(id=mysnap.id))
    one = snapshots.snapshot_service(mysnap.id)
    wait(lambda: one.get().snapshot_status == types.SnapshotStatus.IN_PREVIEW)
    wait(lambda: service.get().status == Vm.DOWN)
    service.undo_snapshot()
    wait(lambda: one.get().snapshot_status == types.SnapshotStatus.OK)
    service.preview_snapshot(snapshot=types.Snapshot(id=mysnap.id))
    wait(lambda: one.get().snapshot_status == types.SnapshotStatus.IN_PREVIEW)
    wait(lambda: service.get().status == Vm.DOWN)
    service.commit_snapshot()
    wait(lambda: service.get().status == Vm.DOWN)
    wait(
        lambda: (
            not any(
                each.snapshot_status == types.SnapshotStatus.IN_PREVIEW for each in snapshots.list()
            )
        )
    )


def test_a_vm_from_a_snapshot(vms, vm, wait):
    mysnap = next(each for each in vm().snapshots_service().list() if each.description == "mysnap")
    added = vms.add(
        types.Vm(name="mysnapclone", snapshots=[types.Snapshot(id=mysnap.id)], cluster=MYCLUSTER)
    )
    service = vms.vm_service(added.id)
    wait(lambda: service.get().status == Vm.DOWN)
    assert len(service.disk_attachments_service().list()) == 1


def test_a_disk_of_a_snapshot_is_attached_to_a_backup_agent(system, vm, wait):
    snapshots = vm().snapshots_service()
    mysnap = next(each for each in snapshots.list() if each.description == "mysnap")
    (disk,) = snapshots.snapshot_service(mysnap.id).disks_service().list()
    agent = vm("myagent").disk_attachments_service()
    before = len(agent.list())
    added = agent.add(
        types.DiskAttachment(
            disk=types.Disk(id=disk.id, snapshot=types.Snapshot(id=mysnap.id)),
            interface=types.DiskInterface.VIRTIO_SCSI,
            bootable=False,
            active=True,
        )
    )
    assert agent.attachment_service(added.id).get().logical_name
    agent.attachment_service(added.id).remove()
    assert len(agent.list()) == before


def test_full_and_incremental_backup(system, vm, daemon, wait):
    service = vm("myvm-up")
    disk = first(system.disks_service(), "mydisk-up")
    backups = service.backups_service()
    phases = types.BackupPhase
    added = backups.add(types.Backup(disks=[types.Disk(id=disk.id)]))
    backup = backups.backup_service(added.id)
    wait(lambda: backup.get().phase == phases.READY)
    checkpoint = backup.get().to_checkpoint_id
    assert checkpoint
    assert [each.id for each in backup.disks_service().list()] == [disk.id]
    backup.finalize()
    wait(lambda: backup.get().phase == phases.SUCCEEDED)
    added = backups.add(types.Backup(disks=[types.Disk(id=disk.id)], from_checkpoint_id=checkpoint))
    backup = backups.backup_service(added.id)
    wait(lambda: backup.get().phase == phases.READY)
    transfers = system.image_transfers_service()
    transfer = transfers.add(
        types.ImageTransfer(
            disk=types.Disk(id=disk.id),
            backup=types.Backup(id=backup.get().id),
            direction=types.ImageTransferDirection.DOWNLOAD,
            format=types.DiskFormat.RAW,
        )
    )
    one = transfers.image_transfer_service(transfer.id)
    wait(lambda: one.get().phase == types.ImageTransferPhase.TRANSFERRING)
    client, path = daemon(one.get())
    client.request("GET", f"{path}/extents?context=dirty")
    answer = client.getresponse()
    extents = json.loads(answer.read())
    assert answer.status == 200
    assert sum(each["length"] for each in extents) == disk.provisioned_size
    assert not any(each["dirty"] for each in extents)
    one.finalize()
    wait(lambda: one.get().phase == types.ImageTransferPhase.FINISHED_SUCCESS)
    backup.finalize()
    wait(lambda: backup.get().phase == phases.SUCCEEDED)
    checkpoints = service.checkpoints_service()
    known = [each.id for each in checkpoints.list()]
    assert checkpoint in known
    assert backup.get().to_checkpoint_id in known
    checkpoints.checkpoint_service(known[0]).remove()


# Templates, pools, instance types.


def test_templates_and_their_versions(system, vm, wait, is_gone):
    templates = system.templates_service()
    base = templates.add(types.Template(name="newtemplate", vm=types.Vm(id=vm().get().id)))
    service = templates.template_service(base.id)
    wait(lambda: service.get().status == types.TemplateStatus.OK)
    second = templates.add(
        types.Template(
            name="newtemplate",
            vm=types.Vm(id=vm().get().id),
            version=types.TemplateVersion(
                base_template=types.Template(id=base.id), version_name="second"
            ),
        )
    )
    wait(lambda: templates.template_service(second.id).get().status == types.TemplateStatus.OK)
    shown = templates.template_service(second.id).get().version
    assert (shown.version_number, shown.version_name) == (2, "second")
    with pytest.raises(sdk.Error):
        service.remove()  # the other version is built on it
    templates.template_service(second.id).remove()
    wait(lambda: is_gone(templates.template_service(second.id)))
    service.remove()
    wait(lambda: is_gone(service))


def test_a_pool(system, vms, wait):
    pools = system.vm_pools_service()
    added = pools.add(
        types.VmPool(
            name="myvmpool",
            cluster=MYCLUSTER,
            template=MYTEMPLATE,
            size=3,
            prestarted_vms=1,
            max_user_vms=1,
        )
    )
    wait(lambda: len(vms.list(search="pool=myvmpool")) == 3)
    wait(lambda: not vms.list(search="pool=myvmpool and status=image_locked"))
    wait(lambda: vms.list(search="pool=myvmpool and status=up"))
    pools.pool_service(added.id).update(types.VmPool(size=4))
    wait(lambda: len(vms.list(search="pool=myvmpool")) == 4)


def test_an_instance_type(system, vms):
    kinds = system.instance_types_service()
    added = kinds.add(
        types.InstanceType(
            name="myinstancetype",
            memory=GIB,
            memory_policy=types.MemoryPolicy(max=GIB, guaranteed=GIB // 2),
            cpu=types.Cpu(topology=types.CpuTopology(cores=2, sockets=2)),
            high_availability=types.HighAvailability(enabled=True),
        )
    )
    kinds.instance_type_service(added.id).nics_service().add(types.Nic(name="mynic"))
    vm = vms.add(
        types.Vm(
            name="newvm",
            cluster=MYCLUSTER,
            template=BLANK,
            instance_type=types.InstanceType(id=added.id),
        )
    )
    assert vm.memory == GIB
    assert vm.cpu.topology.cores == 2
    with pytest.raises(sdk.Error, match="used"):
        kinds.instance_type_service(added.id).remove()


# Networks.


def test_nics(system, vm, wait):
    profiles = system.vnic_profiles_service().list()
    profile = next(each for each in profiles if each.name == "mynetwork")
    nics = vm().nics_service()
    added = nics.add(
        types.Nic(
            name="mynic",
            interface=types.NicInterface.VIRTIO,
            vnic_profile=types.VnicProfile(id=profile.id),
        )
    )
    assert added.mac.address
    one = nics.nic_service(added.id)
    one.update(types.Nic(linked=False, mac=types.Mac(address="02:00:00:00:00:77")))
    assert one.get().mac.address == "02:00:00:00:00:77"
    with pytest.raises(sdk.Error):
        nics.add(types.Nic(name="mynic", interface=types.NicInterface.VIRTIO))
    one.remove()
    assert added.id not in [each.id for each in nics.list()]


def test_a_network_for_a_cluster_with_a_profile_of_its_own(system):
    networks = system.networks_service()
    mydc = first(system.data_centers_service(), "mydc")
    added = networks.add(
        types.Network(
            name="newnetwork",
            description="my",
            data_center=types.DataCenter(id=mydc.id),
            vlan=types.Vlan(id="100"),
            usages=[types.NetworkUsage.DISPLAY],
            mtu=1500,
        )
    )
    cluster = first(system.clusters_service(), "mycluster")
    service = system.clusters_service().cluster_service(cluster.id).networks_service()
    service.add(types.Network(id=added.id, required=True))
    assert "newnetwork" in [each.name for each in service.list()]
    profile = system.vnic_profiles_service().add(
        types.VnicProfile(
            name="newprofile",
            network=types.Network(id=added.id),
            custom_properties=[types.CustomProperty(name="queues", value="4")],
        )
    )
    shown = system.vnic_profiles_service().profile_service(profile.id).get()
    assert shown.custom_properties[0].value == "4"
    networks.network_service(added.id).remove()
    assert not networks.list(search="name=newnetwork")


def test_a_bond_with_an_address(system):
    host = first(system.hosts_service(), "myhost")
    service = system.hosts_service().host_service(host.id)
    service.setup_networks(
        modified_bonds=[
            types.HostNic(
                name="bond0",
                bonding=types.Bonding(
                    options=[
                        types.Option(name="mode", value="1"),
                        types.Option(name="miimon", value="100"),
                    ],
                    slaves=[types.HostNic(name="eth1"), types.HostNic(name="eth2")],
                ),
            )
        ],
        modified_network_attachments=[
            types.NetworkAttachment(
                network=types.Network(name="mynetwork"),
                host_nic=types.HostNic(name="bond0"),
                ip_address_assignments=[
                    types.IpAddressAssignment(
                        assignment_method=types.BootProtocol.STATIC,
                        ip=types.Ip(address="192.168.122.100", netmask="255.255.255.0"),
                    )
                ],
            )
        ],
    )
    service.commit_net_config()
    nics = {each.name: each for each in service.nics_service().list()}
    assert len(nics["bond0"].bonding.slaves) == 2
    attachments = service.network_attachments_service().list()
    addresses = [
        each.ip.address
        for one in attachments
        for each in one.ip_address_assignments or []
        if each.ip is not None
    ]
    assert "192.168.122.100" in addresses


def test_mac_pools(system):
    pools = system.mac_pools_service()
    added = pools.add(
        types.MacPool(
            name="mymacpool",
            ranges=[types.Range(from_="02:00:00:00:00:00", to="02:00:00:01:00:00")],
        )
    )
    cluster = first(system.clusters_service(), "mycluster")
    service = system.clusters_service().cluster_service(cluster.id)
    service.update(types.Cluster(mac_pool=types.MacPool(id=added.id)))
    assert service.get().mac_pool.id == added.id
    with pytest.raises(sdk.Error):
        pools.mac_pool_service(added.id).remove()


# Storage.


def test_nfs_storage_is_added_attached_and_taken_away(system, wait, is_gone):
    domains = system.storage_domains_service()
    added = domains.add(
        types.StorageDomain(
            name="newdata",
            type=types.StorageDomainType.DATA,
            host=types.Host(name="myhost"),
            storage=types.HostStorage(
                type=types.StorageType.NFS, address="server0.example.com", path="/nfs/ovirt/40/data"
            ),
        )
    )
    one = domains.storage_domain_service(added.id)
    wait(lambda: one.get().status == types.StorageDomainStatus.UNATTACHED)
    mydc = first(system.data_centers_service(), "mydc")
    center = system.data_centers_service().data_center_service(mydc.id)
    attached = center.storage_domains_service()
    attached.add(types.StorageDomain(id=added.id))
    inside = attached.storage_domain_service(added.id)
    wait(lambda: inside.get().status == types.StorageDomainStatus.ACTIVE)
    with pytest.raises(sdk.Error):
        one.remove(host="myhost")
    inside.deactivate()
    wait(lambda: inside.get().status == types.StorageDomainStatus.MAINTENANCE)
    inside.remove()
    wait(lambda: is_gone(inside))
    wait(lambda: one.get().status == types.StorageDomainStatus.UNATTACHED)
    one.remove(host="myhost", format=True)
    wait(lambda: is_gone(one))


def test_iscsi_is_discovered_and_made_a_domain(system, wait):
    host = first(system.hosts_service(), "myhost")
    service = system.hosts_service().host_service(host.id)
    details = types.IscsiDetails(address="192.168.1.1", port=3260)
    found = service.discover_iscsi(iscsi=details)
    assert "iqn.2017-05.org.ovirt:storage" in [each.target for each in found]
    service.iscsi_login(
        iscsi=types.IscsiDetails(
            address="192.168.1.1",
            target="iqn.2017-05.org.ovirt:storage",
            username="username",
            password="password",
        )
    )
    domains = system.storage_domains_service()
    added = domains.add(
        types.StorageDomain(
            name="newiscsi",
            type=types.StorageDomainType.DATA,
            host=types.Host(name="myhost"),
            storage=types.HostStorage(
                type=types.StorageType.ISCSI,
                override_luns=True,
                volume_group=types.VolumeGroup(
                    logical_units=[
                        types.LogicalUnit(
                            id="36001405d6c6cbba754c4b568d843ff6a",
                            address="192.168.1.1",
                            port=3260,
                            target="iqn.2017-05.org.ovirt:storage",
                            username="username",
                            password="password",
                        )
                    ]
                ),
            ),
        )
    )
    one = domains.storage_domain_service(added.id)
    wait(lambda: one.get().status == types.StorageDomainStatus.UNATTACHED)


def test_an_unregistered_vm_is_registered(system, vms, vm, wait):
    domain = first(system.storage_domains_service(), "mysd")
    service = system.storage_domains_service().storage_domain_service(domain.id).vms_service()
    (lost,) = service.list(unregistered=True)
    assert lost.name == "myvm"
    service.vm_service(lost.id).register(
        vm=types.Vm(name="exported_myvm"), cluster=MYCLUSTER, allow_partial_import=True
    )
    wait(lambda: vms.list(search="name=exported_myvm"))
    assert service.list(unregistered=True) == []


def test_an_image_of_a_repository_is_imported(system, wait):
    repository = first(system.storage_domains_service(), "ovirt-image-repository")
    service = system.storage_domains_service().storage_domain_service(repository.id)
    images = service.images_service()
    image = next(i for i in images.list() if i.name == "CirrOS 0.4.0 for x86_64")
    images.image_service(image.id).import_(
        import_as_template=False,
        template=None,
        cluster=MYCLUSTER,
        storage_domain=MYDATA,
        disk=types.Disk(name="newglance"),
    )
    wait(lambda: system.disks_service().list(search="name=newglance and status=ok"))


def test_export_to_an_ova_and_to_an_export_domain(system, vm, wait, is_gone):
    host = first(system.hosts_service(), "myhost")
    vm().export_to_path_on_host(
        host=types.Host(id=host.id), directory="/home/ovirt", filename="myvm.ova"
    )
    wait(lambda: vm().get().status == Vm.DOWN)
    vm().export(storage_domain=types.StorageDomain(name="myexport"), exclusive=True)
    wait(lambda: vm().get().status == Vm.DOWN)
    export = first(system.storage_domains_service(), "myexport")
    service = system.storage_domains_service().storage_domain_service(export.id)
    (exported,) = [each for each in service.vms_service().list() if each.name == "myvm"]
    one = service.vms_service().vm_service(exported.id)
    one.remove()
    assert is_gone(one)
    assert vm().get().status == Vm.DOWN


def test_an_exported_vm_is_imported(system, vms, wait):
    export = first(system.storage_domains_service(), "myexport")
    service = system.storage_domains_service().storage_domain_service(export.id).vms_service()
    (exported,) = service.list()
    service.vm_service(exported.id).import_(
        storage_domain=MYDATA,
        cluster=MYCLUSTER,
        vm=types.Vm(name="newimported"),
        clone=True,
        collapse_snapshots=True,
    )
    wait(lambda: vms.list(search="name=newimported and status=down"))


# Hosts.


def test_a_host_comes_and_goes(system, wait, is_gone):
    hosts = system.hosts_service()
    added = hosts.add(
        types.Host(
            name="newhost",
            address="newhost.example.com",
            root_password="secret",
            cluster=MYCLUSTER,
        )
    )
    one = hosts.host_service(added.id)
    assert added.status == types.HostStatus.INSTALLING
    wait(lambda: one.get().status == types.HostStatus.UP)
    with pytest.raises(sdk.Error):
        one.remove()
    one.deactivate()
    wait(lambda: one.get().status == types.HostStatus.MAINTENANCE)
    one.activate()
    wait(lambda: one.get().status == types.HostStatus.UP)
    one.deactivate(reason="goes")
    wait(lambda: one.get().status == types.HostStatus.MAINTENANCE)
    one.remove()
    wait(lambda: is_gone(one))


def test_maintenance_moves_the_vms_away(system, vm, wait):
    hosts = system.hosts_service()
    other = first(hosts, "otherhost")
    one = hosts.host_service(other.id)
    one.deactivate()
    wait(lambda: one.get().status == types.HostStatus.MAINTENANCE)
    up = vm("myvm-up").get()
    assert up.status == Vm.UP
    assert up.host.id != other.id


def test_the_check_for_upgrades_ends_with_an_event(system, wait):
    host = first(system.hosts_service(), "myhost")
    service = system.hosts_service().host_service(host.id)
    events = system.events_service()
    last = int(events.list(max=1)[0].id)
    service.upgrade_check()
    wait(
        lambda: [
            each for each in events.list(from_=last, search="host.name=myhost") if each.code == 885
        ]
    )
    assert service.get().update_available is False


def test_fence_agents_and_power_management(system):
    host = first(system.hosts_service(), "myhost")
    service = system.hosts_service().host_service(host.id)
    (agent,) = service.fence_agents_service().list()
    assert agent.type == "ipmilan"
    assert agent.options
    service.update(
        types.Host(power_management=types.PowerManagement(enabled=True, kdump_detection=False))
    )
    assert service.get().power_management.enabled
    assert service.fence(fence_type="status") is not None


def test_statistics(system, vm):
    host = first(system.hosts_service(), "myhost")
    service = system.hosts_service().host_service(host.id)
    for one in (service, vm("myvm-up")):
        for statistic in one.statistics_service().list():
            is_text = statistic.type == types.ValueType.STRING
            (value,) = statistic.values
            assert value.detail if is_text else value.datum is not None
            assert one is not service or not is_text
            assert statistic.unit is not None
    assert service.statistics_service().list()[0].name == "memory.total"


# People and labels.


def test_users_groups_roles_and_permissions(system, vm, is_gone):
    users = system.users_service()
    added = users.add(
        types.User(user_name="newuser@internal-authz", domain=types.Domain(name="internal-authz"))
    )
    role = next(each for each in system.roles_service().list() if each.name == "UserVmManager")
    permissions = vm().permissions_service()
    before = len(permissions.list())
    given = permissions.add(
        types.Permission(user=types.User(id=added.id), role=types.Role(id=role.id))
    )
    assert len(permissions.list()) == before + 1
    permissions.permission_service(given.id).remove()
    groups = system.groups_service()
    group = groups.add(types.Group(name="mygroup", domain=types.Domain(name="internal-authz")))
    system.permissions_service().add(
        types.Permission(group=types.Group(id=group.id), role=types.Role(id=role.id))
    )
    mine = system.roles_service().add(
        types.Role(name="myrole", administrative=False, permits=[types.Permit(id="1")])
    )
    service = system.roles_service().role_service(mine.id)
    assert [each.id for each in service.permits_service().list()] == ["1"]
    service.permits_service().add(types.Permit(id="1300"))
    assert len(service.permits_service().list()) == 2
    users.user_service(added.id).remove()
    assert is_gone(users.user_service(added.id))


def test_tags(system, vms, vm):
    tags = system.tags_service()
    tags.add(types.Tag(name="newtag", description="mine"))
    vm().tags_service().add(types.Tag(name="newtag"))
    assert [each.name for each in vms.list(search="tag=newtag")] == ["myvm"]
    (mine,) = [each for each in vm("myvm0").tags_service().list() if each.name == "mytag"]
    vm("myvm0").tags_service().tag_service(mine.id).remove()
    assert vms.list(search="tag=mytag") == []


def test_affinity_labels_and_groups(system, vm):
    labels = system.affinity_labels_service()
    (label,) = [each for each in labels.list() if each.name == "my_affinity_label"]
    service = labels.label_service(label.id)
    service.vms_service().add(types.Vm(id=vm("myvm0").get().id))
    assert len(service.vms_service().list()) == 2
    service.vms_service().vm_service(vm("myvm0").get().id).remove()
    cluster = first(system.clusters_service(), "mycluster")
    groups = system.clusters_service().cluster_service(cluster.id).affinity_groups_service()
    group = groups.add(
        types.AffinityGroup(
            name="newgroup",
            vms_rule=types.AffinityRule(enabled=True, positive=False, enforcing=True),
        )
    )
    groups.group_service(group.id).vms_service().add(types.Vm(id=vm().get().id))
    assert [each.name for each in groups.group_service(group.id).vms_service().list()] == ["myvm"]
    groups.group_service(group.id).remove()


def test_a_quota(system):
    mydc = first(system.data_centers_service(), "mydc")
    center = system.data_centers_service().data_center_service(mydc.id)
    quotas = center.quotas_service()
    added = quotas.add(types.Quota(name="myquota", description="mine"))
    service = quotas.quota_service(added.id)
    service.quota_storage_limits_service().add(types.QuotaStorageLimit(limit=100))
    (limit,) = service.quota_storage_limits_service().list()
    assert (limit.limit, limit.usage) == (100, 0)
    service.remove()


# Following what happens.


def test_jobs_are_found_by_correlation_id(system, vm, wait):
    vm().start(query={"correlation_id": "my-run-17"})
    jobs = system.jobs_service()
    wait(
        lambda: all(
            job.status != types.JobStatus.STARTED
            for job in jobs.list(search="correlation_id=my-run-17")
        )
    )
    (job,) = jobs.list(search="correlation_id=my-run-17")
    assert job.status == types.JobStatus.FINISHED
    assert jobs.job_service(job.id).steps_service().list()
    events = system.events_service().list(search="correlation_id=my-run-17")
    assert {153, 32} <= {each.code for each in events}


def test_events_are_tracked_from_the_last_one(system, vm, wait):
    events = system.events_service()
    last = int(events.list(max=1)[0].id)
    assert events.list(from_=last) == []
    events.add(
        types.Event(
            origin="mysystem",
            severity=types.LogSeverity.ALERT,
            custom_id=5,
            description="disk is full",
            vm=types.Vm(id=vm().get().id),
        )
    )
    (mine,) = events.list(from_=last)
    assert int(mine.id) > last
    assert mine.vm.id == vm().get().id
    events.event_service(mine.id).remove()
    assert mine.id not in [each.id for each in events.list(from_=last)]


def test_pages_and_links(system, connection, vms):
    seen, page = [], 1
    while found := vms.list(search=f"sortby name asc page {page}", max=4):
        seen += found
        page += 1
    everything = vms.list(search="sortby name asc")
    assert [each.id for each in seen] == [each.id for each in everything]
    for one in everything:
        assert connection.follow_link(one.cluster).name
        for nic in connection.follow_link(one.nics):
            assert nic.mac.address
        connection.follow_link(one.disk_attachments)
        connection.follow_link(one.tags)


def test_cds_are_inserted_and_ejected(vm, wait):
    service = vm("myvm-up").cdroms_service()
    (cdrom,) = service.list()
    one = service.cdrom_service(cdrom.id)
    one.update(types.Cdrom(file=types.File(id="virtio-win.iso")), current=True)
    assert one.get(current=True).file.id == "virtio-win.iso"
    one.update(types.Cdrom(file=types.File(id="")), current=True)
    assert not one.get(current=True).file or not one.get(current=True).file.id


def test_consoles(vm):
    service = vm("myvm-up").graphics_consoles_service()
    console = next(
        each for each in service.list(current=True) if each.protocol == types.GraphicsType.SPICE
    )
    assert console.address
    assert console.port or console.tls_port
    text = service.console_service(console.id).remote_viewer_connection_file()
    assert "[virt-viewer]" in text
    ticket = vm("myvm-up").ticket(ticket=types.Ticket(expiry=120))
    assert ticket.value


def test_the_guest_is_reported(vm):
    for device in vm("myvm-up").reported_devices_service().list():
        assert device.mac.address
        assert device.ips


def test_numa_and_watchdog_and_serial_console(vm):
    service = vm()
    assert [node.index for node in service.numa_nodes_service().list()] == [0, 1]
    service.update(types.Vm(console=types.Console(enabled=True)))
    assert service.get(all_content=True).console.enabled
    added = service.watchdogs_service().add(
        types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.RESET)
    )
    assert added.action == types.WatchdogAction.RESET


def test_all_content_of_a_snapshot_has_the_ovf_of_its_vm(vm):
    snapshots = vm().snapshots_service()
    assert all(each.initialization is None for each in snapshots.list())
    (found,) = [e for e in snapshots.list(all_content=True) if e.description == "mysnap"]
    one = snapshots.snapshot_service(found.id).get(query={"all_content": "true"})
    for shown in (found, one):
        assert "<Name>myvm</Name>" in shown.initialization.configuration.data


def test_all_content_has_the_ovf(vms):
    (found,) = vms.list(search="name=myvm", all_content=True)
    assert found.initialization.configuration.data.lstrip().startswith("<?xml")
    root = ElementTree.fromstring(found.initialization.configuration.data)
    ovf = "{http://schemas.dmtf.org/ovf/envelope/1/}"
    (disk,) = root.iter("Disk")
    assert disk.get(f"{ovf}disk-alias") == "mydisk"
    assert (disk.get(f"{ovf}volume-format"), disk.get(f"{ovf}boot")) == ("COW", "true")
    assert found.initialization.configuration.type == types.ConfigurationType.OVF
