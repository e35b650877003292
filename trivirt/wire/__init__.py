"""HTTP/1.1 to one origin: messages, pipelines, connections, a pool. Knows bytes, not oVirt."""

from trivirt.wire._dial import Origin
from trivirt.wire._messages import Headers, Request, Response
from trivirt.wire._pipeline import Limits, Pipeline
from trivirt.wire._pool import Pool, WireStatistics
from trivirt.wire._timeouts import Timeouts, timeouts
from trivirt.wire._tls import TlsStream, client_context

__all__ = [
    "Headers",
    "Limits",
    "Origin",
    "Pipeline",
    "Pool",
    "Request",
    "Response",
    "Timeouts",
    "TlsStream",
    "WireStatistics",
    "client_context",
    "timeouts",
]
