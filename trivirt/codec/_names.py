"""Which class an element stands for, from the generated index, which imports none of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trivirt.errors import DecodeError

# Not a plain import: the codec reads whatever classes there are, and knows none by name.
_INDEX = import_module("trivirt.types._index")

#: Names of the enumerations; what is not one of them and not simple is an object.
ENUMS: dict[str, str] = _INDEX.ENUMS
_ELEMENTS: dict[str, tuple[str, str, bool]] = _INDEX.ELEMENTS

_LONGEST = 60


def find_class(element: str, expect: str | None) -> tuple[type[Any], bool]:
    """Give the class of a root element, and whether the element is a list of its objects."""
    if expect is not None and element != expect and element != "fault":
        raise DecodeError(f"expected a document <{expect}>, and <{element[:_LONGEST]}> came")
    found = _ELEMENTS.get(element)
    if found is None:
        shown = element[:_LONGEST]
        raise DecodeError(f"<{shown}> is no document of the API: is this URL that of an engine?")
    module, name, is_list = found
    return getattr(import_module(f"trivirt.types.{module}"), name), is_list
