"""Simulated time: what states, tokens and dates of the engine go by."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import trio

from trivirt import errors

EPOCH = datetime(2024, 3, 5, 10, 11, 12, 345000, tzinfo=timezone(timedelta(hours=1)))
"""The engine's date when a clock starts, so that equal seeds give equal documents."""


def epoch_of(date: str) -> datetime:
    """A date as users give it: `now`, or in ISO 8601, here if it does not say where."""
    if date.lower() == "now":
        return datetime.now().astimezone()
    try:
        # What one knows by a Z is not understood before Python 3.11.
        return datetime.fromisoformat(date.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise errors.UsageError(
            f"the date {date!r} is neither `now` nor one such as 2024-03-05T10:11:12+01:00"
        ) from error


class Clock:
    """Seconds since the engine was made.

    It runs with Trio's clock, so a test's MockClock rules it, and stands still outside of
    `trio.run`; `advance` moves it by hand in both cases.
    """

    def __init__(self, epoch: datetime = EPOCH) -> None:
        self.epoch = epoch
        self._base = 0.0  # our time at the moment `_since`
        self._since = 0.0
        self._run: object = None

    def __repr__(self) -> str:
        return f"<Clock at {self.now():.3f} s>"

    def now(self) -> float:
        """Seconds since the start."""
        try:
            run = trio.lowlevel.current_trio_token()
        except RuntimeError:
            return self._base
        moment = trio.current_time()
        if run is not self._run:
            # Each run of Trio counts from a number of its own; time goes on from where it stood.
            self._run, self._since = run, moment
        self._base += moment - self._since
        self._since = moment
        return self._base

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.now()
        self._base += seconds

    def date(self, seconds: float | None = None) -> datetime:
        """The engine's date now, or at `seconds` of its time; whole milliseconds, as it sends."""
        moment = self.epoch + timedelta(seconds=self.now() if seconds is None else seconds)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
