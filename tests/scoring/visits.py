"""Stays against truth: visits to zones and waits in queues, each an interval with a person behind it.

A predicted stay matches a true one of the same zone when they overlap by at least `OVERLAP` of the longer
one's length; one to one, as many pairs as possible, then the greatest sum of overlaps. What is left over
is missed or false: a visit that was torn in two is one match at most and at least one false visit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

OVERLAP: Final = 0.3


class StayLike(Protocol):
    """A stay: `pipelines.records.Visit`, `tests.sim.truth.TrueVisit`, or any record with these three."""

    @property
    def zone(self) -> str: ...
    @property
    def t_in(self) -> float: ...
    @property
    def t_out(self) -> float: ...


@dataclass(frozen=True, slots=True)
class StayScore:
    """Counts that add up over runs (`+`); times in seconds. Figures without a base are NaN."""

    true: int
    predicted: int
    matched: int
    true_s: float
    """Sum of all true stays' lengths."""
    predicted_s: float
    begin_errors_s: tuple[float, ...]
    """Predicted less true beginning of each match."""
    end_errors_s: tuple[float, ...]

    @property
    def precision(self) -> float:
        """Share of the predicted stays that are right."""
        return self.matched / self.predicted if self.predicted else float("nan")

    @property
    def recall(self) -> float:
        """Share of the true stays that were found."""
        return self.matched / self.true if self.true else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.true + self.predicted
        return 2 * self.matched / both if both else float("nan")

    @property
    def dwell_errors_s(self) -> tuple[float, ...]:
        """Predicted less true length of each match."""
        return tuple(e - b for b, e in zip(self.begin_errors_s, self.end_errors_s, strict=True))

    @property
    def mean_dwell_error_s(self) -> float:
        """Mean absolute error of the matches' lengths."""
        return float(np.mean(np.abs(self.dwell_errors_s))) if self.matched else float("nan")

    @property
    def mean_end_error_s(self) -> float:
        """Mean absolute error of the matches' beginnings and ends."""
        ends = self.begin_errors_s + self.end_errors_s
        return float(np.mean(np.abs(ends))) if ends else float("nan")

    @property
    def presence_bias(self) -> float:
        """(predicted − true) / true seconds of presence, whoever's they are."""
        return (self.predicted_s - self.true_s) / self.true_s if self.true_s else float("nan")

    def __add__(self, other: StayScore) -> StayScore:
        return StayScore(
            self.true + other.true,
            self.predicted + other.predicted,
            self.matched + other.matched,
            self.true_s + other.true_s,
            self.predicted_s + other.predicted_s,
            self.begin_errors_s + other.begin_errors_s,
            self.end_errors_s + other.end_errors_s,
        )

    def __str__(self) -> str:
        return (
            f"F1 {self.f1:.4f} (precision {self.precision:.4f}, recall {self.recall:.4f}; {self.matched} of "
            f"{self.true} found, {self.predicted - self.matched} false), dwell error "
            f"{self.mean_dwell_error_s:.2f} s, presence {self.presence_bias:+.1%}"
        )


def score_stays(predicted: Iterable[StayLike], true: Iterable[StayLike]) -> StayScore:
    """Match, then count. Take passes and censored stays out first, of both, or leave them in both."""
    guesses, truths = list(predicted), list(true)
    pairs = match_stays(guesses, truths)
    begins = [guesses[p].t_in - truths[t].t_in for p, t in pairs]
    ends = [guesses[p].t_out - truths[t].t_out for p, t in pairs]
    return StayScore(
        len(truths),
        len(guesses),
        len(pairs),
        sum(stay.t_out - stay.t_in for stay in truths),
        sum(stay.t_out - stay.t_in for stay in guesses),
        tuple(begins),
        tuple(ends),
    )


def match_stays(predicted: Sequence[StayLike], true: Sequence[StayLike]) -> list[tuple[int, int]]:
    """(predicted, true) indices of the stays that belong together, zone by zone."""
    found: list[tuple[int, int]] = []
    for zone in sorted({stay.zone for stay in true}):
        here = [i for i, stay in enumerate(true) if stay.zone == zone]
        guessed = [i for i, stay in enumerate(predicted) if stay.zone == zone]
        for t, p in _pairs([true[i] for i in here], [predicted[i] for i in guessed]):
            found.append((guessed[p], here[t]))
    return found


def _pairs(true: Sequence[StayLike], predicted: Sequence[StayLike]) -> list[tuple[int, int]]:
    if not true or not predicted:
        return []
    a = np.array([(s.t_in, s.t_out) for s in true])[:, None]
    b = np.array([(s.t_in, s.t_out) for s in predicted])[None]
    shared = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0])
    longer = np.maximum(a[..., 1] - a[..., 0], b[..., 1] - b[..., 0])
    overlap = np.clip(shared / np.maximum(longer, 1e-9), 0, None)
    overlap[overlap < OVERLAP] = 0
    rows, columns = linear_sum_assignment(-np.where(overlap > 0, 1e3 + overlap, 0))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if overlap[r, c] > 0]
