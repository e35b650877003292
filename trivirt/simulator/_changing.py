"""Adding, changing and removing entities of any type, and doing what actions say."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from trivirt import types
from trivirt.model import Struct, fields, settled
from trivirt.simulator._attaching import attach, check_view, detach
from trivirt.simulator._bodies import read_body
from trivirt.simulator._durations import Durations
from trivirt.simulator._events import add_event
from trivirt.simulator._front import API, Asked
from trivirt.simulator._pages import container_page, xml_page
from trivirt.simulator._places import Places
from trivirt.simulator._refusals import Page, bad_body, conflict, incomplete
from trivirt.simulator._render import STEP, document, entity
from trivirt.simulator._routes import Method
from trivirt.simulator._routing import Place, item_service, shape_of
from trivirt.simulator._search_fields import HOMES
from trivirt.simulator._store import Entry, Store
from trivirt.simulator._views import VIEWS
from trivirt.simulator._vms import VmBehaviour, find_named
from trivirt.wire._messages import Response

# Top-level collections in which a name can be had once.
UNIQUE = ("/clusters", "/datacenters", "/hosts", "/storagedomains", "/tags", "/roles", "/vms")


class Changing:
    """Carries out everything but GETs. Raises Refused where the engine says no."""

    def __init__(self, store: Store, places: Places, durations: Durations) -> None:
        self._store = store
        self._places = places
        self._vms = VmBehaviour(store, durations)

    def add(self, asked: Asked, place: Place, method: Method) -> Response:
        """A new entity: 201, or 202 while something is still being made."""
        self._places.entries(place.template, place.path)
        check_view(place.template)
        value = self._body(asked, place, method)
        if place.template in VIEWS:
            attached = attach(self._store, self._places, place, value)
            if attached is not None:
                return self._created(asked, attached, place)
            place = replace(place, template=VIEWS[place.template].source)
            place = replace(place, path=place.template)
        self._check_name(place, value)
        self._resolve(value)
        if isinstance(value, types.Vm) and place.template == "/vms":
            self._vms.prepare_add(value, asked)
        identity = self._identity(place, value)
        if identity in self._store.collection(place.path, place.template).entries:
            raise conflict(f"Cannot add {type(value).__name__}. It is there already.")
        setattr(value, "id", identity)  # noqa: B010 - not every struct has an id
        value.href = None
        entry = self._store.add(place.path, value, place.template)
        if place.template == "/vms":
            self._vms.added(entry, asked)
            return self._created(asked, entry, place, 202)
        return self._created(asked, entry, place)

    def _created(self, asked: Asked, entry: Entry, place: Place, status: int = 201) -> Response:
        body = document(entity(entry.value, shape_of(item_service(place.name))))
        location = f"https://{asked.facts.fields.get('host', 'localhost')}{API}{entry.path}"
        return xml_page(body, status, (("location", location),))

    def update(self, asked: Asked, place: Place, method: Method) -> Response:
        """What the body has replaces what was there; the rest stays."""
        entry = self._stored(place)
        changes = self._body(asked, place, method)
        self._resolve(changes)
        name = settled(changes).get("name")
        if name is not None and name != settled(entry.value).get("name"):
            self._check_name(place, changes, parent=place.parent)
        self._store.put(entry, merged(entry.value, changes))
        if place.template == "/vms/{id}":
            user = self._store.user(asked.user)
            text = f"VM {settled(entry.value)['name']} configuration was updated by {asked.user}."
            mark = asked.correlation_id
            add_event(self._store, 35, text, vm=entry, user=user, correlation_id=mark)
        return xml_page(document(entity(entry.value, shape_of(place.name))))

    def remove(self, asked: Asked, place: Place, method: Method) -> Response:
        """Gone, with all that belongs to it."""
        check_view(place.template)
        entry = self._stored(place)
        view = VIEWS.get(place.template.removesuffix("/{id}"))
        if place.template == "/vms/{id}":
            self._vms.check_remove(entry)
            self._vms.remove(entry, asked)
        elif view is None or not detach(self._store, view, place, entry):
            self._check_unused(entry)
            self._store.remove(entry)
        return _done()

    def act(self, asked: Asked, place: Place, method: Method) -> Response:
        """An action answers `complete` when it has begun."""
        if place.is_item:
            entry = self._stored(place)
        else:
            self._places.entries(place.template, place.path)
            entry = None
        action = types.Action()
        if asked.body:
            usage = f"{_usage(place)}/methods/{method.name}"
            action = read_body(asked.body, types.Action, "action", usage)
        behave = self._vms.actions.get(place.action) if place.template == "/vms/{id}" else None
        if behave is not None and entry is not None:
            behave(entry, action, asked)
        return _done(entry)

    # Checks.

    def _stored(self, place: Place) -> Entry:
        """An entity that can be changed here; what is only shown here is changed at home."""
        entry = self._places.entry(place.template, place.path)
        return self._store.find(entry.collection.path, entry.id) or self._home_of(entry)

    def _home_of(self, entry: Entry) -> Entry:
        home = HOMES.get(type(entry.value).__name__, "")
        found = self._store.find(home, entry.id) if home else None
        if found is None:
            raise Page(container_page(405))
        return found

    def _body(self, asked: Asked, place: Place, method: Method) -> Struct:
        usage = f"{_usage(place)}/methods/{method.name}"
        if not asked.body:
            raise bad_body(usage)
        cls: type[Struct] = getattr(types, method.struct)
        return read_body(asked.body, cls, method.body, usage)

    def _identity(self, place: Place, value: Struct) -> str:
        """Attachments and assignments have the id of what they attach; all others a new one."""
        if isinstance(value, types.Event):
            value.index = self._store.next_number()
            value.time = self._store.clock.date(self._store.now)
            return str(value.index)
        if isinstance(value, types.DiskAttachment):
            if value.disk is None or value.disk.id is None:
                raise incomplete("DiskAttachment", "disk.id", "add")
            return value.disk.id
        if isinstance(value, types.Tag) and place.template != "/tags":
            if value.name is None and value.id is None:
                raise incomplete("Tag", "id|name", "add")
            tag = find_named(self._store, "/tags", value, "Tag")
            value.name = settled(tag.value)["name"]
            return tag.id
        return self._store.new_id()

    def _check_name(self, place: Place, value: Struct, parent: str | None = None) -> None:
        home = parent if parent is not None else place.path
        if home not in UNIQUE:
            return
        kind = type(value).__name__
        name = settled(value).get("name")
        if name is None and kind != "Vm":
            raise incomplete(kind, "name", "add")
        if name is not None and self._store.named(home, name) is not None:
            raise conflict(f"Cannot add {kind}. The {kind} name is already in use.")

    def _resolve(self, value: Struct) -> None:
        """Give references in a body their ids and addresses. Raises Refused for unknown ones."""
        for name, found in list(settled(value).items()):
            each = fields(type(value))[name]
            if each.is_simple or not each.is_struct or each.is_list:
                continue
            home = HOMES.get(type(found).__name__)
            given = settled(found)
            if home is None or not (given.keys() & {"id", "name"}):
                continue
            entry = find_named(self._store, home, found, type(found).__name__)
            setattr(value, name, type(found)(id=entry.id, href=f"{API}{entry.path}"))

    def _check_unused(self, entry: Entry) -> None:
        """Refuse to remove what VMs and hosts stand on."""
        users = {
            "/clusters": (("/vms", "cluster"), ("/hosts", "cluster")),
            "/templates": (("/vms", "template"),),
            "/hosts": (("/vms", "host"),),
            "/networks": (("/vnicprofiles", "network"),),
            "/datacenters": (("/clusters", "data_center"),),
        }
        for path, attribute in users.get(entry.collection.path, ()):
            for other in self._store.collection(path):
                reference = settled(other.value).get(attribute)
                if reference is not None and settled(reference).get("id") == entry.id:
                    kind = type(entry.value).__name__
                    name = settled(other.value).get("name", other.id)
                    raise conflict(f"Cannot remove {kind}. It is used by {name}.")


def merged(old: Struct, new: Struct) -> Struct:
    """The old value with what the new one sets; structures inside are merged as well."""
    result = copy.copy(old)
    for name, value in settled(new).items():
        if name in ("id", "href"):
            continue
        before: Any = settled(old).get(name)
        is_reference = isinstance(value, Struct) and "id" in settled(value)
        if isinstance(value, Struct) and isinstance(before, Struct) and not is_reference:
            value = merged(before, value)
        setattr(result, name, value)
    return result


def _done(entry: Entry | None = None) -> Response:
    inner = f"{STEP}<status>complete</status>\n"
    if entry is not None:
        bare = type(entry.value)(id=entry.id, href=settled(entry.value)["href"])
        inner += entity(bare, indent=STEP)
    return xml_page(document(f"<action>\n{inner}</action>\n"))


def _usage(place: Place) -> str:
    return "services/" + place.template.strip("/").replace("/{id}", "").replace("/", "-")
