"""Objects and lists of ovirtsdk4: what all its types have in common.

An object is a plain bag: its `__dict__` holds `_href` and one `_name` for each property, None
when it is not set, and programs rely on there being nothing else. Most properties of what an
engine sends are not set, and a hundred times None for each machine costs more than the rest of
it. So an object that was read holds what came, its class answers None for the others, and they
are put into the dict when somebody looks at that. An item of a long list holds only its XML until
then, see `_later`: the class reads it when it is asked for something that the dict has not.

Objects are equal to themselves only. Structs and enumerations are checked when they are set, by
exact class; other values never.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trivirt.compat._errors import HOME


class _Bag:
    """Has the dict that `Struct.__dict__` hides."""


#: The dict of an object as it is.
dict_of: Callable[[Any], dict[str, Any]] = vars(_Bag)["__dict__"].__get__
_put_dict: Callable[[Any, dict[str, Any]], None] = vars(_Bag)["__dict__"].__set__

#: Where the dict of an object holds the XML that it is to be read from.
UNREAD = "unread XML"

#: For each type what the dict of an object holds when nothing is set, in order.
BLANKS: dict[type[Any], dict[str, None]] = {}


class Unset:
    """What a class answers for an attribute that the dict of an object has not: None."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name, self._kept = name, f"\0{name}"

    def __get__(self, value: Any, owner: type[Any]) -> Any:
        if value is None:
            return None
        own = dict_of(value)
        if UNREAD in own:
            _read_unread(value, own)
        if self._kept in own:
            _read_kept(value, own, self._kept)
        return own.get(self._name)


# What was set meanwhile stays, also by other threads; and what is there stays the same object.


def _read_unread(value: Any, own: dict[str, Any]) -> None:
    """Read the XML of an item; what is nested in it is kept as text under a key of its own."""
    from trivirt.compat._later import read_item

    piece = own.get(UNREAD)
    if piece is not None:
        for name, found in dict_of(read_item(piece, type(value))).items():
            own.setdefault(name, found)
        own.pop(UNREAD, None)


def _read_kept(value: Any, own: dict[str, Any], key: str) -> None:
    from trivirt.compat._later import read_kept

    kept, name = own.get(key), key[1:]
    if kept is not None and name:
        if name not in own:
            own.setdefault(name, read_kept(kept, type(value), name))
        own.pop(key, None)


def _read_all(value: Any, own: dict[str, Any]) -> None:
    if UNREAD in own:
        _read_unread(value, own)
    for key in [key for key in own if key[:1] == "\0"]:
        _read_kept(value, own, key)
    own.pop("\0", None)


class Struct(_Bag):
    """The base of all types."""

    @property
    def __dict__(self) -> dict[str, Any]:
        own = dict_of(self)
        if UNREAD in own or "\0" in own:
            _read_all(self, own)
        blank = next((BLANKS[cls] for cls in type(self).__mro__ if cls in BLANKS), None)
        if blank is not None and not own.keys() >= blank.keys():
            complete = {**blank, **own}
            own.clear()
            own.update(complete)
        return own

    @__dict__.setter
    # It is completed on demand, so it has to be a property.
    def __dict__(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, value: dict[str, Any]
    ) -> None:
        _put_dict(self, value)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__  # What Python would take by itself is the dict as it is.

    _href = Unset()

    def __init__(self, href: str | None = None) -> None:
        dict_of(self)["_href"] = href

    @property
    def href(self) -> str | None:
        found: str | None = self._href
        return found

    @href.setter
    def href(self, value: str | None) -> None:
        dict_of(self)["_href"] = value

    @staticmethod
    def _check_type(attribute: str, value: Any, expected: type[Any]) -> None:
        if value is not None and type(value) is not expected:
            raise TypeError(
                f"The type '{type(value).__name__}' isn't valid for attribute '{attribute}', "
                f"it must be '{expected.__name__}'"
            )


class List(list[Any]):
    """A list of objects with the address of its collection.

    As in ovirtsdk4 its only argument is that address, so it is made empty and then filled.
    """

    def __init__(self, href: str | None = None) -> None:
        super().__init__()
        self._href = href

    @property
    def href(self) -> str | None:
        return self._href

    @href.setter
    def href(self, value: str | None) -> None:
        self._href = value


for _cls in (Struct, List):
    _cls.__module__ = HOME
