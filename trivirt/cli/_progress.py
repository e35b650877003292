"""How far jobs have come: a bar for each on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from trivirt import inventory

__all__ = ["Watch", "show_progress"]

Watch = Callable[[inventory.Progress], None]

_ROOMY = 100  # Columns from which all figures have room beside a bar.
_NARROW = 60
_FIGURES = 36  # What they take where they are short of room; titles get the rest.
_FIRST, _AGAIN = 5.0, 10.0  # Seconds until the first line where there is no terminal, and between.


@contextmanager
def show_progress() -> Iterator[Callable[[str], Watch]]:
    """Show on standard error how far jobs are; give it a title to get what watches one."""
    console = Console(stderr=True)
    # A terminal that can erase nothing (TERM=dumb) is shown lines, as a log is.
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda title: _Lines(title).watch
        return
    with Progress(*_columns(console.width), console=console, transient=True) as progress:

        def add(title: str) -> Watch:
            line = progress.add_task(_cut(title, console.width), total=None, state=None, rate=0.0)
            start = time.monotonic()

            def watch(state: inventory.Progress) -> None:
                rate = state.done / max(1e-3, time.monotonic() - start)
                progress.update(
                    line, completed=state.done, total=state.total, state=state, rate=rate
                )

            return watch

        yield add


def _columns(width: int) -> list[ProgressColumn]:
    title = TextColumn("{task.description}", markup=False)
    far = TaskProgressColumn() if width < _NARROW else MofNCompleteColumn()
    left = TimeRemainingColumn(compact=True, elapsed_when_finished=True)
    bar = [BarColumn(bar_width=None)] if width >= _ROOMY else []
    return [title, *bar, far, _Figures(), left]


def _cut(title: str, width: int) -> str:
    """As much of a title as leaves room for the figures."""
    room = max(6, width - _FIGURES)
    return title if len(title) <= room else f"{title[: room - 1]}…"


class _Figures(TextColumn):
    """Objects, requests per second, and errors if there are any."""

    def __init__(self) -> None:
        super().__init__("{task.fields[figures]}", markup=False)

    def render(self, task):  # type: ignore[no-untyped-def]  # rich's own types are not re-exported
        state = task.fields["state"]
        task.fields["figures"] = "" if state is None else _figures(state, task.fields["rate"])
        return super().render(task)


def _figures(state: inventory.Progress, rate: float) -> str:
    text = f"{state.objects} objects, {rate:.0f}/s"
    if state.failed:
        text += f", {state.failed} error{'s' * (state.failed != 1)}"
    return text


@dataclass
class _Lines:
    """Says now and then where a job is, for logs."""

    title: str
    start: float = field(default_factory=lambda: time.monotonic())
    said: float = 0.0

    def watch(self, state: inventory.Progress) -> None:
        now = time.monotonic()
        if now < (self.said + _AGAIN if self.said else self.start + _FIRST):
            return
        self.said = now
        rate = state.done / (now - self.start)
        left = (state.total - state.done) / rate if rate else 0.0
        print(
            f"{self.title}: {state.done} of {state.total} requests, {_figures(state, rate)}, "
            f"about {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
