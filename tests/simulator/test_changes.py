"""What was written between checkpoints."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trivirt.simulator._changes import GRAIN, MANY, Changes, joined


def test_writes_belong_to_the_marks_around_them():
    changes = Changes()
    changes.wrote(0, 10)
    changes.mark("a")
    changes.wrote(5 * GRAIN, 5 * GRAIN + 1)
    changes.mark("b")
    changes.wrote(GRAIN, 2 * GRAIN)
    assert changes.between("a", "b") == [(5 * GRAIN, 6 * GRAIN)]
    assert changes.between("b", None) == [(GRAIN, 2 * GRAIN)]
    assert changes.between("a", None) == [(GRAIN, 2 * GRAIN), (5 * GRAIN, 6 * GRAIN)]


def test_a_mark_that_is_not_known_is_far_away():
    changes = Changes()
    changes.wrote(0, 10)
    changes.mark("a")
    assert changes.between("of another time", "a") == [(0, GRAIN)]


def test_many_writes_at_one_place_take_no_memory():
    changes = Changes()
    for _ in range(5 * MANY):
        changes.wrote(7, 8)
    assert len(changes.epochs[-1]) <= MANY
    assert changes.between("", None) == [(0, GRAIN)]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9))))
def test_joined_stretches_cover_the_same_and_do_not_touch(given_ones):
    stretches = [(start, start + length) for start, length in given_ones]
    found = joined(stretches)
    covered = {at for start, end in stretches for at in range(start, end)}
    assert {at for start, end in found for at in range(start, end)} == covered
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
