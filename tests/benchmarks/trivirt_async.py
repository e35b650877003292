"""trivirt in trio: the list, then a child task in one nursery for each request.

A driver for the yardstick: `common` is found beside the yardstick's own drivers, on PYTHONPATH.
"""

import trio
from common import PASSWORD, USER, Run, options
from workload import OPTIONS, depth, load, rows

import trivirt

args = options(__doc__, **OPTIONS)


async def fetch(ask, vm, name):
    setattr(vm, name, await ask())


async def main():
    async with trivirt.open_engine(
        args.url,
        username=USER,
        password=PASSWORD,
        ca_file=args.ca_file,
        connections=args.connections,
        pipeline=depth(args),
    ) as engine:
        vms = await engine.vms.list()
        async with trio.open_nursery() as nursery:
            for vm in vms:
                service = engine.vms.vm(vm.id)
                nursery.start_soon(fetch, service.disk_attachments.list, vm, "disk_attachments")
                nursery.start_soon(fetch, service.nics.list, vm, "nics")
                nursery.start_soon(fetch, service.permissions.list, vm, "permissions")
        if args.touch:
            rows(vms)
    return vms


load()
with Run(args) as run:
    vms = trio.run(main)
    names = ("disk_attachments", "nics", "permissions")
    counts = {name: sum(len(getattr(vm, name)) for vm in vms) for name in names}
    run.check({"vms": len(vms), **counts}, 1 + 3 * len(vms))
