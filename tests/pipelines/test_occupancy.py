"""How many are inside: never fewer than nobody, and every correction told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.layout import Area
from pipelines.occupancy import Anchor, Move, Occupancy
from pipelines.records import Crossing

STORE = Area("store", (("cam-1", "door"),))


def inside(now: int = 0) -> Occupancy:
    area = Occupancy(STORE)
    area.resume(now)
    return area


moves = st.lists(st.builds(Move, st.floats(-30, 90), st.sampled_from([-1, 1])), max_size=30)
minutes = st.lists(
    st.tuples(
        moves,
        st.floats(0, 60),
        st.none() | st.builds(Anchor, st.floats(-9, 69), st.integers(0, 50)),
        st.integers(0, 20),
    ),
    max_size=12,
)


@given(st.integers(0, 40), minutes)
def test_it_is_never_below_zero_and_every_person_is_accounted_for(begins_at, story):
    area = inside(begins_at)
    for number, (crossed, seen_s, anchor, at_least) in enumerate(story):
        before, start = area.now, 60 * number
        shifted = [Move(start + move.t, move.by) for move in crossed]
        truth = anchor and Anchor(start + anchor.t, anchor.people)
        made = area.step(start, shifted, seen_s, anchor=truth, seen_at_least=at_least)
        assert made.now == area.now >= 0
        assert made.now == before + sum(move.by for move in crossed) - made.drift
        assert made.peak >= max(before, 0 if anchor else at_least)
        assert anchor is None or made.peak >= anchor.people
        assert made.peak >= made.now
        assert 0 <= made.person_seconds <= made.peak * seen_s + 0.001


def test_people_come_and_go():
    area = inside()
    made = area.step(0, [Move(10, 1), Move(20, 1), Move(40, -1)], 60)
    assert (made.now, made.peak, made.drift, made.anchored) == (1, 2, 0, False)
    assert made.person_seconds == pytest.approx(10 + 2 * 20 + 20)
    assert (made.scope, made.camera, made.id, made.start) == ("occupancy", "*", "store", 0)
    made = area.step(60, [], 60)
    assert (made.now, made.person_seconds) == (1, 60.0)


def test_crossings_may_come_in_any_order():
    crossed = [Move(40, -1), Move(20, 1), Move(10, 1)]
    assert inside().step(0, crossed, 60) == inside().step(0, crossed[::-1], 60)


def test_somebody_who_leaves_an_empty_store_came_in_uncounted():
    made = inside().step(0, [Move(10, -1), Move(20, 1)], 60)
    assert (made.now, made.drift) == (1, -1)


def test_a_closed_store_in_which_nobody_moves_is_empty_and_the_rest_was_drift():
    made = inside(7).step(0, [], 60, anchor=Anchor(0, 0))
    assert (made.now, made.drift, made.anchored, made.peak) == (0, 7, True, 7)


def test_who_comes_after_the_moment_of_truth_is_counted_from_it():
    made = inside(7).step(0, [Move(10, 1), Move(50, 1)], 60, anchor=Anchor(30, 0))
    assert (made.now, made.drift) == (1, 8)
    assert made.person_seconds == 10 * 7 + 20 * 8 + 10 * 1


def test_more_people_in_one_picture_than_were_counted_raise_the_number_by_the_missing_ones():
    made = inside(2).step(0, [Move(30, 1)], 60, seen_at_least=5)
    assert (made.now, made.peak, made.drift) == (5, 5, -2)


def test_people_seen_together_who_then_left_are_not_put_back():
    """Five came, were seen and went again, all within a minute and all of it counted."""
    crossed = [Move(k, 1) for k in range(5)] + [Move(50 + k, -1) for k in range(5)]
    made = inside().step(0, crossed, 60, seen_at_least=5)
    assert (made.now, made.drift) == (0, 0)


def test_a_blind_minute_keeps_the_number_and_says_that_nothing_was_seen():
    area = inside(4)
    made = area.step(0, [], 0.0)
    assert (made.now, made.observed_seconds, made.person_seconds) == (4, 0.0, 0.0)
    assert area.step(60, [Move(90, -1)], 60).now == 3


def test_a_minute_half_seen_tells_the_mean_over_what_was_seen():
    made = inside(4).step(0, [], 30.0)
    assert made.person_seconds / made.observed_seconds == 4


def test_a_crossing_that_comes_late_counts_from_the_minutes_beginning():
    made = inside().step(60, [Move(58.0, 1)], 60)
    assert (made.now, made.person_seconds) == (1, 60.0)


def test_a_crossing_is_a_move_of_one():
    assert Move.of(Crossing("cam-1", "door", "in", 3.0, 1)) == (3.0, 1)
    assert Move.of(Crossing("cam-1", "door", "out", 4.0, 1)) == (4.0, -1)
