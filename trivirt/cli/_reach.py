"""What commands that read one place have in common: to sign on and ask."""

from __future__ import annotations

from typing import Any

import trio

from trivirt._patience import Retries
from trivirt.cli._by_name import by_ids
from trivirt.cli._place import Place
from trivirt.cli._sign_on import Target
from trivirt.engine import open_engine
from trivirt.errors import NotFound

__all__ = ["fetch"]


def fetch(target: Target, place: Place, **options: Any) -> Any:
    """Give the object or the list that is at a place, whose path may have names for ids."""
    return trio.run(_perform, target, place, options)


async def _perform(target: Target, place: Place, options: dict[str, Any]) -> Any:
    # Somebody waits for the answer, and would rather know that the engine is away.
    settings = {**target.options(), "connections": 1, "retries": Retries(attempts=0)}
    async with open_engine(**settings) as engine:
        try:
            return await engine.perform(place.call(**options))
        except NotFound:
            found = await by_ids(engine, place)
            if str(found) == str(place):
                raise
        return await engine.perform(found.call(**options))
