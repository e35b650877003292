from __future__ import annotations

from trivirt.cli._jobs import Way


def test_ways_say_what_they_are():
    assert str(Way(1, 1)) == "one request after the other"
    assert str(Way(10, 1)) == "10 connections"
    assert str(Way(1, 8)) == "1 connection, 8 in each pipeline"
    assert str(Way(10, 8)) == "10 connections, 8 in each pipeline"
    assert [Way(1, 1).in_flight, Way(10, 1).in_flight, Way(10, 8).in_flight] == [1, 20, 160]
