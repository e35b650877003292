"""What commands show: tables with frames on a terminal, plain lines in pipes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["complain", "found", "found_rows", "show_table", "show_text"]

Totals = Mapping[str, Mapping[str, int]]

# Wider than any table of ours: in a pipe nothing is cut and nothing is wrapped.
_PIPE_WIDTH = 200
# Below this, frames and bars take the room that words need.
_ROOMY = 72


def _console() -> Console:
    terminal = sys.stdout.isatty()
    return Console(
        width=None if terminal else _PIPE_WIDTH, highlight=False, markup=False, emoji=False
    )


def show_text(text: str) -> None:
    """Say one thing on standard output. Terminals break long lines, so that paths can be copied."""
    _console().print(text, soft_wrap=True)


def complain(text: str) -> None:
    """Say one thing on standard error, unless that is what broke."""
    with suppress(OSError):
        print(f"trivirt: {text}", file=sys.stderr, flush=True)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table: the first column is text, the rest are numbers. Plain lines when piped."""
    console = _console()
    framed = console.is_terminal and console.width >= _ROOMY
    table = Table(box=box.ROUNDED if framed else None, pad_edge=framed)
    for number, column in enumerate(columns):
        # Words may be wrapped; a number in two lines would be another number.
        table.add_column(
            column, justify="right" if number else "left", no_wrap=number > 0, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    # Not the title of the table, which would be folded to its width.
    console.print(title, style="bold")
    console.print(table)


def found(totals: Totals) -> str:
    """Say in one line what was found: `3 vms, 4 disk attachments, ...`."""
    return ", ".join(f"{row['found']} {_title(name)}" for name, row in totals.items())


def found_rows(totals: Totals) -> list[list[str]]:
    """One row for each kind of thing: how many, and for how many VMs the engine has none."""
    return [[_title(name), str(row["found"]), _missing(row)] for name, row in totals.items()]


def _title(name: str) -> str:
    words = name.replace("_", " ").replace(".", ": ")
    return words.replace("vms", "VMs").replace("nics", "NICs")


def _missing(row: Mapping[str, int]) -> str:
    count = row["not_available"]
    return f"for {count} VM{'s' * (count != 1)}" if count else ""
