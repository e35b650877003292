"""trivirt in trio: the list, then a child task in one nursery for each request.

With --sequential the requests are awaited one after the other instead.

A driver for the yardstick: `common` is found beside the yardstick's own drivers, on PYTHONPATH.
"""

import trio
from common import PASSWORD, USER, Run, options
from workload import OPTIONS, depth, load, rows

import trivirt

args = options(__doc__, sequential={"action": "store_true"}, **OPTIONS)
NAMES = ("disk_attachments", "nics", "permissions")


async def fetch(ask, vm, name):
    setattr(vm, name, await ask())


async def in_a_nursery(engine, vms):
    async with trio.open_nursery() as nursery:
        for vm in vms:
            service = engine.vms.vm(vm.id)
            for name in NAMES:
                nursery.start_soon(fetch, getattr(service, name).list, vm, name)


async def one_by_one(engine, vms):
    for vm in vms:
        service = engine.vms.vm(vm.id)
        for name in NAMES:
            await fetch(getattr(service, name).list, vm, name)


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
        await (one_by_one if args.sequential else in_a_nursery)(engine, vms)
        if args.touch:
            rows(vms)
    return vms


load()
with Run(args) as run:
    vms = trio.run(main)
    counts = {name: sum(len(getattr(vm, name)) for vm in vms) for name in NAMES}
    run.check({"vms": len(vms), **counts}, 1 + 3 * len(vms))
