"""How each relation of a plan is reached: the cheapest way that the engine offers.

There are three ways to what is below the objects of a collection:

    shared     one collection of the whole engine holds it, and each object in it names its owner
    follow     `follow=` on the list puts it inside of each object
    children   one request for each object

What they cost an engine of oVirt 4.4 or 4.5: any request passes Apache, AJP, filters, sign-on and
a thread of its own, and is then one query of the backend and the writing of XML. `follow` spares
the request and not the query: entity by entity, link by link, one after the other in one thread,
and all in memory before the first byte leaves. A few links of VMs are fetched for all of them at
once. So following is cheaper as long as a list comes in pages that are bounded in time; of a list
that cannot be cut it would hold a thread of the engine, and our memory, for as long as it likes.
The figures in `Costs` are guesses in the right proportion; only their proportion matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import ceil
from typing import NamedTuple

from trivirt.errors import UsageError
from trivirt.inventory._plan import Plan
from trivirt.inventory._surface import collection, relation

__all__ = ["Costs", "Itinerary", "Offer", "Route", "Way", "choose"]

WAYS = ("shared", "follow", "children")

# Collections of the whole engine: which attribute of their objects names the owner.
_SHARED = {
    ("networks", "vnic_profiles"): ("vnic_profiles", "network"),
    ("clusters", "cpu_profiles"): ("cpu_profiles", "cluster"),
    ("storage_domains", "disk_profiles"): ("disk_profiles", "storage_domain"),
    ("data_centers", "clusters"): ("clusters", "data_center"),
    ("data_centers", "networks"): ("networks", "data_center"),
}

# Links that the engine fetches for all VMs of a list at once (oVirt 4.4, 4.5: LinkFollower).
_BATCHED = frozenset({"cdroms", "graphics_consoles", "host_devices", "snapshots", "watchdogs"})

_PAGE = 250  # Objects of a page at most: some 2 MB of XML of machines.
_GUESS = 100  # Objects of a collection of which nobody said how many it has.


@dataclass(frozen=True)
class Costs:
    """What things cost an engine, in milliseconds of one of its threads."""

    request: float = 6.0
    query: float = 2.0
    object: float = 1.0
    longest: float = 1500.0  #: What one request should not exceed.


@dataclass(frozen=True)
class Offer:
    """What an engine offers, as far as it says.

    `counts` is how many objects collections have. `pages` is False for an engine that cannot cut
    lists reliably, `follows` for one before 4.2.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    pages: bool = True
    follows: bool = True


class Way(NamedTuple):
    """The way to one relation. `source` is the collection that is shared, `by` its reference."""

    name: str
    source: str = ""
    by: str = ""

    def __str__(self) -> str:
        return f"shared: {self.source}" if self.source else self.name


class Route(NamedTuple):
    """How one collection is read, with all that is below it.

    `page` is the size of a page, None for one list. `known` tells whether `objects` is what the
    engine said, or a guess. `requests` is how many it takes then.
    """

    collection: str
    page: int | None
    parts: Mapping[str, Way]
    objects: int
    known: bool
    requests: int

    def by(self, way: str) -> tuple[str, ...]:
        """The parts that are reached in this way."""
        return tuple(name for name, found in self.parts.items() if found.name == way)


class Itinerary(tuple[Route, ...]):
    """The routes to all that a plan names. Its text tells the ways and the number of requests."""

    @property
    def requests(self) -> int:
        return sum(route.requests for route in self)

    def __str__(self) -> str:
        rows = [row for route in self for row in _rows(route)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{name:<{widths[0]}}  {way:<{widths[1]}}  {requests:>{widths[2]}}".rstrip()
            for name, way, requests in rows
        ]
        guessed = [route.collection for route in self if not route.known and _matters(route)]
        about = f"about {self.requests} requests" if guessed else f"{self.requests} requests"
        if guessed:
            about += f" (if there are {_GUESS} {' and '.join(guessed)} each)"
        return "\n".join([*lines, about])

    def as_data(self) -> list[dict[str, object]]:
        """The same as plain data, from which `from_data` makes it again."""
        return [
            {**route._asdict(), "parts": {name: [*way] for name, way in route.parts.items()}}
            for route in self
        ]

    @classmethod
    def from_data(cls, data: list[dict[str, object]]) -> Itinerary:
        routes = []
        for entry in data:
            parts: Mapping[str, list[str]] = entry["parts"]  # type: ignore[assignment]  # as above
            ways = {name: Way(*way) for name, way in parts.items()}
            routes.append(Route(**{**entry, "parts": ways}))  # type: ignore[arg-type]  # as above
        return cls(routes)


def choose(
    plan: Plan,
    offer: Offer = Offer(),
    *,
    force: Mapping[str, str] | None = None,
    costs: Costs = Costs(),
) -> Itinerary:
    """Choose the cheapest way to each relation of the plan.

    `force` maps relations to ways: `{"vms.nics": "children"}`; `*` stands for any name, and the
    last entry that matches counts. Raises UsageError when a way that is forced does not exist, or
    is of a relation that the plan does not have.
    """
    there = {f"{name}.{part}" for name, parts in plan.items() for part in parts}
    for what in force or ():
        if "*" not in what and what not in there:
            raise UsageError(f"the plan does not have {what}, of which the way is forced")
    chooser = _Chooser(plan, offer, dict(force or {}), costs)
    return Itinerary(chooser.route(name) for name in plan)


@dataclass(frozen=True)
class _Chooser:
    plan: Plan
    offer: Offer
    force: Mapping[str, str]
    costs: Costs

    def route(self, name: str) -> Route:
        where = collection(name)
        known = name in self.offer.counts
        count = self.offer.counts.get(name, _GUESS)
        cut = self.offer.pages and where.pages
        parts = {part: self._way(name, part, count, cut) for part in self.plan[name]}
        page = self._page([part for part, way in parts.items() if way.name == "follow"])
        lists = max(1, ceil(count / page)) if cut else 1
        asked = (
            1 if way.source else 0 if way.name == "follow" else count for way in parts.values()
        )
        return Route(name, page if cut else None, parts, count, known, lists + sum(asked))

    def _way(self, name: str, part: str, count: int, cut: bool) -> Way:
        possible = self._possible(name, part)
        wanted = self._forced(f"{name}.{part}")
        if wanted is not None:
            if wanted not in possible:
                raise UsageError(
                    f"{name}.{part} cannot be reached by {wanted!r}; there is {', '.join(possible)}"
                )
            return possible[wanted]
        return min(possible.values(), key=lambda way: self._cost(way, part, count, cut))

    def _possible(self, name: str, part: str) -> dict[str, Way]:
        below = relation(name, part)
        ways = {"children": Way("children")}
        if below.inside and below.owner.follows and self.offer.follows:
            ways["follow"] = Way("follow")
        if (name, part) in _SHARED:
            ways["shared"] = Way("shared", *_SHARED[name, part])
        return ways

    def _forced(self, what: str) -> str | None:
        wanted = [way for name, way in self.force.items() if fnmatchcase(what, name)]
        return wanted[-1] if wanted else None

    def _cost(self, way: Way, part: str, count: int, cut: bool) -> float:
        """Milliseconds that it takes the engine; infinite for what would be one endless request."""
        costs = self.costs
        if way.source:
            return costs.request + costs.query + count * costs.object
        if way.name == "children":
            return count * (costs.request + costs.query + costs.object)
        return count * (self._query(part) + costs.object) if cut else float("inf")

    def _query(self, part: str) -> float:
        return 0.0 if part in _BATCHED else self.costs.query

    def _page(self, followed: list[str]) -> int:
        """As many objects as the engine can give with what is followed in bounded time."""
        each = self.costs.object + sum(self._query(part) + self.costs.object for part in followed)
        return max(10, min(_PAGE, int(self.costs.longest / each)))


def _rows(route: Route) -> list[tuple[str, str, str]]:
    lists = f"pages of {route.page}" if route.page else "one list"
    below = [
        (f"  {name}", str(way), "") if way.name != "children" else (f"  {name}", "children", "")
        for name, way in route.parts.items()
    ]
    return [(route.collection, lists, str(route.requests)), *below]


def _matters(route: Route) -> bool:
    return bool(route.by("children")) or route.page is not None
