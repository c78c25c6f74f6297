"""Where the feet are of somebody whose box may not show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.box_ends import FEET_HIDDEN, FEET_HIDDEN_CROWDED, Reading, read

USUAL = 0.02, 0.5
"""Bodies look .02 + .5 * foot high."""
METRE = 0.15
SPREAD = (0.05 * METRE) ** 2
"""The filter knows the place to 5 cm."""


def seen(due: float, top: float, foot: float, hidden: float = FEET_HIDDEN, scale: float = 1.0) -> Reading:
    a, b = USUAL
    return read(
        (due * scale, SPREAD * scale**2), (top * scale, foot * scale), METRE * scale, (a * scale, b), hidden
    )


def head_over(foot: float) -> float:
    return foot - USUAL[0] - USUAL[1] * foot


@given(st.floats(0.4, 0.9))
def test_a_whole_body_stands_where_its_box_ends(foot: float) -> None:
    reading = seen(foot, head_over(foot), foot)
    assert reading.whole
    assert reading.foot == pytest.approx(foot, abs=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_body_cut_by_somebody_before_it_stands_below_its_head(share: float) -> None:
    foot, height = 0.6, 0.32
    reading = seen(0.6, head_over(foot), foot - share * height, FEET_HIDDEN_CROWDED)
    assert not reading.feet_seen
    assert reading.foot == pytest.approx(foot, abs=1e-6)


def test_a_body_whose_head_is_hidden_stands_where_its_box_ends() -> None:
    reading = seen(0.6, head_over(0.6) + 0.15, 0.6)
    assert reading.feet_seen
    assert not reading.whole
    assert reading.foot == pytest.approx(0.6)


def test_whoever_walks_away_from_the_camera_is_not_taken_for_cut() -> None:
    """The head goes up with the feet."""
    reading = seen(0.6, head_over(0.58), 0.58)
    assert reading.whole
    assert reading.foot == pytest.approx(0.58, abs=1e-6)


def test_a_foot_told_by_the_head_is_less_sure() -> None:
    whole, cut = seen(0.6, head_over(0.6), 0.6), seen(0.6, head_over(0.6), 0.4)
    assert cut.variance > 2 * whole.variance


@given(st.floats(0.1, 5.0), st.floats(0.3, 0.62))
def test_the_reading_does_not_depend_on_the_picture_s_size(scale: float, foot: float) -> None:
    small, large = seen(0.6, head_over(0.6), foot), seen(0.6, head_over(0.6), foot, scale=scale)
    if small.feet_seen == large.feet_seen:  # at the very border rounding decides
        assert large.foot == pytest.approx(small.foot * scale)
