"""Companions of services for work that takes the engine a while: wait for a state.

A companion is given a service and asks it again and again; nothing here knows a particular type.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar

import trio

from trivirt.errors import UsageError

__all__ = ["Watch"]

T_co = TypeVar("T_co", covariant=True)


class _Gettable(Protocol[T_co]):
    """What a service must offer to be watched; that of one object does."""

    def get(self) -> Coroutine[Any, Any, T_co]: ...


class Watch(Generic[T_co]):
    """Look at one object until the engine has brought it into a state.

    `pause` is the time between two looks, in seconds.
    """

    def __init__(self, service: _Gettable[T_co], *, pause: float = 1.0) -> None:
        if not (math.isfinite(pause) and pause >= 0):
            raise UsageError(f"the pause between two looks must be 0 or more, not {pause!r}")
        self._service = service
        self._pause = pause

    async def until(self, *states: str, attribute: str = "status") -> T_co:
        """Return the object as it was when its status first was one of these.

        Waits for as long as it takes: the limit is the caller's cancel scope, and cancelling is
        safe, since looking changes nothing. An object that vanishes meanwhile raises `NotFound`.
        """
        if not states:
            raise UsageError("say which state to wait for: until('up')")
        while True:
            seen = await self._service.get()
            if getattr(seen, attribute) in states:
                return seen
            await trio.sleep(self._pause)
