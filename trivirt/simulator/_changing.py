"""Adding, changing and removing entities of any type, and doing what actions say.

What all types have in common is here. What one type does beyond that is looked up in the tables
of `behaviours`, by the service and, for actions, the action.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trivirt import types
from trivirt.model import Items, Struct, fields, settled
from trivirt.simulator._attaching import attach, detach
from trivirt.simulator._bodies import read_bodies, read_body
from trivirt.simulator._command import WAIT, Command, World, merged, name_of
from trivirt.simulator._finding import find_named
from trivirt.simulator._front import API, Answer, Asked, Body
from trivirt.simulator._pages import XML, container_page
from trivirt.simulator._refusals import Page, bad_body, conflict, incomplete
from trivirt.simulator._render import collection_document, document, entity, with_creation
from trivirt.simulator._routes import SERVICES, Method
from trivirt.simulator._routing import Place, item_service, shape_of
from trivirt.simulator._search_fields import HOMES
from trivirt.simulator._store import Entry
from trivirt.simulator._views import VIEWS
from trivirt.simulator.behaviours import ACTIONS, ADDING, REMOVING, UPDATING
from trivirt.simulator.behaviours._use import check_unused

# Top-level collections in which a name can be had once.
UNIQUE = {
    "/affinitylabels",
    "/bookmarks",
    "/clusters",
    "/datacenters",
    "/hosts",
    "/instancetypes",
    "/macpools",
    "/roles",
    "/storagedomains",
    "/tags",
    "/vmpools",
    "/vms",
}

# Collections whose body names what is there already.
ATTACHING = {"AttachedStorageDomainsService"}

# Members of a body that are entities of their own, and whose adding has rules of its own.
NOT_SPILLED = {
    *("data_centers", "disk_attachments", "disks", "permissions", "snapshots", "storage_domains"),
}


class Changing:
    """Carries out everything but GETs. Raises Refused where the engine says no."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.store
        self._places = world.places

    def add(self, asked: Asked, place: Place, method: Method) -> Answer:
        """A new entity: 201, or 202 while something is still being made."""
        self._places.entries(place.template, place.path)
        if method.body == getattr(types, method.struct).plural:
            return self._add_many(asked, place, method)
        value = self._body(asked, place, method)
        command = Command(self._world, asked, place)
        entry = self._attached(place, value)
        if entry is None:
            home = place
            if place.template in VIEWS:
                source = VIEWS[place.template].source
                home = replace(place, template=source, path=source)
            if place.name not in ATTACHING:
                self._check_name(home, value)
            entry = self._added(command, home, value, place.name)
        command.close(f"Adding {type(entry.value).__name__} {name_of(entry)}")

        def answer() -> Answer:
            return self._created(asked, entry, place, 202 if command.running else 201)

        waits = asked.facts.fields.get("x-ovirt-expect", "").lower() == "201-created"
        return replace(answer(), again=_when_over(command, answer) if waits else None)

    def _add_many(self, asked: Asked, place: Place, method: Method) -> Answer:
        """The body is a list, and so is the answer."""
        cls: type[Struct] = getattr(types, method.struct)
        usage = f"{_usage(place)}/methods/{method.name}"
        values = read_bodies(asked.body, cls, usage, asked.facts.sends_json)
        command = Command(self._world, asked, place)
        entries = [self._added(command, place, value, place.name) for value in values]
        command.close(f"Adding to {place.path}")
        shape = shape_of(item_service(place.name))
        items = [entity(entry.value, shape, "    ") for entry in entries]
        return Answer(201, XML, Body(collection_document(method.body, items)), "add")

    def _attached(self, place: Place, value: Struct) -> Entry | None:
        if place.template not in VIEWS or place.name in ADDING:
            return None
        return attach(self._store, self._places, place, value)

    def _added(self, command: Command, home: Place, value: Struct, service: str) -> Entry:
        self._resolve(value)
        value.href = None
        spilled = _spilled(value, home)
        command.home = home
        behave = ADDING.get(service)
        entry = behave(command, value) if behave is not None else None
        if entry is None:
            entry = command.put(value)
        for name, items in spilled:
            self._spill(command, entry, name, items)
        return entry

    def _spill(self, command: Command, owner: Entry, name: str, items: Items[Any]) -> None:
        """What a body has inside of an entity lives below it."""
        segment = name.replace("_", "")
        service = SERVICES[item_service(command.place.name)].segments[segment]
        template = f"{command.place.template}/{{id}}/{segment}"
        place = Place(template, SERVICES[service], service, (), f"{owner.path}/{segment}")
        for item in items:
            if isinstance(item, Struct):
                self._resolve(item)
                inner = Command(self._world, command.asked, place)
                inner.home = place
                behave = ADDING.get(service)
                if behave is None or behave(inner, item) is None:
                    inner.put(item)

    def _created(self, asked: Asked, entry: Entry, place: Place, status: int) -> Answer:
        shown = self._shown(entry, place)
        text = entity(shown, shape_of(item_service(place.name)))
        if status == 202:
            text = with_creation(text, f"{shown.href}/creation_status/{self._store.new_id()}")
        body = document(text)
        location = f"https://{asked.facts.fields.get('host', 'localhost')}{shown.href or ''}"
        return Answer(status, (*XML, ("location", location)), Body(body), "add")

    def _shown(self, entry: Entry, place: Place) -> Struct:
        """The entity as the collection shows it that it was added to."""
        view = VIEWS.get(place.template)
        if view is None or not view.moved:
            return entry.value
        for each in self._places.entries(place.template, place.path):
            if each.id == entry.id:
                return each.value
        return entry.value

    def update(self, asked: Asked, place: Place, method: Method) -> Answer:
        """What the body has replaces what was there; the rest stays."""
        entry = self._stored(place)
        changes = self._body(asked, place, method)
        self._resolve(changes)
        name = settled(changes).get("name")
        if name is not None and name != settled(entry.value).get("name"):
            self._check_name(place, changes, parent=entry.collection.path)
        command = Command(self._world, asked, place, entry)
        behave = UPDATING.get(place.name)
        if behave is not None:
            behave(command, changes)
        self._store.put(entry, merged(entry.value, changes))
        command.close(f"Editing {type(entry.value).__name__} {name_of(entry)}")
        body = document(entity(self._item_shown(entry, place), shape_of(place.name)))
        return Answer(200, XML, Body(body), "update")

    def _item_shown(self, entry: Entry, place: Place) -> Struct:
        return self._shown(entry, replace(place, template=place.template[:-5], path=place.parent))

    def remove(self, asked: Asked, place: Place, method: Method) -> Answer:
        """Gone, with all that belongs to it."""
        if not place.is_item:
            return self._remove_some(asked, place, method)
        entry = self._stored(place)
        command = Command(self._world, asked, place, entry)
        name = f"Removing {type(entry.value).__name__} {name_of(entry)}"
        behave = REMOVING.get(place.name)
        view = VIEWS.get(place.template.removesuffix("/{id}"))
        if behave is not None:
            behave(command)
        elif view is None or not detach(self._store, view, place, entry):
            check_unused(self._store, entry)
            self._store.remove(entry)
        command.close(name)
        return _done(command)

    def _remove_some(self, asked: Asked, place: Place, method: Method) -> Answer:
        """The members of a collection that the body names."""
        self._places.entries(place.template, place.path)
        command = Command(self._world, asked, place, None, self._action(asked, place, method))
        REMOVING[place.name](command)
        command.close(f"Removing from {place.path}")
        return _done(command)

    def act(self, asked: Asked, place: Place, method: Method) -> Answer:
        """An action answers `complete` when it has begun."""
        entry = None
        if place.is_item:
            entry = self._stored(place)
        else:
            self._places.entries(place.template, place.path)
        action = self._action(asked, place, method)
        command = Command(self._world, asked, place, entry, action)
        behave = ACTIONS.get((place.name, place.action))
        result = None if behave is None else behave(command)
        about = "" if entry is None else f" {type(entry.value).__name__} {name_of(entry)}"
        command.close(f"{place.action.capitalize()}{about}")
        waits = action.async_ is False or result is WAIT
        result = {} if result is WAIT or result is None else result
        done = _done(command, entry, result)
        return replace(done, again=_when_over(command, lambda: done) if waits else None)

    def _action(self, asked: Asked, place: Place, method: Method) -> types.Action:
        if not asked.body:
            return types.Action()
        usage = f"{_usage(place)}/methods/{method.name}"
        return read_body(asked.body, types.Action, "action", usage, asked.facts.sends_json)

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
        return read_body(asked.body, cls, method.body, usage, asked.facts.sends_json)

    def _check_name(self, place: Place, value: Struct, parent: str | None = None) -> None:
        home = parent if parent is not None else place.path
        if home not in UNIQUE:
            return
        kind = type(value).__name__
        name = settled(value).get("name")
        if name is None and kind not in ("Vm", "StorageDomain"):
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
            if each.name in BODIES.get(type(value).__name__, ()) and "id" not in given:
                continue
            entry = find_named(self._store, home, found, type(found).__name__)
            if each.name in BODIES.get(type(value).__name__, ()):
                continue
            setattr(value, name, type(found)(id=entry.id, href=f"{API}{entry.path}"))


# Members that are whole objects to be made and not references.
BODIES = {
    "DiskAttachment": ("disk",),
    "ExternalTemplateImport": ("template",),
    "ExternalVmImport": ("vm",),
    "Template": ("vm",),
    "VmPool": ("vm",),
}


def _spilled(value: Struct, place: Place) -> list[tuple[str, Items[Any]]]:
    """Take the lists out of a body that are collections below the new entity."""
    segments = SERVICES[item_service(place.name)].segments if item_service(place.name) else {}
    found = []
    for name, each in fields(type(value)).items():
        if each.link and name in settled(value) and name.replace("_", "") in segments:
            items = settled(value)[name]
            if name not in NOT_SPILLED:
                setattr(value, name, None)
                found.append((name, items))
    return found


def _when_over(command: Command, answer: Any) -> Any:
    """What a held answer asks again and again: None while the command goes on."""
    return lambda: None if command.running else answer()


def _done(
    command: Command, entry: Entry | None = None, result: dict[str, Any] | None = None
) -> Answer:
    """The `<action>` that tells what became of a command."""
    asked = command.asked
    later = asked.facts.fields.get("x-ovirt-expect", "").lower() == "202-accepted"
    if asked.method == "DELETE" and (later or command.flag("async")):
        return Answer(202, (), Body(b""), "remove")
    action = types.Action()
    known = fields(types.Action)
    for name, value in settled(command.action).items():
        if not known[name].secret and name not in ("id", "href"):
            setattr(action, name, value)
    action.job = command.job
    action.status = "complete"
    if entry is not None and (element := type(entry.value).element) in known:
        bare = type(entry.value)(id=entry.id, href=settled(entry.value)["href"])
        if type(bare) is known[element].cls:
            setattr(action, element, bare)
    for name, value in (result or {}).items():
        setattr(action, name, value)
    kind = "remove" if asked.method == "DELETE" else "action"
    return Answer(200, XML, Body(document(entity(action))), kind)


def _usage(place: Place) -> str:
    return "services/" + place.template.strip("/").replace("/{id}", "").replace("/", "-")
