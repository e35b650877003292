"""Where a path of the API leads: the generated tree of services, walked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from trivirt.simulator._render import NOTHING, Shape
from trivirt.simulator._routes import ROOT, SERVICES, Method, Service


@dataclass(frozen=True)
class Place:
    """What a path means. `template` has `{id}` for each id, `ids` are those of the path.

    `action` is set when the last segment is no place but something to do at it.
    """

    template: str
    service: Service
    name: str
    ids: tuple[str, ...]
    path: str
    action: str = ""

    @property
    def is_item(self) -> bool:
        """Whether it is an entity of a collection."""
        return self.template.endswith("{id}")

    @property
    def parent(self) -> str:
        """The path of the collection an entity is in, or of the owner of a collection."""
        return self.path.rpartition("/")[0]

    def method(self, verb: str) -> Method | None:
        """What the verb does here."""
        for method in self.service.methods:
            if method.verb == verb and method.action == self.action:
                return method
        return None

    def allowed(self) -> tuple[str, ...]:
        """The verbs that do something here."""
        here = {method.verb for method in self.service.methods if method.action == self.action}
        return tuple(sorted(here))


# Entities that are shown in several places keep what belongs to them at one.
_ELSEWHERE = (
    re.compile(r"/datacenters/[^/]+(/clusters/[^/]+/.+)"),
    re.compile(r"/datacenters/[^/]+(/networks/[^/]+/.+)"),
    re.compile(r"/networks/[^/]+(/vnicprofiles/[^/]+/.+)"),
    re.compile(r"/(?:users|groups)/[^/]+(/roles/[^/]+/.+)"),
    re.compile(r"(?:/datacenters/[^/]+)?/storagedomains/[^/]+(/disks/[^/]+/(?:perm|stat).+)"),
)


def find_place(path: str) -> Place | None:
    """The place of a path relative to the API root; None when no service has it."""
    for pattern in _ELSEWHERE:
        if match := pattern.fullmatch(path):
            path = match[1]
    service, name = SERVICES[ROOT], ROOT
    template = ""
    ids: list[str] = []
    segments = path.split("/")[1:]
    for at, segment in enumerate(segments, 1):
        below = service.segments.get(segment)
        if below is not None:
            template += f"/{segment}"
        elif at == len(segments) and any(each.action == segment for each in service.methods):
            owner = path[: -len(segment) - 1]
            return Place(template, service, name, tuple(ids), owner, segment)
        elif service.item and segment:
            below = service.item
            template += "/{id}"
            ids.append(unquote(segment))
        else:
            return None
        service, name = SERVICES[below], below
    return Place(template, service, name, tuple(ids), path)


@cache
def shape_of(service: str) -> Shape:
    """The links and actions of an entity whose own service this is."""
    if not service:
        return NOTHING
    about = SERVICES[service]
    actions = dict.fromkeys(each.action for each in about.methods if each.action)
    return Shape(tuple(about.segments), tuple(actions), has_actions=bool(actions))


def item_service(service: str) -> str:
    """The service of the entities in a collection; empty when they have none."""
    return SERVICES[service].item
