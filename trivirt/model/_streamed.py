"""The iterator that a stream gives, in whichever view: it fetches some items at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar

from trivirt.errors import UsageError
from trivirt.model._call import Perform, Steps

T = TypeVar("T")

#: Gives the next items, at least one; None at the end.
Source: TypeAlias = Callable[[Perform], Coroutine[Any, Any, "Sequence[T] | None"]]

_NOTHING: Any = object()


class _Batch:
    """Wrapped, because in the synchronous view it must be told from a future."""

    __slots__ = ("items",)

    def __init__(self, items: Any) -> None:
        self.items = items


class Streamed(Generic[T]):
    """Gives the items of a stream one by one.

    It asks for more only when all it has are taken, so whoever reads slowly is sent little. In
    the views that give futures it stays one step ahead instead: it asks for the next items when
    it hands out the first of those that came.

    It is an async iterator and a plain one; which of them works, the view decides.
    """

    # What `run` gives tells the view: something to await, a future, or the items themselves.

    __slots__ = ("_ahead", "_items", "_run", "_source", "_what")

    def __init__(self, run: Callable[[Any], Any], what: str, source: Source[T]) -> None:
        self._run, self._what, self._source = run, what, source
        self._items: Iterator[T] = iter(())
        self._ahead: Any = None

    def __repr__(self) -> str:
        return f"<{self._what}>"

    def __aiter__(self) -> Streamed[T]:
        return self

    async def __anext__(self) -> T:
        while (item := next(self._items, _NOTHING)) is _NOTHING:
            asked = self._ask()
            waited = asked if hasattr(asked, "__await__") else _wait(asked)
            if not hasattr(waited, "__await__"):
                raise TypeError(f"{self!r} is of a synchronous engine: use a plain `for`")
            if self._take(await waited, asked) is None:
                raise StopAsyncIteration
        found: T = item
        return found

    def __iter__(self) -> Streamed[T]:
        return self

    def __next__(self) -> T:
        while (item := next(self._items, _NOTHING)) is _NOTHING:
            asked = self._ask()
            got = asked if isinstance(asked, _Batch) else _wait(asked)
            if not isinstance(got, _Batch):
                got.close()  # A coroutine, that nobody is going to await.
                raise TypeError(f"{self!r} is asynchronous: use `async for`")
            if self._take(got, asked) is None:
                raise StopIteration
        found: T = item
        return found

    def _ask(self) -> Any:
        asked, self._ahead = self._ahead, None
        return self._run(Steps(self._what, self._step)) if asked is None else asked

    async def _step(self, perform: Perform) -> _Batch:
        return _Batch(await self._source(perform))

    def _take(self, got: _Batch, asked: Any) -> Sequence[T] | None:
        items: Sequence[T] | None = got.items
        if items is not None:
            self._items = iter(items)
            if hasattr(asked, "wait"):
                self._ahead = self._run(Steps(self._what, self._step))
        return items


def _wait(asked: Any) -> Any:
    return asked.wait() if hasattr(asked, "wait") else asked


class Generated(Generic[T]):
    """Takes its items from an async generator, which every view runs a step at a time.

    A generator that has met an error, or was cancelled, is over; another step says so instead of
    pretending that this was the regular end.
    """

    def __init__(self, begin: Callable[[Perform], AsyncIterator[T]]) -> None:
        self._begin = begin
        self._body: AsyncIterator[T] | None = None
        self._broken = False

    async def __call__(self, perform: Perform) -> Sequence[T] | None:
        if self._broken:
            raise UsageError("This stream was broken off by an error or given up; begin another")
        if self._body is None:
            self._body = self._begin(perform)
        self._broken = True
        try:
            item = await _next(self._body)
        except StopAsyncIteration:
            self._broken = False
            return None
        self._broken = False
        return (item,)

    def __del__(self) -> None:
        # Trio warns of generators that are left behind. One that only waits to be asked again
        # can be closed here and now; one that has to await for that is left to trio.
        close: Any = getattr(self._body, "aclose", None)
        if close is not None:
            with suppress(StopIteration, StopAsyncIteration, RuntimeError):
                close().send(None)


def _next(body: AsyncIterator[T]) -> Awaitable[T]:
    return body.__anext__()
