"""The search language: `name=web* and status=up or host=h1 sortby name desc page 2`.

A query is compiled into a predicate over entries once, so that a page of a large collection
costs one call per entity. What the engine refuses is refused in its words (`BadSearch`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trivirt.model import Struct, fields, settled
from trivirt.simulator._search_fields import CLASSES, FIELDS, HOMES, OTHERS
from trivirt.simulator._search_values import (
    BadSearch,
    Predicate,
    Reader,
    comparison,
    pattern,
    sort_key,
)
from trivirt.simulator._store import Entry, Store


@dataclass(frozen=True)
class Search:
    """A compiled query. `page` counts from 1; None when it was not given."""

    matches: Predicate | None
    sort: Reader | None
    descending: bool
    page: int | None
    local: bool  # nothing but the entities themselves decides who is found

    def apply(self, entries: list[Entry], size: int | None) -> list[Entry]:
        """The entries found, in order, cut to the page."""
        if self.matches is not None:
            entries = [entry for entry in entries if self.matches(entry)]
        if self.sort is not None:
            read = self.sort
            entries.sort(key=lambda entry: sort_key(read(entry)), reverse=self.descending)
        if self.page is None:
            return entries if size is None else entries[:size]
        if size is None:
            return entries if self.page == 1 else []
        start = (self.page - 1) * size
        return entries[start : start + size]


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<op><=|>=|!=|=|<|>)
      | "(?P<quoted>[^"]*)"
      | (?P<word>[^\s=<>!"]+)
    )""",
    re.VERBOSE,
)


def compile_search(text: str, cls: type[Struct], store: Store, case_sensitive: bool) -> Search:
    """Raises BadSearch for what the engine would refuse."""
    return _Compiler(text, cls, store, case_sensitive).search()


class _Compiler:
    def __init__(self, text: str, cls: type[Struct], store: Store, exact: bool) -> None:
        if "'" in text or ";" in text:
            raise BadSearch("INVALID_CHARECTER")  # spelt like this by the engine
        self._cls = cls
        self._store = store
        self._exact = exact
        self._local = True
        self._tokens = list(_tokens(text))
        self._at = 0

    def search(self) -> Search:
        matches = None
        if not self._done() and self._keyword() not in ("sortby", "page"):
            matches = self._alternatives()
        sort, descending, page = None, False, None
        if self._accept("sortby"):
            sort = self._reader(self._word())
            descending = self._keyword() == "desc"
            if self._keyword() in ("asc", "desc"):
                self._at += 1
        if self._accept("page"):
            number = self._word()
            if not (number.isascii() and number.isdigit()) or int(number) < 1:
                raise BadSearch("INVALID_POST_CONDITION_VALUE_PHRASE")
            page = int(number)
        if not self._done():
            raise BadSearch(f"${self._tokens[self._at][1]}$")
        return Search(matches, sort, descending, page, self._local)

    def _alternatives(self) -> Predicate:
        parts = [self._conjunction()]
        while self._accept("or"):
            parts.append(self._conjunction())
        if len(parts) == 1:
            return parts[0]
        return lambda entry: any(part(entry) for part in parts)

    def _conjunction(self) -> Predicate:
        parts = [self._criterion()]
        while self._accept("and"):
            parts.append(self._criterion())
        if len(parts) == 1:
            return parts[0]
        return lambda entry: all(part(entry) for part in parts)

    def _criterion(self) -> Predicate:
        kind, text = self._next()
        if kind == "op":
            raise BadSearch("INVALID_CONDITION_FILED")
        if kind == "word" and not self._done() and self._tokens[self._at][0] == "op":
            operator = self._next()[1]
            if self._done() or self._tokens[self._at][0] == "op":
                raise BadSearch("INVALID_CONDITION_VALUE")
            return comparison(self._reader(text), operator, self._next()[1], self._exact)
        return self._free_text(text)

    def _free_text(self, text: str) -> Predicate:
        accepts = pattern(text if "*" in text else f"*{text}*", self._exact)
        names = [name for name, each in fields(self._cls).items() if each.type_name == "str"]
        names = [name for name in names if name not in ("href", "id")]

        def matches(entry: Entry) -> bool:
            values = settled(entry.value)
            return any(name in values and accepts(values[name]) for name in names)

        return matches

    # Fields.

    def _reader(self, name: str) -> Reader:
        """What gives the values of a field; names may have a type in front, `host.name`."""
        name = name.lower()
        other, dot, inner = name.partition(".")
        if dot:
            return self._reader_of_other(other, inner)
        path = FIELDS.get(self._cls.__name__, {}).get(name)
        if path is None:
            each = fields(self._cls).get(name)
            if each is None or name == "href" or each.is_list:
                raise BadSearch("INVALID_CONDITION_FILED")
            path = name
            if not each.is_simple and each.is_struct:
                if "name" not in fields(each.cls):
                    raise BadSearch("INVALID_CONDITION_FILED")
                path = f"{name}.name"
        if "." in path or path.startswith("@"):
            self._local = False
        return self._walker(path)

    def _walker(self, path: str) -> Reader:
        """Follow attributes, the items of lists, and references to where the entity is.

        A path that begins with `@` starts at a sub-collection instead of an attribute.
        """
        store = self._store
        if path == "#note":
            return lambda entry: [] if entry.note is None else [entry.note]
        inside, names = path.startswith("@"), path.lstrip("@").split(".")

        def read(entry: Entry) -> list[Any]:
            values: list[Any] = [entry.value]
            for at, name in enumerate(names):
                if inside and at == 0:
                    below = f"{entry.path}/{name.replace('_', '')}"
                    template = f"{entry.collection.path}/{{id}}/{name.replace('_', '')}"
                    values = [each.value for each in store.collection(below, template)]
                    continue
                values = [value for each in values for value in _step(store, each, name)]
            return values

        return read

    def _reader_of_other(self, other: str, inner: str) -> Reader:
        singular = other[:-1] if other.endswith("s") and other[:-1] in OTHERS else other
        home = OTHERS.get(singular)
        if home is None:
            raise BadSearch("INVALID_CONDITION_FILED")
        self._local = False
        store = self._store
        cls = CLASSES[home]()
        read_other = _Compiler("", cls, store, self._exact)._reader(inner)
        if cls is self._cls:
            return read_other
        towards, back = _references(self._cls, cls), _references(cls, self._cls)
        if not towards and not back:
            raise BadSearch("INVALID_CONDITION_FILED")
        pointing: dict[str, list[Entry]] = {}  # those of the other type, by the id they point to
        for each in store.collection(home) if back else ():
            for one in _pointed_to(each, back):
                pointing.setdefault(one, []).append(each)

        def read(entry: Entry) -> list[Any]:
            reached = (store.find(home, one) for one in _pointed_to(entry, towards))
            found = [each for each in reached if each is not None]
            found = found or pointing.get(entry.id, [])
            return [value for each in found for value in read_other(each)]

        return read

    # Tokens.

    def _done(self) -> bool:
        return self._at >= len(self._tokens)

    def _keyword(self) -> str:
        if self._done() or self._tokens[self._at][0] != "word":
            return ""
        return self._tokens[self._at][1].lower()

    def _accept(self, keyword: str) -> bool:
        if self._keyword() == keyword:
            self._at += 1
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if self._done():
            raise BadSearch("INVALID_CONDITION_FILED")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "word":
            raise BadSearch("INVALID_POST_CONDITION_VALUE_PHRASE")
        return text


def _references(cls: type[Struct], other: type[Struct]) -> list[str]:
    """The attributes of one class that may point to entities of another."""
    known = fields(cls).values()
    return [each.name for each in known if each.type_name == other.__name__]


def _pointed_to(entry: Entry, names: list[str]) -> Iterator[str]:
    """The ids that references inside of an entity point to."""
    values = settled(entry.value)
    for name in names:
        found = values.get(name)
        for one in found if isinstance(found, list) else [found]:
            identity = None if one is None else settled(one).get("id")
            if identity is not None:
                yield identity


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadSearch(f"${text[at:].strip()}$")
        kind = match.lastgroup or "word"
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens


def _step(store: Store, value: Any, name: str) -> list[Any]:
    """The value or values of one attribute; a bare reference is looked up where it points."""
    found = settled(value).get(name)
    if found is None:
        home = HOMES.get(type(value).__name__)
        entry = store.find(home, settled(value).get("id", "")) if home else None
        found = settled(entry.value).get(name) if entry is not None else None
    if found is None:
        return []
    return list(found) if isinstance(found, list) else [found]
