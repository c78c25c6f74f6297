"""One person's way through one picture, and the thresholds by which it is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in fractions of the frame."""
EDGE: Final = 0.01
"""A box this near (fractions of the frame) touches the picture's edge."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Every length in metres, every time in seconds. The defaults are for people."""

    body_height: float = 1.7
    """How tall a body stands: the yardstick of a camera that looks across."""
    body_width: float = 0.62
    """How wide a walking body's box is: the yardstick of a camera that looks down, where boxes are square."""
    usual_shape: float = 0.38
    """Width over height of a box, until the camera has shown its own."""
    score_birth: float = 0.4
    score_high: float = 0.4
    score_low: float = 0.15
    """Faint detections (`score_low` to `score_high`) only prolong a track, never begin one."""
    fresh_s: float = 0.6
    """A track seen within this time may be prolonged by a faint detection."""
    lost_s: float = 2.5
    """How long a track that nobody sees is remembered."""
    top_speed: float = 3.0
    """m/s of somebody about whom nothing is known yet."""
    slack: float = 0.35
    """Metres of doubt in any box's place."""
    speed_doubt: float = 1.2
    """m/s by which a known walk may change."""
    size_ratio: tuple[float, float] = (0.45, 2.2)
    stitch_size_ratio: tuple[float, float] = (0.65, 1.55)
    """Of the boxes' diagonals: a body seen from above turns its box as it walks, the diagonal stays."""
    size_weight: float = 0.3
    overlap_weight: float = 0.3
    lost_reach: float = 1.2
    """Metres: how far from where it should be a lost track may be found again."""
    unsure_s: float = 1.0
    """And how long one that does not count yet: two frames and more at 3 fps."""
    hidden_s: float = 6.0
    """Time in which a body's size follows boxes that show it without its legs."""
    stand_s: float = 5.0
    """And how long one who stood: whoever hides behind a passer-by or a pillar has not gone."""
    stand_speed: float = 0.3
    """m/s up to which somebody stands."""
    gone_s: float = 0.4
    """A track that walks out of the picture is remembered only this long."""
    coast_s: float = 0.6
    """A lost track is thought to walk on for this long, then to stand."""
    acceleration: float = 1.0
    """m/s²: process noise of the motion filter."""
    box_noise: float = 0.08
    """Metres: one standard deviation of a box's place."""
    crowd_overlap: float = 0.25
    crowd_noise: float = 2.5
    """Where two people's boxes overlap so far, one hides the other and boxes are that much less to be
    trusted: both keep their way."""
    same_overlap: float = 0.5
    same_inside: float = 0.75
    """A spare box that overlaps a tracked person's box so far, or lies in it so far, shows the same person
    once more (a torso, a pair boxed as one): no track is born from it."""
    trace_s: float = 0.3
    trace_memory_s: float = 1.5
    """Faint boxes at the picture's edge no further apart than `trace_s` are the first traces of somebody
    who comes in, part by part; they date the beginning back by up to `trace_memory_s`."""
    confirm_hits: int = 3
    confirm_walk: float = 0.4
    """A track counts after `confirm_hits` detections, or two and a walk of this many metres."""


PEOPLE: Final = TrackerSettings()


@dataclass(slots=True)
class Track:
    """One person's way through one picture.

    Positions are in frame heights (x times the aspect, y), so that both axes have one unit; `metre` tells
    how many of them a metre is where the person stands.
    """

    id: int
    born: float
    """When it was first seen, or its first faint traces at the picture's edge were."""
    seen: float
    """When it was last detected."""
    x: float
    """Middle of the box, filtered."""
    y: float
    """Foot of the box, filtered."""
    vx: float
    vy: float
    width: float
    height: float
    """Slowly following size of the whole box, also while its lower part is hidden."""
    metre: float
    hits: int
    score: float
    label: int
    box: Box
    """The last detected box in fractions of the frame: x1, y1, x2, y2."""
    start: tuple[float, float]
    p00: float = 0.0
    p01: float = 0.0
    p11: float = 0.0
    walked: float = 0.0
    """Furthest distance from where it was born, in metres."""
    confirmed: bool = False
    updated: bool = True
    """Whether it was detected in the newest frame."""
    crowded: bool = False
    """Whether somebody else should be standing before or behind it in the newest frame."""
    gap: float = 0.0
    """Seconds for which it was not seen before its newest detection."""

    def ahead(self, t: float, coast_s: float) -> tuple[float, float]:
        """Where it should be at `t` (foot)."""
        dt = min(t - self.seen, coast_s)
        return self.x + self.vx * dt, self.y + self.vy * dt
