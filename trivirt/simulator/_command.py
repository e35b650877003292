"""One command on its way: what was asked, what it works on, and the job that tells of it.

A command answers at once. What takes time is left to timers by `after` and `passes`; the job of
the command ends with the last of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from trivirt import types
from trivirt.model import OpenEnum, Struct, fields, settled
from trivirt.simulator._durations import Durations
from trivirt.simulator._events import NORMAL, add_event
from trivirt.simulator._finding import find_named
from trivirt.simulator._front import API, Asked
from trivirt.simulator._jobs import Jobs
from trivirt.simulator._places import Places
from trivirt.simulator._refusals import NoSuchEntity, conflict, incomplete
from trivirt.simulator._routing import Place
from trivirt.simulator._search_fields import HOMES
from trivirt.simulator._store import Collection, Entry, Store, identity_of

if TYPE_CHECKING:
    from trivirt.simulator._images import Images
    from trivirt.simulator.behaviours.transfers import Tickets

S = TypeVar("S", bound=Struct)

TRUE = ("", "true", "t", "yes", "y", "1")


@dataclass
class World:
    """What commands work on. `going_on` and `held` are by the path of an entity."""

    store: Store
    places: Places
    durations: Durations
    images: Images
    tickets: Tickets
    going_on: dict[str, object] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.store, self.durations)


class Command:
    """What one request sets going."""

    def __init__(
        self,
        world: World,
        asked: Asked,
        place: Place,
        entry: Entry | None = None,
        action: types.Action | None = None,
    ) -> None:
        self.world = world
        self.store = world.store
        self.durations = world.durations
        self.asked = asked
        self.place = place
        self.action = action or types.Action()
        self.failed = False
        self._entry = entry
        self._running = 0
        self._job: Entry | None = None
        self._at_end: list[Callable[[], None]] = []

    # What it is about.

    @property
    def entry(self) -> Entry:
        """The entity that an action, a change or a removal is for."""
        if self._entry is None:
            raise NoSuchEntity
        return self._entry

    def owner(self, above: int = 1) -> Entry:
        """The entity that the collection belongs to, or one `above` that."""
        segments = 2 * above if self.place.is_item else 2 * above - 1
        template = self.place.template.rsplit("/", segments)[0]
        return self.world.places.entry(template, self.place.path.rsplit("/", segments)[0])

    def flag(self, name: str) -> bool:
        """A parameter of the query that is true or false."""
        text = self.asked.parameters.get(name)
        return text is not None and text.lower() in TRUE

    def find(self, wanted: Struct | None) -> Entry | None:
        """The entity that a body refers to; None when it refers to none."""
        if wanted is None or not settled(wanted).keys() & {"id", "name"}:
            return None
        kind = type(wanted).__name__
        return find_named(self.store, HOMES[kind], wanted, kind)

    def below(self, entry: Entry, name: str) -> list[Entry]:
        """The members of a sub-collection of an entity."""
        return list(self.store.collection(f"{entry.path}/{name}", f"{_template(entry)}/{name}"))

    # What it leaves behind.

    def log(
        self,
        code: int,
        text: str,
        *,
        severity: types.LogSeverity = NORMAL,
        **about: Entry | None,
    ) -> None:
        """Write an event; `{vm}` in the text is the name of the entity given as `vm`."""
        for name, entry in about.items():
            shown = "" if entry is None else settled(entry.value).get("name") or entry.id
            text = text.replace(f"{{{name}}}", str(shown))
        known = fields(types.Event)
        add_event(
            self.store,
            code,
            text,
            severity=severity,
            correlation_id=self.asked.correlation_id,
            user=self.store.user(self.asked.user),
            about={name: entry for name, entry in about.items() if name in known},
        )

    def hold(self, entry: Entry, what: str) -> None:
        """Keep other commands from an entity until this one is over."""
        path = entry.path
        self.world.held[path] = what

        def let_go() -> None:
            self.world.held.pop(path, None)

        self._at_end.append(let_go)

    def check_free(self, entry: Entry, what: str) -> None:
        """Refuse to do something with an entity that another command is busy with."""
        busy = self.world.held.get(entry.path)
        if busy is not None:
            raise conflict(f"Cannot {what}. {busy} Please try again later.")

    # What takes time.

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen later; the command lasts until it has happened."""
        self._running += 1

        def run() -> None:
            happen()
            self._running -= 1
            self._end_if_done()

        self.store.after(seconds, run)

    def passes(
        self,
        entry: Entry,
        chain: Sequence[OpenEnum],
        then: Callable[[], None] | None = None,
        *,
        attribute: str = "status",
        lasting: float | None = None,
    ) -> None:
        """Take the first state now and the others in time; call `then` before the last one.

        Another chain for the same entity ends this one. `lasting` is how long the first state
        stays if not as long as it usually does.
        """
        mark = self.world.going_on[entry.path] = object()
        self._pass(entry, tuple(chain), then, attribute, mark, lasting)

    def _pass(
        self,
        entry: Entry,
        chain: tuple[OpenEnum, ...],
        then: Callable[[], None] | None,
        attribute: str,
        mark: object,
        lasting: float | None,
    ) -> None:
        going_on = self.world.going_on
        if len(chain) == 1:
            del going_on[entry.path]
            if then is not None:
                then()
            if is_there(entry):
                self.store.replace(entry, **{attribute: chain[0]})
            return
        self.store.replace(entry, **{attribute: chain[0]})

        def go_on() -> None:
            if going_on.get(entry.path) is not mark:
                return
            if is_there(entry):
                self._pass(entry, chain[1:], then, attribute, mark, None)
            else:
                del going_on[entry.path]

        self.after(self.durations.of(chain[0]) if lasting is None else lasting, go_on)

    # Its job.

    @property
    def running(self) -> bool:
        """Whether something is still to happen."""
        return self._running > 0

    # Where the new entity goes.

    home: Place

    def put(self, value: Any) -> Entry:
        """Store a new entity, with a new id unless it has one by nature."""
        place = self.home
        if "id" not in fields(type(value)):
            # Nothing that can be asked for again: an import, for example.
            return Entry(Collection(place.path), self.store.new_id(), value)
        identity = identity_for(self, value)
        if identity in self.store.collection(place.path, place.template).entries:
            raise conflict(f"Cannot add {type(value).__name__}. It is there already.")
        value.id = identity
        return self.store.add(place.path, value, place.template)

    def close(self, description: str) -> None:
        """The immediate part is over: from now on there is a job."""
        user = self.store.user(self.asked.user)
        owner = None if user is None else types.User(id=user.id, href=user.href)
        self._job = self.world.jobs.begin(description, owner, self.asked.correlation_id)
        self._end_if_done()

    @property
    def job(self) -> types.Job | None:
        """A reference to the job."""
        if self._job is None:
            return None
        return types.Job(id=self._job.id, href=f"{API}{self._job.path}")

    def _end_if_done(self) -> None:
        if self._running or self._job is None:
            return
        for clean in self._at_end:
            clean()
        self._at_end.clear()
        self.world.jobs.end(self._job, failed=self.failed)


def is_there(entry: Entry) -> bool:
    """Whether an entity has not been removed."""
    return entry.collection.entries.get(entry.id) is entry


def name_of(entry: Entry) -> str:
    """What people call it."""
    return str(settled(entry.value).get("name") or entry.id)


def get(entry: Entry, name: str) -> Any:
    """An attribute of an entity; None when it has no value."""
    return settled(entry.value).get(name)


def points_to(value: Struct | None, entry: Entry) -> bool:
    """Whether a reference leads to this entity."""
    return identity_of(value) == entry.id


def link_to(entry: Entry) -> Any:
    """A reference to an entity, as others have it."""
    return type(entry.value)(id=entry.id, href=f"{API}{entry.path}")


def _template(entry: Entry) -> str:
    """The path of an entity with `{id}` for each id."""
    parts = entry.path.split("/")
    return "/".join("{id}" if at and at % 2 == 0 else part for at, part in enumerate(parts))


def identity_for(command: Command, value: Struct) -> str:
    """The id of something new: that of what it stands for, or one nobody has yet."""
    values = settled(value)
    kind = type(value).__name__
    if isinstance(value, types.Event):
        value.index = command.store.next_number()
        value.time = command.store.clock.date(command.store.now)
        return str(value.index)
    if "/{id}/" in command.home.template and kind in MEMBERS:
        if not values.keys() & {"id", "name"}:
            raise incomplete(kind, "id|name", "add")
        home = MEMBERS[kind]
        entry = find_named(command.store, home, value, kind)
        setattr(value, "name", settled(entry.value).get("name"))  # noqa: B010 - has a name
        return entry.id
    return command.store.new_id()


# Entities that are put together in groups: below another entity they are members of it.
MEMBERS = {
    "AffinityLabel": "/affinitylabels",
    "Host": "/hosts",
    "Network": "/networks",
    "Tag": "/tags",
    "Vm": "/vms",
}


NEXT_RUNS = "/nextruns"  # what VMs will be at their next start; no path of the API leads there

WAIT: dict[str, Any] = {"wait": True}
"""What an action returns that answers only when it is over."""


def merged(old: S, new: Struct) -> S:
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
