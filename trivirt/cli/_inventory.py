"""`trivirt inventory`: of one engine or several, or of a simulated one in three ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from trivirt.cli._ansible import ansible_options
from trivirt.cli._options import debug_option, seconds
from trivirt.cli._sign_on import engines_options, named_engines, with_secrets

if TYPE_CHECKING:
    from trivirt.cli._jobs import Order
    from trivirt.inventory import Destination

__all__ = ["inventory"]

F = TypeVar("F", bound=Callable[..., Any])

_ONLY_DEMO = ("vms", "latency")
_NOT_DEMO = (
    *("url", "username", "ca_file", "insecure", "engine", "plan", "way", "resume", "update"),
    *("dry_run", "deadline", "patience"),
)


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
@engines_options
@click.option(
    "--plan",
    metavar="PLAN",
    help="What to read: vms, minimal, ansible or full; or a file (.toml, .json) that maps "
    "collections to lists of what is read of each object; or that itself, such as "
    "'vms=nics,snapshots hosts'.  [default: vms; with --resume and --update what FILE has]",
)
@click.option(
    "--way",
    metavar="WHAT=WAY",
    multiple=True,
    help="Force how something is read: vms.nics=children, 'vms.*=follow'. Can be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be asked, and how often.")
@click.option(
    "--out",
    metavar="FILE",
    help="Keep all that was found in this file. Its suffix says how: .json, .ndjson, .csv, "
    ".sqlite or .db, .parquet, .duckdb; without one it is SQLite.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["sqlite", "json", "ndjson", "csv", "parquet", "duckdb"]),
    help="The form of FILE, whatever its suffix.",
)
@click.option("--resume", is_flag=True, help="Go on with the run of FILE that has not ended.")
@click.option("--update", is_flag=True, help="Read what has changed since FILE was written.")
@click.option(
    "--deadline",
    type=seconds,
    metavar="SECONDS",
    help="Stop then, and keep what was read; --resume goes on.",
)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many connections to open to each engine.  [default: 10, or what describes it says]",
)
@click.option(
    "--pipeline",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many requests may be under way on each; 1 waits for every answer.  [default: 8, or "
    "what describes the engine says]",
)
@click.option(
    "--patience",
    type=seconds,
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="How long to wait for an engine that goes away meanwhile, as in a restart.",
)
@ansible_options
@debug_option
@click.pass_context
def inventory(context: click.Context, /, *, demo: bool, **options: Any) -> None:
    """Read what engines hold: by default all VMs with their disk attachments, NICs, permissions.

    Whatever ends it early, what was read is kept, and --resume goes on from there.

    Exit codes: 0 complete, 3 partial (some of it is missing, and the table says what; or FILE could
    not be written), 130 interrupted, 1 nothing could be read, 2 a wrong option.
    """
    _refuse(context, _NOT_DEMO if demo else _ONLY_DEMO, demo)
    context.exit(_run_demo(options) if demo else _run(options))


def _refuse(context: click.Context, names: tuple[str, ...], demo: bool) -> None:
    """Refuse options of the other kind of engine; what the environment says does not count."""
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is not for {'--demo' if demo else '--url'}.")


def _run_demo(options: dict[str, Any]) -> int:
    from trivirt.cli._demo import run_demo

    out = _destination(options)
    return run_demo(
        options["vms"], options["latency"], options["connections"], options["pipeline"], out
    )


def _run(options: dict[str, Any]) -> int:
    from trivirt.cli._inventory_run import run_inventory, show_plan

    names = options["engine"]
    if len(names) > 1 and options["url"]:
        raise click.UsageError("--url is one engine; name several with --engine, each by --engine.")
    given = options["url"], options["username"], options["ca_file"], options["insecure"]
    targets = named_engines(*given, names)
    order = _order(options)
    if options["dry_run"]:
        return show_plan(with_secrets(targets), order)
    # Before the question for a password: nobody likes to type one in vain.
    out = _destination(options)
    if out is None and (options["resume"] or options["update"]):
        raise click.UsageError("--resume and --update need --out FILE, which they go on with.")
    work = _work(out, order.how)
    return run_inventory(with_secrets(targets), order, out, work)


def _order(options: dict[str, Any]) -> Order:
    from trivirt import errors
    from trivirt.cli._jobs import Order
    from trivirt.inventory import VMS, Plan, choose

    if options["resume"] and options["update"]:
        raise click.UsageError("--resume goes on with a run, --update begins another; name one.")
    ways = dict(_forced(word) for word in options["way"])
    try:
        plan = None if options["plan"] is None else Plan.of(options["plan"])
        if plan is not None or not (options["resume"] or options["update"]):
            choose(plan or VMS, force=ways)
    except errors.UsageError as error:
        raise click.UsageError(f"{error}.") from None
    return Order(
        plan,
        options["connections"],
        options["pipeline"],
        "resume" if options["resume"] else "update" if options["update"] else "full",
        ways,
        options["patience"],
        options["deadline"],
    )


def _forced(word: str) -> tuple[str, str]:
    what, _, way = word.partition("=")
    if "." not in what or not way:
        raise click.UsageError(f"--way {word}: write it as vms.nics=children.")
    return what, way


def _destination(options: dict[str, Any]) -> Destination | None:
    from trivirt import errors
    from trivirt.inventory import Destination, check_form

    if options["out"] is None:
        if options["form"] is not None:
            raise click.UsageError("--format is the form of a file; name it with --out.")
        return None
    try:
        out = Destination(options["out"], options["form"])
        check_form(out.form)
    except errors.UsageError as error:
        raise click.UsageError(f"{error}.") from None
    return out


def _work(out: Destination | None, how: str) -> Path | None:
    """The file that the run is kept in: that of an earlier session, or a new one."""
    from trivirt.cli._failure import Failure

    if out is None:
        return None
    if how == "full":
        return out.fresh()
    found = out.unfinished()
    if found is None and how == "update" and out.form != "sqlite":
        raise Failure(f"{out}: what is to be updated is kept in SQLite, such as {out}.sqlite")
    if found is None:
        raise Failure(f"{out}: there is no run to go on with; leave out --{how} to begin one")
    return found
