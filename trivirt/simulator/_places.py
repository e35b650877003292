"""What is found at a path: members of collections, whether they live there or are only shown."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from trivirt import types
from trivirt.model import settled
from trivirt.simulator._derived import DERIVED
from trivirt.simulator._refusals import NoSuchEntity
from trivirt.simulator._store import Collection, Entry, Store
from trivirt.simulator._views import VIEWS, show

# Collections of what lies somewhere, and where that is if the engine knows it.
KNOWN_TOO = {"/storagedomains/{id}/templates": "/templates", "/storagedomains/{id}/vms": "/vms"}


class Places:
    """Walks from the root down, so that nothing is found below what does not exist."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self, template: str, path: str) -> Iterable[Entry]:
        """The members of a collection: a `Collection` when they live there.

        Raises NoSuchEntity when the owner does not exist.
        """
        owner = ""
        if template.count("/") > 1:
            owner = self.entry(template.rpartition("/")[0], path.rpartition("/")[0]).id
        view = VIEWS.get(template)
        if view is not None:
            return list(show(self._store, view, path, owner))
        derive = DERIVED.get(template)
        if derive is not None:
            return list(derive(self._store, path, owner))
        return self._store.collection(path, template)

    def entry(self, template: str, path: str) -> Entry:
        """The entity at a path. Raises NoSuchEntity."""
        home, _, segment = path.rpartition("/")
        above = template.rpartition("/")[0]
        if not template.endswith("/{id}"):
            # Neither a list nor an entity; what is below it belongs to what is above it.
            return self.entry(above, home)
        members = self.entries(above, home)
        identity = unquote(segment)
        if isinstance(members, Collection):
            found = members.entries.get(identity)
        else:
            found = next((entry for entry in members if entry.id == identity), None)
        if found is None and above in KNOWN_TOO:
            found = self._known_too(above, home, identity)
        if found is None:
            raise NoSuchEntity
        return found

    def _known_too(self, template: str, path: str, identity: str) -> Entry | None:
        """On a data domain lies what the engine knows; on an export domain copies of that do."""
        domain = self._store.find("/storagedomains", path.split("/")[2])
        if domain is None or settled(domain.value).get("type") is not types.StorageDomainType.DATA:
            return None
        return self._store.find(KNOWN_TOO[template], identity)
