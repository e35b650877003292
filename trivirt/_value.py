"""Small values with named fields: what frozen dataclasses are, for a thirtieth of the time to make.

A dataclass compiles functions for each class, and a typed named tuple its annotations; that is most
of what importing a module with a few of them takes. Here one set of functions serves them all. It
is slower to use, so what there are thousands of are tuples nevertheless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from inspect import Signature

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


V = TypeVar("V", bound="Value")


class _ShowSignature:
    """Lets `inspect.signature` and `help` show the fields a constructor takes."""

    def __get__(self, value: object, owner: type[Value]) -> Signature:
        from inspect import Parameter, Signature

        kind = Parameter.KEYWORD_ONLY if owner._kw_only else Parameter.POSITIONAL_OR_KEYWORD
        notes = {name: note for base in owner.__mro__ for name, note in _declared(base)}
        return Signature(
            [
                Parameter(
                    name,
                    kind,
                    default=getattr(owner, name, Parameter.empty),
                    annotation=notes[name],
                )
                for name in owner._names
            ]
        )


@dataclass_transform(frozen_default=True)
class Value:
    """A value whose fields are what its class declares, in that order; it does not change.

    Values of one class are equal when all their fields are.
    """

    _names: ClassVar[tuple[str, ...]] = ()
    _kw_only: ClassVar[bool] = False

    __signature__: ClassVar[Any] = _ShowSignature()

    def __init_subclass__(cls, *, kw_only: bool = False) -> None:
        cls._names = (*cls._names, *(name for name, _ in _declared(cls)))
        cls._kw_only = cls._kw_only or kw_only

    def __init__(self, *args: Any, **given: Any) -> None:
        cls, own = type(self), self.__dict__
        values = dict(zip(() if cls._kw_only else cls._names, args, strict=False))
        if len(values) < len(args):
            raise TypeError(f"{cls.__name__}() does not take so many positional arguments")
        for name in given:
            if name in values or name not in cls._names:
                raise TypeError(f"{cls.__name__}() got an unexpected argument {name!r}")
        values.update(given)
        for name in cls._names:
            if name not in values and not hasattr(cls, name):
                raise TypeError(f"{cls.__name__}() misses the argument {name!r}")
            own[name] = values[name] if name in values else getattr(cls, name)
        self._check()

    def _check(self) -> None:
        """Raise what there is to say against these fields."""

    if not TYPE_CHECKING:

        def __setattr__(self, name, value):
            raise AttributeError(f"a {type(self).__name__} does not change: make another one")

        def __delattr__(self, name):
            setattr(self, name, None)

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


def _declared(cls: type) -> list[tuple[str, str]]:
    notes = getattr(cls, "__annotations__", {}).items()
    return [(name, note) for name, note in notes if not name.startswith("_")]


def replaced(value: V, **changes: Any) -> V:
    """Give the same value with other fields."""
    return type(value)(**{**vars(value), **changes})
