"""Ctrl-C and SIGTERM as news to a job, which then ends in an orderly way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import trio

__all__ = ["one_kind_of_signal", "until_signal"]

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def until_signal() -> Iterator[trio.CancelScope]:
    """Give a scope that a signal cancels; until the end of the block signals do nothing else.

    So another Ctrl-C of somebody impatient does not stop what the first one has set going, and one
    that comes when the scope has been left finds nothing that it could end.
    """
    scope = trio.CancelScope()
    # Not trio.open_signal_receiver: what comes while that is left ends the process after all.
    soon = trio.lowlevel.current_trio_token().run_sync_soon
    with _handled(lambda number, frame: soon(scope.cancel), signal.SIGINT, signal.SIGTERM):
        yield scope


@contextmanager
def one_kind_of_signal() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, for as long as the block lasts."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)
        # A shell that starts a program in the background lets it ignore Ctrl-C, but not this.
        if not callable(handler):
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    with _handled(interrupt, signal.SIGTERM):
        yield


@contextmanager
def _handled(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
