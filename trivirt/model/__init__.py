"""The kernel of the API surface: what declarations of objects and operations are made of.

It knows declarations and neither XML nor the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trivirt.model._call import Call, Headers, Perform, Query, Steps, Work, are_steps
from trivirt.model._enum import OpenEnum, read_enum
from trivirt.model._fields import Field, fields
from trivirt.model._service import Async, Root, Service, Soon, Sync, SyncSoon, V
from trivirt.model._struct import Items, Later, Struct, attr, set_dict, settled
from trivirt.model._views import deprecated, operation, paged, procedure, stream, unpaged

if TYPE_CHECKING:
    from trivirt.model._service import Future as Future
    from trivirt.model._service import SyncFuture as SyncFuture

__all__ = [
    "Async",
    "Call",
    "Field",
    "Headers",
    "Items",
    "Later",
    "OpenEnum",
    "Perform",
    "Query",
    "Root",
    "Service",
    "Soon",
    "Steps",
    "Struct",
    "Sync",
    "SyncSoon",
    "V",
    "Work",
    "are_steps",
    "attr",
    "deprecated",
    "fields",
    "operation",
    "paged",
    "procedure",
    "read_enum",
    "set_dict",
    "settled",
    "stream",
    "unpaged",
]
