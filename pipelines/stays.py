"""One body in a zone, and whose stay it goes on with when a track is lost or taken for another.

In a crowd a tracker loses people behind each other and exchanges those who pass each other. A stay therefore
belongs to a place rather than to a track number: nobody can vanish in the middle of a zone, and nobody can
take another's place within less time than two bodies need to make room. Who is first seen where somebody
was last seen, or stands where somebody stood a moment ago, is that somebody (research: counting §7).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place
from pipelines.layout import Point
from pipelines.records import EndReason

REST_M: Final = 0.45
"""Who keeps within so much of a place rests there."""
REST_S: Final = 0.8
"""For so long at least: who walks is through sooner."""
RESTS: Final = 2
"""So many former places are remembered."""
FOLLOW_S: Final = 1.0
"""Time in which the place of rest follows the body."""
JUMP_M: Final = 0.5
JUMP_MPS: Final = 2.2
"""Nobody moves further than this and so fast: the track went over to somebody else."""
SAME_M: Final = 0.6
"""So near to where somebody was is the same place: two bodies do not fit."""
FOUND_M: Final = 1.0
"""And so near who was hidden comes to light: the place of somebody half hidden is not known so well."""
HIDDEN_S: Final = 10.0
"""Lost in the zone and found in the zone: hidden for so long at most."""
BORN_S: Final = 4.0
"""Seen to go, but found where they had stood: the track went away with somebody else."""
VANISHED_S: Final = 1.0
EXCHANGED_S: Final = 0.5
"""In their place comes somebody else whom one saw come: later, it is the next one."""
BEFORE_S: Final = 2.0
"""And not so much before they left it."""


@dataclass(slots=True)
class Body:
    """What a track follows, inside the zone or not."""

    t: float
    point: Point
    """Where it was last."""
    came_t: float
    came: Point
    """Where it was first seen, or the track jumped to."""
    appeared: bool
    """Whether that was in the midst of the picture."""

    @staticmethod
    def first(t: float, place: Place, at_edge: bool) -> Body:
        """A track's first sighting."""
        return Body(t, place.point, t, place.point, not at_edge)

    def move(self, t: float, place: Place) -> bool:
        """The next sighting; whether the track jumped: nobody can have come here from there."""
        way = math.dist(self.point, place.point)
        jumped = way > (JUMP_M + JUMP_MPS * (t - self.t)) * place.metre
        self.t, self.point = t, place.point
        if jumped:
            self.came_t, self.came, self.appeared = t, place.point, True
        return jumped


@dataclass(slots=True)
class Stay:
    """One track in one zone. `t_in`, `arrived`, `unseen` and `counted` are the person's, the rest is the
    body's that the track follows."""

    track: int
    t_in: float
    arrived: bool
    """Whether the person was seen to come in over the zone's edge."""
    unseen: bool
    """Whether the stay is longer than what was seen of it."""
    body: Body
    last_t: float
    last: Point
    metre: float
    edge: bool
    """Whether it was last seen near the border."""
    sightings: int = 1
    counted: bool = False
    """Whether the entry debounce has passed."""
    outside_since: float | None = None
    jumped_out: bool = False
    rest: Point | None = None
    rest_since: float = 0.0
    rest_until: float = -math.inf
    rested: list[tuple[float, Point]] = field(default_factory=list)
    """Until when, and where, it rested before."""
    _near: Point = (0.0, 0.0)
    _near_since: float = math.inf

    def sight(self, t: float, place: Place, edge: bool) -> None:
        """Seen inside."""
        point, reach = place.point, REST_M * place.metre
        if self.rest is not None and math.dist(point, self.rest) <= reach:
            share = 1 - math.exp(-(t - self.rest_until) / FOLLOW_S)
            x, y = self.rest
            self.rest = x + share * (point[0] - x), y + share * (point[1] - y)
            self.rest_until = t
        elif self._near_since > t or math.dist(point, self._near) > reach:
            self._near, self._near_since = point, t
        elif t - self._near_since >= REST_S:
            if self.rest is not None:
                self.rested.append((self.rest_until, self.rest))
                del self.rested[:-RESTS]
            self.rest, self.rest_since, self.rest_until = point, self._near_since, t
            self._near_since = math.inf
        self.last_t, self.last, self.metre, self.edge = t, point, place.metre, edge
        self.outside_since = None
        self.sightings += 1

    def left_from(self, vanished: bool) -> list[tuple[float, Point]]:
        """When and where it was last in its own place: where it rested, since the track may have walked on
        with somebody else, and (`vanished`) where it was last seen."""
        rested = [*self.rested, (self.rest_until, self.rest)] if self.rest is not None else []
        return [*rested, (self.last_t, self.last)] if vanished or not rested else rested

    def hand_over(self, other: Stay) -> None:
        """Exchange the persons of two bodies."""
        for name in ("t_in", "arrived", "unseen", "counted"):
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, theirs)
            setattr(other, name, mine)


def apart(gone: Stay, vanished: bool, other: Stay) -> float | None:
    """How far, in metres, a body is from where one that is gone was, if it may be the same person; else
    None. `vanished`: nobody saw it go."""
    body, metre = other.body, gone.metre
    found: list[float] = []
    for left_t, left in gone.left_from(vanished):
        if body.appeared:
            far, late = math.dist(body.came, left) / metre, body.came_t - left_t
            reach, limit = (FOUND_M, HIDDEN_S) if vanished else (SAME_M, BORN_S)
            if far <= reach and -BEFORE_S <= late <= limit:
                found.append(far)
        if other.rest is not None:
            far, late = math.dist(other.rest, left) / metre, other.rest_since - left_t
            limit = VANISHED_S if vanished else EXCHANGED_S
            if far <= SAME_M and -BEFORE_S <= late <= limit:
                found.append(far)
    return min(found, default=None)


@dataclass(slots=True)
class Gone:
    """A stay whose body is not there any more, kept for a while in case it is found."""

    stay: Stay
    reason: EndReason

    @property
    def vanished(self) -> bool:
        """Whether nobody saw it go."""
        return self.reason == "lost" or self.stay.jumped_out

    @property
    def until(self) -> float:
        """When nobody can be found to be the same person any more."""
        left_t = max(t for t, _ in self.stay.left_from(self.vanished))
        return left_t + (HIDDEN_S if self.vanished else BORN_S) + REST_S


def find(gone: list[Gone], here: Iterable[Stay]) -> list[Gone]:
    """Hand the stays of those who are gone over to whoever is found in their place, the nearest first. Takes
    them off the list; what they have then is the other body's stay until now."""
    bodies = list(here)
    pairs = sorted(
        (far, i, k)
        for i, one in enumerate(gone)
        for k, stay in enumerate(bodies)
        if (far := apart(one.stay, one.vanished, stay)) is not None
    )
    found: list[Gone] = []
    taken: set[int] = set()
    for _, i, k in pairs:
        if k in taken or any(one is gone[i] for one in found):
            continue
        found.append(gone[i])
        taken.add(k)
        stay = bodies[k]
        stay.hand_over(gone[i].stay)
        stay.body.appeared, stay.rest_since = False, -math.inf
    gone[:] = [one for one in gone if not any(one is other for other in found)]
    return found
