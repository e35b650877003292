"""What our drivers share: options, imports ahead of the measurement, what --touch reads."""

import importlib

OPTIONS = {
    "touch": {"action": "store_true", "help": "read ten attributes of each VM"},
    "auto": {"action": "store_true", "help": "let trivirt choose the depth of pipelines"},
}


def depth(args):
    """The `pipeline` of an engine: none is 1, as for the other drivers, unless it is automatic."""
    return None if args.auto else args.pipeline or 1


def load(*more):
    """Import what trivirt otherwise imports at first use.

    The yardstick counts imports apart (`import_s`), and other clients import all at their start.
    """
    types = "boot cluster cpu disk first_start hardware network option system user vm"
    services = "device disk event user vm"
    for name in (
        *("engine", "sync", "codec"),
        *(f"types.{name}" for name in types.split()),
        *(f"services.{name}" for name in services.split()),
        *more,
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
