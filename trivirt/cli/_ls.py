"""`trivirt ls`: a collection, one line for each object."""

from __future__ import annotations

from typing import Any

import click

from trivirt.cli._columns import check_columns, flatten, usual_columns, value_at
from trivirt.cli._formats import format_option, show_records, show_rows
from trivirt.cli._options import debug_option
from trivirt.cli._place import PathArgument, Place
from trivirt.cli._sign_on import engine_options, named_engine, with_secret

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

    show_list(form, place, fetch(target, place.call(**options)), wanted)


def _no_list(place: Place) -> str:
    names = ", ".join(place.names)
    below = f" Below it there are {names}." if names else ""
    return f"{place} is one object: see it with trivirt get.{below}"


def show_list(
    form: str, place: Place, records: list[dict[str, Any]], wanted: list[str] | None
) -> None:
    """Show what came, with the columns that somebody wanted or with the usual ones."""
    if form == "table":
        columns = wanted or usual_columns(place.item_type, records)
        rows = [[value_at(record, column) for column in columns] for record in records]
        left_out = show_rows(columns, rows, fit=wanted is None)
        if left_out:
            click.echo(f"{left_out} more in a wider terminal, or with --columns.", err=True)
    elif wanted is not None:
        show_records(form, [{c: value_at(r, c) for c in wanted} for r in records], wanted)
    elif form == "csv":
        flat = [dict(flatten(record)) for record in records]
        show_records(form, flat, list(dict.fromkeys(c for record in flat for c in record)))
    else:
        show_records(form, records, [])
