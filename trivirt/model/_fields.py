"""What is known about the attributes of a class, read from its declaration.

A declaration is an annotation and, where the wire differs from the rule, an `attr(...)`. It is
read when somebody first needs it: importing a module of types costs the classes and nothing else,
and a type that is only named in an annotation is not imported before a value of it is met.
"""

from __future__ import annotations

import importlib
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trivirt.model._enum import OpenEnum

if TYPE_CHECKING:
    from collections.abc import Mapping

SIMPLE = {"str": str, "int": int, "float": float, "bool": bool, "datetime": datetime}


class Attr:
    """What `attr(...)` says; replaced by None when the class is made."""

    __slots__ = ("default", "link", "rel", "secret", "wire", "xs")

    def __init__(
        self,
        default: Any = None,
        *,
        wire: str = "",
        rel: str = "",
        link: bool = True,
        xs: str = "",
        secret: bool = False,
    ) -> None:
        self.default, self.wire, self.rel, self.link = default, wire, rel, link
        self.xs, self.secret = xs, secret


_RULE = Attr()


class Field:
    """One attribute of a class: its name, its name on the wire, and what it may hold.

    `cls` is the class of the value, or of the items of a list; it is imported on first use.
    """

    __slots__ = (
        "_cls",
        "_module",
        "is_list",
        "is_xml_attribute",
        "item",
        "link",
        "name",
        "rels",
        "secret",
        "type_name",
        "wire",
        "xs",
    )

    def __init__(self, name: str, annotation: str, facts: Attr, module: str) -> None:
        # Annotations are plain enough to be read as text: `str | None`, `Items[Nic] | None`.
        kind = annotation.removesuffix(" | None")
        item = kind.removeprefix("Items[").removesuffix("]")
        if kind not in (item, f"Items[{item}]") or not item.isidentifier():
            raise TypeError(f"{module}: the annotation of {name} is not understood: {annotation}")
        self.name = name
        self.wire = facts.wire or name.rstrip("_")
        self.is_list = kind != item
        self.type_name = item
        self.item = name[:-1] if self.is_list else ""
        self.is_xml_attribute = name in ("href", "id")
        self.link = self.is_list and facts.link and not self.is_simple
        rel = name.replace("_", "")
        self.rels = (rel, facts.rel) if facts.rel else (rel,)
        self.secret = facts.secret or "password" in name
        self.xs = facts.xs
        self._module = module
        self._cls: type[Any] | None = SIMPLE.get(self.type_name)

    def __repr__(self) -> str:
        return f"<Field {self.name}: {self.type_name}{'[]' if self.is_list else ''}>"

    @property
    def is_simple(self) -> bool:
        """Whether a value is text, a number, a truth value or a date: decided without import."""
        return self.type_name in SIMPLE

    @property
    def cls(self) -> type[Any]:
        if self._cls is None:
            self._cls = self._find()
        return self._cls

    @property
    def is_enum(self) -> bool:
        return issubclass(self.cls, OpenEnum)

    @property
    def is_struct(self) -> bool:
        return not self.is_simple and not self.is_enum

    def _find(self) -> type[Any]:
        # The module of the class itself first, then its package, which knows all its modules.
        found = getattr(sys.modules[self._module], self.type_name, None)
        if found is None:
            package = importlib.import_module(self._module.rpartition(".")[0])
            found = getattr(package, self.type_name)
        kind: type[Any] = found
        return kind


def fields(cls: type[Any]) -> Mapping[str, Field]:
    """Give the attributes of a class by Python name, inherited ones first, `href` foremost."""
    own = cls.__dict__.get("_fields")
    if own is not None:
        found: Mapping[str, Field] = own
        return found
    table: dict[str, Field] = {}
    for base in reversed(cls.__mro__):
        facts = base.__dict__.get("_facts")
        if facts is None:
            continue
        for name, annotation in base.__annotations__.items():
            if not name.startswith("_"):
                table[name] = Field(name, annotation, facts.get(name, _RULE), base.__module__)
    cls._fields = table
    return table
