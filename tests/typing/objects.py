"""Checked, never run: constructing, assigning, reading and narrowing."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import assert_type

from trivirt.model import Items
from trivirt.types import Cluster, Host, Nic, NicInterface, Snapshot, Vm, VmStatus


def constructing() -> None:
    vm = Vm(name="a", memory=2**30, status=VmStatus.UP, nics=Items([Nic(name="n")]), href="/v")
    assert_type(vm.name, "str | None")
    assert_type(vm.nics, "Items[Nic] | None")
    if vm.start_time is not None:
        assert_type(vm.start_time, datetime)
    assert_type(Vm.from_dict({}), Vm)
    Snapshot(name="inherited", snapshot_status=None)


def refused() -> None:
    Vm(nmae="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Vm("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Vm(name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Vm(status="up")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Vm(status=NicInterface.VIRTIO)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Vm(cluster=Host())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    vm = Vm()
    vm.nmae = "a"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    vm.memory = "1"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    _ = vm.cluster.id  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]


def narrowing(vm: Vm) -> None:
    if vm.cluster is not None:
        assert_type(vm.cluster, Cluster)
    if vm.nics:
        assert_type(vm.nics, Items[Nic])
        assert_type(vm.nics[0], Nic)
        assert_type(vm.nics.href, "str | None")
    if vm.status is not None:
        assert_type(vm.status, VmStatus)
        text: str = vm.status.value
        assert text == vm.status
    if vm.status == "down" or vm.status in ("paused", VmStatus.SUSPENDED):
        print(f"{vm.status} is not running")
