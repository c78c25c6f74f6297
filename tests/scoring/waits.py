"""Waits against truth: were those who queued found, for how long, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tests.scoring.visits import StayLike, StayScore, match_stays, score_stays


class WaitLike(StayLike, Protocol):
    """A wait as the box tells it: `pipelines.records.Wait`."""

    @property
    def outcome(self) -> str: ...


class TrueWaitLike(StayLike, Protocol):
    """A wait as it really was: `tests.sim.truth.TrueWait`."""

    @property
    def t_served(self) -> float | None: ...
    @property
    def wait_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class WaitScore:
    """Counts that add up over runs (`+`)."""

    stays: StayScore
    outcome_right: int
    """Matches of which was told rightly whether they were served."""
    served: int
    true_served: int
    errors_s: tuple[float, ...]
    """Predicted less true wait of each match."""

    @property
    def mean_error_s(self) -> float:
        """Mean absolute error of a wait's length."""
        return float(np.mean(np.abs(self.errors_s))) if self.errors_s else float("nan")

    @property
    def median_error_s(self) -> float:
        """Median absolute error of a wait's length."""
        return float(np.median(np.abs(self.errors_s))) if self.errors_s else float("nan")

    def __add__(self, other: WaitScore) -> WaitScore:
        return WaitScore(
            self.stays + other.stays,
            self.outcome_right + other.outcome_right,
            self.served + other.served,
            self.true_served + other.true_served,
            self.errors_s + other.errors_s,
        )

    def __str__(self) -> str:
        return (
            f"{self.stays}; wait error mean {self.mean_error_s:.1f} s, median {self.median_error_s:.1f} s; "
            f"outcome right {self.outcome_right} of {self.stays.matched}; served {self.served} of "
            f"{self.true_served}"
        )


def score_waits(predicted: Iterable[WaitLike], true: Iterable[TrueWaitLike]) -> WaitScore:
    """Match by place and time, then compare. Who balked did not wait and is left out."""
    guesses, truths = [wait for wait in predicted if wait.outcome != "balked"], list(true)
    pairs = match_stays(guesses, truths)
    return WaitScore(
        score_stays(guesses, truths),
        sum((guesses[p].outcome == "served") == (truths[t].t_served is not None) for p, t in pairs),
        sum(wait.outcome == "served" for wait in guesses),
        sum(wait.t_served is not None for wait in truths),
        tuple(guesses[p].t_out - guesses[p].t_in - truths[t].wait_s for p, t in pairs),
    )
