"""Turn-in: of those who pass a counter, how many stop at it (capture rate; research: counting §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipelines.shares import wilson

FEWEST: Final = 20
"""Passers-by below which no rate is shown (research: counting §8)."""


@dataclass(frozen=True, slots=True)
class TurnIn:
    """A rate with what it is made of, so that shops and days add up."""

    visits: int
    """Visits to the counter, staff's taken off."""
    passers_by: int
    """People who came by: both ways through a gate, or stays of any length in a zone."""
    rate: float | None
    """None where fewer than `FEWEST` passed, or more turned in than passed: the gate does not cover the
    way to the counter."""
    low: float | None = None
    high: float | None = None
    """The 95 % interval (Wilson)."""


def turn_in(visits: int, staff_visits: int, passers_by: int) -> TurnIn:
    """The turn-in rate over any stretch: raw visits of the counter, those found to be staff's, and
    passers-by (gate: entries + exits; zone: visits + passes)."""
    net = max(0, visits - staff_visits)
    if passers_by < FEWEST or net > passers_by:
        return TurnIn(net, passers_by, None)
    low, high = wilson(net, passers_by)
    return TurnIn(net, passers_by, round(net / passers_by, 4), round(low, 4), round(high, 4))
