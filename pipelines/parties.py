"""Parties: people who came in together, because groups buy where persons are counted.

Two entries belong together when the second came soon after the first, beside or close behind it, and both
went the same way (research: counting §4.11). Whoever came with either of two people joins both, so a family
in a row is one party. Every entry belongs to exactly one party: an entry that a U-turn takes back later too,
for parties are raw counts, as entries are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from pipelines.layout import Point
from pipelines.records import Party

TOGETHER_S: Final = 2.0
TOGETHER_M: Final = 1.2
SAME_WAY: Final = 0.8
"""Cosine between two headings from which they are the same way."""
LONGEST_S: Final = 5.0
"""From a party's first entry to its last: an endless stream of people is not one party."""
LATE_S: Final = 2.0
"""An entry is told when the band is left and the track is sure: so much later it may come."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody came in."""

    t: float
    point: Point
    """Where on the line, in the plane's unit."""
    metre: float
    heading: Point
    """Of length 1."""
    pace: float
    """m/s through the band."""


def together(a: Entry, b: Entry) -> bool:
    """Whether two came in as one party. One who is ahead is thought to walk on at the faster one's pace."""
    dt = abs(a.t - b.t)
    beside = math.dist(a.point, b.point) / max(a.metre, b.metre)
    return (
        dt <= TOGETHER_S
        and math.hypot(beside, dt * max(a.pace, b.pace)) <= TOGETHER_M
        and a.heading[0] * b.heading[0] + a.heading[1] * b.heading[1] >= SAME_WAY
    )


@dataclass(slots=True)
class PartyWatch:
    """The parties of one gate."""

    camera: str
    gate: str
    _open: list[list[Entry]] = field(default_factory=list)

    def enter(self, entry: Entry) -> None:
        """Somebody came in; entries may come a little out of order."""
        party, rest = [entry], []
        for other in self._open:
            times = [e.t for e in other + party]
            if max(times) - min(times) <= LONGEST_S and any(together(entry, member) for member in other):
                party = other + party
            else:
                rest.append(other)
        self._open = [*rest, party]

    def settle(self, t: float) -> list[Party]:
        """The parties that nobody can join any more."""
        if not self._open:
            return []
        grows: list[list[Entry]] = []
        done: list[list[Entry]] = []
        for party in self._open:
            (grows if t - max(e.t for e in party) <= TOGETHER_S + LATE_S else done).append(party)
        self._open = grows
        return [self._party(party) for party in done]

    def close(self) -> list[Party]:
        """All that are left: the camera stops."""
        done, self._open = self._open, []
        return [self._party(party) for party in done]

    def _party(self, party: list[Entry]) -> Party:
        return Party(self.camera, self.gate, min(e.t for e in party), len(party))
