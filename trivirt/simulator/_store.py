"""The objects of an engine: collections by path, entities by id, timers that change them.

Values in the store are never changed in place: whoever wants another state puts another value
there. So values may share parts, a rendered entity stays right until it is replaced, and a
`version` tells whether something rendered earlier is still true.

Large data centers are cheap because what belongs to a single entity (its NICs, its statistics)
is made when somebody first asks for it, by the `maker` of that kind of collection.
"""

from __future__ import annotations

import copy
import heapq
import itertools
import random
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from trivirt import types
from trivirt.model import Struct, settled
from trivirt.simulator._clock import Clock
from trivirt.simulator._front import API

S = TypeVar("S", bound=Struct)

FORGETTABLE = 20_000

Maker = Callable[["Store", str], Iterable[Struct]]
"""Gives the first members of a collection, from the store and the id of the owner."""

Glance = Callable[[str], "list[Any] | None"]
"""Gives one attribute of what a maker would make, from the id of the owner; None if unknown."""


class Entry:
    """One entity: its value and what was rendered of it; `note` is what no document shows."""

    __slots__ = ("collection", "id", "note", "rendered", "value", "version")

    def __init__(self, collection: Collection, identity: str, value: Struct) -> None:
        self.collection = collection
        self.id = identity
        self.value = value
        self.version = 0
        self.rendered: str | None = None  # as an item of its list
        self.note: str | None = None

    def __repr__(self) -> str:
        return f"<Entry {self.path}>"

    @property
    def path(self) -> str:
        """Relative to the API root."""
        return f"{self.collection.path}/{quote(self.id, safe='')}"


class Collection:
    """The entities of one path, in the order they came."""

    __slots__ = ("entries", "forgotten", "path", "version")

    def __init__(self, path: str) -> None:
        self.path = path
        self.forgotten = False  # another one will be made in its place
        self.entries: dict[str, Entry] = {}
        self.version = 0

    def __repr__(self) -> str:
        return f"<Collection {self.path}, {len(self.entries)}>"

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)


class _Index:
    """The entries of a collection by one attribute; references count by their id."""

    __slots__ = ("_attribute", "_found")

    def __init__(self, attribute: str, entries: Iterable[Entry]) -> None:
        self._attribute = attribute
        self._found: dict[Any, list[Entry]] = {}
        for entry in entries:
            self.take_in(entry)

    def get(self, wanted: str) -> list[Entry]:
        return self._found.get(wanted, [])

    def take_in(self, entry: Entry) -> None:
        key = self._key(entry.value)
        if key is not None:
            self._found.setdefault(key, []).append(entry)

    def change(self, entry: Entry, new: Struct) -> None:
        """The entry still has its old value, and is about to get this one."""
        old, key = self._key(entry.value), self._key(new)
        if old == key:
            return
        self.leave_out(entry)
        if key is not None:
            self._found.setdefault(key, []).append(entry)

    def leave_out(self, entry: Entry) -> None:
        same = self._found.get(self._key(entry.value))
        if same is not None:
            same[:] = [each for each in same if each is not entry]

    def _key(self, value: Struct) -> Any:
        found = settled(value).get(self._attribute)
        return identity_of(found) if isinstance(found, Struct) else found


class Store:
    """All collections of an engine, and what will happen to them by itself."""

    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        self.clock = clock
        self._random = random.Random(f"ids {seed}")
        self._numbers = itertools.count(1)
        self.version = 0
        self.now = clock.now()
        self._collections: dict[str, Collection] = {}
        self._below: dict[str, list[str]] = {}  # collections, by the top-level entity above
        self._indexes: dict[str, dict[str, _Index]] = {}
        self._makers: dict[str, Maker] = {}
        self._same_again: dict[str, Callable[[str], bool]] = {}
        self._forgettable: deque[str] = deque()  # collections that could be made again as they are
        self._glances: dict[tuple[str, str], Glance] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    # As a whole.

    def finish(self) -> None:
        """Let everything happen that is still to happen within a minute."""
        until = self.now + 60.0
        while self._timers and self._timers[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._timers)
            happen()

    def empty(self) -> None:
        """Let go of everything. Entities and collections point to each other, which keeps them."""
        self._timers.clear()
        self._indexes.clear()
        for collection in self._collections.values():
            collection.entries.clear()
        self._collections.clear()

    def fill(self, path: str, values: list[tuple[Struct, str | None]]) -> None:
        """Put these into a collection, in place of what it has."""
        self._indexes.pop(path, None)
        collection = self._made(path)
        for value, note in values:
            self._put(collection, value).note = note
        self._changed(collection)

    def count_from(self, number: int) -> None:
        """The next event has this number; ids differ from those given out before."""
        self._numbers = itertools.count(number)
        self._random.seed(f"ids from {number} {self._random.random()}")

    # Reading.

    def make_with(
        self, template: str, maker: Maker, same_again: Callable[[str], bool] | None = None
    ) -> None:
        """Fill collections of this path template, such as `/vms/{id}/nics`, when first used.

        `same_again` tells for which owners the maker would make the same a second time: when
        there are very many, the oldest that nobody changed are forgotten until somebody asks.
        """
        self._makers[template] = maker
        if same_again is not None:
            self._same_again[template] = same_again

    def maker(self, template: str) -> Maker | None:
        """What fills collections of this path template so far."""
        return self._makers.get(template)

    def collection(self, path: str, template: str | None = None) -> Collection:
        """The collection at a path, made if there is none yet.

        Whether it may be there, and whether its owner exists, is for the caller to know.
        """
        found = self._collections.get(path)
        if found is None:
            found = self._made(path)
            maker = self._makers.get(template or path)
            if maker is not None:
                owner = path.rpartition("/")[0].rpartition("/")[2]
                for value in maker(self, owner):
                    self._put(found, value)
                again = self._same_again.get(template or path)
                if again is not None and again(owner):
                    self._forgettable.append(path)
                    self._forget_some()
        return found

    def _forget_some(self) -> None:
        while len(self._forgettable) > FORGETTABLE:
            path = self._forgettable.popleft()
            collection = self._collections.get(path)
            if collection is None or collection.version:
                continue
            del self._collections[path]
            top = "/".join(path.split("/", 3)[:3])
            self._below[top].remove(path)
            # Answers that were made from it must not outlive what will be made in its place.
            collection.forgotten = True
            collection.version += 1
            for entry in collection:
                entry.version += 1

    def _made(self, path: str) -> Collection:
        top = "/".join(path.split("/", 3)[:3])
        if top != path and path not in self._collections:
            self._below.setdefault(top, []).append(path)
        made = self._collections[path] = Collection(path)
        return made

    def tell_with(self, template: str, attributes: str, glance: Glance) -> None:
        """Answer by this what a collection would have in an attribute, while it is not made.

        A search over a large data center would have to make all of them otherwise.
        """
        self._glances[template, attributes] = glance

    def glance(self, template: str, attributes: str) -> Glance | None:
        """What answers for an attribute, or a path of some, in collections not made so far."""
        return self._glances.get((template, attributes))

    def is_made(self, path: str) -> bool:
        """Whether somebody has looked at a collection."""
        return path in self._collections

    def find(self, path: str, identity: str) -> Entry | None:
        """One entity of a collection."""
        return self.collection(path).entries.get(identity)

    def named(self, path: str, name: str) -> Entry | None:
        """The first entity of a collection with that name."""
        return next(iter(self.where(path, "name", name)), None)

    def where(self, path: str, attribute: str, wanted: str) -> list[Entry]:
        """The entities of a collection that have this in an attribute, or a reference to it."""
        collection = self.collection(path)
        indexes = self._indexes.setdefault(path, {})
        index = indexes.get(attribute)
        if index is None:
            index = indexes[attribute] = _Index(attribute, collection)
        return list(index.get(wanted))

    def paths(self, above: str, inside: str) -> list[str]:
        """The collections in use whose path begins with one text and has another in it."""
        return [path for path in self._collections if path.startswith(above) and inside in path]

    def user(self, name: str) -> types.User | None:
        """A reference to the user of a sign-on name, as events have it."""
        entry = self.named("/users", name.rpartition("@")[0] or name)
        if entry is None:
            return None
        values = settled(entry.value)
        return types.User(id=entry.id, href=values["href"], name=values["user_name"])

    # Changing.

    def new_id(self) -> str:
        """The id of an entity that a client adds; random, and the same in each run."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def next_number(self) -> int:
        """The id of the next event."""
        return next(self._numbers)

    def add(self, path: str, value: Struct, template: str | None = None) -> Entry:
        """Put a new entity there; its value must have an id, and gets its address."""
        collection = self.collection(path, template)
        entry = self._put(collection, value)
        self._changed(collection)
        return entry

    def replace(self, entry: Entry, **changes: Any) -> None:
        """Give an entity other attributes; None takes one away."""
        value = copy.copy(entry.value)
        for name, new in changes.items():
            setattr(value, name, new)
        self.put(entry, value)

    def put(self, entry: Entry, value: Struct) -> None:
        """Give an entity another value; its id and address stay."""
        if entry.collection.forgotten:
            path = entry.collection.path
            entry = self.collection(path, _template(path)).entries.get(entry.id, entry)
        for index in self._indexes.get(entry.collection.path, _NONE).values():
            index.change(entry, value)
        entry.value = value
        entry.rendered = None
        entry.version += 1
        self._changed(entry.collection)

    def remove(self, entry: Entry) -> None:
        """Take an entity away, with all collections that belong to it."""
        collection = entry.collection
        if collection.entries.pop(entry.id, None) is None:
            return
        for index in self._indexes.get(collection.path, _NONE).values():
            index.leave_out(entry)
        entry.version += 1
        self._remove_below(entry.path)
        self._changed(collection)

    def _remove_below(self, owner: str) -> None:
        top = "/".join(owner.split("/", 3)[:3])
        stays: list[str] = []
        for path in self._below.pop(top, ()):
            if not path.startswith(owner + "/"):
                stays.append(path)
                continue
            gone = self._collections.pop(path)
            self._indexes.pop(path, None)
            for each in gone:
                each.version += 1
            self._changed(gone)
        if stays:
            self._below[top] = stays

    def _put(self, collection: Collection, value: Struct) -> Entry:
        identity: str = value.id  # type: ignore[attr-defined] # only structs with an id come here
        entry = Entry(collection, identity, value)
        if value.href is None:
            value.href = API + entry.path
        before = collection.entries.get(identity)
        collection.entries[identity] = entry
        for index in self._indexes.get(collection.path, _NONE).values():
            if before is not None:
                index.leave_out(before)
            index.take_in(entry)
        return entry

    def _changed(self, collection: Collection) -> None:
        collection.version += 1
        self.version += 1

    # Time.

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Call `happen` when the engine's clock has moved on by so much."""
        heapq.heappush(self._timers, (self.now + seconds, next(self._count), happen))

    def settle(self) -> None:
        """Let everything happen that is due by the clock, in order.

        During each `happen`, `now` is the moment it was due, however late we look.
        """
        now = self.clock.now()
        while self._timers and self._timers[0][0] <= now:
            self.now, _, happen = heapq.heappop(self._timers)
            happen()
        self.now = now


def _template(path: str) -> str:
    """The path with `{id}` for each id."""
    parts = path.split("/")
    return "/".join("{id}" if at and at % 2 == 0 else part for at, part in enumerate(parts))


_NONE: Mapping[str, _Index] = {}


def reference(cls: type[S], path: str, identity: str) -> S:
    """A value that only points to an entity: its id and address."""
    return cls(id=identity, href=f"{API}{path}/{quote(identity, safe='')}")


def identity_of(value: Struct | None) -> str | None:
    """The id a reference points to; None for no reference."""
    return None if value is None else settled(value).get("id")
