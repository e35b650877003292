"""The search language: `name=web* and status=up or host=h1 sortby name desc page 2`.

A query is compiled into a predicate over entries once, so that a page of a large collection
costs one call per entity. What the engine refuses is refused in its words (`BadSearch`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from trivirt.model import Struct, fields, settled
from trivirt.simulator._search_paths import known_field
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
    scope: int  # of the fields that decide who is found; see `Known`

    def apply(self, entries: list[Entry], size: int | None) -> list[Entry]:
        """The entries found, in order, cut to the page."""
        page = self.page or 1
        if size is None:
            return self._found(entries, None) if page == 1 else []
        return self._found(entries, page * size)[(page - 1) * size :]

    def _found(self, entries: list[Entry], most: int | None) -> list[Entry]:
        """The first ones; no more are looked for unless all must be known to put them in order."""
        read = self.sort
        some = iter(entries) if self.matches is None else filter(self.matches, entries)
        if read is None:
            return list(islice(some, most))
        keyed = sorted(
            ((sort_key(read(entry)), entry) for entry in some),
            key=itemgetter(0),
            reverse=self.descending,
        )
        return [entry for _, entry in keyed[:most]]


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
        self._scope = 0
        self._tokens = list(_tokens(text))
        self._at = 0

    def search(self) -> Search:
        matches = None
        if not self._done() and self._keyword() not in ("sortby", "page"):
            matches = self._alternatives()
        sort, descending, page = None, False, None
        if self._accept("sortby"):
            sort = self._sorted_by(self._word())
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
        return Search(matches, sort, descending, page, self._scope)

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
            return self._compared(text, operator, self._next()[1])
        return self._free_text(text)

    def _compared(self, name: str, operator: str, text: str) -> Predicate:
        field = known_field(self._store, self._cls, name)
        self._scope = max(self._scope, field.scope)
        if field.kind == "datetime":
            self._scope = 2  # "Today" is another day tomorrow
        now = self._store.clock.date(self._store.now)
        return comparison(field.read, field.kind, operator, text, exact=self._exact, now=now)

    def _sorted_by(self, name: str) -> Reader:
        try:
            field = known_field(self._store, self._cls, name)
        except BadSearch as bad:
            raise BadSearch("INVALID_SORT_FIELD") from bad
        self._scope = max(self._scope, field.scope)
        return field.read

    def _free_text(self, text: str) -> Predicate:
        accepts = pattern(text if "*" in text else f"*{text}*", self._exact)
        names = {name for name, each in fields(self._cls).items() if each.type_name == "str"}
        names -= {"href", "id"}

        def matches(entry: Entry) -> bool:
            values = settled(entry.value)
            return any(accepts(values[name]) for name in values if name in names)

        return matches

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
