"""How deep pipelines should be, from how long answers take. Pure arithmetic.

A front end answers in order and one at a time. So an answer to a request that had `ahead` others
before it on its connection takes a round trip and the service times of all of them; depth saves
round trips and never service time. What is needed is enough requests under way to keep the
server busy for a round trip, and every one more only binds requests to a connection that others
could serve earlier. Two smoothed figures tell:

- `first`: what an answer takes that had none ahead. It follows short times at once, and long
  ones slowly: one big list says nothing about the round trip.
- `each`: what one request ahead adds. While pipelines are too shallow to keep the server busy
  it comes out near zero, and so the depth grows; it cannot be told from our own slowness, which
  makes the depth shrink, and that does no harm: then it is not the round trip that we wait for.
"""

from __future__ import annotations

START, SHALLOW, DEEP = 8, 4, 64

_EASE = 0.1  # The weight of a new figure.
_TURNS = 3  # Turns of a pipeline between two changes, for the last one to show.
_GROWTH = 1.5
_RISE = 1.05  # How much `first` may grow with one answer.


class Tempo:
    """The depth for all connections of a pool; `observe` each answer, read `depth`."""

    def __init__(self) -> None:
        self.depth = START
        self._first = 0.0
        self._each = 0.0
        self._seen = 0

    def __repr__(self) -> str:
        return f"<Tempo depth {self.depth}, {self._first:.6f} s + {self._each:.6f} s each>"

    def observe(self, ahead: int, seconds: float) -> bool:
        """Take in an answer; tell whether the depth has changed."""
        if not ahead:
            known = self._first or seconds
            self._first = min(seconds, known * _RISE)
            return False
        if not self._first:
            return False
        self._each += _EASE * (max(0.0, seconds - self._first) / ahead - self._each)
        self._seen += 1
        if self._seen < _TURNS * self.depth:
            return False
        self._seen = 0
        return self._adjust()

    def _adjust(self) -> bool:
        # Measured at depth d on a busy server, `each` is a little less than the service time;
        # with one half the two settle where the pipeline holds one and a half round trips.
        wanted = DEEP if self._each <= 0 else 1 + 0.5 * self._first / self._each
        depth = round(min(_GROWTH * self.depth, max(self.depth / 2, wanted)))
        depth = max(SHALLOW, min(DEEP, depth))
        changed, self.depth = depth != self.depth, depth
        return changed
