"""What a checkup finds at one step of the way to an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["STEPS", "Finding", "Tell", "Trouble"]

#: The steps in their order. Where there is a proxy, it is told of beside the settings.
STEPS = ("settings", "DNS", "reach", "TLS", "sign-on", "version", "clock", "latency", "pipelining")


class Finding(NamedTuple):
    """What was found at one step: `state` is ok, warning or wrong; `mend` says what to do."""

    step: str
    state: str
    found: str
    mend: str = ""


Tell = Callable[[Finding], None]


class Trouble(Exception):
    """A step went wrong, so that those after it cannot be tried."""

    def __init__(self, step: str, found: str, mend: str) -> None:
        super().__init__(found)
        self.finding = Finding(step, "wrong", found, mend)
