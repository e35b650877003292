from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trivirt.inventory._pace import Pace


def answers(pace, seconds, count, kind="nics"):
    for _ in range(count):
        pace.answered(kind, seconds)


async def test_never_more_than_the_limit_have_a_turn():
    pace, left = Pace(3), []

    async def turn(number):
        await pace.enter()
        await trio.lowlevel.checkpoint()
        left.append(number)
        pace.leave()

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(turn, number)
    assert sorted(left) == list(range(20))
    assert pace.highest == 3
    assert pace.under_way == 0


async def test_who_gives_up_waiting_takes_no_turn():
    pace = Pace(1)
    await pace.enter()
    with trio.move_on_after(0):
        await pace.enter()
    assert pace.under_way == 1
    pace.leave()
    await pace.enter()


def test_an_engine_that_slows_down_gets_less():
    pace = Pace(80)
    answers(pace, 0.02, 200)
    assert pace.limit == 80
    answers(pace, 1.0, 100)
    assert pace.limit < 80
    assert pace.cuts > 0


def test_an_engine_that_stays_slow_gets_one_at_a_time_in_the_end():
    pace = Pace(80)
    answers(pace, 0.02, 100)
    answers(pace, 20.0, 2000)
    assert pace.limit == 1


def test_an_engine_that_is_quick_again_gets_all_again():
    pace = Pace(80)
    answers(pace, 0.02, 100)
    answers(pace, 2.0, 500)
    low = pace.limit
    answers(pace, 0.02, 3000)
    assert low < 40
    assert pace.limit == 80


def test_what_nobody_notices_is_no_reason():
    """A hundred requests at once to an engine next door each take longer than the first alone."""
    pace = Pace(80)
    answers(pace, 0.001, 100)
    answers(pace, 0.2, 1000)
    assert pace.limit == 80


def test_a_slow_kind_is_no_slow_engine():
    pace = Pace(80)
    answers(pace, 0.01, 100, "nics")
    answers(pace, 3.0, 1000, "statistics")
    assert pace.limit == 80


def test_the_best_time_ages():
    """The network got longer, and stays so."""
    pace = Pace(10)
    answers(pace, 0.06, 50)
    answers(pace, 0.6, 3000)
    assert pace.limit == 10


def test_a_refusal_of_the_front_end_halves_it():
    pace = Pace(80)
    pace.refused()
    assert pace.limit == 40


async def test_a_limit_that_grows_wakes_who_waits():
    pace = Pace(20)
    pace.refused()
    entered = 0

    async def turn():
        nonlocal entered
        await pace.enter()
        entered += 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(turn)
        await wait_all_tasks_blocked()
        assert entered == 10
        answers(pace, 0.01, 200)
        await wait_all_tasks_blocked()
        assert entered == 20
    assert repr(pace) == "<Pace 20 of 20, at most 20>"


@pytest.mark.parametrize("most", [1, 2, 7])
async def test_it_never_stops_altogether(most):
    pace = Pace(most)
    for _ in range(50):
        pace.refused()
    await pace.enter()
    assert pace.under_way == 1
