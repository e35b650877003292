"""Checked, never run: streams, procedures and `follow` in each view."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from typing_extensions import assert_type

from trivirt.jobs import Watch
from trivirt.model import (
    Async,
    Future,
    Items,
    Service,
    Soon,
    Sync,
    SyncFuture,
    SyncSoon,
    V,
    procedure,
    stream,
)
from trivirt.services import SystemService
from trivirt.types import Disk, Host, Nic, Vm


class Countdown(Service[V]):
    """A companion as somebody outside might write it."""

    @procedure
    async def total(self, start: int, *, step: int = 1) -> int:
        return sum(range(0, start, step))

    @stream
    async def numbers(self, start: int) -> AsyncIterator[int]:
        for number in range(start, 0, -1):
            yield number


async def awaited(root: SystemService[Async], vm: Vm) -> None:
    assert_type(root.vms.iterate(search="name=a", max=5), AsyncIterator[Vm])
    async for one in root.vms.iterate():
        assert_type(one, Vm)
    async for nic in root.vms.vm("1").nics.iterate():
        assert_type(nic, Nic)
    assert_type(await root.follow(vm), Vm)
    assert_type(await root.follow(vm.host), Host)
    assert_type(await root.follow(vm.nics), Items[Nic])
    assert_type(await Watch(root.vms.vm("1")).until("up"), Vm)
    assert_type(await Watch(root.disks.disk("1"), pause=2).until("ok"), Disk)
    companion = Countdown[Async](root._run, "")  # pyright: ignore[reportPrivateUsage]
    assert_type(await companion.total(3, step=2), int)
    assert_type(companion.numbers(3), AsyncIterator[int])


async def soon(root: SystemService[Soon], vm: Vm) -> None:
    assert_type(root.vms.iterate(), AsyncIterator[Vm])
    assert_type(root.follow(vm.nics), Future[Items[Nic]])
    assert_type(Watch(root.vms.vm("1")).until("up"), Future[Vm])


def blocking(root: SystemService[Sync], vm: Vm) -> None:
    assert_type(root.vms.iterate(), Iterator[Vm])
    for one in root.vms.iterate():
        assert_type(one, Vm)
    assert_type(root.follow(vm.host), Host)
    assert_type(Watch(root.vms.vm("1")).until("up"), Vm)
    companion = Countdown[Sync](root._run, "")  # pyright: ignore[reportPrivateUsage]
    assert_type(companion.total(3), int)
    assert_type(companion.numbers(3), Iterator[int])


def blocking_soon(root: SystemService[SyncSoon], vm: Vm) -> None:
    assert_type(root.vms.iterate(), Iterator[Vm])
    assert_type(root.follow(vm.host), SyncFuture[Host])
    assert_type(Watch(root.vms.vm("1")).until("up"), SyncFuture[Vm])


async def refused(root: SystemService[Async], sync: SystemService[Sync]) -> None:
    root.vms.iterate(serach="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    root.vms.iterate(max="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await root.follow("/vms/1")  # type: ignore[arg-type]  # pyright: ignore
    root.follow(Vm())  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    for _ in root.vms.iterate():  # type: ignore[attr-defined]  # pyright: ignore
        pass
    async for _ in sync.vms.iterate():  # type: ignore[attr-defined]  # pyright: ignore
        pass
