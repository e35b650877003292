"""What the services of trivirt can do, as data: read off their own declarations.

Each operation there is a function that describes a request by calling one of a handful of
helpers of its service. Here it is called once, with a stand-in for the service that writes down
what it is asked, and with an `Action` that only remembers the names of its members. That and the
signature of the function are all there is to know.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import datetime
from types import FunctionType
from typing import Any, NamedTuple

from trivirt import services as _declared

_TYPE = re.compile(r"(?P<list>Items\[)?(?P<name>\w+)(?(list)\])(?: \| None)?").fullmatch
SIMPLE = {"str": str, "int": int, "float": float, "bool": bool, "datetime": datetime}
_EXTRA = ("headers", "query")
# These have no methods and nothing leads to them; programs may name them all the same.
EMPTY = ("AreaService", "FollowService")


class Parameter(NamedTuple):
    """One argument of a method. `type_name` is that of a value or, in lists, of an item."""

    name: str
    type_name: str
    is_list: bool
    place: str  #: `body`, `query` or `action`


class Method(NamedTuple):
    """One method of a service."""

    name: str
    op: str  #: `get`, `list`, `add`, `update`, `remove` or `action`
    segment: str  #: of an action
    member: str  #: of the answered action that is the result; empty for none
    parameters: tuple[Parameter, ...]


class Locator(NamedTuple):
    """One way further down: by a segment, or by the value of a parameter."""

    name: str
    service: str
    segment: str
    parameter: str


def names() -> list[str]:
    return sorted([*_declared.__all__, *EMPTY])


def methods(name: str) -> Iterator[Method]:
    """What can be done at a service of this name."""
    for _, member in _members(name):
        # What is made of an operation, such as `iterate`, is around another function.
        if isinstance(member, FunctionType) and not hasattr(member, "__wrapped__"):
            result = str(member.__annotations__.get("return", ""))
            if result.startswith("Call["):
                yield _method(member)


def locators(name: str) -> Iterator[Locator]:
    """Where a service of this name leads."""
    item = "" if name in EMPTY else getattr(_declared, name)._item
    for member_name, member in _members(name):
        if isinstance(member, property):
            target = _target(member.fget)
            if target:
                segment = member_name.replace("_", "")
                yield Locator(f"{member_name}_service", target, segment, "")
        elif member_name == item:
            parameter = list(inspect.signature(member).parameters)[1]
            yield Locator(f"{member_name}_service", _target(member), "", parameter)


def _members(name: str) -> Iterator[tuple[str, Any]]:
    if name not in EMPTY:
        yield from vars(getattr(_declared, name)).items()


def _target(function: Any) -> str:
    annotation = str(function.__annotations__.get("return", ""))
    return annotation.removesuffix("[V]") if annotation.endswith("[V]") else ""


def _method(build: FunctionType) -> Method:
    recorded = _Recorder()
    described = FunctionType(
        build.__code__,
        {**build.__globals__, "Action": _remember, "deprecated": _ignore},
        closure=build.__closure__,
    )
    signature = inspect.signature(build)
    given = [p for p in list(signature.parameters.values())[1:] if p.name not in _EXTRA]
    described(recorded, **{p.name: None for p in given}, headers=None, query=None)
    return Method(
        build.__name__,
        recorded.op,
        recorded.segment,
        recorded.member,
        tuple(_parameter(p, recorded) for p in given),
    )


def _parameter(declared: inspect.Parameter, recorded: _Recorder) -> Parameter:
    match = _TYPE(declared.annotation)
    assert match is not None, declared
    place = "body"
    if declared.name in recorded.members:
        place = "action"
    elif declared.name in recorded.query:
        place = "query"
    return Parameter(declared.name, match["name"], match["list"] is not None, place)


def _remember(**members: object) -> frozenset[str]:
    return frozenset(members)


def _ignore(_: str) -> None:
    """Programs written for ovirtsdk4 are not told what is deprecated."""


class _Recorder:
    """Stands for the service in a description, and keeps what it is told."""

    _path = ""
    op = segment = member = ""
    members: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()

    def _get(self, expect: str, headers: None, query: None, **parameters: object) -> None:
        self.op, self.query = "get", frozenset(parameters)

    def _list(self, expect: str, headers: None, query: None, **parameters: object) -> None:
        self.op, self.query = "list", frozenset(parameters)

    def _add(self, body: Any, expect: str, h: None, q: None, **parameters: object) -> None:
        self.op, self.query = "add", frozenset(parameters)

    def _update(self, body: Any, expect: str, h: None, q: None, **parameters: object) -> None:
        self.op, self.query = "update", frozenset(parameters)

    def _remove(self, h: None, q: None, body: Any = None, **parameters: object) -> None:
        self.op, self.query, self.members = "remove", frozenset(parameters), body or frozenset()

    def _action(self, segment: str, body: Any, h: None, q: None, result: str = "") -> None:
        self.op, self.segment, self.members, self.member = "action", segment, body, result


__all__ = ["SIMPLE", "Locator", "Method", "Parameter", "locators", "methods", "names"]
