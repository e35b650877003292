"""Long lists a page at a time, by the page number that an engine takes in its search."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from trivirt.errors import RemoteProtocolError, UsageError
from trivirt.model._call import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trivirt.model._call import Perform
    from trivirt.model._struct import Items

T = TypeVar("T")

_PAGE = 100

_PAGED = r"(?i)(?:^|\s)page\s+\S+\s*$"
# `sortby name page 2` would be sorted in the direction "page" (oVirt 4).
_UNDIRECTED = r"(?i)(?:^|\s)sortby\s+[^\s\"]+\s*$"


class Pages(Generic[T]):
    """The pages of a list, one after the other; `_views` says what callers are promised."""

    def __init__(self, call: Call[Items[T]]) -> None:
        query = dict(call.query)
        self._call, self._query = call, query
        self._size = _size(query.get("max"))
        self._whole = Whole(call) if query.get("filter") == "true" else None
        self._search = _directed(query.get("search", ""))
        self._number = 1
        self._last: set[str] = set()
        self._firsts: set[str] = set()

    async def __call__(self, perform: Perform) -> Sequence[T] | None:
        if self._whole is not None:
            return await self._whole(perform)
        found: Items[T] = await perform(self._page())
        if not found:
            return None
        keys = [_key(item) for item in found]
        fresh: list[T] = [
            item for item, key in zip(found, keys, strict=True) if key not in self._last
        ]
        self._check(found, fresh, keys)
        self._number += 1
        self._last = set(keys)
        self._firsts.add(keys[0])
        return fresh

    def _page(self) -> Call[Any]:
        search = f"{self._search} page {self._number}".lstrip()
        query = {**self._query, "max": str(self._size), "search": search}
        return self._call._replace(query=tuple(sorted(query.items())))

    def _check(self, found: Items[T], fresh: list[T], keys: list[str]) -> None:
        asked = f"{self._call}: page {self._number} of {self._size}"
        if len(found) > self._size:
            raise RemoteProtocolError(
                f"{asked} came with {len(found)} items, so the engine does not cut pages; use list"
            )
        # To remember where each page began is enough to notice any circle of pages.
        if not fresh or keys[0] in self._firsts:
            raise RemoteProtocolError(
                f"{asked} repeats an earlier one: the engine does not cut pages, or more was "
                "added meanwhile than fits one page"
            )


class Whole(Generic[T]):
    """The whole of a list as its only page."""

    def __init__(self, call: Call[Items[T]]) -> None:
        query = tuple(pair for pair in call.query if pair[0] != "max")
        self._call, self._over = call._replace(query=query), False

    async def __call__(self, perform: Perform) -> Sequence[T] | None:
        if self._over:
            return None
        found: Items[T] = await perform(self._call)
        self._over = True
        return found or None


def _size(given: str | None) -> int:
    if given is None:
        return _PAGE
    if not given.isdecimal() or int(given) < 1:
        raise UsageError(f"max={given}: a page has at least one item")
    return int(given)


def _directed(search: str) -> str:
    """Give the search so that a page can follow it."""
    if re.search(_PAGED, search):
        raise UsageError(f"the search {search!r} has a page already; iterate counts them itself")
    search = search.strip()
    return f"{search} asc" if re.search(_UNDIRECTED, search) else search


def _key(item: Any) -> str:
    """What tells an item from others; everything that has pages has ids."""
    return item.id or item.href or repr(item) if hasattr(item, "id") else repr(item)
