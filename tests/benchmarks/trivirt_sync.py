"""trivirt in synchronous Python: futures of `engine.soon`, or with --blocking call by call."""

from common import PASSWORD, USER, Run, options
from workload import OPTIONS, depth, load, rows

from trivirt.sync import open_engine

args = options(__doc__, blocking={"action": "store_true"}, **OPTIONS)


def with_futures(engine, vms):
    sent = []
    for vm in vms:
        service = engine.soon.vms.vm(vm.id)
        sent.append(
            (service.disk_attachments.list(), service.nics.list(), service.permissions.list())
        )
    for vm, (disks, nics, permissions) in zip(vms, sent, strict=True):
        vm.disk_attachments = disks.wait()
        vm.nics = nics.wait()
        vm.permissions = permissions.wait()


def one_by_one(engine, vms):
    for vm in vms:
        service = engine.vms.vm(vm.id)
        vm.disk_attachments = service.disk_attachments.list()
        vm.nics = service.nics.list()
        vm.permissions = service.permissions.list()


load()
with Run(args) as run:
    with open_engine(
        args.url,
        username=USER,
        password=PASSWORD,
        ca_file=args.ca_file,
        connections=args.connections,
        pipeline=depth(args),
    ) as engine:
        vms = engine.vms.list()
        (one_by_one if args.blocking else with_futures)(engine, vms)
        if args.touch:
            rows(vms)
    names = ("disk_attachments", "nics", "permissions")
    counts = {name: sum(len(getattr(vm, name)) for vm in vms) for name in names}
    run.check({"vms": len(vms), **counts}, 1 + 3 * len(vms))
