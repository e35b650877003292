"""Start a VM and wait until it is up; `trivirt simulate -- python FILE [NAME]` runs it."""

from __future__ import annotations

import os
import sys

import trio

import trivirt
from trivirt.jobs import Watch


async def main() -> None:
    name = sys.argv[1] if sys.argv[1:] else "db-0002"
    async with trivirt.open_engine(
        os.environ["OVIRT_URL"],
        username=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ.get("OVIRT_CAFILE"),
    ) as engine:
        found = await engine.vms.list(search=f"name={name}")
        if not found:
            sys.exit(f"there is no VM named {name}")
        service = engine.vms.vm(found[0].id)
        await service.start()
        with trio.fail_after(300):
            vm = await Watch(service).until("up")
        print(f"{vm.name} is {vm.status}")


trio.run(main)
