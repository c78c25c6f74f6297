"""Where people's feet are, also of those whose legs somebody else or a counter hides.

The lower edge of a box that shows no legs lies far behind the person on the floor: a customer before the
counter would stand behind it, with the staff. Heads are seen, though, and how tall people look at each place
of the picture is learnt from those who stand free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place, Plane
from pipelines.layout import Point
from pipelines.track import EDGE, PEOPLE, Track
from pipelines.tracker import FROM_SIDE
from pipelines.usual_height import UsualHeight

FROM_ABOVE: Final = 0.8
"""The boxes' usual width over height from which a camera looks straight down."""
NEAREST: Final = 1.8
"""Shoulders of which a camera says that they are this much larger than on the floor: it hangs 3 m high."""
COVERED: Final = 0.3
"""Share of a box's width over which a nearer body must stand before its lower edge."""


def foot_of(track: Track, shape: float, aspect: float, plane: Plane | None = None) -> Point:
    """Where a track stands, in frame heights.

    Seen from the side it is the middle of the box's lower edge. Seen from above (`shape`, the boxes' usual
    width over height, near 1) a body leans outwards from the picture's middle, so its feet are in that part
    of the box that is nearest to the middle (research: counting §4.1). On a calibrated `plane` it is known
    how much nearer to the camera than the floor the shoulders are: they appear that much larger, and that
    much further from the middle.
    """
    above = min(1.0, max(0.0, (shape - FROM_SIDE) / (FROM_ABOVE - FROM_SIDE)))
    if above == 0.0:
        return track.x, track.y
    body = min(track.width, track.height)
    lean_x, lean_y = (track.width - body) / 2, (track.height - body) / 2
    middle_y = track.y - track.height / 2
    x = track.x + math.copysign(lean_x, aspect / 2 - track.x)
    y = middle_y + math.copysign(lean_y, 0.5 - middle_y)
    floor = None if plane is None else plane.metre_at(x, y)
    if floor is not None:
        nearer = min(max(track.metre / floor, 1.0), NEAREST)
        x, y = aspect / 2 + (x - aspect / 2) / nearer, 0.5 + (y - 0.5) / nearer
    return track.x + above * (x - track.x), track.y + above * (y - track.y)


@dataclass(slots=True)
class Feet:
    """Hidden feet in one camera's picture."""

    plane: Plane
    behind_counter: Callable[[Place], bool]
    """Whether a place lies where furniture hides legs: a staff zone."""
    _usual: UsualHeight = field(default_factory=UsualHeight)

    def under(self, track: Track, x: float, foot: float, tracks: Sequence[Track], shape: float) -> float:
        """The foot of a track that is seen in this frame; `x`, `foot` as `foot_of` gives them. `tracks`:
        everybody. `shape`: as for `foot_of`; from above nothing hides feet."""
        x1, y1, x2, y2 = track.box
        if shape >= FROM_SIDE or min(x1, y1, 1 - x2, 1 - y2) <= EDGE:
            return foot
        covered = _covered(track, tracks)
        if track.confirmed and not covered and not track.crowded:
            self._usual.learn(y2, y2 - y1)
        hidden = self._usual.foot_under(y1, y2 - y1)
        if hidden is None or covered:
            return foot if hidden is None else hidden
        # Nobody stands in front: elsewhere than behind a counter who is short may be a child.
        place = self.plane.place(x, hidden, track.metre)
        return hidden if place is not None and self.behind_counter(place) else foot


def _covered(track: Track, tracks: Sequence[Track]) -> bool:
    """Whether somebody who stands nearer to the camera hides the lower edge of a track's box."""
    x1, _, x2, y2 = track.box
    wide = COVERED * (x2 - x1)
    for other in tracks:
        a1, b1, a2, b2 = other.box
        if (
            b1 < y2 < b2 - 0.02 * (b2 - b1)
            and min(x2, a2) - max(x1, a1) > wide
            and other is not track
            and other.confirmed
            and track.seen - other.seen <= PEOPLE.fresh_s
        ):
            return True
    return False
