"""The scorer says what a patient person with a pencil would say."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.records import Crossing
from tests.scoring.events import Direction, TrueCrossing, match, score


def seen(t: float, direction: Direction = "in", gate: str = "door") -> Crossing:
    return Crossing("cam-1", gate, direction, t, track=1)


def real(t: float, direction: Direction = "in", gate: str = "door") -> TrueCrossing:
    return TrueCrossing.at(gate, direction, t)


def test_a_perfect_report_scores_one() -> None:
    truth = [real(t, way) for t in (1.0, 2.5, 80.0) for way in ("in", "out")]
    result = score([seen(e.t, e.direction) for e in truth], truth)
    assert (result.f1, result.bias, result.wape, result.wrong_direction) == (1.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("prediction", "matches"),
    [
        pytest.param(seen(11.9), 1, id="within two seconds"),
        pytest.param(seen(12.1), 0, id="too late"),
        pytest.param(seen(7.9), 0, id="too early"),
        pytest.param(seen(10.0, "out"), 0, id="the other way"),
        pytest.param(seen(10.0, "in", "side-door"), 0, id="another gate"),
    ],
)
def test_a_match_needs_gate_direction_and_time(prediction: Crossing, matches: int) -> None:
    assert len(match([prediction], [real(10.0)])) == matches


def test_one_person_cannot_be_counted_twice() -> None:
    result = score([seen(10.0), seen(10.5)], [real(10.0)])
    assert (result.matched, result.precision, result.recall, result.bias) == (1, 0.5, 1.0, 1.0)


def test_pairs_come_before_nearness() -> None:
    """Taking the nearest first (9.9 for 10.0) would leave 11.9 without its partner."""
    pairs = match([seen(9.9), seen(12.0)], [real(8.0), real(10.0)])
    assert [(pair.true, pair.predicted) for pair in pairs] == [(0, 0), (1, 1)]


def test_a_reversed_event_is_a_miss_a_false_one_and_a_wrong_direction() -> None:
    result = score([seen(10.0, "out")], [real(10.2, "in")])
    assert (result.matched, result.predicted, result.wrong_direction, result.bias) == (0, 1, 1, 0.0)
    assert result.wape == 2.0, "one in too few and one out too many"


def test_totals_that_cancel_out_do_not_hide_errors() -> None:
    result = score([seen(50.0), seen(1000.0)], [real(100.0), real(1100.0)])
    assert result.bias == 0.0
    assert result.wape == 0.0
    assert result.f1 == 0.0


def test_wape_looks_at_each_quarter_of_an_hour() -> None:
    result = score([seen(10.0), seen(20.0)], [real(10.0), real(905.0)])
    assert result.bias == 0.0
    assert result.wape == 1.0


def test_whoever_stands_on_the_line_may_be_counted_at_any_moment_of_it() -> None:
    lingerer = TrueCrossing("door", "in", t=10.5, t_from=10.0, t_to=25.0)
    assert len(match([seen(24.0)], [lingerer])) == 1
    assert len(match([seen(24.0)], [lingerer], strict=True)) == 0
    assert len(match([seen(27.1)], [lingerer])) == 0


def test_a_crossing_that_no_camera_could_see_is_neither_missed_nor_false() -> None:
    hidden = TrueCrossing("door", "in", 10.0, 10.0, 10.0, unseen=True)
    assert math.isnan(score([], [hidden]).f1)
    with_guess = score([seen(10.0), seen(50.0)], [hidden, real(50.0)])
    assert (with_guess.true, with_guess.predicted, with_guess.f1) == (1, 1, 1.0)


def test_a_seen_crossing_takes_a_prediction_before_an_unseen_one() -> None:
    hidden = TrueCrossing("door", "in", 10.0, 10.0, 10.0, unseen=True)
    assert score([seen(10.0)], [hidden, real(11.0)]).matched == 1


def test_scores_of_runs_add_up() -> None:
    one = score([seen(10.0)], [real(10.0), real(40.0, "out")])
    two = score([seen(10.0), seen(11.0)], [real(10.3)])
    total = one + two
    assert (total.true, total.predicted, total.matched) == (3, 3, 2)
    assert total.mean_error_s == pytest.approx(0.15)
    assert total.by_direction == {"in": (2, 3), "out": (1, 0)}


def test_nothing_against_nothing_has_no_figure() -> None:
    result = score([], [])
    assert math.isnan(result.f1)
    assert math.isnan(result.wape)
    assert math.isnan(result.mean_error_s)


times = st.lists(st.floats(0, 12), max_size=5)


@given(times, times)
def test_no_other_pairing_finds_more(guesses: list[float], truths: list[float]) -> None:
    best = 0
    shorter, longer = sorted([guesses, truths], key=len)
    for chosen in itertools.permutations(longer, len(shorter)):
        best = max(best, sum(abs(a - b) <= 2.0 for a, b in zip(shorter, chosen, strict=True)))
    assert len(match([seen(t) for t in guesses], [real(t) for t in truths])) == best


@given(times, times, st.floats(-1e4, 1e4))
def test_the_figures_do_not_depend_on_when_the_clock_started(
    guesses: list[float], truths: list[float], shift: float
) -> None:
    def matched(offset: float) -> int:
        near = 2.0 + 1e-6
        a = [seen(round(t, 1) + offset) for t in guesses]
        return len(match(a, [real(round(t, 1) + offset) for t in truths], tolerance_s=near))

    assert matched(0.0) == matched(shift)
