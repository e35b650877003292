"""The part of kcli that speaks to oVirt; its command wants engines at the usual port."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from unittest import mock

from kvirt.providers.ovirt import KOvirt


def attempt(what: str, call: Callable[[], Any]) -> None:
    try:
        found = call()
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    print(what, sorted(found, key=str) if isinstance(found, list) else found, flush=True)


def main() -> None:
    host = os.environ["OVIRT_URL"].partition("://")[2].partition("/")[0]
    name, _, port = host.partition(":")
    kcli = KOvirt(
        host=host,
        user=os.environ["OVIRT_USERNAME"],
        password=os.environ["OVIRT_PASSWORD"],
        ca_file=os.environ["OVIRT_CAFILE"],
        cluster="mycluster",
        datacenter="mydc",
    )
    for what in ("list", "list_pools", "list_networks", "list_disks", "volumes", "info_host"):
        attempt(what, getattr(kcli, what))
    for what in ("info", "exists", "status", "ip", "list_snapshots", "vm_ports", "get_hostname"):
        for vm in ("myvm-up", "nobody"):
            attempt(f"{what} {vm}", lambda what=what, vm=vm: getattr(kcli, what)(vm))
    attempt("stop", lambda: kcli.stop("myvm-up"))
    attempt("start", lambda: kcli.start("myvm0"))
    with mock.patch("time.sleep"):
        attempt("add_disk", lambda: kcli.add_disk("myvm", 1, pool="mydata"))
    attempt("add_nic", lambda: kcli.add_nic("myvm", "mynetwork"))
    attempt("snapshot", lambda: kcli.create_snapshot("new_snapshot", "myvm"))
    attempt("memory", lambda: kcli.update_memory("myvm", 2048))
    attempt("cpus", lambda: kcli.update_cpus("myvm", 2))
    attempt("metadata", lambda: kcli.update_metadata("myvm", "plan", "mine"))
    attempt("info", lambda: kcli.info("myvm"))
    attempt("delete", lambda: kcli.delete("doomedvm"))
    attempt("network", lambda: kcli.delete_network("freenetwork"))
    print(bool(name and port))


main()
