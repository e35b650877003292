from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio

from trivirt.errors import NotFound, UsageError
from trivirt.jobs import Watch
from trivirt.model import Steps
from trivirt.services import VmService


class FakeService(VmService):
    """Goes through the states, one for each look, and stays in the last."""

    def __init__(self, *states):
        super().__init__(self.perform, "/vms/1")
        self._states = list(states)
        self.looks = 0

    async def perform(self, work):
        if isinstance(work, Steps):
            return await work.run(self.perform)
        await trio.lowlevel.checkpoint()
        self.looks += 1
        state = self._states[0] if len(self._states) == 1 else self._states.pop(0)
        if isinstance(state, Exception):
            raise state
        return SimpleNamespace(status=state, phase=state)


async def test_it_looks_until_the_state_is_there(autojump_clock):
    service = FakeService("down", "wait_for_launch", "powering_up", "up")
    watch = Watch(service, pause=2)
    seen = await watch.until("up")
    assert repr(watch) == "<Watch /vms/1>"
    assert seen.status == "up"
    assert service.looks == 4
    assert trio.current_time() == pytest.approx(6)


async def test_a_state_that_is_there_needs_no_pause(autojump_clock):
    await Watch(FakeService("up")).until("up")
    assert trio.current_time() == 0


async def test_any_of_several_states_ends_it():
    assert (await Watch(FakeService("down")).until("up", "down")).status == "down"


async def test_another_attribute_can_be_the_state():
    service = FakeService("initializing", "transferring")
    seen = await Watch(service, pause=0).until("transferring", attribute="phase")
    assert seen.phase == "transferring"


async def test_an_object_that_vanishes_raises_not_found():
    service = FakeService("image_locked", NotFound("gone", code=404))
    with pytest.raises(NotFound):
        await Watch(service, pause=0).until("down")


async def test_the_caller_sets_the_limit(autojump_clock):
    with trio.move_on_after(10) as scope:
        await Watch(FakeService("down")).until("up")
    assert scope.cancelled_caught


async def test_no_state_is_refused():
    with pytest.raises(UsageError, match="which state"):
        await Watch(FakeService("up")).until()


@pytest.mark.parametrize("pause", [-1, float("nan"), float("inf")])
def test_a_strange_pause_is_refused(pause):
    with pytest.raises(UsageError, match="pause"):
        Watch(FakeService("up"), pause=pause)
