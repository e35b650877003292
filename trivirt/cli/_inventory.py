"""`trivirt inventory`: of an engine, or of a simulated one in three ways."""

from __future__ import annotations

import click
import trio
from click.core import ParameterSource

from trivirt.cli._ansible import ansible_options
from trivirt.cli._demo import run_demo
from trivirt.cli._options import debug_option, seconds
from trivirt.cli._out import OutFile
from trivirt.cli._reading import Reading, Way, read
from trivirt.cli._report import found_rows, progress_bar, show_table, show_text
from trivirt.cli._sign_on import Target, engine_options, named_engine, with_secret

__all__ = ["inventory"]

_ONLY_DEMO = ("vms", "latency")
_NOT_DEMO = ("url", "engine", "username", "ca_file", "insecure")


@click.command()
@click.option("--demo", is_flag=True, help="Read a simulated engine, the slow and the fast way.")
@click.option(
    "--vms",
    type=click.IntRange(min=0),
    metavar="N",
    default=100,
    show_default=True,
    help="With --demo: how many VMs it has.",
)
@click.option(
    "--latency",
    type=seconds,
    metavar="SECONDS",
    default=0.01,
    show_default=True,
    help="With --demo: how long each answer is under way.",
)
@engine_options
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    metavar="N",
    default=10,
    show_default=True,
    help="How many connections to open to the engine.",
)
@click.option(
    "--pipeline",
    type=click.IntRange(min=1),
    metavar="N",
    default=8,
    show_default=True,
    help="How many requests may be under way on each; 1 waits for every answer.",
)
@click.option(
    "--patience",
    type=seconds,
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="How long to wait for an engine that goes away meanwhile, as in a restart.",
)
@click.option("--out", metavar="FILE", help="Write all that was found to this file, as JSON.")
@ansible_options
@debug_option
@click.pass_context
def inventory(
    context: click.Context,
    *,
    demo: bool,
    vms: int,
    latency: float,
    url: str | None,
    engine: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
    connections: int,
    pipeline: int,
    patience: float,
    out: str | None,
) -> None:
    """List all VMs with their disk attachments, NICs and permissions."""
    _refuse(context, _NOT_DEMO if demo else _ONLY_DEMO, demo)
    target = None if demo else named_engine(url, username, ca_file, insecure, engine)
    # Before the question for a password: nobody likes to type one in vain.
    file = OutFile(out) if out is not None else None
    if target is None:
        reading = trio.run(run_demo, vms, latency, connections, pipeline)
    else:
        reading = trio.run(_read_engine, with_secret(target), Way(connections, pipeline), patience)
    if file is not None:
        file.write(reading.document())
        show_text(f"Written to {out}.")


def _refuse(context: click.Context, names: tuple[str, ...], demo: bool) -> None:
    """Refuse options of the other kind of engine; what the environment says does not count."""
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is not for {'--demo' if demo else '--url'}.")


async def _read_engine(target: Target, way: Way, patience: float) -> Reading:
    with progress_bar() as bar:
        reading = await read(target, way, bar(str(way)), patience)
    product = " ".join(filter(None, (reading.engine["product"], reading.engine["version"])))
    show_table(
        f"{product or 'Engine'} at {target.url}",
        ["what", "found", "not available"],
        found_rows(reading.totals()),
    )
    show_text(
        f"{reading.requests} requests in {reading.seconds:.2f} seconds, "
        f"{reading.rate:.0f} requests/s."
    )
    return reading
