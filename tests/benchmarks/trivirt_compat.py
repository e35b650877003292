"""The blog post's program for ovirtsdk4, through `trivirt.compat`: all requests, then all waits.

With --sequential it makes the same requests one by one, as most scripts do.
"""

from common import PASSWORD, USER, Run, options
from workload import OPTIONS, load, rows

import trivirt.compat

trivirt.compat.install()
import ovirtsdk4 as sdk  # noqa: E402  # only now is it ours

args = options(__doc__, sequential={"action": "store_true"}, touch=OPTIONS["touch"])
SERVICES = ("disk_attachments", "nics", "permissions")


def send(service, vm, name, wait):
    return getattr(service.vm_service(vm.id), name + "_service")().list(wait=wait)


load("compat._transport", "compat._decode")
with Run(args) as run:
    connection = sdk.Connection(
        url=args.url,
        username=USER,
        password=PASSWORD,
        ca_file=args.ca_file,
        connections=args.connections,
        pipeline=args.pipeline,
    )
    service = connection.system_service().vms_service()
    vms = service.list()
    if args.sequential:
        for vm in vms:
            for name in SERVICES:
                setattr(vm, name, send(service, vm, name, True))
    else:
        sent = [(vm, name, send(service, vm, name, False)) for vm in vms for name in SERVICES]
        for vm, name, future in sent:
            setattr(vm, name, future.wait())
    if args.touch:
        rows(vms)
    connection.close()
    counts = {name: sum(len(getattr(vm, name)) for vm in vms) for name in SERVICES}
    run.check({"vms": len(vms), **counts}, 1 + 3 * len(vms))
