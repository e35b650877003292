"""Which attributes ovirtsdk4 writes behind the others: those that link to other objects.

Engines do not care about the order; programs that compare texts do. Lists say by themselves
whether they are links. Of single objects, those with an identity of their own are links, with the
exceptions below.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import Any

from trivirt.model import Field
from trivirt.types import Identified

_INLINE = frozenset(
    {
        "CloudInit.host",
        "Cdrom.file",
        "Domain.user",
        "EventSubscription.user",
        "Floppy.file",
        "HostDevice.physical_function",
        "NumaNodePin.host_numa_node",
        "Quota.data_center",
        "Template.vm",
        "VmBase.domain",
    }
)
_INLINE_TYPES = frozenset(
    {
        "AuthorizedKey",
        "Certificate",
        "DiskAttachment",
        "GlusterVolumeProfileDetails",
        "HostStorage",
        "Icon",
        "ImageTransfer",
        "Permission",
        "Product",
        "Ssh",
        "StorageConnection",
        "Vendor",
        "Version",
    }
)


def is_link(declared: type[Any], field: Field) -> bool:
    """Whether an attribute of a class is a link to another object or to a list of them."""
    if field.is_list:
        return field.link and field.is_struct
    if field.is_simple or not field.is_struct:
        return False
    owner = _owner(declared, field.name)
    if owner in ("Action", "Ssh") or f"{owner}.{field.name}" in _INLINE:
        return False
    if field.type_name == "DynamicCpu":
        return True
    return issubclass(field.cls, Identified) and field.type_name not in _INLINE_TYPES


def _owner(declared: type[Any], name: str) -> str:
    """The class that declares an attribute, which may be a base.

    What a class holds does not tell: what is read late leaves its mark on subclasses, too.
    """
    return next(cls.__name__ for cls in declared.__mro__ if name in get_annotations(cls))
