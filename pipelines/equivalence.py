"""How far a counter may be off, judged from misses and false counts, and when that is good enough.

The bias is (counted − true) / true: false counts per true crossing less the share of crossings missed.
Misses out of `true` are binomial, false counts Poisson; each has an exact interval (Clopper and Pearson 1934;
Garwood 1936), and the interval of their difference is put together from the two by square-and-add (Newcombe
1998; Donner and Zou 2012, MOVER). Why not another one: the normal interval has no width at all when nothing
went wrong, a bootstrap neither (there is nothing to draw), and both are far too narrow with the handful of
errors that an audit sees; this one is never empty, needs no random numbers and gives the same answer for the
same counts.

Errors that come together, such as a group of four counted as one, are not independent. `spread` says how many
times their variance exceeds that of independent ones (`pipelines.audit`), and widens the interval.

A counter passes by equivalence, not because no difference was found: two one-sided tests at 5 % are the same
as the 90 % interval lying inside the limit (Schuirmann 1987; for passenger counters Siebert and Ellenberger
2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from scipy.special import betaincinv, gammaincinv

LIMIT: Final = 0.03
"""The bias that a store can live with, either way."""
VERDICT_LEVEL: Final = 0.90
MOST: Final = 5_000
"""Nobody counts more than this by hand."""
EXPECTED: Final = 0.01
"""Share of misses, and of false counts, that planning starts from before anything was counted."""
EXPECTED_WEIGHT: Final = 50
"""As many crossings is that expectation worth."""

Verdict = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Two shares, such as -.021 and .004."""

    low: float
    high: float

    def inside(self, limit: float) -> bool:
        """Whether all of it lies between -limit and limit."""
        return -limit < self.low and self.high < limit

    def outside(self, limit: float) -> bool:
        """Whether none of it does."""
        return self.high < -limit or self.low > limit


def missed_share(missed: float, true: float, level: float) -> Interval:
    """The exact interval of the share missed (Clopper and Pearson)."""
    tail = (1 - level) / 2
    low = float(betaincinv(missed, true - missed + 1, tail)) if missed > 0 else 0.0
    high = float(betaincinv(missed + 1, true - missed, 1 - tail)) if missed < true else 1.0
    return Interval(low, high)


def false_per_true(false: float, true: float, level: float) -> Interval:
    """The exact interval of the false counts per true crossing (Garwood)."""
    tail = (1 - level) / 2
    low = float(gammaincinv(false, tail)) if false > 0 else 0.0
    return Interval(low / true, float(gammaincinv(false + 1, 1 - tail)) / true)


def bias_interval(true: float, missed: float, false: float, *, level: float, spread: float = 1.0) -> Interval:
    """The interval that holds the real bias with probability `level`. true must be above 0; the numbers may
    be fractions, for planning."""
    m, f = missed / true, false / true
    misses, falses = missed_share(missed, true, level), false_per_true(false, true, level)
    wider = math.sqrt(spread)
    below = wider * math.hypot(f - falses.low, misses.high - m)
    above = wider * math.hypot(falses.high - f, m - misses.low)
    return Interval(max(-1.0, f - m - below), f - m + above)


def verdict(
    true: float, missed: float, false: float, *, spread: float = 1.0, limit: float = LIMIT
) -> Verdict:
    """`pass`: the bias surely lies within the limit. `fail`: it surely does not."""
    if true <= 0:
        return "undecided"
    found = bias_interval(true, missed, false, level=VERDICT_LEVEL, spread=spread)
    return "pass" if found.inside(limit) else "fail" if found.outside(limit) else "undecided"


def more_needed(
    true: int, missed: int, false: int, *, spread: float = 1.0, limit: float = LIMIT
) -> int | None:
    """About how many more crossings must be counted until the verdict falls, if errors go on as seen; 0 when
    it has fallen. None: the bias is so near to the limit that no reasonable count decides.

    What was seen is mixed with an expectation worth 50 crossings, so that 12 crossings without a fault do not
    promise that there will never be one. The answer is rounded up to tens.
    """
    if verdict(true, missed, false, spread=spread, limit=limit) != "undecided":
        return 0
    m, f = ((n + EXPECTED * EXPECTED_WEIGHT) / (true + EXPECTED_WEIGHT) for n in (missed, false))

    def decided(n: int) -> bool:
        return verdict(n, n * m, n * f, spread=spread, limit=limit) != "undecided"

    if not decided(MOST):
        return None
    low, high = true, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return -(-(high - true) // 10) * 10
