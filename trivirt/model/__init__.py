"""The kernel of the API surface: what declarations of objects and operations are made of.

It knows declarations and neither XML nor the network.
"""

from __future__ import annotations

from trivirt.model._call import Call, Headers, Query
from trivirt.model._enum import OpenEnum, read_enum
from trivirt.model._fields import Field, fields
from trivirt.model._service import (
    Async,
    Future,
    Service,
    Soon,
    Sync,
    SyncFuture,
    SyncSoon,
    V,
    deprecated,
    operation,
)
from trivirt.model._struct import Items, Later, Struct, attr, settled

__all__ = [
    "Async",
    "Call",
    "Field",
    "Future",
    "Headers",
    "Items",
    "Later",
    "OpenEnum",
    "Query",
    "Service",
    "Soon",
    "Struct",
    "Sync",
    "SyncFuture",
    "SyncSoon",
    "V",
    "attr",
    "deprecated",
    "fields",
    "operation",
    "read_enum",
    "settled",
]
