"""Services: the tree of the API, and one declaration per operation seen through four views.

An operation is a function that describes a request. What a caller gets when calling it is up to
the view of the service: a coroutine (`Async`), a `Future` at once (`Soon`), the result (`Sync`),
or a `Future` for synchronous callers (`SyncSoon`). The engine decides that by what it passes as
`run`; a service knows only how to describe. What makes operations of functions is in `_views`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from trivirt.errors import UsageError
from trivirt.model._call import (
    OK,
    OK_REMOVED,
    OK_STARTED,
    Call,
    encode_headers,
    encode_query,
    encode_segment,
    refuse_breaks,
)
from trivirt.model._struct import Items, Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from concurrent import futures as concurrent
    from typing import Protocol

    from typing_extensions import Self

    from trivirt.model._call import Headers, Query

T_co = TypeVar("T_co", covariant=True)


class Async:
    """The view in which an operation is awaited."""


class Soon:
    """The view in which an operation starts at once and gives a `Future`."""


class Sync:
    """The view in which an operation blocks its thread until the result is there."""


class SyncSoon:
    """The view in which a synchronous caller gets a `Future` at once."""


V = TypeVar("V", Async, Soon, Sync, SyncSoon)
F = TypeVar("F", bound="Struct | Items[Any]")


if TYPE_CHECKING:  # Nobody asks for them at run time, and protocols take long to make.

    class Future(Protocol[T_co]):
        """What an operation of the view `Soon` gives."""

        async def wait(self) -> T_co: ...
        def done(self) -> bool: ...
        def cancel(self) -> object: ...
        def exception(self) -> BaseException | None: ...
        def add_done_callback(self, callback: Callable[[Future[T_co]], object]) -> object: ...
        def as_concurrent(self) -> concurrent.Future[Any]: ...

    class SyncFuture(Protocol[T_co]):
        """What an operation of the view `SyncSoon` gives."""

        def wait(self, timeout: float | None = None) -> T_co: ...
        def done(self) -> bool: ...
        def cancel(self) -> object: ...
        def exception(self, timeout: float | None = None) -> BaseException | None: ...
        def add_done_callback(self, callback: Callable[[SyncFuture[T_co]], object]) -> object: ...
        def as_concurrent(self) -> concurrent.Future[Any]: ...


class Service(Generic[V]):
    """A place in the tree of the API: a path, and what can be done there."""

    # Name of the method that leads to one member, for services of a collection.
    _item: ClassVar[str] = ""
    _segments: ClassVar[dict[str, str]]

    _run: Callable[[Any], Any]
    # The same for operations: to type checkers they give their call, whatever the view makes of it.
    _pass: Callable[[Call[Any]], Call[Any]]

    if not TYPE_CHECKING:
        # The view is for type checkers. To tell it to `typing` as well would take longer, for
        # each of 288 classes, than making the class.

        def __class_getitem__(cls, view):
            return cls

        def __init_subclass__(cls):
            pass

    def __init__(self, run: Callable[[Any], Any], path: str) -> None:
        self._run = self._pass = run
        self._path = path

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path or '/'}>"

    def service(self, path: str) -> Service[V]:
        """Walk from here along a path such as `vms/123/nics`, whose ids are not encoded.

        A segment is first looked up by name and else taken as an id. Raises `UsageError` when
        there is no such way.
        """
        return self._walk([segment for segment in path.split("/") if segment], path)

    def _walk(self, segments: Iterable[str], path: str) -> Service[V]:
        here: Service[V] = self
        for segment in segments:
            here = here._step(segment, path)
        return here

    def _step(self, segment: str, path: str) -> Service[V]:
        name = self._named().get(segment)
        if name is not None:
            found: Service[V] = getattr(self, name)
            return found
        if not self._item:
            raise UsageError(f"{path!r} leads nowhere: {self!r} has no {segment!r}")
        found = getattr(self, self._item)(segment)
        return found

    def _seen_by(self, run: Callable[[Any], Any]) -> Self:
        """Give the same place in another view, together with the services it was given."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Service):
                setattr(twin, name, value._seen_by(run))
        twin._run = twin._pass = run
        return twin

    def _described(self) -> Self:
        """Give the same place in a view where an operation gives what it describes, the `Call`."""
        return self._seen_by(_itself)

    @classmethod
    def _named(cls) -> dict[str, str]:
        """Give the locators that have a name, by segment: the name without its underscores."""
        if "_segments" not in cls.__dict__:
            names = [name for name in dir(cls) if _is_locator(getattr(cls, name))]
            cls._segments = {name.replace("_", ""): name for name in names}
            cls._segments.update((name, name) for name in names)
        return cls._segments

    # What operations end with: the call goes to the view, and what that makes of it comes back.

    def _get(self, expect: str, headers: Headers, query: Query, **params: object) -> Call[Any]:
        return self._read("get", expect, headers, query, params)

    def _list(self, expect: str, headers: Headers, query: Query, **params: object) -> Call[Any]:
        return self._read("list", expect, headers, query, params)

    def _read(
        self, kind: str, expect: str, headers: Headers, query: Query, params: dict[str, object]
    ) -> Call[Any]:
        pairs = encode_query(query, params) if query or params else ()
        extra: tuple[tuple[str, str], ...] = ()
        if headers or "all_content" in params:
            extra = encode_headers(headers, params.get("all_content"))
        return self._pass(Call("GET", self._path, pairs, extra, None, expect, None, OK, kind))

    def _add(
        self,
        body: Struct | Items[Any],
        expect: str,
        headers: Headers,
        query: Query,
        **params: object,
    ) -> Call[Any]:
        return self._write("add", "POST", OK_STARTED, body, expect, headers, query, params)

    def _update(
        self, body: Struct, expect: str, headers: Headers, query: Query, **params: object
    ) -> Call[Any]:
        return self._write("update", "PUT", OK, body, expect, headers, query, params)

    def _remove(
        self, headers: Headers, query: Query, body: Struct | None = None, **params: object
    ) -> Call[Any]:
        return self._write("remove", "DELETE", OK_REMOVED, body, None, headers, query, params)

    def _write(
        self,
        kind: str,
        method: str,
        ok: frozenset[int],
        body: Struct | Items[Any] | None,
        expect: str | None,
        headers: Headers,
        query: Query,
        params: dict[str, object],
    ) -> Call[Any]:
        pairs = encode_query(query, params)
        extra = encode_headers(headers, params.get("all_content"))
        return self._pass(Call(method, self._path, pairs, extra, body, expect, None, ok, kind))

    def _action(
        self,
        segment: str,
        body: Struct,
        headers: Headers,
        query: Query,
        result: str | None = None,
    ) -> Call[Any]:
        pairs = encode_query(query, {}) if query else ()
        extra = encode_headers(headers, None) if headers else ()
        path = f"{self._path}/{segment}"
        return self._pass(
            Call("POST", path, pairs, extra, body, "action", result, OK_STARTED, "action")
        )

    def _at(self, id: str | None) -> str:
        return f"{self._path}/{encode_segment(id)}"


def _itself(call: Call[Any]) -> Call[Any]:
    return call


def _is_locator(member: object) -> bool:
    """A property that gives a service of the same view; an engine has others besides."""
    annotations = getattr(getattr(member, "fget", None), "__annotations__", {})
    return str(annotations.get("return", "")).endswith("[V]")


class Root(Service[V]):
    """The root of the tree, which knows the path of the API on its server.

    Only it can go where an `href` leads.
    """

    _api = "/ovirt-engine/api"

    if TYPE_CHECKING:
        # By hand: a function of any type has no `Operation` that could stand for it.

        @overload
        def follow(
            self: Root[Async], obj: F | None, *, headers: Headers = None, query: Query = None
        ) -> Coroutine[Any, Any, F]: ...
        @overload
        def follow(
            self: Root[Soon], obj: F | None, *, headers: Headers = None, query: Query = None
        ) -> Future[F]: ...
        @overload
        def follow(
            self: Root[Sync], obj: F | None, *, headers: Headers = None, query: Query = None
        ) -> F: ...
        @overload
        def follow(
            self: Root[SyncSoon], obj: F | None, *, headers: Headers = None, query: Query = None
        ) -> SyncFuture[F]: ...
        def follow(
            self, obj: object, *, headers: Headers = None, query: Query = None
        ) -> object: ...

    else:

        def follow(self, obj, *, headers: Headers = None, query: Query = None):
            """Fetch what the `href` of an object or of a list leads to: all of it, as it is now.

            An object gives an object, a list a list: `await engine.follow(vm.host)`,
            `await engine.follow(vm.nics)`. Raises UsageError when there is no href, or when it
            leads out of the API of this engine.
            """
            return _follow(self, obj, headers, query)


def _follow(root: Root[Any], obj: Any, headers: Headers, query: Query) -> Any:
    href = _href(obj)
    api = root._api
    path, _, inner = href.partition("?")
    if path != api and not path.startswith(f"{api}/"):
        raise UsageError(f"the href {href!r} is not below {api!r}, the API of this engine")
    refuse_breaks("the href", href)
    from urllib.parse import parse_qsl, unquote

    query = {**dict(parse_qsl(inner, keep_blank_values=True)), **(query or {})}
    path = path[len(api) :].rstrip("/")
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    try:
        place = root._walk(segments, path)
        fetch = getattr(place, "list" if isinstance(obj, Items) else "get")
    except (UsageError, AttributeError):
        expect = _element(obj)
        if expect is None or {"", ".", ".."} & set(segments):
            raise UsageError(f"the href {href!r} leads to nothing that can be fetched") from None
        # What a newer engine has: the path as it came, and what the object says it is.
        extra, pairs = encode_headers(headers, None), encode_query(query, {})
        return root._run(Call("GET", path, pairs, extra, None, expect, None, OK, "get"))
    return fetch(headers=headers, query=query)


def _href(obj: Any) -> str:
    if obj is None:
        raise UsageError("there is nothing to follow: the attribute it was taken from is not set")
    if not isinstance(obj, (Struct, Items)):
        raise TypeError(f"an object or a list of the API can be followed, not {obj!r:.60}")
    if obj.href is None:
        raise UsageError(f"{obj!r:.60} has no href to follow")
    return obj.href


def _element(obj: Struct | Items[Any]) -> str | None:
    """The root element of the answer, as far as the object tells."""
    if isinstance(obj, Struct):
        return obj.element or None
    return obj[0].plural if obj and isinstance(obj[0], Struct) else None
