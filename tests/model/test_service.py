"""What the kernel does for operations and services, apart from the generated ones."""

from __future__ import annotations

import pydoc
from typing import Any

import pytest

from trivirt.model import Call
from trivirt.services import SystemService, VmsService
from trivirt.types import Vm


def vms() -> Any:
    return VmsService(lambda call: call, "/vms")


def test_the_view_decides_what_a_caller_gets() -> None:
    asked: list[Call[Any]] = []

    def run(call: Call[Any]) -> str:
        asked.append(call)
        return "whatever the view promises"

    root: Any = SystemService(run, "")
    assert root.vms.list(max=3) == "whatever the view promises"
    (call,) = asked
    assert (call.method, call.path, call.query) == ("GET", "/vms", (("max", "3"),))


def test_a_call_is_a_value() -> None:
    call = vms().list()
    assert call == vms().list()
    assert call != vms().list(max=1)
    with pytest.raises(AttributeError):
        call.path = "/hosts"


def test_help_shows_the_real_signature() -> None:
    text = pydoc.plain(pydoc.render_doc(vms().list))
    # Before Python 3.14 annotations have quotes here.
    assert "search: str | None = None" in text.replace("'", "")
    assert "List virtual machines." in text


def test_body_is_required_and_may_be_positional() -> None:
    assert vms().add(Vm(name="a")) == vms().add(vm=Vm(name="a"))
    with pytest.raises(TypeError, match="'vm'"):
        vms().add()


def test_repr_shows_the_path() -> None:
    root: Any = SystemService(lambda call: call, "")
    assert repr(root) == "<SystemService />"
    assert repr(root.vms.vm("a/b").nics) == "<VmNicsService /vms/a%2Fb/nics>"


def test_values_of_parameters() -> None:
    call = vms().list(query={"a": 1.5, "b": False, "c": "x"}, all_content=False)
    assert call.query == (("a", "1.5"), ("all_content", "false"), ("b", "false"), ("c", "x"))
    assert call.headers == (("All-Content", "false"),)


def test_bricks_are_removed_by_a_body() -> None:
    """Quirk 49: the engine takes them from an action, not from the query."""
    from trivirt import codec
    from trivirt.model import Items
    from trivirt.services import GlusterBricksService
    from trivirt.types import GlusterBrick

    bricks: Any = GlusterBricksService(lambda call: call, "/bricks")
    call = bricks.remove(bricks=Items([GlusterBrick(id="1")]), replica_count=2)
    assert (call.method, call.query) == ("DELETE", (("replica_count", "2"),))
    assert codec.encode(call.body) == b'<action><bricks><brick id="1"/></bricks></action>'


def test_lone_surrogates_are_no_id() -> None:
    from trivirt.errors import UsageError

    with pytest.raises(UsageError, match="Unicode"):
        vms().vm("\ud800")
