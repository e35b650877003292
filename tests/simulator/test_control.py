"""The control port as a function: what it arms, advances and refuses."""

from __future__ import annotations

import base64
import json

import pytest

from trivirt.simulator import SimulatedEngine
from trivirt.simulator._control import FAULTS, control
from trivirt.simulator._faults import Faults
from trivirt.wire._messages import Request

VM = "the path of a VM"


@pytest.fixture
def ask_control(engine):
    def ask(method: str, path: str, wish: object = None) -> tuple[int, dict]:
        body = b"" if wish is None else json.dumps(wish).encode()
        answer = control(engine, Request(method, path, (), body))
        return answer.status, json.loads(answer.body)

    return ask


def test_time_is_moved(engine, ask_control):
    assert ask_control("POST", "/clock", {"advance": 60}) == (200, {"seconds": 60})
    assert ask_control("GET", "/clock") == (200, {"seconds": 60})
    assert engine.clock.now() == 60


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_armed(engine, ask_control, name):
    assert callable(getattr(Faults, name))
    more = {"seconds": 2} if name == "slow" else {}
    wish = {"fault": name, "after": 2, "times": 3, "probability": 0.5, **more}
    assert ask_control("POST", "/faults", wish) == (200, {})
    status, body = ask_control("GET", "/faults")
    assert status == 200
    assert [fault["hits"] for fault in body["faults"]] == [0]
    assert ask_control("DELETE", "/faults") == (200, {})
    assert not engine.faults


def test_a_fault_of_one_path(engine, ask_control):
    ask_control("POST", "/faults", {"fault": "status", "status": 500, "path": "/x", "times": None})
    (fault,) = engine.faults.armed
    assert engine.faults.take(Request("GET", "/y")) is None
    assert engine.faults.take(Request("GET", "/x/1")) is fault


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/faults", {"fault": "nothing"}),
        ("/faults", {"fault": "reset", "unknown": 1}),
        ("/faults", {}),
        ("/faults", []),
        ("/clock", {"advance": -1}),
        ("/clock", {"advance": "soon"}),
        ("/clock", {"forward": 1}),
        ("/restart", {"seconds": 1, "phase": "sideways"}),
        ("/durations", {"eternity": 1}),
        ("/durations", {"locked": "long"}),
        ("/script", {}),
        ("/script", {"happens": "after", "seconds": 1}),
        ("/script", {"happens": "vm_crashes", "name": "nobody"}),
        ("/script", {"happens": "vm_crashes"}),
        ("/script", {"happens": "changes", "path": "/vms/x", "status": "up"}),
        ("/script", {"happens": "changes", "path": VM, "color": "red"}),
        ("/script", {"happens": "changes", "path": VM, "memory": "much"}),
        ("/script", {"happens": "guest_writes", "disk": "mydisk", "start": 0, "data": "?"}),
        ("/script", {"happens": "guest_writes", "disk": "mydisk", "start": 2**60, "data": ""}),
    ],
)
def test_what_makes_no_sense_is_refused(ask, ask_control, path, wish):
    if isinstance(wish, dict) and wish.get("path") == VM:
        wish = {**wish, "path": ask.first("/vms")}
    status, body = ask_control("POST", path, wish)
    assert status == 400
    assert body["error"]


def test_durations_are_changed(engine, ask_control):
    status, durations = ask_control("POST", "/durations", {"locked": 0, "migrating": 9})
    assert status == 200
    assert (durations["locked"], durations["migrating"]) == (0, 9)
    assert (engine.durations.locked, engine.durations.migrating) == (0, 9)
    assert ask_control("GET", "/durations") == (200, durations)


def test_point_55_what_happens_is_scripted_from_outside(ask, ask_control):
    vm = ask.first("/vms?search=status%3Dup")
    crash = {"happens": "vm_crashes", "name": ask.value(vm, "name"), "after": 5}
    assert ask_control("POST", "/script", crash) == (200, {})
    change = {"happens": "changes", "path": vm, "comment": "by somebody else"}
    assert ask_control("POST", "/script", change) == (200, {})
    assert (ask.value(vm, "status"), ask.value(vm, "comment")) == ("up", "by somebody else")
    ask.engine.clock.advance(5)
    assert ask.value(vm, "status") == "down"
    host = ask.first("/hosts")
    lost = {"happens": "host_is_lost", "name": ask.value(host, "name")}
    assert ask_control("POST", "/script", lost) == (200, {})
    assert b"<status>connecting</status>" in ask.get(host).body
    disk = ask.value(ask.first("/disks"), "name")
    data = base64.b64encode(b"changed").decode()
    writes = {"happens": "guest_writes", "disk": disk, "start": 70000, "data": data}
    assert ask_control("POST", "/script", writes) == (200, {})
    image = ask.value(ask.first("/disks"), "image_id")
    assert ask.engine.dispatcher.world.images.changes(image).epochs == [[(65536, 131072)]]


def test_a_body_that_is_no_json(engine):
    assert control(engine, Request("POST", "/clock", (), b"{")).status == 400


def test_other_paths_and_methods(ask_control):
    assert ask_control("GET", "/nothing")[0] == 404
    assert ask_control("PUT", "/clock")[0] == 405


def test_tokens_expire(ask, ask_control):
    assert ask.get("/vms").status == 200
    assert ask_control("POST", "/tokens/expire") == (200, {})
    assert ask.get("/vms").status == 401


def test_a_restart(ask, ask_control, monkeypatch):
    now = 100.0
    monkeypatch.setattr("trivirt.simulator._engine.monotonic", lambda: now)
    assert ask_control("POST", "/restart") == (200, {})
    assert ask.get("/vms").status == 401
    for phase, status in (("starting", 503), ("deploying", 404)):
        assert ask_control("POST", "/restart", {"seconds": 5, "phase": phase}) == (200, {})
        assert ask.get("/vms").status == status
        now += 5
        assert ask.get("/vms").status == 401
    ask_control("POST", "/restart", {"seconds": 5, "phase": "stopped"})
    assert ask.engine.refuses_connections
    ask.engine.reset()
    assert not ask.engine.refuses_connections


def test_a_reset_brings_the_seed_back(ask, ask_control, listed):
    before = listed(ask.get("/vms"))
    ask("DELETE", f"{ask.first('/vms?search=status%3Ddown')}")
    assert len(listed(ask.get("/vms"))) == len(before) - 1
    assert ask_control("POST", "/reset") == (200, {})
    assert listed(ask.get("/vms")) == before


def test_seeds_have_names(asker):
    assert "examples" in repr(SimulatedEngine(seed="examples"))
    from trivirt import errors

    with pytest.raises(errors.UsageError, match="examples"):
        SimulatedEngine(seed="nothing")


def test_state_is_kept_and_loaded(asker, tmp_path, listed):
    from trivirt import errors

    file = tmp_path / "state"
    ask = asker(SimulatedEngine(seed="examples", state=file))
    ask("POST", "/tags", "<tag><name>kept</name></tag>")
    ask("POST", f"{ask.first('/vms?search=name%3Dmyvm')}/start", "<action/>")
    ask.engine.keep_state()
    other = asker(SimulatedEngine(seed="examples", state=file))
    assert other.first("/tags")
    assert b"<name>kept</name>" in other.get("/tags").body
    assert other.value(other.first("/vms?search=name%3Dmyvm"), "status") == "up"
    newest = int(other.first("/events").rpartition("/")[2])
    answer = other("POST", f"{other.first('/vms?search=name%3Dmyvm')}/stop", "<action/>")
    assert answer.status == 200
    other.engine.clock.advance(10)
    assert int(other.first("/events").rpartition("/")[2]) > newest
    other.engine.reset()
    assert b"<name>kept</name>" not in other.get("/tags").body
    SimulatedEngine().keep_state()
    file.write_bytes(b"nonsense")
    with pytest.raises(errors.UsageError, match="no state"):
        SimulatedEngine(state=file).prepare()
