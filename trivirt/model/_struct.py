"""Objects and lists of the API, as the generated declarations build them.

An object holds only what is set: its `__dict__` has the attributes that have a value, and the
class answers None for all the others. Values are checked when a caller gives them, never when
the codec reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from trivirt.model._fields import Attr, fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from inspect import Signature

    from typing_extensions import Self, dataclass_transform

    from trivirt.model._fields import Field
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        return lambda cls: cls


T = TypeVar("T")

_WORDS = {str: "a str", int: "an int", float: "a float", bool: "a bool", datetime: "a datetime"}


class Items(list[T]):
    """A list as the engine sends it: typed even when empty, with the `href` of its collection.

    It equals every list with the same items; `href` does not count.
    """

    __slots__ = ("href",)

    href: str | None

    def __init__(self, items: Iterable[T] = (), *, href: str | None = None) -> None:
        super().__init__(items)
        self.href = href

    def __repr__(self) -> str:
        from trivirt.model import _plain

        return _plain.show_list(self)

    def __copy__(self) -> Items[T]:
        return Items(self, href=self.href)

    def copy(self) -> Items[T]:
        return self.__copy__()


def attr(
    *,
    default: Any,
    wire: str = "",
    rel: str = "",
    link: bool = True,
    xs: str = "",
    secret: bool = False,
) -> Any:
    """Say what differs from the rule about one attribute.

    `wire` is the name of its element, `rel` another name that engines link to the list by,
    `link=False` a list that never comes as a `<link>`, `xs` the XML schema type of a number that
    is not a 32-bit integer, `secret` a value that `repr` must hide.
    """
    return Attr(default, wire=wire, rel=rel, link=link, xs=xs, secret=secret)


@dataclass_transform(kw_only_default=True, field_specifiers=(attr,))
class _Declared:
    """Apart from `Struct`: a checker takes no attributes from the class that is marked."""

    element: ClassVar[str] = ""
    plural: ClassVar[str] = ""
    _facts: ClassVar[dict[str, Attr]]
    _fields: ClassVar[Mapping[str, Field]]

    def __init_subclass__(cls, *, element: str = "", plural: str = "") -> None:
        cls.element = element or cls.element
        cls.plural = plural or cls.plural
        cls._facts = {n: value for n, value in vars(cls).items() if isinstance(value, Attr)}
        for name, facts in cls._facts.items():
            setattr(cls, name, facts.default)


class _ShowSignature:
    """Lets `inspect.signature` and `help` show the attributes a constructor takes."""

    def __get__(self, value: object, owner: type[Struct]) -> Signature:
        from trivirt.model import _plain

        return _plain.signature(owner)


class Struct(_Declared):
    """An object of the API.

    Every attribute may be None, which means that it is not set and is not sent.
    """

    href: str | None = None

    __signature__ = _ShowSignature()

    def __init__(self, **values: Any) -> None:
        known = fields(type(self))
        own = self.__dict__
        for name, value in values.items():
            field = known.get(name)
            if field is None:
                raise TypeError(f"{type(self).__name__} has no attribute {name!r}")
            if value is not None:
                own[name] = _accept(type(self), field, value)

    if not TYPE_CHECKING:  # A checker that sees this takes every name for an attribute.

        def __setattr__(self, name, value):
            field = fields(type(self)).get(name)
            if field is None:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            own = self.__dict__
            if name == "href":
                settled(self)  # What is not read yet may depend on it.
            if value is None:
                own.pop(name, None)
            else:
                own[name] = _accept(type(self), field, value)
            own.pop(f"\0{name}", None)

    def __delattr__(self, name: str) -> None:
        setattr(self, name, None)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return settled(self) == settled(other)

    __hash__ = None  # type: ignore[assignment]  # a value that can change has no hash

    def __repr__(self) -> str:
        from trivirt.model import _plain

        return _plain.show(self)

    def __getstate__(self) -> dict[str, Any]:
        return settled(self)

    def to_dict(self) -> dict[str, Any]:
        """Give plain data that JSON can hold, under the Python names of what is set.

        Enums become their text and dates ISO 8601. A list becomes a list; one that is only a
        link to its items becomes `{"href": ...}`.
        """
        from trivirt.model import _plain

        return _plain.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build an object from what `to_dict` gives, or from the same written by hand.

        Raises `TypeError` naming the attribute for an unknown name or a value of a wrong type.
        """
        from trivirt.model import _plain

        value: Self = _plain.from_dict(cls, data)
        return value


#: Give an object its dict; `__setattr__` is for attributes only.
set_dict: Callable[[Any, dict[str, Any]], None] = vars(_Declared)["__dict__"].__set__


class Later:
    """An attribute whose XML is kept and read at the first touch.

    The codec puts these on a class in place of None, and the unread XML into an object's dict,
    under the name with a NUL before it; such a dict also has a NUL alone for a key. Two threads
    may touch at once: both read, the first result stays, and the XML is dropped only after the
    value can be seen.
    """

    __slots__ = ("_key", "_name", "_read")

    def __init__(self, name: str, read: Callable[[dict[str, Any], Any], Any]) -> None:
        self._name, self._key, self._read = name, f"\0{name}", read

    def __get__(self, obj: Any, owner: object = None) -> Any:
        if obj is None:
            return None
        own = obj.__dict__
        raw = own.get(self._key)
        if raw is None:
            return own.get(self._name)
        value = own.setdefault(self._name, self._read(own, raw))
        own.pop(self._key, None)
        return value


def settled(obj: Any) -> dict[str, Any]:
    """Give the values of an object that are set, after reading what was put off."""
    own: dict[str, Any] = obj.__dict__
    if "\0" in own:
        for key in tuple(own):
            if key[0] == "\0" and key != "\0":
                getattr(obj, key[1:])
        own.pop("\0", None)
    return own


# Which values an attribute takes.


def _accept(owner: type[Any], field: Field, value: Any) -> Any:
    """Give the value as the attribute keeps it, or raise a `TypeError` that names the attribute.

    A list or tuple becomes `Items`; an int is taken for a float. A truth value is no number, a
    text is no enum, and an object must be of the declared class itself: the engine would refuse
    elements that only a subclass has.
    """
    if not field.is_list:
        return _accept_one(owner, field, value)
    if not isinstance(value, (list, tuple)):
        raise TypeError(_complaint(owner, field, value, f"a list of {field.type_name}"))
    for one in value:
        _accept_one(owner, field, one)
    return value if isinstance(value, Items) else Items(value)


def _accept_one(owner: type[Any], field: Field, value: Any) -> Any:
    wanted = field.cls
    given = type(value)
    if given is wanted:
        return value
    if wanted is float and given is int:
        return float(value)
    if field.is_simple and issubclass(given, wanted) and given is not bool:
        return value
    if not field.is_simple and field.is_enum:
        hint = f"a {wanted.__name__}"
        if given is str and value in field.cls._value2member_map_:
            hint += f" such as {wanted.__name__}({value!r})"
        raise TypeError(_complaint(owner, field, value, hint))
    raise TypeError(_complaint(owner, field, value, _WORDS.get(wanted, f"a {wanted.__name__}")))


def _complaint(owner: type[Any], field: Field, value: Any, wanted: str) -> str:
    given = type(value).__name__
    return f"{owner.__name__}.{field.name} must be {wanted}, not {given}"
