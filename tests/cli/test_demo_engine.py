from __future__ import annotations

import pytest
import trio

from trivirt.cli import _demo, _demo_engine
from trivirt.cli._failure import Failure
from trivirt.cli._reading import Reading, Way
from trivirt.inventory import Record
from trivirt.types import Vm


async def test_the_engine_ends_with_the_block(monkeypatch):
    started = []
    real = trio.lowlevel.open_process

    async def note(*words, **keywords):
        started.append(await real(*words, **keywords))
        return started[0]

    monkeypatch.setattr(trio.lowlevel, "open_process", note)
    async with _demo_engine.open_demo_engine(["--vms", "1"]) as engine:
        assert engine.url.endswith("/ovirt-engine/api")
        assert started[0].poll() is None
    assert started[0].returncode == 0


async def test_an_engine_that_cannot_start_is_told(monkeypatch):
    with pytest.RaisesGroup(
        pytest.RaisesExc(Failure, match="exit code 2: .*no-such-option"), flatten_subgroups=True
    ):
        async with _demo_engine.open_demo_engine(["--no-such-option"]):
            pytest.fail("it started")


def test_results_that_differ_are_noticed():
    def reading(name):
        record = Record(0, Vm(id="1", name=name), {"nics": []})
        return Reading([record], {"url": "u", "product": None, "version": None}, 1, 1.0)

    ways = [Way(1, 1), Way(10, 1)]
    _demo._check_equal(ways, [reading("a"), reading("a")])
    with pytest.raises(Failure, match="the results differ"):
        _demo._check_equal(ways, [reading("a"), reading("b")])


def test_ways_say_what_they_are():
    assert str(Way(1, 1)) == "one request after the other"
    assert str(Way(10, 1)) == "10 connections"
    assert str(Way(1, 8)) == "1 connection, 8 in each pipeline"
    assert str(Way(10, 8)) == "10 connections, 8 in each pipeline"
    assert [Way(1, 1).in_flight, Way(10, 1).in_flight, Way(10, 8).in_flight] == [1, 20, 160]
