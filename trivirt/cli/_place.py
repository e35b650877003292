"""From a PATH on the command line to a place in the tree of the API; needs no engine."""

from __future__ import annotations

import difflib
import inspect
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

    from trivirt.model import Call, Service, Struct

__all__ = ["PathArgument", "Place", "find_place"]

_API = re.compile(r"^(https?://[^/]+)?(/[^/]+)*/ovirt-engine/api(/v4)?(?=/|$)")
_RESULT = re.compile(r"Call\[(?P<items>Items\[)?(?P<type>\w+)")


class Place:
    """A place in the tree, with what can be asked for there. Made by `find_place`.

    `above` is the place that it is below of, None for the root, and `segment` its name there; or,
    where `is_item`, what somebody gave for an id.
    """

    def __init__(
        self,
        service: Service[Any],
        above: Place | None = None,
        segment: str = "",
        is_item: bool = False,
    ) -> None:
        self._service = service
        self.above, self.segment, self.is_item = above, segment, is_item

    def __str__(self) -> str:
        return self._service._path or "/"

    @property
    def names(self) -> list[str]:
        """What there is below, in the spelling of paths; ids are not known here."""
        return sorted(name for name in self._service._named() if "_" not in name)

    def takes(self, option: str) -> bool:
        """Whether the list that is here takes this parameter."""
        listing = getattr(type(self._service), "list", None)
        return listing is not None and option in inspect.signature(listing).parameters

    @property
    def is_list(self) -> bool:
        return hasattr(self._service, "list")

    @property
    def readable(self) -> bool:
        return self.is_list or hasattr(self._service, "get")

    @property
    def item_type(self) -> type[Struct]:
        """The class of the object here, or of the items of the list."""
        from trivirt import types

        read = getattr(type(self._service), "list" if self.is_list else "get")
        match = _RESULT.match(read.__annotations__["return"])
        assert match is not None, read
        found: type[Struct] = getattr(types, match["type"])
        return found

    def call(self, **options: Any) -> Call[Any]:
        """The request for what is here; an engine performs it."""
        read = self._service.list if self.is_list else self._service.get  # type: ignore[attr-defined]
        call: Call[Any] = read(**options)
        return call

    def step(self, segment: str) -> Place | None:
        """The place below with this name or id; None when there is none."""
        is_item = segment not in self._service._named()
        if is_item and not self._service._item:
            return None
        return Place(self._service._step(segment, segment), self, segment, is_item)


def find_place(path: str) -> Place:
    """Walk along a path such as `vms/123/nics`; an `href` of the API is one, too.

    Raises a usage error that names what is near.
    """
    from trivirt.services import SystemService

    # A service whose operations give the call that they describe.
    place = Place(SystemService(lambda call: call, ""))
    for segment in _API.sub("", path).split("/"):
        if segment:
            found = place.step(segment)
            if found is None:
                raise click.BadParameter(_nothing(path, segment, place))
            place = found
    return place


def _nothing(path: str, segment: str, place: Place) -> str:
    names = place.names
    # Whoever types `diskattachment` or `disk_attachments` means the same.
    near = difflib.get_close_matches(segment.replace("_", "").lower(), names, 3, 0.6)
    said = f"{path!r} leads nowhere: there is no {segment!r} in {place}"
    if near:
        return f"{said}; did you mean {' or '.join(near)}?"
    return f"{said}, but {', '.join(names)}." if names else f"{said}, which has nothing below it."


class PathArgument(click.ParamType):  # type: ignore[type-arg]  # Generic since click 8.4 only.
    """A PATH, which a shell can complete where names are: ids are the engine's."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        return value if isinstance(value, Place) else find_place(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before, slash, begun = incomplete.rpartition("/")
        try:
            names: Iterable[str] = find_place(before).names
        except click.BadParameter:
            return []
        return [
            CompletionItem(f"{before}{slash}{name}") for name in names if name.startswith(begun)
        ]
