"""Names of objects in a PATH, where an engine takes ids: `vms/web-1/nics`."""

from __future__ import annotations

import re
from typing import Any

from trivirt.cli._failure import Failure
from trivirt.cli._place import Place
from trivirt.engine import Engine
from trivirt.errors import Fault, NotFound
from trivirt.model import fields

__all__ = ["by_ids"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# An engine refuses ' and ; in a search, and nobody says how " or a backslash is written.
_FOREIGN = re.compile(r"[^\w .@:+-]", re.ASCII)


async def by_ids(engine: Engine, place: Place) -> Place:
    """The same place, with the ids of objects where somebody gave their names.

    An id is always an id. A name is one that no other object in the same collection has; letter
    case counts. Raises Failure for a name of several objects.
    """
    if place.above is None:
        return place
    above = await by_ids(engine, place.above)
    segment = await _id(engine, above, place.segment) if place.is_item else place.segment
    found = above.step(segment)
    assert found is not None, place
    return found


async def _id(engine: Engine, collection: Place, text: str) -> str:
    if not collection.is_list or "name" not in fields(collection.item_type):
        return text
    if _UUID.fullmatch(text) and await _is_there(engine, collection.step(text)):
        return text
    found = await _named(engine, collection, text)
    ids = [one.id for one in found if one.name == text and one.id]
    if len(ids) > 1:
        raise Failure(
            f"{len(ids)} objects in {collection} have the name {text!r}; give the id of one: "
            f"{', '.join(ids)}"
        )
    return ids[0] if ids else text


async def _is_there(engine: Engine, place: Place | None) -> bool:
    if place is None or not place.readable:
        return False
    try:
        await engine.perform(place.call())
    except NotFound:
        return False
    return True


async def _named(engine: Engine, collection: Place, name: str) -> Any:
    """What has this name, and perhaps more: a search takes it for a pattern without case."""
    if not collection.takes("search"):
        return await engine.perform(collection.call())
    pattern = _FOREIGN.sub("*", name)
    try:
        return await engine.perform(collection.call(search=f'name="{pattern}"'))
    except NotFound:
        raise
    except Fault:  # Objects of this kind have no name that could be searched for.
        return []
