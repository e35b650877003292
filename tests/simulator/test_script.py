"""What happens by itself (point 55), and switches of answers."""

from __future__ import annotations

import pytest

from trivirt import errors
from trivirt.simulator import SimulatedEngine


@pytest.fixture
def engine():
    return SimulatedEngine(seed="examples")


@pytest.fixture
def vm(ask):
    return ask.first("/vms?search=name%3Dmyvm-up")


def test_point_55_a_vm_crashes(ask, engine, vm):
    engine.script.vm_crashes("myvm-up", after=5)
    assert ask.value(vm, "status") == "up"
    engine.clock.advance(5)
    assert ask.value(vm, "status") == "down"
    assert b"<severity>error</severity>" in ask.get("/events?max=1").body


def test_point_55_a_host_is_lost_and_returns(ask, engine, vm):
    host = ask.first("/hosts?search=name%3Dotherhost")
    engine.script.host_is_lost("otherhost")
    assert b"<status>connecting</status>" in ask.get(host).body
    assert ask.value(vm, "status") == "unknown"
    engine.clock.advance(5)
    assert b"<status>non_responsive</status>" in ask.get(host).body
    engine.script.host_returns("otherhost", after=1)
    engine.clock.advance(1)
    assert ask.value(vm, "status") == "up"


def test_point_55_somebody_else_changes_things(ask, engine, vm):
    engine.script.changes(vm, after=2, status="paused", comment="by somebody else")
    engine.clock.advance(2)
    assert ask.value(vm, "status") == "paused"
    assert ask.value(vm, "comment") == "by somebody else"


def test_a_guest_writes_to_images_only(ask, engine):
    unit = "<logical_unit id='36001405e396b3d9c9a54284a51685f9a'/>"
    storage = f"<type>iscsi</type><logical_units>{unit}</logical_units>"
    ask("POST", "/disks", f"<disk><name>lun</name><lun_storage>{storage}</lun_storage></disk>")
    with pytest.raises(errors.UsageError, match="LUN"):
        engine.script.guest_writes("lun", 0, b"x")


def test_what_is_not_there(engine):
    for happen in (lambda: engine.script.vm_crashes("x"), lambda: engine.script.changes("/vms/x")):
        with pytest.raises(errors.UsageError):
            happen()


def test_point_31_removals_can_answer_without_a_body(ask, engine):
    tag = ask("POST", "/tags", "<tag><name>x</name></tag>").header("location").partition("/api")[2]
    other = (
        ask("POST", "/tags", "<tag><name>y</name></tag>").header("location").partition("/api")[2]
    )
    assert b"<status>complete</status>" in ask("DELETE", tag).body
    engine.plain_removals = True
    answer = ask("DELETE", other)
    assert (answer.status, answer.body, answer.header("content-type")) == (200, b"", None)
