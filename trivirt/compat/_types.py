"""The types and enumerations of ovirtsdk4, made one by one when they are first needed.

What a type consists of is read from the declarations in `trivirt.types`; see the package for why
there is no table of its own. A constructor is written as source and compiled, as `dataclasses`
does, so that its signature and its complaints are those of a function written by hand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from operator import attrgetter
from types import FunctionType
from typing import Any

from trivirt.compat._errors import HOME
from trivirt.compat._struct import BLANKS, List, Struct, Unset, dict_of
from trivirt.model import Field, fields
from trivirt.types import ENUMS, STRUCTS

MODULE = f"{HOME}.types"

#: Classes of trivirt by those made of them.
DECLARED: dict[type[Any], type[Any]] = {}

_made: dict[str, type[Any]] = {}
# Two threads that made a type each would have two that are not the same.
_making = threading.RLock()


def names() -> list[str]:
    """The names of all types and enumerations."""
    return sorted([*ENUMS, *STRUCTS])


def make(name: str) -> type[Any]:
    """The type or enumeration of a name; always the same one. Raises KeyError for others."""
    found = _made.get(name)
    if found is None:
        with _making:
            found = _made.get(name)
            if found is None:
                found = _made[name] = _make_enum(name) if name in ENUMS else _make_struct(name)
    return found


def declaration(name: str) -> type[Any]:
    """The class of trivirt with the same facts."""
    module = ENUMS[name] if name in ENUMS else STRUCTS[name]
    found: type[Any] = getattr(import_module(f"trivirt.types.{module}"), name)
    return found


class _Word(Enum):
    """An enumeration that shows as the API's text; members equal no text."""

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def _make_enum(name: str) -> type[Any]:
    declared: Any = declaration(name)
    # The order of ovirtsdk4, in which `INSTALL_FAILED` comes before `INSTALLING`.
    members = sorted(declared, key=lambda member: member.name.lower())
    words = {member.name: member.value for member in members}
    # The functional way of making an enumeration, which type checkers do not follow here.
    enumeration: Any = _Word
    made: type[Any] = enumeration(name, words, module=MODULE, qualname=name)
    DECLARED[made] = declared
    return made


def _make_struct(name: str) -> type[Any]:
    declared = declaration(name)
    parent = declared.__mro__[1].__name__
    base: type[Any] = make(parent) if parent in STRUCTS else Struct
    everything = fields(declared)
    inherited = fields(DECLARED[base]) if base is not Struct else {"href"}
    space: dict[str, Any] = {"__module__": MODULE, "__doc__": declared.__doc__}
    space["__init__"] = _constructor(name, everything)
    for attribute, field in everything.items():
        if attribute not in inherited:
            space[attribute] = _property(field)
            space[f"_{attribute}"] = Unset()
    made = type(name, (base,), space)
    BLANKS[made] = {f"_{attribute}": None for attribute in everything}
    DECLARED[made] = declared
    return made


def _property(field: Field) -> property:
    own = f"_{field.name}"
    if field.is_list or field.is_simple:

        def put(self: Any, value: Any) -> None:
            dict_of(self)[own] = value

    else:
        name, type_name = field.name, field.type_name

        def put(self: Any, value: Any) -> None:
            if value is not None:
                Struct._check_type(name, value, make(type_name))
            dict_of(self)[own] = value

    return property(attrgetter(own), put, doc=f"The `{field.name}` property.")


def _constructor(name: str, everything: Any) -> Callable[..., None]:
    """`__init__` with all properties as parameters, by name, as ovirtsdk4 has them."""
    listed = [attribute for attribute in everything if attribute != "href"]
    lines = [
        f"def __init__(self, {', '.join(f'{one}=None' for one in sorted(listed))}):",
        "    own = self.__dict__",
    ]
    for one in listed:
        field = everything[one]
        plain = field.is_list or field.is_simple
        lines.append(f'    own["_{one}"] = {one}' if plain else f"    self.{one} = {one}")
    space: dict[str, Any] = {"__name__": MODULE}
    source = "\n".join(lines).replace("(self, )", "(self)")
    exec(compile(source, f"<{MODULE}.{name}>", "exec"), space)
    made: FunctionType = space["__init__"]
    made.__qualname__ = f"{name}.__init__"
    return made


__all__ = ["DECLARED", "MODULE", "STRUCTS", "List", "Struct", "declaration", "make", "names"]
