"""XML written by hand, read and written: see golden/README.md."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from trivirt import codec
from trivirt.model import Items
from trivirt.types import (
    Action,
    Backup,
    Bios,
    Boot,
    BootDevice,
    BootMenu,
    Cluster,
    Cpu,
    CpuTopology,
    Disk,
    GlusterBrick,
    GracePeriod,
    HighAvailability,
    Host,
    HostNic,
    Initialization,
    Mac,
    Method,
    Network,
    NetworkUsage,
    Nic,
    NicInterface,
    NumaNode,
    OperatingSystem,
    OperatingSystemInfo,
    SchedulingPolicy,
    SchedulingPolicyUnit,
    Ssh,
    SshAuthenticationMethod,
    Sso,
    SsoMethod,
    Statistic,
    StatisticKind,
    Template,
    TransparentHugePages,
    Value,
    Vlan,
    Vm,
    VmType,
    VnicProfile,
    Weight,
)

GOLDEN = Path(__file__).parent / "golden"

VALUES: dict[str, Any] = {
    "vm_add": Vm(
        name="web1",
        comment="",
        description="Zoë's <web> & mail",
        bios=Bios(boot_menu=BootMenu(enabled=True)),
        cluster=Cluster(name="Default"),
        cpu=Cpu(topology=CpuTopology(cores=2, sockets=1)),
        high_availability=HighAvailability(enabled=False),
        initialization=Initialization(
            custom_script="#cloud-config\r\nruncmd: [ls]\n", host_name="web1"
        ),
        memory=4 * 2**30,
        os=OperatingSystem(
            boot=Boot(devices=Items([BootDevice.HD, BootDevice.NETWORK])), type="rhel_8x64"
        ),
        template=Template(id="00000000-0000-0000-0000-000000000000"),
        type=VmType.SERVER,
    ),
    "vm_numa": Vm(id="v1", numa_nodes=Items([NumaNode(index=0, memory=1024)])),
    "nic_update": Nic(
        id="n1",
        interface=NicInterface.VIRTIO,
        linked=True,
        mac=Mac(address="00:1a:4a:16:01:51"),
        vnic_profile=VnicProfile(id="p1"),
    ),
    "host_add": Host(
        address="host1.example.com",
        cluster=Cluster(name="Default"),
        name="host1",
        root_password="secret",
        ssh=Ssh(authentication_method=SshAuthenticationMethod.PUBLICKEY, port=22),
        transparent_huge_pages=TransparentHugePages(enabled=True),
    ),
    "host_nics": Host(
        id="h1", nics=Items([HostNic(id="n1", network=Network(id="net1"), vlan=Vlan(id=12))])
    ),
    "action_start": Action(
        async_=True,
        grace_period=GracePeriod(expiry=30000),
        pause=False,
        vm=Vm(os=OperatingSystem(kernel="iso://vmlinuz")),
    ),
    "action_empty": Action(),
    "sso": Vm(sso=Sso(methods=Items([Method(id=SsoMethod.GUEST_AGENT)]))),
    "bricks": Items(
        [
            GlusterBrick(brick_dir="/data/one", server_id="s1"),
            GlusterBrick(brick_dir="/data/two", server_id="s2"),
        ]
    ),
    "scheduling_policy": SchedulingPolicy(
        name="mine",
        weight=Items([Weight(factor=2, scheduling_policy_unit=SchedulingPolicyUnit(id="u1"))]),
    ),
    "operating_systems": Items(
        [OperatingSystemInfo(id="24", description="RHEL 8", name="rhel_8x64")]
    ),
    "backup": Backup(
        id="b1",
        creation_date=datetime(2024, 3, 5, 10, 11, 12, 345000, timezone(timedelta(hours=1))),
        disks=Items([Disk(id="d1")]),
        from_checkpoint_id="",
    ),
    "network": Network(
        mtu=9000,
        usages=Items([NetworkUsage.VM, NetworkUsage.MIGRATION]),
        vlan=Vlan(id=42),
    ),
    "numbers": Statistic(
        kind=StatisticKind.GAUGE,
        values=Items([Value(datum=0.25), Value(datum=-3.0)]),
    ),
    "empty_lists": Vm(cpu=Cpu(), nics=Items()),
}


def shape(element: Any) -> Any:
    """A tree without the blanks between elements, whatever the order of different ones."""
    inside = sorted((shape(child) for child in element), key=lambda one: one[0])
    return element.tag, dict(element.attrib), "" if len(element) else element.text or "", inside


def test_every_file_has_its_value() -> None:
    assert {path.stem for path in GOLDEN.glob("*.xml")} == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_read(name: str) -> None:
    assert codec.decode((GOLDEN / f"{name}.xml").read_bytes()) == VALUES[name]


@pytest.mark.parametrize("name", VALUES)
def test_written(name: str) -> None:
    written = etree.fromstring(codec.encode(VALUES[name]))
    assert shape(written) == shape(etree.fromstring((GOLDEN / f"{name}.xml").read_bytes()))
