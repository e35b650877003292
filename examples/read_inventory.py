"""All VMs with disks, NICs and permissions, in trio; `trivirt simulate -- python FILE` runs it.

A child task for each VM has one for each of its three requests; all are under way together.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import trio

import trivirt
from trivirt.types import Vm


async def count(found: dict[str, int], key: str, ask: Callable[[], Awaitable[list[Any]]]) -> None:
    found[key] = len(await ask())


async def read(engine: trivirt.Engine, vm: Vm) -> None:
    service = engine.vms.vm(vm.id)
    found: dict[str, int] = {}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count, found, "disks", service.disk_attachments.list)
        nursery.start_soon(count, found, "NICs", service.nics.list)
        nursery.start_soon(count, found, "permissions", service.permissions.list)
    print(f"{vm.name}: {found['disks']} disks, {found['NICs']} NICs, {found['permissions']} rights")


async def main() -> None:
    async with trivirt.open_engine(
        os.environ["OVIRT_URL"],
        username=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ.get("OVIRT_CAFILE"),
    ) as engine:
        vms = await engine.vms.list()
        async with trio.open_nursery() as nursery:
            for vm in vms:
                nursery.start_soon(read, engine, vm)


trio.run(main)
