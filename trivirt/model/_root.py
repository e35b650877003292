"""What only the root of the tree can do: go where an `href` leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from trivirt.errors import UsageError
from trivirt.model._call import OK, Call, encode_headers, encode_query, refuse_breaks
from trivirt.model._service import Service, V
from trivirt.model._struct import Items, Struct

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from trivirt.model._call import Headers, Query
    from trivirt.model._service import Async, Future, Soon, Sync, SyncFuture, SyncSoon

F = TypeVar("F", bound="Struct | Items[Any]")


class Root(Service[V]):
    """The root of the tree, which knows the path of the API on its server."""

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
