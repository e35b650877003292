from __future__ import annotations

import pytest
import trio

from trivirt.cli import _demo_engine
from trivirt.cli._failure import Failure


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
