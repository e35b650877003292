"""trivirt: the structured-concurrency client for oVirt engines.

The layers, from the caller down:

    open_engine, Engine    an open engine and its tree of services   (trivirt.engine)
    sync                   the same for synchronous callers          (trivirt.sync)
    types, services        the API: objects and operations           (generated)
    codec                  XML to objects and back
    wire                   HTTP/1.1: a pool of pipelined connections
    simulator              an engine to try all this against

Names resolve when they are used (PEP 562), so that `import trivirt` loads neither trio nor the
500 classes of the API.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivirt import (
        codec,
        configuration,
        errors,
        inventory,
        jobs,
        services,
        simulator,
        sync,
        types,
    )
    from trivirt._future import Future, as_completed
    from trivirt._patience import Retries
    from trivirt.engine import Engine, Statistics, open_engine
    from trivirt.errors import Error
    from trivirt.wire import Limits, Timeouts, timeouts

__version__ = "0.1.0"

__all__ = [
    "Engine",
    "Error",
    "Future",
    "Limits",
    "Retries",
    "Statistics",
    "Timeouts",
    "__version__",
    "as_completed",
    "codec",
    "configuration",
    "errors",
    "inventory",
    "jobs",
    "open_engine",
    "services",
    "simulator",
    "sync",
    "timeouts",
    "types",
]

_MODULES = frozenset(
    {
        *("codec", "configuration", "errors", "inventory", "jobs", "services", "simulator"),
        *("sync", "types"),
    }
)
_NAMES = {
    "Engine": "engine",
    "Error": "errors",
    "Future": "_future",
    "Limits": "wire",
    "Retries": "_patience",
    "Statistics": "engine",
    "Timeouts": "wire",
    "as_completed": "_future",
    "open_engine": "engine",
    "timeouts": "wire",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"trivirt.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"trivirt.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'trivirt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
