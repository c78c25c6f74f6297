"""Where the feet of people are whom a counter hides from the waist down."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.usual_height import ENOUGH, UsualHeight


def height_at(foot: float) -> float:
    """A camera that looks across: people further up in the picture are further away and smaller."""
    return 0.05 + 0.4 * foot


def learnt(cut_share: float = 0.0, count: int = 3000, seed: int = 1) -> UsualHeight:
    """After so many people at all places, of unlike height, some of them cut to the upper half."""
    rng, usual = random.Random(seed), UsualHeight()
    for _ in range(count):
        foot = rng.uniform(0.35, 0.95)
        height = height_at(foot) * rng.gauss(1.0, 0.06)
        head = foot - height
        if rng.random() < cut_share:
            foot, height = head + height / 2, height / 2
        usual.learn(foot, height)
    return usual


@settings(deadline=None, max_examples=15)
@given(foot=st.floats(0.45, 0.9), share=st.sampled_from([0.0, 0.2, 0.4]))
def test_the_feet_of_half_a_body_are_found_from_its_head(foot: float, share: float) -> None:
    head = foot - height_at(foot)
    found = learnt(share).foot_under(head, height_at(foot) / 2)
    assert found is not None
    assert found == pytest.approx(foot, abs=0.15 * height_at(foot))


def test_a_whole_body_stays_where_it_is() -> None:
    usual = learnt()
    for foot in (0.5, 0.7, 0.9):
        assert usual.foot_under(foot - height_at(foot), height_at(foot)) is None


def test_before_enough_was_seen_nothing_is_claimed() -> None:
    assert learnt(count=int(ENOUGH) // 2).foot_under(0.3, 0.05) is None
    assert UsualHeight().foot_under(0.3, 0.05) is None


def test_people_in_one_row_of_the_picture_tell_no_line() -> None:
    usual = UsualHeight()
    for _ in range(1000):
        usual.learn(0.6, 0.3)
    assert usual.foot_under(0.3, 0.1) is None
