"""Turn-in: of those who pass a counter, how many stop at it (capture rate; research: counting §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pipelines.layout import CameraLayout, Zone
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


def passers_of(layout: CameraLayout, counter: Zone) -> tuple[Literal["gate", "zone"], str] | None:
    """Where those pass who might turn in at a counter: the gate or zone that it names, else the only `passby`
    zone of its picture. None: nobody counts them."""
    if counter.role != "counter":
        return None
    if counter.passby is not None:
        return ("gate" if any(gate.id == counter.passby for gate in layout.gates) else "zone"), counter.passby
    places = [zone.id for zone in layout.zones if zone.role == "passby"]
    return ("zone", places[0]) if len(places) == 1 else None
