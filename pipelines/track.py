"""One person's way through one picture, and the thresholds by which it is followed."""

from __future__ import annotations

import math
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
    lost_s: float = 4.0
    """How long a track that nobody sees is remembered …"""
    found_s: float = 2.5
    """… and how long its next box is taken for it at once. Later its way must be seen too (relink.py)."""
    top_speed: float = 3.0
    """m/s of somebody about whom nothing is known yet."""
    first_speed: float = 1.3
    """m/s: one standard deviation of a newcomer's velocity along either axis."""
    slack: float = 0.35
    """Metres of doubt in any box's place."""
    size_ratio: tuple[float, float] = (0.45, 2.2)
    """Of the boxes' diagonals: a body seen from above turns its box as it walks, the diagonal stays."""
    size_noise: float = 0.12
    size_weight: float = 0.7
    """Seen from above: logarithm of the usual change of a box's size, and what a greater one weighs."""
    width_noise: float = 0.25
    """Seen from the side: logarithm of the usual change of a box's width."""
    end_noise: float = 0.07
    side_noise: float = 0.06
    """Metres: one standard deviation of a box's upper or lower end and of its middle, seen from the side."""
    crowd_side_noise: float = 1.5
    """And so much more where boxes overlap."""
    feet_hidden: float = 0.05
    head_hidden: float = 0.01
    anywhere: float = 0.7
    """How often an end of a body does not show, and the density per metre of where the box ends then."""
    appearing: float = 5.0
    appearing_whole: float = 5.0
    """Surprise at somebody new: minus the logarithm of the density per m² (seen from above), per m² and
    metre of height (from the side), in one frame."""
    missed: float = 2.5
    missed_again: float = 1.0
    missed_hidden: float = 0.5
    """Surprise at a track that is not detected: at first, when it has been lost for longer than `fresh_s`,
    and when at least `hidden_share` of it should be hidden by somebody nearer to the camera."""
    hidden_share: float = 0.5
    leap: float = 0.2
    leaping: float = 3.0
    """Metres of doubt more, and the surprise, when somebody who stands free turns on the heel."""
    faint: float = 1.0
    """Surprise at a faint box for a track, for something faint stands about everywhere."""
    unsure_s: float = 1.0
    """And how long one that does not count yet: two frames and more at 3 fps."""
    hidden_s: float = 6.0
    """Time in which a body's size follows boxes that show it without its legs."""
    tall_s: float = 2.0
    """Time in which a body's height, over what is usual at its place, follows boxes that show all of it."""
    stand_s: float = 6.0
    """And how long one who stood: whoever hides behind a passer-by or a pillar has not gone."""
    stand_speed: float = 0.3
    """m/s up to which somebody stands."""
    gone_s: float = 0.4
    """A track that walks out of the picture is remembered only this long."""
    coast_s: float = 0.4
    coast_hidden_s: float = 1.5
    """After `fresh_s` unseen a track is thought to walk on ever slower, with this time constant; longer where
    somebody who walks before it hides it."""
    wander: float = 0.1
    """m²/s³: in a second a walk's velocity changes by about the square root of this."""
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
    hidden: float = 0.0
    """Share of the body that somebody nearer to the camera should be hiding in the newest frame."""
    tall: float = 0.0
    """Its height over what is usual where it stands; 0 while that is not known."""
    feet_hidden: bool = False
    """Whether its newest box did not show its feet."""
    began: float = 0.0
    """When it was first detected itself, not only its traces."""
    came_in: bool = False
    """Whether it began at the picture's edge, or has been asked for whom it continues."""
    gap: float = 0.0
    """Seconds for which it was not seen before its newest detection."""

    def ahead(self, t: float, settings: TrackerSettings) -> tuple[float, float]:
        """Where it should be at `t` (foot)."""
        dt = t - self.seen
        if dt > settings.fresh_s:
            hidden = self.hidden >= settings.hidden_share
            coast = settings.coast_hidden_s if hidden else settings.coast_s
            dt = settings.fresh_s + coast * (1 - math.exp((settings.fresh_s - dt) / coast))
        return self.x + self.vx * dt, self.y + self.vy * dt

    def stands(self, settings: TrackerSettings) -> bool:
        """Whether it stood when it was last detected."""
        return math.hypot(self.vx, self.vy) <= settings.stand_speed * self.metre
