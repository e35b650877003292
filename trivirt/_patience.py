"""What to do while an engine is away: one task tries again, the others wait for it.

An engine restart takes minutes, and thousands of requests may meet it. If each tried again by
itself, the engine would be hit by all of them whenever it shows signs of life. So the first
that meets the outage leads: it sleeps, longer each time, and repeats its own request. When that
is answered, or the leader gives up or is cancelled, the others are woken; if the outage is not
over, the first of them leads on, where the last one stopped.
"""

from __future__ import annotations

import logging
import random

import trio

from trivirt._value import Value
from trivirt.errors import Error, UsageError

log = logging.getLogger("trivirt.engine")


class Retries(Value, kw_only=True):
    """How safe requests (GET) are repeated when the engine is away or a connection breaks.

    A request is given up after `attempts` repetitions, or when the engine has been away for
    `seconds`. The pause before the first repetition is `first` seconds, doubles each time up to
    `longest`, and is shortened by up to a half at random. `Retries(attempts=0)` turns repeating
    off. What changes something is never repeated by this.
    """

    attempts: int = 20
    seconds: float = 300.0
    first: float = 0.5
    longest: float = 15.0

    def _check(self) -> None:
        if self.attempts < 0 or not (self.seconds >= 0 and 0 < self.first <= self.longest):
            raise UsageError(f"{self!r}: attempts from 0, seconds above 0, first <= longest")

    def pause(self, turn: int) -> float:
        """Seconds to wait before repetition number `turn`, counted from 0."""
        longest = min(self.longest, self.first * 2.0 ** min(turn, 60))
        return longest * random.uniform(0.5, 1)


class Patience:
    """The outages of one engine. `away` is False as long as all is well."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self.away = False
        self._since = 0.0
        self._turn = 0
        self._led = False
        self._changed = trio.Event()

    async def wait(self, error: Error, attempts: int, pause: float | None, leads: bool) -> bool:
        """Wait until it is worth trying again; tell whether the caller is now the leader.

        `attempts` counts the caller's own repetitions so far, `pause` is what the server asked
        for, in seconds, `leads` is what this returned last. Raises `error` when patience is at
        its end. Cancel-safe. A leader calls `resign` when it is through, whatever happens.
        """
        if attempts >= self._retries.attempts:
            raise error
        self._begin(error)
        if self._overdue(pause):
            raise error
        while self._led and not leads:
            await self._changed.wait()
            if not self.away:
                return False
            if self._overdue(pause):
                raise error
        self._led = True
        turn, self._turn = self._turn, self._turn + 1
        try:
            await trio.sleep(max(pause or 0.0, self._retries.pause(turn)))
        except BaseException:
            if not leads:  # Else the caller knows that it leads, and resigns.
                self.resign()
            raise
        return True

    def resign(self) -> None:
        """The leader is through; wake the others."""
        self._led = False
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def recovered(self) -> None:
        """The engine has answered as an engine does."""
        log.info("the engine answers again after %.1f s", trio.current_time() - self._since)
        self.away = False
        self._turn = 0

    def _begin(self, error: Error) -> None:
        if not self.away:
            self.away = True
            self._since = trio.current_time()
            self._turn = 0
            log.warning("%s; trying again for up to %g s", error, self._retries.seconds)

    def _overdue(self, pause: float | None) -> bool:
        return trio.current_time() + (pause or 0.0) - self._since > self._retries.seconds
