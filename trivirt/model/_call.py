"""One request as a value: what to send, what the answer must be; and several requests as one."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from trivirt.errors import UsageError
from trivirt.model._enum import OpenEnum

if TYPE_CHECKING:
    from typing import NamedTuple

    from typing_extensions import TypeIs

    from trivirt.model._struct import Items, Struct

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Extra headers of one request; None is not sent.
Headers: TypeAlias = Mapping[str, str | None] | None
#: Extra query parameters of one request; None is not sent.
Query: TypeAlias = Mapping[str, object] | None

OK = frozenset({200})
OK_REMOVED = frozenset({200, 202, 204})
OK_STARTED = frozenset({200, 201, 202})

if TYPE_CHECKING:

    class _Fields(NamedTuple):
        method: str
        path: str
        query: tuple[tuple[str, str], ...]
        headers: tuple[tuple[str, str], ...]
        body: Struct | Items[Any] | None
        expect: str | None
        result: str | None
        ok: frozenset[int]
        kind: str

else:  # With types it takes three times as long to make.
    _Fields = namedtuple("_Fields", "method path query headers body expect result ok kind")


# A tuple, because it is the cheapest value that cannot change: one is made for each request.
class Call(_Fields, Generic[T_co]):
    """One request as a value; `T_co` is the type of its result.

    `path` is relative to the root of the API and percent-encoded, `query` is sorted and its values
    are text. `expect` names the root element of the answer, or None when the body of a success
    does not matter; `result` is the member of the answered `<action>` that is the result.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path or '/'}"

    def __repr__(self) -> str:  # Without query, headers and body: there may be secrets in them.
        return f"<Call {self}>"


#: Performs one call and returns its result: what a view that is awaited runs calls with.
Perform: TypeAlias = Callable[[Any], Coroutine[Any, Any, Any]]


class Steps(Generic[T_co]):
    """Work that takes several requests, to be run in the task that a view gives it.

    `what` names it in the `repr` of a future and in messages.
    """

    __slots__ = ("_function", "_what")

    def __init__(self, what: str, function: Callable[[Perform], Coroutine[Any, Any, T_co]]) -> None:
        self._what, self._function = what, function

    def __str__(self) -> str:
        return self._what

    def __repr__(self) -> str:
        return f"<Steps {self._what}>"

    def run(self, perform: Perform) -> Coroutine[Any, Any, T_co]:
        """Do the work, each request of it by `perform`."""
        return self._function(perform)


#: What an engine can be asked to do.
Work: TypeAlias = Call[T] | Steps[T]


def are_steps(work: Work[T]) -> TypeIs[Steps[T]]:
    """Tell the two kinds of work apart, cheaply: every request passes here."""
    return type(work) is Steps


def encode_segment(value: object) -> str:
    """Percent-encode an id for the path, or refuse one that cannot be a segment."""
    if type(value) is str and value.isascii() and value.replace("-", "").isalnum():
        return value  # As nearly all are.
    if value is None:  # Every `id` may be None, as far as type checkers know.
        raise UsageError("None cannot be an id; the object that it was taken from has none")
    if not isinstance(value, str):
        raise TypeError(f"an id must be a str, not {type(value).__name__}")
    if value in ("", ".", ".."):
        raise UsageError(f"{value!r} cannot be an id: the path would mean something else")
    refuse_breaks("an id", value)
    from urllib.parse import quote

    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise UsageError(f"{value!r} cannot be an id: it is not valid Unicode text") from None


def encode_query(extra: Query, parameters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Give the parameters that have a value, as text, sorted; the named ones win."""
    pairs = {}
    if extra:
        for name, value in extra.items():
            if value is not None:
                refuse_breaks("a name in query", name)
                pairs[name] = _to_text(name, value)
    for name, value in parameters.items():
        if value is not None:
            pairs[name.rstrip("_")] = _to_text(name, value)
    return tuple(sorted(pairs.items())) if len(pairs) > 1 else tuple(pairs.items())


def encode_headers(extra: Headers, all_content: object) -> tuple[tuple[str, str], ...]:
    """Give the extra headers; `all_content` also goes there, for engines before 4.1."""
    pairs = []
    if all_content is not None:
        pairs.append(("All-Content", _to_text("all_content", all_content)))
    for name, value in (extra or {}).items():
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"header {name} must be a str, not {type(value).__name__}")
        if not (name.isascii() and value.isascii()):
            raise UsageError(f"header {name!r} must be plain ASCII")
        refuse_breaks("the name of a header", name)
        refuse_breaks(f"header {name}", value)
        pairs.append((name, value))
    return tuple(pairs)


def _to_text(name: str, value: object) -> str:
    kind = type(value)
    if kind is str:
        text: str = value  # type: ignore[assignment]  # the line above says so
        refuse_breaks(name, text)
        return text
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if isinstance(value, OpenEnum):
        return str(value.value)
    if isinstance(value, (str, float)):
        refuse_breaks(name, str(value))
        return str(value)
    raise TypeError(f"{name} must be a str, an int, a bool or an enum, not {kind.__name__}")


def refuse_breaks(what: str, text: str) -> None:
    """Refuse what ends a line or a text somewhere between here and the engine."""
    if "\n" in text or "\r" in text or "\0" in text:
        raise UsageError(f"{what} has a line break or a NUL in it: {text[:40]!r}")
