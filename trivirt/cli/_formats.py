"""Objects as text on standard output: tables for people, the rest for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import click

__all__ = ["FORMATS", "format_option", "show_records", "show_rows", "write_out"]

F = TypeVar("F", bound=Callable[..., Any])
Record = Mapping[str, Any]

FORMATS = ("table", "json", "yaml", "csv", "ndjson")

# Below this, frames take the room that words need.
_ROOMY = 72
# A column that is folded gets no less than this.
_FOLDED = 24
# In a table nobody needs microseconds.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?([+-]\d\d:\d\d)?")


def format_option(default: str) -> Callable[[F], F]:
    """Add `-o`."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMATS),
        default=default,
        show_default=True,
        help="How to show it.",
    )


def show_records(form: str, records: Sequence[Record], columns: Sequence[str]) -> None:
    """Write records, which have these columns as keys, in a form that is not the table."""
    _WRITERS[form](records, columns)


def _as_json(records: Sequence[Record], columns: Sequence[str]) -> None:
    write_out("json", list(records))


def _as_yaml(records: Sequence[Record], columns: Sequence[str]) -> None:
    write_out("yaml", list(records))


def _as_ndjson(records: Sequence[Record], columns: Sequence[str]) -> None:
    for record in records:
        click.echo(json.dumps(record, ensure_ascii=False))


def _as_csv(records: Sequence[Record], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([_text(record.get(column)) for column in columns])


_WRITERS = {"json": _as_json, "yaml": _as_yaml, "ndjson": _as_ndjson, "csv": _as_csv}


def write_out(form: str, value: Any) -> None:
    """Write one document, as JSON or YAML."""
    if form == "yaml":
        import yaml

        # PyYAML's own in C where there is one, ten times as fast.
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        yaml.dump(value, sys.stdout, Dumper=dumper, sort_keys=False, allow_unicode=True)
    else:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, fit: bool = False) -> int:
    """Show a table: framed on a terminal with room for it, aligned text in a pipe.

    Where a terminal is too narrow, long values are folded. With `fit` that is done to one column
    at most, and those that have no room are left out, `id` after the others; the first is always
    there. Returns how many were left out.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        _show_plain(columns, texts)
        return 0
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    everything = set(range(len(columns)))
    shown, folded = everything, everything
    if fit:
        shown, folded = _fitting(columns, texts, console.width)
    _show_table(console, columns, texts, shown, folded)
    return len(columns) - len(shown)


def _show_plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One line for each row, whatever its width; programs cut it at two spaces."""
    widths = _widths(columns, rows)
    from rich.cells import set_cell_size

    for row in (columns, *rows):
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _show_table(
    console: Any,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    shown: Collection[int],
    folded: Collection[int],
) -> None:
    from rich import box
    from rich.table import Table

    framed = console.width >= _ROOMY
    table = Table(box=box.ROUNDED if framed else None, pad_edge=framed)
    for i, column in enumerate(columns):
        if i in shown:
            table.add_column(column, overflow="fold", no_wrap=i not in folded)
    for row in rows:
        table.add_row(*(cell for i, cell in enumerate(row) if i in shown))
    console.print(table)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> tuple[set[int], set[int]]:
    """The columns that have room beside each other, and the one among them that is folded."""
    gap, edge = (3, 1) if width >= _ROOMY else (2, -2)
    widths = _widths(columns, rows)
    order = sorted(range(len(columns)), key=lambda i: (i > 0 and columns[i] != "id", i))
    shown: set[int] = set()
    folded: set[int] = set()
    left = width - edge
    for i in order:
        if widths[i] + gap <= left:
            left -= widths[i] + gap
        elif not shown or (not folded and left >= _FOLDED + gap and columns[i] != "id"):
            folded, left = {i}, 0
        else:
            continue
        shown.add(i)
    return shown, folded


def _cell(value: Any) -> str:
    """A value on one line, without what would steer the terminal: names are anybody's choice."""
    text = "".join(ch if ch.isprintable() else " " for ch in _text(value))
    time = _TIME.fullmatch(text)
    return text if time is None else f"{time[1]} {time[2]}{time[3] or ''}"


def _text(value: Any) -> str:
    """Of an object its name or id, of a list its items."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return _text(value.get("name") or value.get("id"))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return str(value)
