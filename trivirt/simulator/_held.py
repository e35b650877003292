"""Answers that the engine holds back until what they tell of is done."""

from __future__ import annotations

from collections.abc import Callable

from trivirt.wire._messages import Response

POLL = 1.0  # the engine looks at its tasks each second


class Held(Response):
    """The answer as it would be now; `again` gives the one to send, or None for not yet."""

    again: Callable[[], Response | None]

    @classmethod
    def until(cls, response: Response, again: Callable[[], Response | None]) -> Held:
        """Hold an answer back."""
        held = cls(*response)
        held.again = again
        return held
