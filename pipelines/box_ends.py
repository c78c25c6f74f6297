"""Where the feet are, read from a box whose lower or upper end may be hidden.

The lower end of a body's box tells its place on the floor well when it is seen. The upper end tells it
through the body's height, less well, but from a camera above it is seldom hidden. Three readings are weighed
by how well they agree with where the body should be: both ends are seen; the feet are hidden (by somebody
nearer, a counter, a box that was cut); the head is hidden.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

END_NOISE_M: Final = 0.07
"""One standard deviation of an end of a box. The default model's is .036 m at the top and bottom of a walker
of 1.7 m (tests/sim/noise.py), errors last for some frames, and bodies bob."""
ANYWHERE: Final = 0.7
"""Probability density per metre of the end of a box that is cut: it may be anywhere along the body."""
HEAD_HIDDEN: Final = 0.003
FEET_HIDDEN: Final = 0.03
"""How often an end is hidden of somebody who stands free …"""
FEET_HIDDEN_CROWDED: Final = 0.4
"""… of somebody who should be standing before or behind another one …"""
FEET_STILL_HIDDEN: Final = 0.6
"""… or whose feet were hidden a moment ago …"""
FEET_CUT: Final = 0.8
"""… and when the box ends at the picture's lower edge."""
STEEPEST: Final = 0.8
"""Above this the head of a body hardly moves when its feet do, and tells nothing of them."""


class Reading(NamedTuple):
    """A foot, in the picture's unit, and how sure it is."""

    foot: float
    variance: float
    feet_seen: bool
    whole: bool
    """Both ends are seen."""


def read(
    due: tuple[float, float],
    ends: tuple[float, float],
    metre: float,
    usual: tuple[float, float],
    hidden: float,
) -> Reading:
    """The foot of a box with these ends (upper, lower) for a body that should stand at `due` (place and
    variance). `usual`: its height is a + b * foot. `hidden`: how likely its feet are hidden."""
    (place, spread), (top, foot) = due, ends
    a, b = usual
    gain = 1 / (1 - b)
    head = (top + a) * gain
    of_foot, of_head = (END_NOISE_M * metre) ** 2, (END_NOISE_M * gain * metre) ** 2
    share = spread / (spread + of_head)
    middle, narrowed = place + share * (head - place), (1 - share) * spread
    anywhere = ANYWHERE / metre
    by_head = _density(head - place, spread + of_head)
    both = by_head * _density(foot - middle, narrowed + of_foot) * (1 - hidden)
    no_feet = by_head * anywhere * hidden if foot < middle else 0.0
    no_head = 0.0
    if head > place:  # the head's density is one of feet: `gain` of them go to one of the box's end
        no_head = _density(foot - place, spread + of_foot) * anywhere / gain * HEAD_HIDDEN
    if both >= max(no_feet, no_head):
        weight = 1 / of_foot + 1 / of_head
        return Reading((foot / of_foot + head / of_head) / weight, 1 / weight, feet_seen=True, whole=True)
    if no_feet >= no_head:
        return Reading(head, of_head, feet_seen=False, whole=False)
    return Reading(foot, of_foot, feet_seen=True, whole=False)


def _density(x: float, variance: float) -> float:
    return math.exp(-x * x / (2 * variance)) / math.sqrt(2 * math.pi * variance)
