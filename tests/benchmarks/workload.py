"""What our drivers share: imports ahead of the measurement, and the attributes for --touch."""

import importlib

TOUCH = {"touch": {"action": "store_true", "help": "read ten attributes of each VM"}}


def load():
    """Import the types that trivirt otherwise imports at first use.

    The yardstick counts imports apart (`import_s`), and other clients import all at their start.
    """
    for name in (
        "engine",
        "sync",
        "codec",
        "types.vm",
        "types.disk",
        "types.network",
        "types.user",
    ):
        importlib.import_module(f"trivirt.{name}")


def rows(vms):
    """Read the ten attributes of a VM that an inventory keeps, as the yardstick's drivers do.

    A client that decodes lazily has done its work only then.
    """
    return [
        (
            vm.id,
            vm.name,
            vm.status,
            vm.memory,
            vm.cluster.id,
            [(one.disk.id, one.bootable) for one in vm.disk_attachments],
            [(one.name, one.mac.address) for one in vm.nics],
            [(one.role.id, one.user.id) for one in vm.permissions],
        )
        for vm in vms
    ]
