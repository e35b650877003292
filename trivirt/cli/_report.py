"""What commands show: a progress bar on a terminal, tables there and in pipes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trivirt import inventory

__all__ = ["found", "found_rows", "progress_bar", "show_table", "show_text"]

Bar = Callable[[str], Callable[[inventory.Progress], None]]
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
    """Say one thing on standard output."""
    _console().print(text)


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


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar on standard error, if that is a terminal; give it a title to get a line's watcher."""
    console = Console(stderr=True)
    if not console.is_terminal:
        # A bar that is only disabled still ends with an empty line.
        yield lambda title: lambda state: None
        return
    columns = [TextColumn("{task.description}", markup=False), MofNCompleteColumn()]
    if console.width >= _ROOMY:
        columns[1:1] = [BarColumn(bar_width=None)]
        columns.append(TimeElapsedColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
    ) as progress:

        def add(title: str) -> Callable[[inventory.Progress], None]:
            line = progress.add_task(title, total=None)

            def watch(state: inventory.Progress) -> None:
                progress.update(line, completed=state.done, total=state.total)

            return watch

        yield add


def found(totals: Totals) -> str:
    """Say in one line what was found: `3 vms, 4 disk attachments, ...`."""
    return ", ".join(f"{row['found']} {_title(name)}" for name, row in totals.items())


def found_rows(totals: Totals) -> list[list[str]]:
    """One row for each kind of thing: how many, and for how many VMs the engine has none."""
    return [[_title(name), str(row["found"]), _missing(row)] for name, row in totals.items()]


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words.replace("vms", "VMs").replace("nics", "NICs")


def _missing(row: Mapping[str, int]) -> str:
    count = row["not_available"]
    return f"for {count} VM{'s' * (count != 1)}" if count else ""
