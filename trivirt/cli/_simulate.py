"""`trivirt simulate`: a simulated engine, until a signal or for as long as a program runs."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import click
import trio

from trivirt.cli._demo_engine import DemoEngine, open_demo_engine
from trivirt.cli._failure import Failure
from trivirt.cli._options import Settings, debug_option, seconds
from trivirt.simulator import SimulatedEngine, run_process

__all__ = ["simulate"]


@click.command(
    short_help="Run a simulated engine.", context_settings={"allow_interspersed_args": False}
)
@click.option(
    "--vms",
    type=click.IntRange(min=0),
    metavar="N",
    default=100,
    show_default=True,
    help="How many VMs it has; a recording has its own.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=0,
    help="Where to listen on loopback; any free port if not given.",
)
@click.option(
    "--latency",
    type=seconds,
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    help="How long each answer is under way.",
)
@click.option(
    "--service-time",
    type=seconds,
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    help="How long each request keeps its connection busy.",
)
@click.option("--recording", metavar="FILE", help="Repeat what real engines answered (JSON Lines).")
@click.option("--source", metavar="NAME", help="Of the recording, only what this engine answered.")
@click.option(
    "--seed",
    type=click.Choice(["examples"]),
    help="Instead of VMs by number: what the published examples ask for by name.",
)
@click.option("--seed-number", metavar="N", type=int, default=0, help="Another number, other ids.")
@click.option(
    "--date",
    metavar="DATE",
    help="Its date when it begins: now, or 2024-03-05T10:11:12+01:00 (default: some day in 2024).",
)
@click.option("--state", metavar="FILE", help="Begin with what FILE has; keep it there at the end.")
@click.option("--until-eof", is_flag=True, hidden=True)
@debug_option
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def simulate(
    context: click.Context,
    /,
    *,
    port: int,
    until_eof: bool,
    program: tuple[str, ...],
    **keywords: Any,
) -> None:
    """Run a simulated engine until Ctrl-C, or as long as PROGRAM takes.

    Its first line of output is a JSON object with "url", "ca_file", "username", "password",
    "control_url" and "pid". A PROGRAM (after --) finds the engine in OVIRT_URL, OVIRT_CAFILE,
    OVIRT_USERNAME and OVIRT_PASSWORD instead, and gives its exit code.
    """
    if keywords["source"] is not None and keywords["recording"] is None:
        raise click.UsageError("--source needs the --recording that it is in.")
    if program:
        context.exit(trio.run(_run_program, _words(port, keywords), program))
    debug = context.ensure_object(Settings).debug
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(levelname)s: %(message)s",
    )
    keywords["seed"] = keywords["seed"] or 0
    trio.run(_serve, SimulatedEngine(**keywords), port, until_eof)


async def _serve(engine: SimulatedEngine, port: int, until_eof: bool) -> None:
    async with trio.open_nursery() as nursery:
        if until_eof:
            nursery.start_soon(_stop_at_eof, nursery.cancel_scope)
        await run_process(engine, port=port)
        nursery.cancel_scope.cancel()


async def _stop_at_eof(scope: trio.CancelScope) -> None:
    """Whoever holds the other end of our standard input is gone, by whatever death.

    `os.read` and not `sys.stdin`: its lock, held by an abandoned thread, is fatal at exit.
    """
    while await trio.to_thread.run_sync(os.read, 0, 4096, abandon_on_cancel=True):
        pass
    scope.cancel()


def _words(port: int, keywords: Mapping[str, Any]) -> list[str]:
    """The same options again, for the process that will be the engine."""
    values = {"port": port, **keywords}
    return [
        f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value is not None
    ]


async def _run_program(options: list[str], program: tuple[str, ...]) -> int:
    environment = _with_our_python()
    command = shutil.which(program[0], path=environment["PATH"])
    if command is None:
        raise Failure(f"{program[0]} was to be run, but there is no such program")
    async with open_demo_engine(options) as engine:
        environment |= _variables(engine)
        run = partial(trio.run_process, check=False, stdin=None, env=environment)
        done = await run([command, *program[1:]])
    # Ended by a signal: what a shell says then.
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _with_our_python() -> dict[str, str]:
    """An environment in which `python` and `trivirt` are those that run now."""
    here = os.path.dirname(sys.executable)
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{here}{os.pathsep}{path}" if here else path}


def _variables(engine: DemoEngine) -> dict[str, str]:
    return {
        "OVIRT_URL": engine.url,
        "OVIRT_USERNAME": engine.username,
        "OVIRT_PASSWORD": engine.password,
        "OVIRT_CAFILE": engine.ca_file,
    }
