"""The scorer of waits, on waits whose score is known."""

from __future__ import annotations

import pytest

from pipelines.records import Wait, WaitOutcome
from tests.scoring.waits import score_waits
from tests.sim.truth import TrueWait


def wait(t_in: float, t_out: float, outcome: WaitOutcome = "served") -> Wait:
    return Wait("cam-1", "line", t_in, t_out, outcome, outcome != "served", 1)


TRUE = [
    TrueWait("line", 10, 70, 71, 1),
    TrueWait("line", 100, 160, None, 2),
    TrueWait("line", 200, 260, 261, 3),
]


def test_waits_are_matched_and_their_lengths_and_ends_compared() -> None:
    score = score_waits([wait(12, 71), wait(100, 150, "served"), wait(400, 450, "lost")], TRUE)
    assert (score.stays.matched, score.stays.true, score.stays.predicted) == (2, 3, 3)
    assert score.errors_s == pytest.approx((59 - 61, 50 - 60))
    assert score.mean_error_s == pytest.approx(6.0)
    assert score.outcome_right == 1
    assert (score.served, score.true_served) == (2, 2)


def test_who_balked_did_not_wait() -> None:
    assert score_waits([wait(30, 30, "balked")], TRUE).stays.predicted == 0


def test_scores_of_two_runs_add_up() -> None:
    once = score_waits([wait(12, 71)], TRUE)
    twice = once + once
    assert (twice.stays.true, twice.outcome_right, len(twice.errors_s)) == (6, 2, 2)
