"""How people's tracks begin to count and how they end: seen to go, or broken off.

Somebody walks out of the picture, into a masked part of it, or through a door. Whoever is lost anywhere else
was lost by us and will be found again as somebody new, so that one person has two identities. The share of
such breaks says how far anything that rests on who is who may be trusted (research: counting §4.12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.geometry import depth
from pipelines.layout import Point
from pipelines.track import EDGE, Track

AHEAD_S: Final = 1.0
"""Who would be at the picture's edge this much later went out: the last boxes there are cut or missed."""
DOOR_S: Final = 3.0
"""Who is not seen any more this soon after a gate went through its door."""
MASK_M: Final = 1.0
"""Who is lost this near to a masked part went into it."""


@dataclass(slots=True)
class Endings:
    """The tracks of one camera, as far as they are people."""

    aspect: float
    """Width of the frame over its height."""
    masks: Sequence[Sequence[Point]] = ()
    """In fractions of the frame."""
    identities: int = 0
    """Tracks that became people since the last `take`."""
    broken: int = 0
    """And tracks of people that broke off since then."""
    _people: set[int] = field(default_factory=set)
    _crossed: dict[int, float] = field(default_factory=dict)
    """When each track last went through a gate."""

    def __post_init__(self) -> None:
        self.masks = [[(x * self.aspect, y) for x, y in mask] for mask in self.masks]

    def sight(self, track: Track) -> None:
        """A track was seen; it counts from when it is confirmed."""
        if track.confirmed and track.id not in self._people:
            self._people.add(track.id)
            self.identities += 1

    def cross(self, track: int, t: float) -> None:
        """A track went through a gate at `t`."""
        self._crossed[track] = t

    def end(self, track: Track, closing: bool) -> None:
        """A track was given up, or (`closing`) the camera stopped looking."""
        crossed = self._crossed.pop(track.id, None)
        if track.id not in self._people:
            return
        self._people.discard(track.id)
        through_door = crossed is not None and track.seen - crossed <= DOOR_S
        if not (closing or through_door or self._goes_out(track) or self._goes_behind(track)):
            self.broken += 1

    def take(self) -> tuple[int, int]:
        """(identities, broken) since the last call."""
        taken = self.identities, self.broken
        self.identities = self.broken = 0
        return taken

    def _goes_out(self, track: Track) -> bool:
        x1, y1, x2, y2 = track.box
        dx, dy = track.vx * AHEAD_S / self.aspect, track.vy * AHEAD_S
        now = min(x1, y1, 1 - x2, 1 - y2)
        then = min(x1 + dx, y1 + dy, 1 - x2 - dx, 1 - y2 - dy)
        return min(now, then) <= EDGE

    def _goes_behind(self, track: Track) -> bool:
        return any(depth(mask, (track.x, track.y)) > -MASK_M * track.metre for mask in self.masks)
