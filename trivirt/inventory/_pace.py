"""How many requests an inventory has under way: as many as allowed, fewer when the engine suffers.

An engine says in two ways that it has too much to do: its answers take longer, and its front end
answers 503. The time of an answer is compared with the best that its kind of request ever had, so
that slow kinds do not count as slow engines. When the answers of a while took several times that,
and noticeably long, the limit is cut; when they are quick again it grows by a little for each
round of answers. That is how TCP shares a line: additive increase, multiplicative decrease.

The best time is taken while others are under way, too, and ages a little with every round, so
that a first lucky answer, or a change of the network, is not held against an engine for ever.
"""

from __future__ import annotations

import trio

__all__ = ["Pace"]

_SLOW = 8.0  # Times the best answer: requests have begun to wait for each other.
_NOTICED = 0.5  # Seconds: nobody is hurt below, whatever the ratio.
_CUT = 0.7
_AGE = 1.02
_LEAST = 1.0


class Pace:
    """A limit to the requests under way, which follows how the engine feels.

    `limit` is between 1 and `most`. `enter` before each request, `leave` after it, and tell of each
    that was `answered` how long it took.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.under_way = self.highest = 0
        self.cuts = 0
        self._waiting = trio.lowlevel.ParkingLot()
        self._best: dict[str, float] = {}
        self._ratios = self._seconds = 0.0
        self._answers = 0

    def __repr__(self) -> str:
        return f"<Pace {self.under_way} of {self.limit:.0f}, at most {self.most}>"

    async def enter(self) -> None:
        """Wait for a turn. A checkpoint only when there is something to wait for."""
        while self.under_way >= self.limit:
            await self._waiting.park()
        self.under_way += 1
        self.highest = max(self.highest, self.under_way)

    def leave(self) -> None:
        self.under_way -= 1
        if self._waiting and self.under_way < self.limit:
            self._waiting.unpark()

    def answered(self, kind: str, seconds: float) -> None:
        """Count an answer, and judge when a whole round of them is in."""
        best = self._best.get(kind)
        if best is None or seconds < best:
            best = self._best[kind] = max(seconds, 1e-3)
        self._ratios += seconds / best
        self._seconds += seconds
        self._answers += 1
        if self._answers >= max(10.0, self.limit):
            self._judge()

    def refused(self) -> None:
        """The front end answered in place of the engine, or a limit of time passed."""
        self._cut(0.5)

    def _judge(self) -> None:
        slow = self._ratios > _SLOW * self._answers and self._seconds > _NOTICED * self._answers
        self._ratios = self._seconds = 0.0
        self._answers = 0
        for kind in self._best:
            self._best[kind] *= _AGE
        if slow:
            self._cut(_CUT)
        elif self.limit < self.most:
            self.limit = min(float(self.most), self.limit + max(1.0, self.limit / 10))
            self._waiting.unpark(count=max(0, int(self.limit) - self.under_way))

    def _cut(self, factor: float) -> None:
        self.limit = max(_LEAST, self.limit * factor)
        self.cuts += 1
