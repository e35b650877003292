"""Which class an element stands for, from the generated index, which imports none of them."""

from __future__ import annotations

from typing import Any

from trivirt import types
from trivirt.errors import DecodeError

_LONGEST = 60


def find_class(element: str, expect: str | None) -> tuple[type[Any], bool]:
    """Give the class of a root element, and whether the element is a list of its objects."""
    if expect is not None and element != expect and element != "fault":
        raise DecodeError(f"expected a document <{expect}>, and <{element[:_LONGEST]}> came")
    name = types.ELEMENTS.get(element)
    if name is None:
        shown = element[:_LONGEST]
        raise DecodeError(f"<{shown}> is no document of the API: is this URL that of an engine?")
    cls = getattr(types, name)
    return cls, element == cls.plural
