"""trivirt in trio with futures: all requests are sent, then each is waited for."""

import trio
from common import PASSWORD, USER, Run, options
from workload import OPTIONS, depth, load, rows

import trivirt

args = options(__doc__, **OPTIONS)


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
        sent = []
        for vm in vms:
            service = engine.soon.vms.vm(vm.id)
            sent.append(
                (service.disk_attachments.list(), service.nics.list(), service.permissions.list())
            )
        for vm, (disks, nics, permissions) in zip(vms, sent, strict=True):
            vm.disk_attachments = await disks.wait()
            vm.nics = await nics.wait()
            vm.permissions = await permissions.wait()
        if args.touch:
            rows(vms)
    return vms


load()
with Run(args) as run:
    vms = trio.run(main)
    names = ("disk_attachments", "nics", "permissions")
    counts = {name: sum(len(getattr(vm, name)) for vm in vms) for name in names}
    run.check({"vms": len(vms), **counts}, 1 + 3 * len(vms))
