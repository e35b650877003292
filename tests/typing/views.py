"""Checked, never run: what each view of an operation gives, and what every view refuses."""

from __future__ import annotations

from typing_extensions import assert_type

import trivirt
import trivirt.sync
from trivirt.model import Async, Future, Items, Soon, Sync, SyncFuture, SyncSoon
from trivirt.services import SystemService, VmService
from trivirt.types import Disk, DiskAttachment, Ticket, Vm


async def awaited(root: SystemService[Async]) -> None:
    assert_type(await root.vms.list(search="status=up"), Items[Vm])
    assert_type(await root.vms.vm("1").get(), Vm)
    assert_type(root.vms.vm("1"), VmService[Async])
    assert_type(await root.vms.add(Vm(name="a")), Vm)
    assert_type(await root.vms.vm("1").start(pause=True), None)
    assert_type(await root.vms.vm("1").ticket(), Ticket)
    assert_type(await root.vms.vm("1").disk_attachments.list(), Items[DiskAttachment])
    assert_type(await root.vms.vm("1").remove(headers={"a": "b"}, query={"c": 1}), None)
    for vm in await root.vms.list():
        assert_type(vm, Vm)


async def soon(root: SystemService[Soon]) -> None:
    future = root.vms.list()
    assert_type(future, Future[Items[Vm]])
    assert_type(await future.wait(), Items[Vm])
    assert_type(root.vms.vm("1"), VmService[Soon])
    future.add_done_callback(lambda done: assert_type(done.exception(), BaseException | None))
    async for one in trivirt.as_completed([root.vms.list(), root.vms.list(max=1)]):
        assert_type(await one.wait(), Items[Vm])


def blocking(root: SystemService[Sync]) -> None:
    assert_type(root.vms.list(max=3), Items[Vm])
    assert_type(root.disks.disk("1").get(), Disk)
    assert_type(root.vms.vm("1").start(), None)


def blocking_soon(root: SystemService[SyncSoon]) -> None:
    future = root.vms.list()
    assert_type(future, SyncFuture[Items[Vm]])
    assert_type(future.wait(timeout=3), Items[Vm])
    assert_type(future.wait(), Items[Vm])
    assert_type(future.exception(timeout=3), BaseException | None)
    future.add_done_callback(lambda done: assert_type(done.wait(), Items[Vm]))
    for one in trivirt.sync.as_completed([root.vms.list()], timeout=3):
        assert_type(one.wait(), Items[Vm])


async def refused(root: SystemService[Async], sync: SystemService[Sync]) -> None:
    await root.vms.vm("1").start(puase=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await root.vms.list(max="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await root.vms.add()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await root.vms.add(Disk())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await root.vms.list("up")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    sync.vms.list(serach="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    root.vms.vm(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    _ = root.wms  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


async def forgotten_await(root: SystemService[Async]) -> None:
    root.vms.vm("1").start()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    _ = root.vms.list().href  # type: ignore[attr-defined]  # pyright: ignore
    for _ in root.vms.list():  # type: ignore[attr-defined]  # pyright: ignore
        pass
