"""`trivirt engines`: the engines that can be named, without asking any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from trivirt.cli._formats import format_option, show_records, show_rows
from trivirt.cli._options import debug_option
from trivirt.configuration._files import engines_file, read_engines
from trivirt.configuration._sources import SIGN_ON, Source, from_environment

__all__ = ["engines"]

_COLUMNS = ("name", "default", "url", "username", "signs_on_by", "described_in")


@click.command()
@format_option("table")
@debug_option
def engines(*, form: str) -> None:
    """List the engines that the environment, engines.toml and ovirt.conf describe.

    Nothing is sent to them. The default is the one that commands take when none is named.
    """
    records = list(_records())
    if form != "table":
        show_records(form, records, _COLUMNS)
    elif records:
        columns = ["name", "", "url", "username", "signs on by", "described in"]
        rows = [[r[c] if c != "default" else "*" * r[c] for c in _COLUMNS] for r in records]
        show_rows(columns, rows)
    else:
        click.echo(f"No engine is described; one can be in {engines_file(os.environ)}", err=True)


def _records() -> Iterator[dict[str, Any]]:
    around, described = from_environment(os.environ), read_engines(os.environ)
    if "url" in around.values:
        yield _record(around, default=True)
    for name, source in described.sources.items():
        yield _record(source, default=name == described.default and "url" not in around.values)


def _record(source: Source, *, default: bool) -> dict[str, Any]:
    ways = [way.replace("_", " ") for way in SIGN_ON if source.get(way)]
    return {
        "name": source.name,
        "default": default,
        "url": source.get("url"),
        "username": source.get("username"),
        "signs_on_by": " or ".join(ways) or "password of keyring, or asked for",
        "described_in": source.title,
    }
