from __future__ import annotations

from trivirt.cli._jobs import Order, Way
from trivirt.cli._sign_on import Target


def test_ways_say_what_they_are():
    assert str(Way(1, 1)) == "one request after the other"
    assert str(Way(10, 1)) == "10 connections"
    assert str(Way(1, 8)) == "1 connection, 8 in each pipeline"
    assert str(Way(10, 8)) == "10 connections, 8 in each pipeline"
    assert [Way(1, 1).in_flight, Way(10, 1).in_flight, Way(10, 8).in_flight] == [1, 12, 100]


def test_how_an_engine_is_read_is_what_was_asked_for_or_what_describes_it_says():
    plain, described = Target("u"), Target("u", other={"connections": 3, "pipeline": 2})
    assert Order().way(plain) == Way(10, 8)
    assert Order().way(described) == Way(3, 2)
    assert Order(connections=5).way(described) == Way(5, 2)
    assert Order(pipeline=1).way(plain) == Way(10, 1)
