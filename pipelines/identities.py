"""Identities: how many tracks became people, and how many of those only went on with somebody known.

A track that is lost behind a shelf and found again as a new one makes two identities of one person. The
share of such breaks says how far anything that rests on who is who may be trusted (research: counting §4.12).
Nobody can tell one break for certain, but their number shows: somebody is lost who did not walk out of the
picture nor through a gate, and soon somebody new appears near there who did not come in over its edge.

The limits are fitted to the simulated doors and counter (tests/sim), where the true breaks are known: 96 are
told of 99 at an oblique door at 5 frames a second, 86 of 86 at the counter island at 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipelines.track import EDGE, Box, Track

AHEAD_S: Final = 1.0
"""Who would be at the picture's edge this much later went out: the last boxes there are cut or missed."""
DOOR_S: Final = 3.0
"""Who is not seen any more this soon after a gate went through its door."""
FOUND_S: Final = 8.0
"""Somebody new this soon after somebody was lost,"""
FOUND_M: Final = 1.0
FOUND_MPS: Final = 0.5
"""and this near, and this much further off for each second of the first `WALKED_S`, is the same person."""
WALKED_S: Final = 3.0


class _Sighting(NamedTuple):
    """The first or the last of a track: when, where in frame heights, and how long a metre is there."""

    t: float
    x: float
    y: float
    metre: float


@dataclass(slots=True)
class Identities:
    """The tracks of one camera, as far as they are people. It remembers as long as the tracker, and
    `FOUND_S`."""

    aspect: float
    """Width of the frame over its height."""
    people: int = 0
    """Tracks that became people since the last `take`."""
    broken: int = 0
    """And tracks of people that were found to have broken off since then."""
    _known: set[int] = field(default_factory=set)
    """Confirmed tracks that live."""
    _first: dict[int, _Sighting | None] = field(default_factory=dict)
    """First sighting of tracks that are not confirmed yet; None: came in over the picture's edge."""
    _crossed: dict[int, float] = field(default_factory=dict)
    """When each track last went through a gate."""
    _lost: list[_Sighting] = field(default_factory=list)
    _new: list[_Sighting] = field(default_factory=list)
    """Those whom nobody has been matched with yet."""

    def sight(self, t: float, track: Track) -> None:
        """A track was seen; it counts from when it is confirmed."""
        if track.id in self._known:
            return
        if track.id not in self._first:
            cut = _to_edge(track.box) <= EDGE
            self._first[track.id] = None if cut else _Sighting(t, *track.start, track.metre)
        if not track.confirmed:
            return
        self._known.add(track.id)
        self.people += 1
        if (first := self._first.pop(track.id)) is not None:
            self._match(first, [lost for lost in self._lost if _same(lost, first)], self._lost, self._new)

    def cross(self, track: int, t: float) -> None:
        """A track went through a gate at `t`."""
        self._crossed[track] = t

    def end(self, track: Track) -> None:
        """A track was given up."""
        self._first.pop(track.id, None)
        crossed = self._crossed.pop(track.id, None)
        if track.id not in self._known:
            return
        self._known.discard(track.id)
        if (crossed is not None and track.seen - crossed <= DOOR_S) or self._goes_out(track):
            return
        last = _Sighting(track.seen, track.x, track.y, track.metre)
        self._match(last, [new for new in self._new if _same(last, new)], self._new, self._lost)

    def forget(self) -> None:
        """The picture jumped: nobody of before is found again."""
        for each in (self._known, self._first, self._crossed, self._lost, self._new):
            each.clear()

    def take(self) -> tuple[int, int]:
        """(people, broken) since the last call."""
        taken = self.people, self.broken
        self.people = self.broken = 0
        return taken

    def _match(
        self, one: _Sighting, near: Iterable[_Sighting], others: list[_Sighting], waiting: list[_Sighting]
    ) -> None:
        """Match an end with a beginning or the reverse; what finds no match waits for one."""
        other = min(near, key=lambda each: math.dist(each[1:3], one[1:3]), default=None)
        if other is not None:
            others.remove(other)
            self.broken += 1
            return
        # An end is told up to the tracker's memory after the fact, so that a beginning may come before it.
        waiting[:] = [each for each in waiting if one.t - each.t <= 2 * FOUND_S]
        waiting.append(one)

    def _goes_out(self, track: Track) -> bool:
        dx, dy = track.vx * AHEAD_S / self.aspect, track.vy * AHEAD_S
        x1, y1, x2, y2 = track.box
        return min(_to_edge(track.box), _to_edge((x1 + dx, y1 + dy, x2 + dx, y2 + dy))) <= EDGE


def _to_edge(box: Box) -> float:
    x1, y1, x2, y2 = box
    return min(x1, y1, 1 - x2, 1 - y2)


def _same(lost: _Sighting, new: _Sighting) -> bool:
    """Whether one who was lost and one who appeared may be the same."""
    dt = new.t - lost.t
    if not 0 < dt <= FOUND_S:
        return False
    reach = FOUND_M + FOUND_MPS * min(dt, WALKED_S)
    return math.dist(lost[1:3], new[1:3]) <= reach * (lost.metre + new.metre) / 2
