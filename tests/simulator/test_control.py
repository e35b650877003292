"""The control port as a function: what it arms, advances and refuses."""

from __future__ import annotations

import json

import pytest

from trivirt.simulator import SimulatedEngine
from trivirt.simulator._control import FAULTS, control
from trivirt.simulator._faults import Faults
from trivirt.wire._messages import Request


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
    ],
)
def test_what_makes_no_sense_is_refused(ask_control, path, wish):
    status, body = ask_control("POST", path, wish)
    assert status == 400
    assert body["error"]


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
