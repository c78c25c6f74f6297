"""Crossing events against truth: who was counted, which way, and when.

A prediction and a true event match when gate and direction agree and the prediction lies within
`tolerance_s` of the true event; one to one, as many pairs as possible and, among those choices, the
least sum of time differences. The research notes (counting §6) give the figures and why totals hide errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeVar

import numpy as np

from pipelines.pairing import pair_in_time

TOLERANCE_S: Final = 2.0
WINDOW_S: Final = 900.0
"""Fifteen minutes, the window of the WAPE."""

Direction = Literal["in", "out"]
T = TypeVar("T")
K = TypeVar("K")


class CrossingLike(Protocol):
    """A counted crossing: `pipelines.records.Crossing`, or any record with these three."""

    @property
    def gate(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def t(self) -> float: ...


@dataclass(frozen=True, slots=True)
class TrueCrossing:
    """A person really walked through a gate; times in seconds.

    `t` is the last moment at which the floor point was on the line. From `t_from` to `t_to` the person was
    neither clearly on the old side nor clearly on the new one: .3 s for a walker, up to 18 s for somebody
    who stops in the doorway. Hand-made truth has only `t`.
    """

    gate: str
    direction: Direction
    t: float
    t_from: float
    t_to: float
    person: int = -1
    behaviour: str = ""
    unseen: bool = False
    """No camera could see both sides of this crossing: neither missed when absent nor false when reported."""

    @staticmethod
    def at(gate: str, direction: Direction, t: float) -> TrueCrossing:
        """Truth read by hand, with one time only."""
        return TrueCrossing(gate, direction, t, t, t)


@dataclass(frozen=True, slots=True)
class Match:
    """One pair: indices into the predictions and the truth, and prediction minus true `t` in seconds."""

    predicted: int
    true: int
    error_s: float


@dataclass(frozen=True, slots=True)
class Score:
    """Counts that add up over runs (`+`), and the figures made from them. Figures without a base are NaN."""

    true: int
    predicted: int
    """Predictions that count: those that met an unseen crossing are left out, like the crossing itself."""
    matched: int
    wrong_direction: int
    """False events that meet a missed one of the other direction."""
    window_error: int
    """Sum over gates, directions and 15-minute windows of |predicted − true|."""
    errors_s: tuple[float, ...]
    by_behaviour: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """(true, matched) for each behaviour in the truth."""
    by_direction: Mapping[Direction, tuple[int, int]] = field(default_factory=dict)
    """(true, predicted) for each direction."""

    @property
    def precision(self) -> float:
        """Share of the predictions that are right."""
        return _ratio(self.matched, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the true events that were found."""
        return _ratio(self.matched, self.true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.matched, self.true + self.predicted)

    @property
    def bias(self) -> float:
        """(predicted − true) / true over everything: what is left when errors cancel out."""
        return _ratio(self.predicted - self.true, self.true)

    @property
    def wape(self) -> float:
        """Sum of the windows' absolute errors over the sum of true events."""
        return _ratio(self.window_error, self.true)

    @property
    def wrong_direction_rate(self) -> float:
        """Events reported the wrong way round, per true event."""
        return _ratio(self.wrong_direction, self.true)

    @property
    def mean_error_s(self) -> float:
        """Mean absolute time error of the matches."""
        return float(np.mean(np.abs(self.errors_s))) if self.errors_s else float("nan")

    @property
    def p95_error_s(self) -> float:
        """95th percentile of the matches' absolute time error."""
        return float(np.quantile(np.abs(self.errors_s), 0.95)) if self.errors_s else float("nan")

    def __add__(self, other: Score) -> Score:
        return Score(
            self.true + other.true,
            self.predicted + other.predicted,
            self.matched + other.matched,
            self.wrong_direction + other.wrong_direction,
            self.window_error + other.window_error,
            self.errors_s + other.errors_s,
            _summed(self.by_behaviour, other.by_behaviour),
            _summed(self.by_direction, other.by_direction),
        )

    def __str__(self) -> str:
        return (
            f"F1 {self.f1:.4f} (precision {self.precision:.4f}, recall {self.recall:.4f}; "
            f"{self.matched} of {self.true} found, {self.predicted - self.matched} false), "
            f"bias {self.bias:+.2%}, WAPE {self.wape:.2%}, wrong way {self.wrong_direction_rate:.2%}, "
            f"time error {self.mean_error_s:.2f} s (p95 {self.p95_error_s:.2f} s)"
        )


def match(
    predicted: Sequence[CrossingLike],
    true: Sequence[TrueCrossing],
    *,
    tolerance_s: float = TOLERANCE_S,
    strict: bool = False,
) -> list[Match]:
    """The best one-to-one pairing of predictions with true events of the same gate and direction.

    A prediction lies within the tolerance when it is that near to the time the person spent on the line,
    [`t_from`, `t_to`]; with `strict`, that near to `t` itself. For a walker both are the same to a few
    tenths; somebody who stands on the line has no one moment of crossing that two observers would agree on.
    """
    return _match(predicted, true, tolerance_s, strict, same_direction=True)


def score(
    predicted: Iterable[CrossingLike],
    true: Iterable[TrueCrossing],
    *,
    tolerance_s: float = TOLERANCE_S,
    strict: bool = False,
) -> Score:
    """Match, then count. Unseen true events and the predictions that meet only them are left out."""
    guesses, truths = list(predicted), list(true)
    wanted = [event for event in truths if not event.unseen]
    pairs = match(guesses, wanted, tolerance_s=tolerance_s, strict=strict)
    spare = _without(guesses, {pair.predicted for pair in pairs})
    missed = _without(wanted, {pair.true for pair in pairs})
    unseen = [event for event in truths if event.unseen]
    excused = {p.predicted for p in _match(spare, unseen, tolerance_s, strict, same_direction=True)}
    false = _without(spare, excused)
    wrong = _match(false, missed, tolerance_s, strict, same_direction=False)
    counted = [guesses[pair.predicted] for pair in pairs] + false
    found = Counter(wanted[pair.true].behaviour for pair in pairs)
    return Score(
        true=len(wanted),
        predicted=len(counted),
        matched=len(pairs),
        wrong_direction=len(wrong),
        window_error=_window_error(counted, wanted),
        errors_s=tuple(pair.error_s for pair in pairs),
        by_behaviour={
            name: (count, found[name]) for name, count in Counter(e.behaviour for e in wanted).items()
        },
        by_direction={
            way: (sum(e.direction == way for e in wanted), sum(e.direction == way for e in counted))
            for way in ("in", "out")
        },
    )


def _match(
    predicted: Sequence[CrossingLike],
    true: Sequence[TrueCrossing],
    tolerance_s: float,
    strict: bool,
    *,
    same_direction: bool,
) -> list[Match]:
    pairs: list[Match] = []
    for gate, direction in sorted({(event.gate, event.direction) for event in true}):
        rows = [i for i, e in enumerate(true) if e.gate == gate and e.direction == direction]
        columns = [
            i
            for i, e in enumerate(predicted)
            if e.gate == gate and (e.direction == direction) is same_direction
        ]
        chosen = _pair([true[i] for i in rows], [predicted[i].t for i in columns], tolerance_s, strict)
        pairs += [Match(columns[c], rows[r], predicted[columns[c]].t - true[rows[r]].t) for r, c in chosen]
    return sorted(pairs, key=lambda pair: pair.true)


def _pair(
    true: Sequence[TrueCrossing], times: Sequence[float], tolerance_s: float, strict: bool
) -> list[tuple[int, int]]:
    moments = [event.t for event in true]
    begin = moments if strict else [event.t_from for event in true]
    end = moments if strict else [event.t_to for event in true]
    return pair_in_time(times, begin, end, moments, tolerance_s)


def _window_error(predicted: Iterable[CrossingLike], true: Iterable[CrossingLike]) -> int:
    windows: Counter[tuple[str, str, int]] = Counter()
    for event in predicted:
        windows[event.gate, event.direction, int(event.t // WINDOW_S)] += 1
    for event in true:
        windows[event.gate, event.direction, int(event.t // WINDOW_S)] -= 1
    return sum(abs(error) for error in windows.values())


def _without(items: Sequence[T], gone: set[int]) -> list[T]:
    return [item for i, item in enumerate(items) if i not in gone]


def _summed(a: Mapping[K, tuple[int, int]], b: Mapping[K, tuple[int, int]]) -> dict[K, tuple[int, int]]:
    zero = (0, 0)
    return {
        k: (a.get(k, zero)[0] + b.get(k, zero)[0], a.get(k, zero)[1] + b.get(k, zero)[1]) for k in {**a, **b}
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
