"""What rhvhauto-common-utils, made for the tests of RHV hosts, offers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rhvhauto_common_utils.rhv.base import BaseRhvAPI


def attempt(call: Callable[..., Any], *arguments: Any, **more: Any) -> None:
    try:
        print(call.__name__, type(call(*arguments, **more)).__name__)
    except Exception as error:
        print(call.__name__, type(error).__name__, error)


def main() -> None:
    credential = os.environ["OVIRT_USERNAME"], os.environ["OVIRT_PASSWORD"]
    api = BaseRhvAPI(os.environ["OVIRT_URL"], credential)
    attempt(api.cluster_supported_cpu_types, "4.7")
    attempt(api.add_data_center, "new_dc", local=False, major_ver=4, minor_ver=7)
    attempt(api.add_data_center, "new_dc", local=False, major_ver=4, minor_ver=7)
    cpu = {"cpu_type": "Intel Nehalem Family", "cluster_level": "4.7"}
    attempt(api.add_cluster, "new_cluster", data_center_name="mydc", **cpu)
    attempt(api.add_cluster, "new_cluster", data_center_name="mydc", cpu_type="nonsense")
    attempt(api.deactivate_host, "freehost")
    print(api.current_host_status("freehost"))
    attempt(api.activate_host, "freehost")
    attempt(api.check_host_upgrade, "freehost")
    attempt(api.add_vm, "new_vm", cluster_name="mycluster", template_name="Blank")
    attempt(api.start_vm, "myvm0")
    attempt(api.stop_vm, "myvm0")
    attempt(api.del_vm, "new_vm")
    attempt(api.add_network, "new_network", "mydc", vlan_id="7")
    attempt(api.find_network, "mydc", "new_network")
    attempt(api.del_cluster, "new_cluster")
    attempt(api.del_data_center, "new_dc")
    attempt(api.find_data_center, "new_dc")


main()
