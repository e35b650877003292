"""What commands that read one place have in common: to sign on and ask."""

from __future__ import annotations

from typing import Any

import trio

from trivirt._patience import Retries
from trivirt.cli._sign_on import Target
from trivirt.engine import open_engine
from trivirt.model import Call

__all__ = ["fetch"]


def fetch(target: Target, call: Call[Any]) -> Any:
    """Perform one call, and give the object or the list that it gives."""
    return trio.run(_perform, target, call)


async def _perform(target: Target, call: Call[Any]) -> Any:
    # Somebody waits for the answer, and would rather know that the engine is away.
    options = {**target.options(), "connections": 1, "retries": Retries(attempts=0)}
    async with open_engine(**options) as engine:
        return await engine.perform(call)
