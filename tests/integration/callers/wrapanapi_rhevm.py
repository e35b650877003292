"""What wrapanapi, the client of many clouds, offers of oVirt."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from wrapanapi import RHEVMSystem


def attempt(what: str, call: Callable[[], Any]) -> None:
    try:
        found = call()
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    print(what, sorted(found, key=str) if isinstance(found, list) else found, flush=True)


def look(system: RHEVMSystem) -> None:
    for name in ("cluster", "datastore", "host", "vnic_profiles"):
        attempt(name, getattr(system, f"list_{name}"))
    attempt("vms", lambda: [vm.name for vm in system.list_vms()])
    attempt("templates", lambda: [template.name for template in system.list_templates()])
    attempt("disks", lambda: [disk.name for disk in system.list_disks()])
    attempt("is there", lambda: (system.does_vm_exist("myvm"), system.does_vm_exist("nobody")))
    attempt("nobody", lambda: system.get_vm("nobody"))
    attempt("stats", lambda: system.stats("num_vm", "num_host", "num_cluster", "num_template"))
    attempt("usage", system.usage_and_quota)
    attempt("a user", lambda: system.api.authenticate() is not None)


def change(system: RHEVMSystem) -> None:
    vm = system.get_vm("myvm-up")
    for name in ("name", "state", "is_running", "ip", "cluster", "storage_domains", "all_ips"):
        attempt(name, lambda name=name: getattr(vm, name))
    attempt("hardware", vm.get_hardware_configuration)
    attempt("nics", lambda: [nic.name for nic in vm.get_nics()])
    attempt("stop", vm.stop)
    attempt("stopped", lambda: vm.is_stopped)
    attempt("disk", lambda: vm.add_disk("mydata", 1 << 30, name="new_disk"))
    attempt("attached", lambda: (vm.is_disk_attached("new_disk"), vm.get_disks_count()))
    attempt("nic", lambda: vm.add_nic("mynetwork", "nic7", "VIRTIO"))
    attempt("start", vm.start)
    attempt("suspend", vm.suspend)
    template = system.get_template("Blank")
    attempt("deploy", lambda: template.deploy("new_vm", "mycluster", power_on=False).name)
    attempt("delete", lambda: system.get_vm("new_vm").delete())
    attempt("gone", lambda: system.does_vm_exist("new_vm"))


def main() -> None:
    system = RHEVMSystem(
        "engine",
        os.environ["OVIRT_USERNAME"],
        os.environ["OVIRT_PASSWORD"],
        version="4.5",
        api_endpoint=os.environ["OVIRT_URL"],
    )
    look(system)
    change(system)
    system.disconnect()


main()
