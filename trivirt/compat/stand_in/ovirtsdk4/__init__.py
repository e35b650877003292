"""ovirtsdk4 as trivirt has it; see `trivirt.compat`."""

from trivirt.compat._connection import Connection, ConnectionBuilder
from trivirt.compat._errors import (
    AuthError,
    ConnectionError,
    Error,
    NotFoundError,
    TimeoutError,
)
from trivirt.compat._http import Response
from trivirt.compat._struct import List, Struct
from trivirt.compat._version import VERSION as _VERSION

from . import http, reader, readers, service, services, types, version, writer, writers, xml

__all__ = [
    "AuthError",
    "Connection",
    "ConnectionBuilder",
    "ConnectionError",
    "Error",
    "List",
    "NotFoundError",
    "Response",
    "Struct",
    "TimeoutError",
    "get_version",
    "http",
    "reader",
    "readers",
    "service",
    "services",
    "types",
    "version",
    "writer",
    "writers",
    "xml",
]


def get_version() -> str:
    """The version of ovirtsdk4 that this stands in for."""
    return _VERSION
