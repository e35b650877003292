"""`trivirt get`: an object, or a collection, whole."""

from __future__ import annotations

import click

from trivirt.cli._columns import flatten
from trivirt.cli._formats import format_option, show_records, show_rows, write_out
from trivirt.cli._ls import show_list
from trivirt.cli._options import debug_option
from trivirt.cli._place import PathArgument, Place
from trivirt.cli._sign_on import engine_options, named_engine, with_secret

__all__ = ["get"]


@click.command()
@click.argument("place", metavar="PATH", type=PathArgument())
@format_option("yaml")
@engine_options
@debug_option
def get(
    *,
    place: Place,
    form: str,
    url: str | None,
    engine: str | None,
    username: str | None,
    ca_file: str | None,
    insecure: bool,
) -> None:
    """Show all attributes of what is at PATH: vms/ID, vms/ID/nics, or / for the engine.

    In place of an ID there may be a name that no other object of the collection has.
    """
    if not place.readable:
        raise click.UsageError(f"There is nothing to get at {place}.")
    target = with_secret(named_engine(url, username, ca_file, insecure, engine))
    from trivirt.cli._reach import fetch

    found = fetch(target, place)
    if isinstance(found, list):
        show_list(form, place, found, None)
        return
    record = found.to_dict()
    if form == "table":
        show_rows(["attribute", "value"], list(flatten(record)))
    elif form == "csv":
        flat = dict(flatten(record))
        show_records(form, [flat], list(flat))
    elif form == "ndjson":
        show_records(form, [record], [])
    else:
        write_out(form, record)
