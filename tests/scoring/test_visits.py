"""Stays are matched by when they were, and judged by how long they were."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.visits import score_stays


@dataclass(frozen=True, slots=True)
class Stay:
    t_in: float
    t_out: float
    zone: str = "counter"


def test_a_perfect_report_scores_one() -> None:
    stays = [Stay(0, 10), Stay(5, 60), Stay(5, 60, "queue")]
    result = score_stays(stays, stays)
    assert (result.f1, result.mean_dwell_error_s, result.presence_bias) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("prediction", "matches"),
    [
        pytest.param(Stay(12, 29), 1, id="a little short"),
        pytest.param(Stay(10, 15), 0, id="a quarter of it"),
        pytest.param(Stay(10, 120), 0, id="far too long"),
        pytest.param(Stay(31, 50), 0, id="after it"),
        pytest.param(Stay(10, 30, "queue"), 0, id="another zone"),
    ],
)
def test_a_match_needs_the_zone_and_the_time(prediction: Stay, matches: int) -> None:
    assert score_stays([prediction], [Stay(10, 30)]).matched == matches


def test_a_torn_visit_is_one_match_and_one_false_visit() -> None:
    result = score_stays([Stay(0, 60), Stay(61, 100)], [Stay(0, 100)])
    assert (result.matched, result.predicted, result.recall) == (1, 2, 1.0)
    assert result.dwell_errors_s == (-40.0,)
    assert result.presence_bias == pytest.approx(-0.01)


def test_people_who_come_and_go_at_the_same_time_are_told_apart_by_their_ends() -> None:
    result = score_stays([Stay(0, 30), Stay(1, 60)], [Stay(0, 59), Stay(0, 31)])
    assert sorted(result.dwell_errors_s) == [-1.0, 0.0]


def test_scores_of_runs_add_up() -> None:
    total = score_stays([Stay(0, 10)], [Stay(0, 12)]) + score_stays([], [Stay(0, 8)])
    assert (total.true, total.matched, total.recall) == (2, 1, 0.5)
    assert total.mean_dwell_error_s == pytest.approx(2.0)
    assert total.presence_bias == pytest.approx(-0.5)


def test_nothing_against_nothing_has_no_figure() -> None:
    assert math.isnan(score_stays([], []).f1)


stays = st.lists(
    st.builds(lambda a, n: Stay(float(a), float(a + n)), st.integers(0, 40), st.integers(1, 30)), max_size=6
)


@given(stays, stays)
def test_no_stay_is_used_twice_and_scoring_is_symmetric(one: list[Stay], two: list[Stay]) -> None:
    matched = score_stays(one, two).matched
    assert matched <= min(len(one), len(two))
    assert matched == score_stays(two, one).matched
