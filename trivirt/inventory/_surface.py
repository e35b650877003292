"""What an engine has to be read: its collections, and the collections below their objects.

All of it comes out of the declarations in `trivirt.services` and `trivirt.types`; no name is
listed here, so that a regenerated surface is known at once.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

from trivirt import services, types
from trivirt.errors import UsageError
from trivirt.model import Service, fields

if TYPE_CHECKING:
    from trivirt.model import Struct

__all__ = ["Collection", "Relation", "collection", "collections", "relation"]

# `Call[Items[Vm]]`, as `list` is annotated.
_LISTED = re.compile(r"Call\[Items\[(\w+)\]\]").fullmatch


class Collection(NamedTuple):
    """A collection at the root of the API.

    `item` is the locator of one object (`vm`), `kind` the class of the objects. `pages` tells
    whether the engine takes a page number in its search, `follows` whether it takes `follow=`.
    """

    name: str
    item: str
    kind: type[Struct]
    pages: bool
    follows: bool

    @property
    def element(self) -> str:
        """What one object is called, in any table: `vm`, `cpu_profile`."""
        return self.kind.element


class Relation(NamedTuple):
    """A collection below each object of another one: `nics` of `vms`.

    `inside` tells whether an object has an attribute of that name, so that `follow=` can fill it.
    """

    owner: Collection
    name: str
    kind: type[Struct]
    inside: bool

    @property
    def table(self) -> str:
        return f"{self.owner.element}_{self.name}"


@cache
def collections() -> tuple[str, ...]:
    """The names of all collections that can be listed, in alphabetical order."""
    return tuple(sorted(name for name in _locators(services.SystemService) if _at_root(name)))


@cache
def collection(name: str) -> Collection:
    """Find a collection of the root. Raises `UsageError` with the names that are near."""
    found = _at_root(name) if name in _locators(services.SystemService) else None
    if found is None:
        raise UsageError(_unknown("an engine has no collection", name, collections()))
    return found


@cache
def relation(owner: str, name: str) -> Relation:
    """Find a collection below the objects of another. Raises `UsageError` likewise."""
    above = collection(owner)
    item = _led_to(_service_at_root(owner), above.item) if above.item else Service
    kinds = {part: _listed(_led_to(item, part)) for part in _locators(item)}
    kind = kinds.get(name)
    if kind is None:
        known = sorted(part for part, found in kinds.items() if found is not None)
        raise UsageError(_unknown(f"below an object of {owner} there is no", name, known))
    field = fields(above.kind).get(name)
    return Relation(above, name, kind, field is not None and field.is_list)


def _at_root(name: str) -> Collection | None:
    service = _service_at_root(name)
    kind = _listed(service)
    if kind is None or "id" not in fields(kind):
        return None
    known = signature(service.list).parameters
    return Collection(name, service._item, kind, "search" in known, "follow" in known)


def _service_at_root(name: str) -> Any:
    return _led_to(services.SystemService, name)


def _locators(service: Any) -> set[str]:
    return set(service._named().values())


def _led_to(service: Any, name: str) -> Any:
    """The class that a property or a method of a service leads to."""
    member = getattr(service, name)
    leads_to = getattr(member, "fget", member).__annotations__["return"]
    return getattr(services, leads_to.partition("[")[0])


def _listed(service: Any) -> type[Struct] | None:
    listing = getattr(service, "list", None)
    found = _LISTED(listing.__annotations__["return"]) if listing else None
    kind: type[Struct] | None = getattr(types, found[1]) if found else None
    return kind


def _unknown(said: str, name: str, known: Any) -> str:
    near = get_close_matches(name, known, 3) or sorted(known)
    return f"{said} {name!r}; there is {', '.join(near)}"
