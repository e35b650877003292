"""Companions of services for work that takes the engine a while: wait for a state.

A companion is given a service, keeps its view, and asks it again and again; nothing here knows a
particular type.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import trio

from trivirt.errors import UsageError
from trivirt.model import Service, V, procedure

if TYPE_CHECKING:
    from trivirt.model._views import Operation

__all__ = ["Watch"]

T = TypeVar("T")


class _One(Protocol[V, T]):  # type: ignore[misc]  # mypy looks through `Operation`
    """What a service must offer to be watched; that of one object does."""

    @property
    def get(self) -> Operation[..., T]: ...
    def service(self, path: str) -> Service[V]: ...


class Watch(Service[V], Generic[V, T]):
    """Look at one object until the engine has brought it into a state.

    `Watch(engine.vms.vm(id)).until("up")` is awaited; of a service of `engine.soon` it gives a
    future, and of a synchronous engine it blocks. `pause` is the time between two looks, in
    seconds.
    """

    def __init__(self, service: _One[V, T], *, pause: float = 1.0) -> None:
        if not (math.isfinite(pause) and pause >= 0):
            raise UsageError(f"the pause between two looks must be 0 or more, not {pause!r}")
        # In a procedure it is in the view that is awaited, whatever view this one is in.
        self._service: Any = service
        super().__init__(self._service._run, self._service._path)
        self._pause = pause

    @procedure
    async def until(self, *states: str, attribute: str = "status") -> T:
        """Return the object as it was when its status first was one of these.

        Waits for as long as it takes: the limit is the caller's cancel scope, `cancel` of the
        future, or Ctrl-C, all of which are safe, since looking changes nothing. An object that
        vanishes meanwhile raises `NotFound`.
        """
        if not states:
            raise UsageError("say which state to wait for: until('up')")
        while True:
            seen: T = await self._service.get()
            if getattr(seen, attribute) in states:
                return seen
            await trio.sleep(self._pause)
