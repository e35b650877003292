"""The same inventory in plain synchronous Python; `trivirt simulate -- python FILE` runs it.

`engine.soon` sends a request and returns a future at once: all are under way before the first wait.
"""

from __future__ import annotations

import os

from trivirt.sync import open_engine

with open_engine(
    os.environ["OVIRT_URL"],
    username=os.environ["OVIRT_USERNAME"],
    password=os.environ["OVIRT_PASSWORD"],
    ca_file=os.environ.get("OVIRT_CAFILE"),
) as engine:
    vms = engine.vms.list()
    sent = []
    for vm in vms:
        service = engine.soon.vms.vm(vm.id)
        sent.append(
            (vm, service.disk_attachments.list(), service.nics.list(), service.permissions.list())
        )
    for vm, disks, nics, permissions in sent:
        print(
            f"{vm.name}: {len(disks.wait())} disks, {len(nics.wait())} NICs, "
            f"{len(permissions.wait())} rights"
        )
