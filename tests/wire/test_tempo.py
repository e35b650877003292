"""The depth of pipelines follows the round trip over the service time, in a simulated server."""

from __future__ import annotations

import heapq
import random

import pytest

from trivirt.wire._tempo import DEEP, SHALLOW, START, Tempo


def simulate(
    round_trip: float, service: float, *, connections: int = 10, requests: int = 4000
) -> tuple[float, list[int]]:
    """Seconds taken by all requests, and the depth after each answer.

    Each connection is answered in order, one request at a time; the client takes 0.1 ms for each.
    """
    random_ = random.Random(1)
    tempo, depths = Tempo(), []
    answers: list[tuple[float, int, float, int]] = []
    free, load, left = [0.0] * connections, [0] * connections, requests
    now = client_free = 0.0
    while left or answers:
        while left:
            connection = min(range(connections), key=load.__getitem__)
            if load[connection] >= tempo.depth:
                break
            begin = max(now + round_trip / 2, free[connection])
            free[connection] = begin + service * random_.uniform(0.7, 1.3)
            arrival = free[connection] + round_trip / 2
            heapq.heappush(answers, (arrival, connection, now, load[connection]))
            load[connection] += 1
            left -= 1
        arrival, connection, sent, ahead = heapq.heappop(answers)
        now = max(now, arrival, client_free)
        client_free = now + 0.0001
        load[connection] -= 1
        tempo.observe(ahead, now - sent)
        depths.append(tempo.depth)
    return now, depths


@pytest.mark.parametrize(
    ("round_trip", "service", "low", "high"),
    [
        (0.0003, 0.0002, SHALLOW, 8),
        (0.001, 0.005, SHALLOW, 8),
        (0.01, 0.005, SHALLOW, 16),
        (0.01, 0.001, 8, 40),
        (0.05, 0.0001, 32, DEEP),
        (0.05, 0.005, 8, 40),
        (0.2, 0.0001, 32, DEEP),
    ],
)
def test_shallow_when_near_and_deep_when_far(
    round_trip: float, service: float, low: int, high: int
) -> None:
    seconds, depths = simulate(round_trip, service)
    settled = sorted(depths[len(depths) // 2 :])
    assert low <= settled[len(settled) // 2] <= high
    # As fast as a server can be that is never kept waiting, but for finding out the depth.
    ideal = max(4000 * service / 10, 4000 * 0.0001) + round_trip
    floor = 4000 / 10 / DEEP * round_trip
    assert seconds < 1.25 * max(ideal, floor) + 4 * round_trip


def test_it_stays_within_bounds_whatever_it_is_told() -> None:
    random_ = random.Random(2)
    tempo = Tempo()
    assert tempo.depth == START
    for _ in range(20000):
        tempo.observe(random_.randrange(100), random_.choice([0.0, 1e-9, 1e-3, 1.0, 1e9]))
        assert SHALLOW <= tempo.depth <= DEEP


def test_it_tells_when_the_depth_has_changed() -> None:
    tempo = Tempo()
    depth, changes = tempo.depth, 0
    for turn in range(1000):
        changed = tempo.observe(turn % 8, 0.05)
        assert changed == (tempo.depth != depth)
        depth, changes = tempo.depth, changes + changed
    assert changes > 2
    assert depth == DEEP
    assert repr(tempo).startswith("<Tempo depth 64")
