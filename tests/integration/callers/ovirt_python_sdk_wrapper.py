"""What ovirt-python-sdk, a wrapper around ovirtsdk4, offers."""

from __future__ import annotations

import os
import time

from ovirt_python_sdk.api import Ovirt


def wait_for(ovirt: Ovirt, name: str, status: str) -> None:
    while str(ovirt.get_vm_status_by_name(name)) != status:
        time.sleep(0.2)


def main() -> None:
    ovirt = Ovirt(
        os.environ["OVIRT_URL"],
        os.environ["OVIRT_USERNAME"],
        os.environ["OVIRT_PASSWORD"],
        os.environ["OVIRT_CAFILE"],
    )
    host = ovirt.get_host_by_name("myhost")
    print(host.name, sorted(ovirt.get_host_stat(host)))
    print([vm.name for vm in ovirt.get_vms_by_name("myvm*")], ovirt.get_vm_by_name("nobody"))
    template = ovirt.get_template_by_name("Blank")
    vm = ovirt.create_vm("new_wrapped", host, 1 << 30, 2, template)
    wait_for(ovirt, "new_wrapped", "down")
    domain = ovirt.get_storage_domain_by_name("mydata")
    attachment = ovirt.create_vm_disk(vm, domain, "new_disk", "a disk", 1 << 30)
    print(attachment.bootable, attachment.active, ovirt.get_disk_by_name("new_disk").format)
    while str(ovirt.get_disk_by_name("new_disk").status) != "ok":
        time.sleep(0.2)
    ovirt.add_vm_network(vm, "nic7", "mynetwork", "56:6f:1a:00:00:77")
    ovirt.set_vm_memory(vm, 2 << 30)
    ovirt.set_vm_cpu_shares(vm, 4)
    ovirt.rename_vm(vm, "new_renamed")
    for name, act in {"up": ovirt.start_vm, "down": ovirt.stop_vm}.items():
        act(vm)
        wait_for(ovirt, "new_renamed", name)
    print(sorted(ovirt.get_vm_stats(vm)))
    ovirt.remove_vm_network(vm, "nic7")
    ovirt.remove_vm(vm)
    print(ovirt.get_vm_by_name("new_renamed"))


main()
