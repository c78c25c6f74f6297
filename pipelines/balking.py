"""Balking: who came up to a long queue, looked, and went away without joining."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place
from pipelines.layout import Point

MOUTH_M: Final = 2.0
"""This near to the last of the queue is up to it (research: counting §7)."""
BALK_LENGTH: Final = 3
"""A shorter queue turns nobody away (the k of research: counting §7)."""
GONE_M: Final = 1.0
"""This much further away again than at the nearest: going. And this much further from the queue's goal than
its end is where people come from and go back to: who has been served walks past the queue too."""
BEFORE_S: Final = 1.5
"""The way of coming is that of so long before the nearest point."""
TURN_COS: Final = 0.0
"""Cosine between coming and going up to which somebody has turned away: by a right angle or more."""


@dataclass(slots=True)
class _Approach:
    """One person on the way past or up to the queue."""

    first: Point
    recent: deque[tuple[float, Point]] = field(default_factory=deque)
    came_from: Point = (0.0, 0.0)
    nearest: float = math.inf
    """Metres from the last of the queue."""
    at: Point = (0.0, 0.0)
    t: float = 0.0


@dataclass(slots=True)
class Mouth:
    """The end of one queue, fed with the sightings of everybody who is not in it."""

    _coming: dict[int, _Approach] = field(default_factory=dict)

    def sight(
        self, t: float, track: int, place: Place, *, tail: Point, head: Point, length: int
    ) -> float | None:
        """Somebody was seen; the time at which they were nearest once it is certain that they turned away.
        `tail`: where the last of the queue stands; `head`: where they all go."""
        approach = self._coming.setdefault(track, _Approach(place.point))
        recent = approach.recent
        recent.append((t, place.point))
        while len(recent) > 1 and t - recent[0][0] > BEFORE_S:
            recent.popleft()
        apart = math.dist(place.point, tail) / place.metre
        if apart < approach.nearest:
            approach.nearest, approach.at, approach.t = apart, place.point, t
            approach.came_from = recent[0][1]
            return None
        if apart < approach.nearest + GONE_M:
            return None
        outside = math.dist(tail, head) + GONE_M * place.metre
        turned = (
            length >= BALK_LENGTH
            and approach.nearest <= MOUTH_M
            and min(math.dist(approach.first, head), math.dist(place.point, head)) >= outside
            and self._turned(approach, place)
        )
        when = approach.t
        del self._coming[track]
        return when if turned else None

    def _turned(self, approach: _Approach, place: Place) -> bool:
        came = (approach.at[0] - approach.came_from[0], approach.at[1] - approach.came_from[1])
        goes = (place.point[0] - approach.at[0], place.point[1] - approach.at[1])
        lengths = math.hypot(*came) * math.hypot(*goes)
        return lengths > 0 and (came[0] * goes[0] + came[1] * goes[1]) / lengths <= TURN_COS

    def forget(self, track: int) -> None:
        """A track ended."""
        self._coming.pop(track, None)
