"""Several requests as one value, which a view runs as it runs a single request."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from trivirt.model._call import Call

if TYPE_CHECKING:
    from typing_extensions import TypeIs

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

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
