"""Find VMs by a search of the engine; `trivirt simulate -- python FILE [SEARCH]` runs it.

The search is the one of the administration portal: `status=down and name=web*`.
"""

from __future__ import annotations

import os
import sys

import trio

import trivirt


async def main() -> None:
    search = sys.argv[1] if sys.argv[1:] else "status=down"
    async with trivirt.open_engine(
        os.environ["OVIRT_URL"],
        username=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ.get("OVIRT_CAFILE"),
    ) as engine:
        for vm in await engine.vms.list(search=search):
            memory = (vm.memory or 0) // 2**20
            print(f"{vm.name}: {vm.status}, {memory} MiB")


trio.run(main)
