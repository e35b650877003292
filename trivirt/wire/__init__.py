"""HTTP/1.1 to one origin: messages, pipelines, connections, a pool. Knows bytes, not oVirt."""

from trivirt.wire._dial import Origin
from trivirt.wire._messages import Headers, Request, Response
from trivirt.wire._pipeline import Limits, Pipeline
from trivirt.wire._pool import Pool, WireStatistics
from trivirt.wire._proxy import Proxy, environment_proxy, parse_proxy
from trivirt.wire._timeouts import Timeouts, timeouts, timeouts_changed
from trivirt.wire._tls import ClientCert, FilePath, TlsStream, client_context

__all__ = [
    "ClientCert",
    "FilePath",
    "Headers",
    "Limits",
    "Origin",
    "Pipeline",
    "Pool",
    "Proxy",
    "Request",
    "Response",
    "Timeouts",
    "TlsStream",
    "WireStatistics",
    "client_context",
    "environment_proxy",
    "parse_proxy",
    "timeouts",
    "timeouts_changed",
]
