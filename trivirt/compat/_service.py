"""Services of ovirtsdk4: a base that sends and checks, and classes made when first needed.

The methods of a class are written as source and compiled, so that `inspect` and the interpreter
see the parameters that each of them really has.
"""

from __future__ import annotations

import threading
from datetime import datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any

from trivirt.compat import _describe, _types
from trivirt.compat._errors import HOME, Error
from trivirt.compat._http import Request
from trivirt.compat._reply import Reading
from trivirt.compat._writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivirt.compat._connection import Connection

MODULE = f"{HOME}.services"
_VERBS = {
    "get": "GET",
    "list": "GET",
    "add": "POST",
    "update": "PUT",
    "remove": "DELETE",
    "action": "POST",
}
_MEASURED = (
    *("AttachedStorageDomainDisk", "Disk", "GlusterBrick", "GlusterVolume", "HostNic"),
    *("HostNumaNode", "Host", "Step", "StorageDomainDisk", "VmDisk", "VmNic", "Vm"),
)
# Programs may ask for these with isinstance; trivirt's own services have no such bases.
_BASES = {
    **{f"{name}Service": "MeasurableService" for name in _MEASURED},
    "EngineKatelloErrataService": "KatelloErrataService",
    "ExternalHostProviderService": "ExternalProviderService",
    "OpenstackImageProviderService": "ExternalProviderService",
    "OpenstackNetworkProviderService": "ExternalProviderService",
    "OpenstackVolumeProviderService": "ExternalProviderService",
    "SystemPermissionsService": "AssignedPermissionsService",
}


class Future:
    """A request that is on its way, and the result it will have.

    Every `wait` gives the same result, or raises the same error: the one of this request.
    """

    def __init__(self, connection: Connection, context: Any, code: Reading) -> None:
        self._connection = connection
        self._context = context
        self._code = code
        self._lock = threading.Lock()
        self._settled = False
        self._value: Any = None
        self._error: Exception | None = None

    def wait(self) -> Any:
        """Block until the answer is there; give the result or raise the error."""
        if not self._settled:
            with self._lock:  # Read once, whichever thread is first.
                if not self._settled:
                    self._settle()
        if self._error is not None:
            raise self._error
        return self._value

    def _settle(self) -> None:
        try:
            self._value = self._connection._end(self._context, self._code)
        except Exception as exc:  # Besides Error there is ValueError, for a value.
            self._error = exc
        self._settled = True


class Service:
    """A place in the API: a connection and a path."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self.__dict__.update(_BLANKS.get(type(self), {}))

    def __str__(self) -> str:
        return f"{type(self).__name__}:{self._path}"

    def service(self, path: str) -> Service:
        """Walk down a path such as `vms/123/nics`, relative to this service."""
        here = self
        while path:
            segment, _, rest = path.partition("/")
            ways, item = _WAYS.get(type(here), ({}, ""))
            if segment in ways:
                here = getattr(here, ways[segment])()
            elif item:
                here = getattr(here, item)(segment)
            else:
                raise Error(f'The path "{path}" doesn\'t correspond to any service')
            path = rest
        return here

    @staticmethod
    def _check_types(tuples: Any) -> None:
        """Raise TypeError unless each value, of `(name, value, type)`, is None or of that type."""
        wrong = [
            f"The '{name}' parameter should be of type '{expected.__name__}', "
            f"but it is of type '{type(value).__name__}'."
            for name, value, expected in tuples
            if value is not None and type(value) is not expected
        ]
        if wrong:
            raise TypeError(" ".join(wrong))

    def _perform(
        self,
        method: _describe.Method,
        values: tuple[Any, ...],
        headers: Mapping[str, str | None] | None,
        query: Mapping[str, Any] | None,
        wait: bool,
        others: Mapping[str, Any],
    ) -> Any:
        """Send what a method of a service stands for."""
        request = self._describe(method, values, headers or {}, query or {}, others)
        reading = _READINGS[method]
        if wait:
            return self._connection._exchange(request, reading)
        return Future(self._connection, self._connection._begin(request, reading), reading)

    def _describe(
        self,
        method: _describe.Method,
        values: tuple[Any, ...],
        headers: Mapping[str, str | None],
        query: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> Request:
        pairs, sent, body, members = dict(query), dict(headers), None, {}
        for parameter, value in zip(method.parameters, values, strict=True):
            if parameter.place == "body":
                body = _write(value, parameter)
            elif value is None:
                continue
            elif parameter.place == "action":
                members[parameter.name] = value
            else:
                pairs[parameter.name.rstrip("_")] = text = _to_text(value)
                if parameter.name == "all_content":
                    sent["All-Content"] = text  # Engines before 4.1 look there.
        if "async" in others and any(p.name == "async_" for p in method.parameters):
            if method.op == "action":
                members["async_"] = others["async"]
            elif others["async"] is not None:
                pairs["async"] = _to_text(others["async"])
        path = self._path
        if method.op == "action":
            path = f"{path}/{method.segment}"
        if method.op == "action" or members:
            body = Writer.write(_types.make("Action")(**members), indent=True)
        return Request(_VERBS[method.op], path, pairs, sent, body)


def _write(value: Any, parameter: _describe.Parameter) -> str | None:
    if parameter.is_list:
        plural = _types.declaration(parameter.type_name).plural
        return Writer.write(value or [], root=plural, indent=True)
    return Writer.write(value, indent=True)


def _to_text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)  # That of an enumeration is its word.


for _cls in (Service, Future):
    _cls.__module__ = f"{HOME}.service"

_READINGS: dict[_describe.Method, Reading] = {}
#: For each class the attributes of a new object, and the ways further down by segment and by id.
_BLANKS: dict[type[Service], dict[str, None]] = {}
_WAYS: dict[type[Service], tuple[dict[str, str], str]] = {}
_made: dict[str, type[Service]] = {}
_making = threading.RLock()


def names() -> list[str]:
    return _describe.names()


def make(name: str) -> type[Service]:
    """The class of a service; always the same one. Raises AttributeError for other names."""
    found = _made.get(name)
    if found is None:
        with _making:
            found = _made.get(name)
            if found is None:
                if name not in _describe.names():
                    raise AttributeError(f"there is no service {name!r}")
                found = _made[name] = _make(name)
    return found


def _make(name: str) -> type[Service]:
    base = make(_BASES[name]) if name in _BASES else Service
    methods = list(_describe.methods(name))
    locators = list(_describe.locators(name))
    space: dict[str, Any] = {"__name__": MODULE, "_make": make}
    lines: list[str] = []
    for method in methods:
        lines += _method_source(method, space)
    for locator in locators:
        lines += _locator_source(locator)
    # A locator is a plain method, and a class is what `def` would look like in.
    exec(compile("\n".join(lines), f"<{MODULE}.{name}>", "exec"), space)
    members: dict[str, Any] = {"__module__": MODULE}
    for one in [method.name for method in methods] + [way.name for way in locators]:
        function: FunctionType = space[one]
        function.__qualname__ = f"{name}.{one}"
        members[one] = function
    bases: tuple[Any, ...] = (base,)
    made: type[Service] = type(name, bases, members)
    _BLANKS[made] = {f"_{locator.name}": None for locator in locators}
    _WAYS[made] = (
        {locator.segment: locator.name for locator in locators if locator.segment},
        next((locator.name for locator in locators if locator.parameter), ""),
    )
    return made


def _method_source(method: _describe.Method, space: dict[str, Any]) -> list[str]:
    """The lines of one method; what they refer to is put into `space`."""
    space[f"_m_{method.name}"] = method
    _READINGS[method] = Reading(method.op, method.member)
    names = [p.name for p in method.parameters]
    head = [p.name if p.place == "body" else f"{p.name}=None" for p in method.parameters]
    space["_list"] = list  # The plain name may be that of a method.
    checks = []
    for p in method.parameters:
        simple = _describe.SIMPLE.get(p.type_name)
        space[f"_t_{p.type_name}"] = simple or _LazyType(p.type_name)
        expected = f"_t_{p.type_name}" if simple else f"_t_{p.type_name}()"
        checks.append(f"({p.name!r}, {p.name}, {'_list' if p.is_list else expected})")
    parameters = ", ".join(["self", *head, "headers=None", "query=None", "wait=True", "**kwargs"])
    values = "".join(f"{one}, " for one in names)
    lines = [f"def {method.name}({parameters}):"]
    if names:
        given = " or ".join(f"{one} is not None" for one in names)
        lines += [f"    if {given}:", f"        self._check_types(({', '.join(checks)},))"]
    lines.append(
        f"    return self._perform(_m_{method.name}, ({values}), headers, query, wait, kwargs)"
    )
    return lines


class _LazyType:
    """Makes a type at the first call of a method that takes it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> type[Any]:
        return _types.make(self._name)


def _locator_source(locator: _describe.Locator) -> list[str]:
    if locator.segment:
        return [
            f"def {locator.name}(self):",
            f"    return _make({locator.service!r})(self._connection, "
            f"self._path + {'/' + locator.segment!r})",
        ]
    key = locator.parameter
    return [
        f"def {locator.name}(self, {key}):",
        f"    self._check_types((({key!r}, {key}, str),))",
        f"    path = f'{{self._path}}/{{{key}}}'",
        f"    return _make({locator.service!r})(self._connection, path)",
    ]
