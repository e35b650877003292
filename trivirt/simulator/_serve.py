"""The simulated engine on TCP: TLS for clients, plain HTTP on loopback for control."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

import trio

from trivirt import errors
from trivirt.simulator._connection import Connection, ConnectionSettings
from trivirt.simulator._control import control
from trivirt.simulator._engine import SimulatedEngine
from trivirt.simulator._faults import Faults
from trivirt.simulator._statistics import Statistics
from trivirt.simulator._tls import Authority
from trivirt.simulator._transport import TcpTransport, TlsTransport
from trivirt.wire._messages import Request, Response

logger = logging.getLogger("trivirt.simulator")

LOOPBACK = "127.0.0.1"
ANY = {"0.0.0.0", "::", ""}
HANDSHAKE_TIME = 60.0
FILES = 4096  # enough for a few thousand connections


@dataclass(frozen=True)
class Served:
    """Where a served engine is found. `ca_file` is absolute, and goes when serving ends."""

    url: str
    ca_file: str
    username: str
    password: str
    control_url: str
    pid: int

    def as_json(self) -> str:
        """The line that a process prints when it is ready."""
        return json.dumps(asdict(self))


@contextlib.asynccontextmanager
async def serve(
    engine: SimulatedEngine, *, host: str = LOOPBACK, port: int = 0
) -> AsyncIterator[Served]:
    """Serve an engine over TLS for as long as the block lasts; port 0 is a free one.

    Raises UsageError when the address cannot be had.
    """
    shown = "localhost" if host in ANY else host
    with Authority(shown) as authority:
        engine.ca_pem = authority.pem
        context = authority.server_context()
        listeners = await _listen(host, port)
        controls = await _listen(LOOPBACK, 0)
        daemons = await _listen(host, 0)
        url_host = f"[{shown}]" if ":" in shown else shown
        control_port = _port_of(controls)
        engine.tickets.url = f"https://{url_host}:{_port_of(daemons)}"
        served = Served(
            url=f"https://{url_host}:{_port_of(listeners)}/ovirt-engine/api",
            ca_file=str(authority.ca_file),
            username=engine.username,
            password=engine.password,
            control_url=f"http://{LOOPBACK}:{control_port}",
            pid=os.getpid(),
        )
        async with trio.open_nursery() as nursery:
            on_tls = partial(_serve_tls, engine, context)
            on_control = partial(_serve_control, engine)
            on_daemon = partial(_serve_daemon, engine, context)
            for handler, accepting in ((on_control, controls), (on_daemon, daemons)):
                nursery.start_soon(
                    partial(trio.serve_listeners, handler, accepting, handler_nursery=nursery)
                )
            nursery.start_soon(_listen_while_up, engine, on_tls, listeners, host, nursery)
            yield served
            nursery.cancel_scope.cancel()


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return list(await trio.open_tcp_listeners(port, host=host or None))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot listen on {host or 'any host'}:{port}: {reason}"
        raise errors.UsageError(message) from error


def _port_of(listeners: Sequence[trio.SocketListener]) -> int:
    return int(listeners[0].socket.getsockname()[1])


async def _serve_tls(
    engine: SimulatedEngine, context: ssl.SSLContext, stream: trio.SocketStream
) -> None:
    below = TcpTransport(stream)
    if engine.refuses_connections:  # it came in the moment before the port was given up
        below.abort()
        await below.aclose()
        return
    transport = TlsTransport(below, context)
    if await _shaken(engine, transport):
        await engine.serve_connection(transport)
    else:
        await transport.aclose()


async def _listen_while_up(
    engine: SimulatedEngine,
    handler: Callable[[trio.SocketStream], Awaitable[object]],
    listeners: list[trio.SocketListener],
    host: str,
    nursery: trio.Nursery,
) -> None:
    """Accept connections, and give the port up for as long as the engine is stopped."""
    port = _port_of(listeners)
    try:
        while True:
            async with trio.open_nursery() as accepting:
                accept = partial(trio.serve_listeners, handler, listeners, handler_nursery=nursery)
                accepting.start_soon(accept)
                # Only then: whoever stops accepting closes the listeners.
                await _until_refusing(engine)
                accepting.cancel_scope.cancel()
            await _until_accepting(engine)
            listeners = await _listen_again(host, port)
    finally:
        engine.on_phase = lambda: None


async def _listen_again(host: str, port: int) -> list[trio.SocketListener]:
    """Take the port back, as soon as nobody else has it."""
    while True:
        try:
            return await _listen(host, port)
        except errors.UsageError as error:
            logger.warning("%s; trying again", error)
        await trio.sleep(0.1)


async def _until_refusing(engine: SimulatedEngine) -> None:
    token = trio.lowlevel.current_trio_token()
    while not engine.refuses_connections:
        changed = trio.Event()
        engine.on_phase = partial(token.run_sync_soon, changed.set)
        await changed.wait()


async def _until_accepting(engine: SimulatedEngine) -> None:
    token = trio.lowlevel.current_trio_token()
    while engine.refuses_connections:
        changed = trio.Event()
        engine.on_phase = partial(token.run_sync_soon, changed.set)
        with trio.move_on_after(0.02):  # what ends by real time ends without a word
            await changed.wait()


async def _serve_daemon(
    engine: SimulatedEngine, context: ssl.SSLContext, stream: trio.SocketStream
) -> None:
    transport = TlsTransport(TcpTransport(stream), context)
    if await _shaken(engine, transport):
        await engine.daemon().serve(transport)
    else:
        await transport.aclose()


async def _shaken(engine: SimulatedEngine, transport: TlsTransport) -> bool:
    """Whether the handshake came to an end both sides like."""
    with trio.move_on_after(HANDSHAKE_TIME):
        # One round trip for TCP and one for TLS.
        await trio.sleep(2 * engine.connection.latency)
        try:
            await transport.handshake()
        except (ssl.SSLError, trio.BrokenResourceError) as error:
            logger.debug("no TLS with a client: %s", error)
            return False
        return True
    return False


async def _serve_control(engine: SimulatedEngine, stream: trio.SocketStream) -> None:
    def handle(request: Request) -> Response:
        return control(engine, request)

    settings = ConnectionSettings(keepalive_requests=None, idle_timeout=60.0)
    apart = Statistics()  # what happens here is not the engine's traffic
    connection = Connection(
        TcpTransport(stream), handle, settings, apart, Faults(), lambda request: False
    )
    await connection.run()


async def run_process(
    engine: SimulatedEngine,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    stdout: TextIO | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    When it is ready the first line on `stdout` is a JSON object with the fields of `Served`.
    """
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        logger.warning(
            "LISTENING ON %s: anybody who can reach this port can sign on to the simulated engine",
            host or "every address",
        )
    _allow_connections()
    signals = {signal.SIGINT, signal.SIGTERM}
    with trio.open_signal_receiver(*signals) as arriving:
        async with serve(engine, host=host, port=port) as served:
            _prepare(engine)
            print(served.as_json(), file=stdout or sys.stdout, flush=True)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.warm)
                async for number in arriving:
                    logger.info("stopping on %s", signal.Signals(number).name)
                    break
                nursery.cancel_scope.cancel()
            engine.keep_state()


def _allow_connections() -> None:
    """Take as many open files as we may; say so when that is few."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < FILES:
        soft = FILES if hard == unlimited else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft != unlimited and soft < FILES:
        logger.warning(
            "no more than about %d connections at a time: this process may not open more files "
            "(ulimit -n); others wait until one is closed",
            soft - 20,
        )


def _prepare(engine: SimulatedEngine) -> None:
    """Make the data, and keep the garbage collector from looking through it ever again.

    With a large data center it would stop everything for a tenth of a second now and then.
    """
    gc.disable()
    engine.prepare()
    gc.freeze()
    gc.enable()


def main(arguments: Sequence[str] | None = None) -> int:
    """The process as a command with options of its own; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m trivirt.simulator", description="Serve a simulated oVirt engine."
    )
    add = parser.add_argument
    add("--vms", type=int, default=100, help="number of virtual machines (default: 100)")
    add("--port", type=int, default=0, help="TCP port (default: a free one)")
    add("--host", default=LOOPBACK, help="address to listen on (default: loopback only)")
    add("--latency", type=float, default=0.0, help="seconds that a round trip takes")
    add("--service-time", type=float, default=0.0, help="seconds that each request takes")
    add("--seed", choices=["examples"], help="objects that published examples ask for by name")
    add("--seed-number", type=int, default=0, help="makes other ids and names")
    add("--date", help="the engine's date when it begins: now, or in ISO 8601 (default: in 2024)")
    add("--state", type=Path, help="begin with what this file has, keep it there at the end")
    add("--recording", type=Path, help="replay this file of recorded exchanges")
    add("--source", help="replay only this source of the recording")
    add("--debug", action="store_true", help="log what happens, show where errors come from")
    options = parser.parse_args(arguments)
    level = logging.DEBUG if options.debug else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s: %(message)s")
    try:
        engine = SimulatedEngine(
            options.vms,
            latency=options.latency,
            service_time=options.service_time,
            seed=options.seed or 0,
            seed_number=options.seed_number,
            date=options.date,
            state=options.state,
            recording=options.recording,
            source=options.source,
        )
        trio.run(partial(run_process, engine, host=options.host, port=options.port))
    except errors.Error as error:
        if options.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
