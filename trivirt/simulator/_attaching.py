"""Adding to and removing from collections that only show what lives elsewhere.

What is added to one gets a reference to its owner, and lives at home from then on; an entity that
is there already is attached. Removing detaches where an entity can have several owners, and
removes it otherwise.
"""

from __future__ import annotations

from trivirt import types
from trivirt.model import Items, Struct, fields, settled
from trivirt.simulator._finding import find_named
from trivirt.simulator._front import API
from trivirt.simulator._places import Places
from trivirt.simulator._refusals import conflict
from trivirt.simulator._routing import Place
from trivirt.simulator._store import Entry, Store, identity_of
from trivirt.simulator._views import VIEWS, View


def attach(store: Store, places: Places, place: Place, value: Struct) -> Entry | None:
    """Tie a value to the owner of a view; the entity it is, or None for a new one."""
    view = VIEWS[place.template]
    owner = places.entry(place.template.rpartition("/")[0], place.parent)
    known = fields(type(value))[view.attribute]
    pointer = known.cls(id=owner.id, href=f"{API}{owner.path}")
    if identity_of(value) is None:
        setattr(value, view.attribute, Items([pointer]) if known.is_list else pointer)
        return None
    entry = find_named(store, view.source, value, type(value).__name__)
    before = settled(entry.value).get(view.attribute)
    if not known.is_list:
        store.replace(entry, **{view.attribute: pointer})
        return entry
    if any(identity_of(each) == owner.id for each in before or ()):
        raise conflict(f"Cannot attach {type(value).__name__}. It is attached already.")
    store.replace(entry, **{view.attribute: Items([*(before or ()), pointer])})
    return entry


def detach(store: Store, view: View, place: Place, entry: Entry) -> bool:
    """Untie an entity from the owner it is shown at; False when it can have only this one."""
    if not fields(type(entry.value))[view.attribute].is_list or isinstance(entry.value, types.Disk):
        return False
    owner = place.ids[-2]
    kept = [e for e in settled(entry.value)[view.attribute] if identity_of(e) != owner]
    store.replace(entry, **{view.attribute: Items(kept)})
    return True
