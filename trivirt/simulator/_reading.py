"""Lists and single entities, found, cut, ordered and rendered."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Protocol

from trivirt import types
from trivirt.model import Struct
from trivirt.simulator._command import NEXT_RUNS, Command, World, merged
from trivirt.simulator._follow import BadFollow, followed, parse_follow
from trivirt.simulator._front import Answer, Asked, Body
from trivirt.simulator._pages import XML, container_page
from trivirt.simulator._permits import Permits, filtered
from trivirt.simulator._refusals import Page, Refused
from trivirt.simulator._render import collection_document, document, entity
from trivirt.simulator._routes import Method
from trivirt.simulator._routing import Place, item_service, shape_of
from trivirt.simulator._search import Search, compile_search
from trivirt.simulator._search_values import BadSearch
from trivirt.simulator._selecting import SELECT, selected
from trivirt.simulator._store import Collection, Entry
from trivirt.simulator.behaviours.ovf import document as document_of

TRUE = ("", "true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")


# What holds a whole document if all is wanted; VMs can be shown as they will be, too.
WITH_MORE = {"/vms", "/vms/{id}", "/vms/{id}/snapshots", "/vms/{id}/snapshots/{id}"}


class Versioned(Protocol):
    """What an answer was made from; the answer is right for as long as its version stays."""

    @property
    def version(self) -> int:
        """Another number whenever it is not what it was."""
        ...


class Passing:
    """What an answer was made from that is right for this moment only."""

    @property
    def version(self) -> int:
        return time.monotonic_ns()


def flag(asked: Asked, name: str) -> bool | None:
    """A parameter that is true or false; None when it is absent, or neither."""
    text = asked.parameters.get(name)
    if text is None:
        return None
    text = text.lower()
    return True if text in TRUE else False if text in FALSE else None


def number(asked: Asked, name: str) -> int | None:
    """A parameter that is a number from 0; None when it is absent, or malformed."""
    text = asked.parameters.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _wants_all(asked: Asked) -> bool:
    """Whether the request wants the costly parts, too."""
    wanted = flag(asked, "all_content")
    if wanted is None:
        return asked.facts.fields.get("all-content", "false").lower() in TRUE
    return wanted


class Reading:
    """Answers GETs. Each answer comes with what it was made from."""

    def __init__(self, world: World, permits: Permits) -> None:
        self._permits = permits
        self._world = world
        self._store = world.store
        self._places = world.places
        self.rendered = Rendered()

    def read_list(self, asked: Asked, place: Place, method: Method) -> tuple[Answer, Versioned]:
        """The entities of a collection."""
        cls = getattr(types, method.struct)
        members = self._places.entries(place.template, place.path)
        source: Versioned = members if isinstance(members, Collection) else self._store
        entries = list(members)
        if place.template in SELECT:
            entries = selected(
                self._store, place.template, place.path, entries, lambda name: flag(asked, name)
            )
            source = self._store
        if self._permits.limited(asked.user):
            entries = self._permits.visible(asked.user, place, entries)
        if place.template == "/events":
            entries = self._events(asked, entries)
        size = number(asked, "max")
        search = self._search(asked, cls, method)
        if search is None:
            entries = entries if size is None else entries[:size]
        else:
            entries = search.apply(entries, size)
            source = (source, self._store, Passing())[search.scope]
        if self._is_worked_out(asked, place):
            source = self._store
        return self._rendered_list(asked, place, method, entries), source

    def read_entity(self, asked: Asked, place: Place) -> tuple[Answer, Versioned]:
        """One entity."""
        entry = self._places.entry(place.template, place.path)
        lives_there = self._store.find(place.parent, entry.id) is entry
        source: Versioned = entry if lives_there else self._store
        if self._is_worked_out(asked, place):
            source = self._store
        (value,) = self._values(asked, place, [entry])
        shape = shape_of(place.name)
        return Answer(200, XML, Body(document(entity(value, shape))), "get"), source

    def _is_worked_out(self, asked: Asked, place: Place) -> bool:
        """Whether more is shown than an entity's value, or less."""
        if "follow" in asked.parameters or self._permits.limited(asked.user):
            return True
        if place.template not in WITH_MORE:
            return False
        return _wants_all(asked) or flag(asked, "next_run") is True

    def _shown_vm(self, asked: Asked, place: Place, entry: Entry, value: types.Vm) -> types.Vm:
        """As it will be at the next start, or with its OVF document inside, if asked for.

        A snapshot is a VM, too: the document is that of the VM it is of.
        """
        is_snapshot = isinstance(value, types.Snapshot)
        if flag(asked, "next_run") and not is_snapshot:
            later = self._store.find(NEXT_RUNS, entry.id)
            value = value if later is None else merged(value, later.value)
        if not _wants_all(asked):
            return value
        value = copy.copy(value)
        inside = copy.copy(value.initialization) or types.Initialization()
        if is_snapshot:
            entry = self._places.entry("/vms/{id}", "/".join(place.path.split("/")[:3]))
        data = document_of(Command(self._world, asked, place, entry), entry)
        inside.configuration = types.Configuration(data=data, type=types.ConfigurationType.OVF)
        value.initialization = inside
        if value.console is None and not is_snapshot:
            value.console = types.Console(enabled=False)
        return value

    # Choosing.

    def _events(self, asked: Asked, entries: list[Entry]) -> list[Entry]:
        """Newest first, and only those behind the one that `from` names."""
        since = number(asked, "from")
        entries.reverse()
        if since is not None:
            entries = list(takewhile(lambda entry: int(entry.id) > since, entries))
        return entries

    def _search(self, asked: Asked, cls: type[Struct], method: Method) -> Search | None:
        text = asked.parameters.get("search", "")
        if not text.strip() or "search" not in method.query:
            return None
        exact = flag(asked, "case_sensitive") or False
        try:
            return compile_search(text, cls, self._store, exact)
        except BadSearch as bad:
            raise Refused(400, str(bad)) from bad

    def _values(self, asked: Asked, place: Place, entries: Iterable[Entry]) -> Iterator[Struct]:
        """As this user sees them, with what was asked for inside; one by one, as made."""
        text = asked.parameters.get("follow", "")
        tree = parse_follow(text) if text else None
        limited = self._permits.limited(asked.user)
        try:
            for entry in entries:
                value = entry.value
                if tree is not None:
                    value = followed(self._places, value, tree)
                if isinstance(value, types.Vm) and place.template in WITH_MORE:
                    value = self._shown_vm(asked, place, entry, value)
                yield filtered(value) if limited else value
        except BadFollow as bad:
            raise Page(container_page(500)) from bad

    # Rendering.

    def _rendered_list(
        self, asked: Asked, place: Place, method: Method, entries: list[Entry]
    ) -> Answer:
        service = item_service(place.name)
        shape = shape_of(service)
        values = self._values(asked, place, entries)
        if self._is_worked_out(asked, place):
            items = (entity(value, shape, "    ") for value in values)
        else:
            items = (self.rendered.item(entry, service) for entry in entries)
        return Answer(200, XML, Body(collection_document(method.expect, items)), "list")


class Rendered:
    """Entities as items of their lists, rendered once for each value; the oldest go first."""

    def __init__(self, limit: int = 128 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._kept: dict[Entry, int] = {}

    def item(self, entry: Entry, service: str) -> str:
        """An entity of the service as an item of its list."""
        text = entry.rendered
        if text is None:
            text = entry.rendered = entity(entry.value, shape_of(service), "    ")
            size = len(text) + 200
            self._size += size - self._kept.pop(entry, 0)
            self._kept[entry] = size
            while self._size > self._limit:
                oldest = next(iter(self._kept))
                self._size -= self._kept.pop(oldest)
                oldest.rendered = None
        return text


class Answers:
    """Answers kept until what they were made from changes, within a bound of bytes."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._kept: dict[tuple[str, str], tuple[Versioned, int, Answer, int]] = {}

    def get(self, asked: Asked) -> Answer | None:
        """The answer to an earlier request that was the same."""
        found = self._kept.get((asked.facts.variant, asked.target))
        if found is None or found[0].version != found[1]:
            return None
        return found[2]

    def keep(self, asked: Asked, answer: Answer, source: Versioned) -> None:
        """Remember an answer. Twice its size is counted, for its compressed form and the rest."""
        size = 2 * len(answer.body.plain) + 1000
        if size > self._limit // 4:
            return
        key = asked.facts.variant, asked.target
        self._forget(key)
        self._size += size
        self._kept[key] = source, source.version, answer, size
        while self._size > self._limit:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, str]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= found[3]
