"""Enumerations that equal their text and stay open to the values of newer engines."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


class OpenEnum(str, Enum):
    """A set of words the API uses; each member equals its text and prints as it.

    Calling the class with a word it does not know raises `ValueError`, because that is a mistake
    of the caller. An engine newer than this library may send such a word all the same: then
    `unknown` makes a value of the same class, so that nothing is lost and nothing fails.
    """

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)

    if TYPE_CHECKING:  # Without it mypy takes `vm.status == "up"` for a mistake.

        def __eq__(self, other: object) -> bool: ...

    # An Enum hashes by the name of its member, but what equals a text must hash like it.
    __hash__ = str.__hash__

    @classmethod
    def unknown(cls, text: str) -> Self:
        """Make a value for a word that is not in the list, as the codec does when it reads one."""
        value = str.__new__(cls, text)
        value._name_ = text.upper()
        value._value_ = text
        return value

    @property
    def known(self) -> bool:
        """Whether this value is in the list of the API that this version was made from."""
        return self._value_ in type(self)._value2member_map_

    @classmethod
    def _missing_(cls, value: object) -> Any:
        choice = ", ".join(member.value for member in cls)
        raise ValueError(f"{value!r} is not a {cls.__name__}: expected one of {choice}")

    # Without these a copy or a pickle of an unknown value would look it up and fail.
    def __reduce_ex__(self, protocol: Any) -> Any:
        return read_enum, (type(self), self._value_)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


def read_enum(kind: type[OpenEnum], text: str) -> OpenEnum:
    """Give the member for a word of the engine, or a value that keeps the word."""
    known = kind._value2member_map_.get(text)
    return known if isinstance(known, OpenEnum) else kind.unknown(text)
