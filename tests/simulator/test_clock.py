"""The engine's time, and the date it begins at."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import trio

from trivirt import errors
from trivirt.simulator import SimulatedEngine
from trivirt.simulator._clock import Clock, epoch_of


def test_time_stands_still_outside_of_trio():
    clock = Clock()
    assert clock.now() == clock.now() == 0.0
    clock.advance(5)
    assert clock.now() == 5.0
    assert clock.date() == clock.epoch + timedelta(seconds=5)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


async def test_time_is_that_of_trio_and_goes_on_from_where_it_stood(autojump_clock):
    clock = Clock()
    clock.advance(100)
    await trio.sleep(3)
    before = clock.now()
    await trio.sleep(7)
    assert clock.now() - before == 7.0


def test_dates_are_whole_milliseconds():
    assert Clock(datetime(2024, 1, 1, 0, 0, 0, 123456, timezone.utc)).date().microsecond == 123000


@pytest.mark.parametrize(
    "text", ["2030-01-02T03:04:05+00:00", "2030-01-02T03:04:05Z", "2030-01-02T05:04:05+02:00"]
)
def test_an_engine_begins_at_the_date_it_is_given(asker, text):
    ask = asker(SimulatedEngine(vms=0, date=text))
    shown = datetime.fromisoformat(ask.value("", "time"))
    assert shown == datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_now_is_now():
    assert abs(epoch_of("now") - datetime.now(timezone.utc)) < timedelta(seconds=60)


@pytest.mark.parametrize("text", ["", "yesterday", "2030-13-01", "9999-12-31T23:59:59-12:00"])
def test_dates_that_are_none(text):
    with pytest.raises(errors.UsageError, match="date"):
        SimulatedEngine(vms=0, date=text)
