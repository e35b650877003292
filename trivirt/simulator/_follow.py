"""`follow=disk_attachments.disk,nics`: linked entities put inside of those that link to them."""

from __future__ import annotations

import copy
from typing import Any

from trivirt.model import Field, Items, Struct, fields, settled
from trivirt.simulator._front import API
from trivirt.simulator._places import Places
from trivirt.simulator._refusals import NoSuchEntity
from trivirt.simulator._routing import find_place

Tree = dict[str, "Tree"]


class BadFollow(Exception):
    """A name that leads nowhere: released engines answer it with 500 and a page."""


def parse_follow(text: str) -> Tree:
    """Paths as a tree of names."""
    tree: Tree = {}
    for path in text.split(","):
        branch = tree
        for name in path.strip().split("."):
            branch = branch.setdefault(name, {})
    return tree


def followed(places: Places, value: Struct, tree: Tree) -> Struct:
    """A copy of a value with everything in it that the tree names."""
    result = copy.copy(value)
    known = fields(type(value))
    for name, branch in tree.items():
        each = known.get(name)
        if each is None or each.is_simple or not each.is_struct:
            raise BadFollow(name)
        found = _members(places, value, each) if each.link else _target(places, value, each)
        if isinstance(found, Struct):
            setattr(result, name, _complete(places, found, branch))
        else:
            # Not by `setattr`, which would refuse what the engine has at some places: members of
            # a subclass, such as the virtual NUMA nodes of VMs.
            settled(result)[name] = Items([_complete(places, one, branch) for one in found])
    return result


def _complete(places: Places, value: Struct, branch: Tree) -> Struct:
    """The value, deeper ones inside, and its sub-collections as links."""
    result = followed(places, value, branch)
    href = settled(value).get("href")
    place = find_place(href[len(API) :]) if href else None
    if place is not None:
        for name, each in fields(type(value)).items():
            segment = name.replace("_", "")
            if each.link and segment in place.service.segments and name not in settled(result):
                setattr(result, name, Items(href=f"{href}/{segment}"))
    return result


def _members(places: Places, value: Struct, each: Field) -> list[Struct]:
    """The items of a sub-collection; those that are inside already when it is none."""
    href = settled(value).get("href")
    place = find_place(f"{href[len(API) :]}/{each.name.replace('_', '')}") if href else None
    if place is None or place.is_item:
        inside = settled(value).get(each.name)
        if inside is None:
            raise BadFollow(each.name)
        return [_looked_up(places, one) for one in inside]
    try:
        return [entry.value for entry in places.entries(place.template, place.path)]
    except NoSuchEntity as error:
        raise BadFollow(each.name) from error


def _target(places: Places, value: Struct, each: Field) -> Struct | list[Struct]:
    inside: Any = settled(value).get(each.name)
    if inside is None:
        raise BadFollow(each.name)
    if isinstance(inside, list):
        return [_looked_up(places, one) for one in inside]
    return _looked_up(places, inside)


def _looked_up(places: Places, reference: Struct) -> Struct:
    """The entity a reference points to; the reference itself when it points nowhere."""
    href = settled(reference).get("href")
    place = find_place(href[len(API) :]) if href else None
    if place is None or not place.is_item:
        return reference
    try:
        return places.entry(place.template, place.path).value
    except NoSuchEntity:
        return reference
