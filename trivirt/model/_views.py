"""What makes of one function the four views of it: operations, procedures and streams.

    @operation    describes one request, and gives a `Call`
    @procedure    takes several steps: an async function, written as for the view that is awaited
    @stream       gives many things one after the other: an async generator, written likewise

Each is written once. Called through a service, an operation and a procedure give what the view of
the service promises; a stream gives an async iterator, or a plain one in the synchronous views.
At run time they are plain functions, so that binding costs what binding a method costs and `help`
shows the signature of what was written. An operation even is just what was written: it ends with
one of the methods of `Service` that make a `Call`, and they hand it to the view.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from trivirt.model._call import Perform, Steps

if TYPE_CHECKING:
    from typing import Concatenate, ParamSpec

    from trivirt.model._call import Call
    from trivirt.model._service import Async, Future, Service, Soon, Sync, SyncFuture, SyncSoon
    from trivirt.model._struct import Items

    P = ParamSpec("P")

T = TypeVar("T")

# What `help` says of the two kinds of `iterate`.
_PAGED = """Go through what `list` gives page by page, holding one page at a time.

The arguments are those of `list`; `max` is the size of a page, 100 unless given, and limits
nothing. The next page is asked for when the last item of one is taken; in the views that
give futures it is asked for one page ahead.

What stays there and keeps its place is given once. The engine cuts each page by a query of
its own, so what is added or removed meanwhile shifts the rest: an object may be missed, and
one that comes again on the very next page is left out there. Items come in the engine's own
order, or in that of a `sortby FIELD asc` at the end of `search`; best is a field that is
unique and does not change. With `filter=True` the engine cuts pages before it filters, so
there everything is fetched at once.

After an error or a cancelled wait the iterator is where it was: asked again, it fetches the
same page. Raises RemoteProtocolError when the engine repeats itself or sends more than a
page, as one that does not know pages would: it never goes on for ever.
"""
_UNPAGED = """Go through what `list` gives; the engine cannot cut this list, so it comes at once.

The arguments are those of `list`, but `max` limits nothing.
"""


def deprecated(what: str) -> None:
    """Warn the caller of an operation that the API is going to lose it."""
    # From here: the operation, its caller.
    warnings.warn(f"{what} is deprecated by the API", DeprecationWarning, stacklevel=3)


if TYPE_CHECKING:

    class Operation(Generic[P, T]):
        """How type checkers see an operation or a procedure: it gives what the view promises."""

        @overload
        def __get__(self, service: None, owner: object = ...) -> Operation[P, T]: ...
        @overload
        def __get__(
            self, service: Service[Async], owner: object = ...
        ) -> Callable[P, Coroutine[Any, Any, T]]: ...
        @overload
        def __get__(
            self, service: Service[Soon], owner: object = ...
        ) -> Callable[P, Future[T]]: ...
        @overload
        def __get__(self, service: Service[Sync], owner: object = ...) -> Callable[P, T]: ...
        @overload
        def __get__(
            self, service: Service[SyncSoon], owner: object = ...
        ) -> Callable[P, SyncFuture[T]]: ...
        def __get__(self, service: Any, owner: object = None) -> Any: ...

    class Stream(Generic[P, T]):
        """How type checkers see a stream."""

        @overload
        def __get__(self, service: None, owner: object = ...) -> Stream[P, T]: ...
        @overload
        def __get__(
            self, service: Service[Async] | Service[Soon], owner: object = ...
        ) -> Callable[P, AsyncIterator[T]]: ...
        @overload
        def __get__(
            self, service: Service[Sync] | Service[SyncSoon], owner: object = ...
        ) -> Callable[P, Iterator[T]]: ...
        def __get__(self, service: Any, owner: object = None) -> Any: ...

    def operation(build: Callable[Concatenate[Any, P], Call[T]]) -> Operation[P, T]:
        """Make an operation of a function that describes a request."""
        ...

    def procedure(
        body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
    ) -> Operation[P, T]:
        """Make a procedure of an async function."""
        ...

    def stream(body: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> Stream[P, T]:
        """Make a stream of an async generator."""
        ...

    def paged(listing: Operation[P, Items[T]]) -> Stream[P, T]:
        """Make a stream of an operation that gives a list, page by page."""
        ...

    def unpaged(listing: Operation[P, Items[T]]) -> Stream[P, T]:
        """Make a stream of an operation whose list cannot be had in pages."""
        ...

else:

    def operation(build):
        """Make an operation of a function that describes a request."""
        return build

    def procedure(body):
        """Make a procedure of an async function.

        Its `self`, and every service that this was given, are in the view that is awaited.
        """

        @functools.wraps(body)
        def run(self, /, *args, **keywords):
            def steps(perform: Perform):
                return body(self._seen_by(perform), *args, **keywords)

            return self._run(Steps(_name(body, self), steps))

        return run

    # What streams are made of is imported with the first one that is asked for.

    def stream(body):
        """Make a stream of an async generator, whose `self` is in the view that is awaited."""

        @functools.wraps(body)
        def iterate(self, /, *args, **keywords):
            from trivirt.model._streamed import Generated, Streamed

            def begin(perform: Perform):
                return body(self._seen_by(perform), *args, **keywords)

            return Streamed(self._run, _name(body, self), Generated(begin))

        return iterate

    def paged(listing):
        """Make a stream of an operation that gives a list, page by page."""
        return _iterate(listing, "Pages", _PAGED)

    def unpaged(listing):
        """Make a stream of an operation whose list cannot be had in pages."""
        return _iterate(listing, "Whole", _UNPAGED)

    def _iterate(listing, source, about):
        @functools.wraps(listing)
        def iterate(self, /, *args, **keywords):
            from trivirt.model import _pages
            from trivirt.model._streamed import Streamed

            # Described now, so that a mistake in the arguments is raised by this call.
            call = listing(self._described(), *args, **keywords)
            return Streamed(self._run, f"iterate {call.path}", getattr(_pages, source)(call))

        iterate.__name__ = "iterate"
        iterate.__qualname__ = listing.__qualname__.rpartition(".")[0] + ".iterate"
        iterate.__doc__ = about
        return iterate

    def _name(body, service):
        return f"{body.__qualname__} {service._path}"
