"""Counted crossings against a person's own count: what was missed, what was false, and may it be trusted.

A count and a hand count match when gate and direction agree and they lie within the tolerance, one to one.
The figures: precision, recall and F1 of events, bias with its interval, WAPE of quarter-hours and the
wrong-direction rate; each gate and direction by itself, because errors that cancel out are errors as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol

from pipelines.equivalence import (
    LIMIT,
    VERDICT_LEVEL,
    Interval,
    Verdict,
    bias_interval,
    more_needed,
    verdict,
)
from pipelines.pairing import pair_in_time
from pipelines.records import MINUTE_S, Direction

TOLERANCE_S: Final = 2.0
WINDOW_S: Final = 900.0
FULL_WINDOW: Final = 30
"""A quarter-hour with fewer true crossings takes no part in the MAPE: of 8, one error is 12.5 %."""
DIRECTIONS: Final[tuple[Direction, ...]] = ("in", "out")
_OTHER: Final[dict[Direction, Direction]] = {"in": "out", "out": "in"}

Key = tuple[str, Direction]
"""A gate and a direction."""


class CrossingLike(Protocol):
    """A counted crossing: `pipelines.records.Crossing`, a `HandCount`, or any record with these three."""

    @property
    def gate(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def t(self) -> float: ...


@dataclass(frozen=True, slots=True)
class HandCount:
    """A person saw somebody walk through a gate. `t`: seconds, on the same scale as the counts'."""

    gate: str
    direction: Direction
    t: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What an audit of one gate and direction found. Numbers add up over audits (`+`); figures without a
    base are None."""

    true: int = 0
    """Crossings that the person saw."""
    missed: int = 0
    false: int = 0
    wrong_way: int = 0
    """False counts that meet a missed crossing of the other direction."""
    windows: int = 0
    """Quarter-hours with a crossing, seen or counted."""
    window_error: int = 0
    """Sum over quarter-hours of |counted − true|."""
    full_windows: int = 0
    full_window_error: float = 0.0
    """Sum over the quarter-hours with 30 true crossings or more of |counted − true| / true."""
    minutes: int = 0
    """Minutes with a crossing, seen or counted."""
    errors_squared: int = 0
    """Sum over those minutes of (false − missed)², and so on: what the spread is made of."""
    errors_by_true: int = 0
    true_squared: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Tally)))

    @property
    def matched(self) -> int:
        """Crossings that were counted as what they were."""
        return self.true - self.missed

    @property
    def counted(self) -> int:
        """All that the counter counted."""
        return self.matched + self.false

    @property
    def precision(self) -> float | None:
        """Share of the counts that are right."""
        return _ratio(self.matched, self.counted)

    @property
    def recall(self) -> float | None:
        """Share of the crossings that were counted."""
        return _ratio(self.matched, self.true)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.matched, self.true + self.counted)

    @property
    def bias(self) -> float | None:
        """(counted − true) / true."""
        return _ratio(self.counted - self.true, self.true)

    @property
    def accuracy(self) -> float | None:
        """1 − |counted − true| / true; below 0 when more than twice as many were counted."""
        return None if self.bias is None else 1 - abs(self.bias)

    @property
    def wape(self) -> float | None:
        """Sum of the quarter-hours' absolute errors over the sum of true crossings."""
        return _ratio(self.window_error, self.true)

    @property
    def mape(self) -> float | None:
        """Mean relative error of the quarter-hours with at least 30 true crossings."""
        return _ratio(self.full_window_error, self.full_windows)

    @property
    def wrong_way_rate(self) -> float | None:
        """Crossings reported the wrong way round, per true crossing."""
        return _ratio(self.wrong_way, self.true)

    @property
    def spread(self) -> float:
        """How many times the errors vary more than independent ones would; at least 1.

        The variance between minutes, around the common bias, over the one that independent misses and
        false counts have (as for a cluster sample; a minute holds a group that walks in together).
        """
        alone = self.false + self.missed - self.missed**2 / max(self.true, 1)
        if self.minutes < 2 or alone <= 0 or self.true == 0:
            return 1.0
        bias = (self.false - self.missed) / self.true
        seen = self.errors_squared - 2 * bias * self.errors_by_true + bias**2 * self.true_squared
        return max(1.0, seen * self.minutes / (self.minutes - 1) / alone)

    def interval(self, level: float = VERDICT_LEVEL) -> Interval | None:
        """The interval of the bias; None without a true crossing."""
        if self.true == 0:
            return None
        return bias_interval(self.true, self.missed, self.false, level=level, spread=self.spread)

    def accuracy_range(self, level: float = VERDICT_LEVEL) -> Interval | None:
        """From where to where the accuracy lies, made of the bias's interval; 0 at worst."""
        found = self.interval(level)
        if found is None:
            return None
        near = 0.0 if found.low <= 0 <= found.high else min(abs(found.low), abs(found.high))
        return Interval(max(0.0, 1 - max(abs(found.low), abs(found.high))), max(0.0, 1 - near))

    def verdict(self, limit: float = LIMIT) -> Verdict:
        """By equivalence: is the bias surely within the limit, or surely not?"""
        return verdict(self.true, self.missed, self.false, spread=self.spread, limit=limit)

    def more_needed(self, limit: float = LIMIT) -> int | None:
        """About how many more crossings decide; 0 when it is decided, None when no reasonable number does."""
        return more_needed(self.true, self.missed, self.false, spread=self.spread, limit=limit)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """One for all: `fail` when any fails, `pass` only when all pass."""
    found = set(verdicts)
    return "fail" if "fail" in found else "pass" if found == {"pass"} else "undecided"


def compare(
    counted: Iterable[CrossingLike],
    true: Iterable[CrossingLike],
    *,
    tolerance_s: float = TOLERANCE_S,
    span: tuple[float, float] | None = None,
) -> dict[Key, Tally]:
    """A tally for every gate and direction that either side knows, `in` before `out`.

    span: the stretch in which the person watched; give all counts of a little more than it. What the person
    saw outside of it is left out, and a count within the tolerance of its ends is taken only if it matches:
    whose crossing just missed the stretch is nobody's fault.
    """
    guesses = list(counted)
    truths = [event for event in true if span is None or span[0] <= event.t <= span[1]]
    gates = dict.fromkeys([event.gate for event in truths] + [event.gate for event in guesses])
    return {
        (gate, direction): found
        for gate in gates
        for direction, found in _compare_gate(
            [event for event in guesses if event.gate == gate],
            [event for event in truths if event.gate == gate],
            tolerance_s,
            span,
        ).items()
    }


def _compare_gate(
    counted: Sequence[CrossingLike],
    true: Sequence[CrossingLike],
    tolerance_s: float,
    span: tuple[float, float] | None,
) -> dict[Direction, Tally]:
    seen = {way: [e.t for e in true if e.direction == way] for way in DIRECTIONS}
    told = {way: [e.t for e in counted if e.direction == way] for way in DIRECTIONS}
    missed, false, kept = (
        dict[Direction, list[float]](),
        dict[Direction, list[float]](),
        dict[str, list[float]](),
    )
    for way in DIRECTIONS:
        pairs = _pairs(told[way], seen[way], tolerance_s)
        found, used = {event for event, _ in pairs}, {count for _, count in pairs}
        missed[way] = [t for i, t in enumerate(seen[way]) if i not in found]
        false[way] = [t for i, t in enumerate(told[way]) if i not in used and _within(t, span, tolerance_s)]
        kept[way] = [told[way][i] for i in used] + false[way]
    return {
        way: _tally(
            seen[way], kept[way], missed[way], false[way],
            wrong_way=len(_pairs(false[way], missed[other], tolerance_s)),
        )
        for way, other in _OTHER.items()
    }  # fmt: skip


def _pairs(counted: Sequence[float], true: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    return pair_in_time(counted, true, true, true, tolerance_s)


def _within(t: float, span: tuple[float, float] | None, tolerance_s: float) -> bool:
    return span is None or span[0] + tolerance_s < t < span[1] - tolerance_s


def _tally(
    true: Sequence[float],
    counted: Sequence[float],
    missed: Sequence[float],
    false: Sequence[float],
    *,
    wrong_way: int,
) -> Tally:
    real, told = _by(true, WINDOW_S), _by(counted, WINDOW_S)
    quarters = real.keys() | told.keys()
    full = [w for w in quarters if real[w] >= FULL_WINDOW]
    seen, miss, lies = _by(true, MINUTE_S), _by(missed, MINUTE_S), _by(false, MINUTE_S)
    minutes = [(lies[m] - miss[m], seen[m]) for m in seen.keys() | lies.keys()]
    return Tally(
        true=len(true),
        missed=len(missed),
        false=len(false),
        wrong_way=wrong_way,
        windows=len(quarters),
        window_error=sum(abs(told[w] - real[w]) for w in quarters),
        full_windows=len(full),
        full_window_error=sum(abs(told[w] - real[w]) / real[w] for w in full),
        minutes=len(minutes),
        errors_squared=sum(error * error for error, _ in minutes),
        errors_by_true=sum(error * n for error, n in minutes),
        true_squared=sum(n * n for _, n in minutes),
    )


def _by(times: Iterable[float], seconds: float) -> Counter[int]:
    return Counter(int(t // seconds) for t in times)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
