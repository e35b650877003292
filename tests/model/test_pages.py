"""Going through long lists page by page: what is asked, and how it ends."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from trivirt.errors import NotFound, RemoteProtocolError, UsageError
from trivirt.model import Async, Call, Items, Service, Steps, V, procedure, stream
from trivirt.services import JobsService, VmNicsService, VmsService
from trivirt.types import Vm


class Server:
    """Gives the VMs of a list in pages, as an engine does, and keeps what it was asked."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.asked: list[tuple[tuple[str, str], ...]] = []

    async def perform(self, work: Any) -> Any:
        if isinstance(work, Steps):
            return await work.run(self.perform)
        await trio.lowlevel.checkpoint()
        self.asked.append(work.query)
        return Items(Vm(id=one) for one in self.page(dict(work.query)))

    def page(self, query: dict[str, str]) -> list[str]:
        if "page" not in query.get("search", ""):
            return self.ids
        number, size = int(query["search"].split()[-1]), int(query["max"])
        return self.ids[(number - 1) * size : number * size]

    @property
    def vms(self) -> VmsService[Async]:
        return VmsService(self.perform, "/vms")

    @property
    def searches(self) -> list[str | None]:
        return [dict(query).get("search") for query in self.asked]


async def ids(iterator: AsyncIterator[Vm]) -> list[str | None]:
    return [vm.id async for vm in iterator]


async def test_pages_until_an_empty_one() -> None:
    server = Server(*"abcde")
    assert await ids(server.vms.iterate(max=2, follow="nics")) == list("abcde")
    assert server.searches == ["page 1", "page 2", "page 3", "page 4"]
    assert server.asked[0] == (("follow", "nics"), ("max", "2"), ("search", "page 1"))


async def test_the_size_of_a_page_is_100_unless_given() -> None:
    server = Server()
    assert await ids(server.vms.iterate()) == []
    assert server.asked == [(("max", "100"), ("search", "page 1"))]


@pytest.mark.parametrize(
    ("search", "asked"),
    [
        ("name=a*", "name=a* page 1"),
        ("status=up sortby name desc", "status=up sortby name desc page 1"),
        # An engine would take `page` for the direction.
        ("sortby name", "sortby name asc page 1"),
        ('name="sortby name"', 'name="sortby name" page 1'),
        (" name=page ", "name=page page 1"),
    ],
)
async def test_the_page_follows_the_search(search: str, asked: str) -> None:
    server = Server()
    await ids(server.vms.iterate(search=search))
    assert server.searches == [asked]


async def test_the_next_page_is_asked_for_when_the_last_item_is_taken() -> None:
    server = Server(*"abcde")
    vms = server.vms.iterate(max=2)
    assert server.asked == []
    for count in (1, 1, 2, 2, 3):
        await anext(vms)
        assert len(server.asked) == count


class TestMistakes:
    """Raised by the call, before anything is asked."""

    @pytest.mark.parametrize("max", [0, -1])
    def test_no_page_without_items(self, max: int) -> None:
        with pytest.raises(UsageError, match="at least one"):
            Server().vms.iterate(max=max)

    @pytest.mark.parametrize("search", ["page 2", "name=a PAGE 7 "])
    def test_pages_are_counted_by_iterate(self, search: str) -> None:
        with pytest.raises(UsageError, match="has a page already"):
            Server().vms.iterate(search=search)

    def test_an_unknown_argument(self) -> None:
        with pytest.raises(TypeError, match="serach"):
            Server().vms.iterate(serach="x")  # type: ignore[call-arg]


class TestChangesMeanwhile:
    async def test_what_is_added_before_comes_once(self) -> None:
        server = Server(*"abcdef")
        vms = server.vms.iterate(max=3)
        first = [(await anext(vms)).id for _ in range(3)]
        server.ids.insert(0, "new")
        assert first + await ids(vms) == list("abcdef")

    async def test_what_is_removed_before_may_hide_another(self) -> None:
        """As the docstring says."""
        server = Server(*"abcdef")
        vms = server.vms.iterate(max=3)
        first = [(await anext(vms)).id for _ in range(3)]
        server.ids.remove("a")
        assert first + await ids(vms) == list("abcef")


class TestAServerThatKnowsNoPages:
    @pytest.mark.parametrize("pages", ["a", "ab,ab", "ab,cd", "ab,bc,ca", "abc,ab,cd"])
    async def test_that_repeats_itself_ends_with_an_error(self, pages: str) -> None:
        server, circle = Server(), pages.split(",")
        server.page = lambda query: list(  # type: ignore[method-assign]
            circle[(int(query["search"].split()[-1]) - 1) % len(circle)]
        )
        with pytest.raises(RemoteProtocolError, match=r"GET /vms: page \d of 3 repeats"):
            await ids(server.vms.iterate(max=3))
        assert len(server.asked) <= len(circle) + 1

    async def test_that_sends_everything_ends_with_an_error(self) -> None:
        server = Server()
        server.page = lambda query: list("abcd")  # type: ignore[method-assign]
        with pytest.raises(RemoteProtocolError, match=r"page 1 of 3 came with 4 items"):
            await ids(server.vms.iterate(max=3))

    async def test_items_without_ids_are_noticed_as_well(self) -> None:
        async def perform(work: Any) -> Any:
            return await work.run(perform) if isinstance(work, Steps) else Items([Vm(name="a")])

        with pytest.raises(RemoteProtocolError, match="repeats"):
            await ids(VmsService[Async](perform, "/vms").iterate())


class TestListsWithoutPages:
    async def test_they_come_at_once(self) -> None:
        server = Server("a", "b")
        nics = VmNicsService[Async](server.perform, "/vms/1/nics")
        assert [nic.id async for nic in nics.iterate(max=1, follow="x")] == ["a", "b"]
        assert server.asked == [(("follow", "x"),)]

    async def test_empty(self) -> None:
        nics = VmNicsService[Async](Server().perform, "/vms/1/nics")
        assert [nic async for nic in nics.iterate()] == []

    async def test_a_filter_that_would_cut_pages_before_it_filters(self) -> None:
        server = Server("a", "b")
        assert await ids(server.vms.iterate(filter=True, search="x", max=1)) == ["a", "b"]
        assert server.asked == [(("filter", "true"), ("search", "x"))]


async def test_a_cancelled_wait_loses_nothing() -> None:
    server = Server(*"abc")
    vms = server.vms.iterate(max=2)
    await anext(vms)
    await anext(vms)
    with trio.move_on_after(0) as scope:
        await anext(vms)
    assert scope.cancelled_caught
    assert await ids(vms) == ["c"]


async def test_an_error_loses_nothing() -> None:
    server = Server(*"abc")
    vms = server.vms.iterate(max=2)
    await anext(vms)
    await anext(vms)
    regular, server.page = server.page, lambda query: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await anext(vms)
    server.page = regular  # type: ignore[method-assign]
    assert await ids(vms) == ["c"]


def test_help() -> None:
    signature = inspect.signature(Server().vms.iterate)
    assert signature == inspect.signature(Server().vms.list)
    assert "holding one page" in (inspect.getdoc(VmsService.iterate) or "")
    assert "at once" in (inspect.getdoc(VmNicsService.iterate) or "")
    assert JobsService.iterate.__qualname__ == "JobsService.iterate"  # type: ignore[attr-defined]
    assert repr(Server().vms.iterate()) == "<iterate /vms>"


class Companion(Service[V]):
    """Steps written once, over a service that it was given."""

    def __init__(self, vms: Any) -> None:
        super().__init__(vms._run, vms._path)
        self.vms = vms

    @procedure
    async def total(self, *searches: str, extra: int = 0) -> int:
        """Count what several searches find."""
        return sum([len(await self.vms.list(search=one)) for one in searches]) + extra

    @stream
    async def names(self, *searches: str) -> AsyncIterator[str]:
        """Name what several searches find."""
        for search in searches:
            if search == "bad":
                raise NotFound("gone", code=404)
            for vm in await self.vms.list(search=search):
                yield str(vm.id)


class TestOwnSteps:
    async def test_a_procedure_is_awaited(self) -> None:
        companion: Any = Companion(Server("a", "b").vms)
        assert await companion.total("x", "y", extra=1) == 5

    def test_a_procedure_is_one_piece_of_work(self) -> None:
        companion: Any = Companion(VmsService(lambda work: work, "/vms"))
        work = companion.total("x")
        assert repr(work) == "<Steps Companion.total /vms>"
        assert inspect.signature(companion.total) == inspect.signature(
            Companion.total.__wrapped__.__get__(companion)
        )
        assert inspect.getdoc(companion.total) == "Count what several searches find."

    async def test_a_stream(self) -> None:
        companion: Any = Companion(Server("a", "b").vms)
        assert [name async for name in companion.names("x", "y")] == ["a", "b", "a", "b"]

    async def test_a_stream_left_early_is_no_warning(self) -> None:
        companion: Any = Companion(Server("a", "b").vms)
        async for _ in companion.names("x"):
            break

    async def test_a_stream_that_failed_is_not_taken_for_complete(self) -> None:
        companion: Any = Companion(Server("a").vms)
        names = companion.names("x", "bad")
        assert await anext(names) == "a"
        with pytest.raises(NotFound):
            await anext(names)
        with pytest.raises(UsageError, match="broken off"):
            await anext(names)

    async def test_the_wrong_kind_of_loop(self) -> None:
        with pytest.raises(TypeError, match="use `async for`"):
            next(Server("a").vms.iterate())  # type: ignore[call-overload]


def test_a_call_as_text() -> None:
    call: Call[None] = Call("GET", "", (), (("X", "secret"),), None, None, None, frozenset(), "get")
    assert (str(call), repr(call)) == ("GET /", "<Call GET />")
