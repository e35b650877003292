"""A simulated oVirt engine, in this process or as a server with TLS.

In process, without sockets:

    engine = SimulatedEngine(vms=100)
    async with engine.in_process() as here:
        async with trivirt.open_engine(
            here.url, username=here.username, password=here.password,
            network_backend=here.network_backend,
        ) as client:
            ...

As a server on loopback:

    async with serve(engine) as served:
        ...  # served.url, served.ca_file, served.username, served.password, served.control_url

As a process: `trivirt simulate`, or `python -m trivirt.simulator`; `_control` tells how a test
steers it. In tests with pytest: the fixtures of `trivirt.pytest_plugin`.

    engine.clock.advance(60)                     states change by the engine's own time
    engine.durations.powering_up = 100           and last as long as a test wants
    with engine.faults.reset(after=3): ...       what goes wrong on the way
    engine.script.vm_crashes("web-1", after=5)   what happens by itself
    engine.add_user("guest@internal", "secret")  somebody who may do nothing yet

From inside out: `_store` and `_seed` hold objects; `_dispatch` answers requests over them, with
what is special about each type in `behaviours`, or `_replay` over a recording; `_imageio` moves
the bytes of disks; `_engine` puts sign-on and the front end's habits around that;
`_connection` serves HTTP on a byte stream of `_transport`; `_network` and `_serve` bring such
streams from memory or from TCP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivirt.simulator._clock import Clock
    from trivirt.simulator._engine import InProcess, SimulatedEngine
    from trivirt.simulator._faults import Fault, Faults
    from trivirt.simulator._network import InProcessBackend
    from trivirt.simulator._serve import Served, main, run_process, serve

_HOMES = {
    "Clock": "_clock",
    "Fault": "_faults",
    "Faults": "_faults",
    "InProcess": "_engine",
    "InProcessBackend": "_network",
    "Served": "_serve",
    "SimulatedEngine": "_engine",
    "main": "_serve",
    "run_process": "_serve",
    "serve": "_serve",
}

__all__ = [
    "Clock",
    "Fault",
    "Faults",
    "InProcess",
    "InProcessBackend",
    "Served",
    "SimulatedEngine",
    "main",
    "run_process",
    "serve",
]


def __getattr__(name: str) -> Any:
    # Names are resolved on use (PEP 562): the TLS part needs an extra, and costs time to import.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
