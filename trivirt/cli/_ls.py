"""`trivirt ls`: a collection, one line for each object."""

from __future__ import annotations

from collections.abc import Sequence

import click

from trivirt.cli._columns import check_columns, flatten, usual_columns, value_at
from trivirt.cli._formats import format_option, show_records, show_rows
from trivirt.cli._options import debug_option
from trivirt.cli._place import PathArgument, Place
from trivirt.cli._sign_on import engine_options, named_engine, with_secret
from trivirt.model import Struct

__all__ = ["ls", "show_list"]


@click.command()
@click.argument("place", metavar="PATH", type=PathArgument())
@click.option(
    "--search", metavar="QUERY", help="Only these: name=web-* and status=up, sortby name."
)
@click.option("--max", "most", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.option(
    "--columns",
    metavar="NAME,...",
    help="Attributes to show, such as name,status,cpu.topology.cores.",
)
@format_option("table")
@engine_options
@debug_option
def ls(
    *,
    place: Place,
    search: str | None,
    most: int | None,
    columns: str | None,
    form: str,
    url: str | None,
    engine: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
) -> None:
    """List the collection at PATH: vms, hosts, vms/ID/nics.

    In place of an ID there may be a name that no other object of the collection has.

    Without --columns a table shows what is worth a column, CSV all that is no list, and the other
    forms show all.
    """
    if not place.is_list:
        raise click.UsageError(_no_list(place))
    given = {"search": search, "max": most}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if not place.takes(name):
            raise click.UsageError(f"The engine takes no --{name} for {place}.")
    wanted = check_columns(place.item_type, columns.split(",")) if columns is not None else None
    target = with_secret(named_engine(url, username, ca_file, insecure, engine))
    from trivirt.cli._reach import fetch

    show_list(form, place, fetch(target, place, **options), wanted)


def _no_list(place: Place) -> str:
    if not place.readable:
        return f"There is nothing to list at {place}."
    names = ", ".join(place.names)
    below = f" Below it there are {names}." if names else ""
    return f"{place} is one object: see it with trivirt get.{below}"


def show_list(form: str, place: Place, found: Sequence[Struct], wanted: list[str] | None) -> None:
    """Show what came, with the columns that somebody wanted or with the usual ones."""
    if form == "table":
        columns = wanted or usual_columns(place.item_type, found)
        rows = [[value_at(one, column) for column in columns] for one in found]
        left_out = show_rows(columns, rows, fit=wanted is None)
        if left_out:
            click.echo(f"{left_out} more in a wider terminal, or with --columns.", err=True)
    elif wanted is not None:
        show_records(form, [{c: value_at(one, c) for c in wanted} for one in found], wanted)
    elif form == "csv":
        flat = [dict(flatten(one.to_dict())) for one in found]
        show_records(form, flat, list(dict.fromkeys(c for record in flat for c in record)))
    else:
        show_records(form, [one.to_dict() for one in found], [])
