"""Which box shows which track: minus the logarithm of how likely that is, all pairs at once.

A pair's cost is its surprise less that of the other explanation: the track is missed in this frame and
the box shows somebody new. So a pair is worth having when its cost is below 0, and the cheapest assignment
is the likeliest. Places are Gaussian, with the motion filter's own doubt; lengths are in metres where the
person is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.motion import box_variance, spread
from pipelines.track import Track, TrackerSettings

Floats = NDArray[np.float64]
IMPOSSIBLE: Final = 1e3


def costs(
    t: float,
    tracks: Sequence[Track],
    due: Floats,
    found: Floats,
    settings: TrackerSettings,
    *,
    two_ends: bool,
    leap: float = 0.0,
) -> Floats:
    """(tracks, boxes) costs at `t`. `due` (tracks, 4) and `found` (boxes, 4) are boxes x1, y1, x2, y2 in the
    tracker's unit. `two_ends`: heads and feet are apart in the picture, and either may be hidden. `leap`:
    metres of doubt besides the filter's."""
    metre = np.array([track.metre for track in tracks])[:, None]
    aside = ((found[:, 0] + found[:, 2]) - (due[:, 0] + due[:, 2])[:, None]) / 2 / metre
    top, foot = ((found[:, i] - due[:, i, None]) / metre for i in (1, 3))
    body, box = due[:, 2:] - due[:, :2], found[:, 2:] - found[:, :2]
    ratio = np.hypot(*box.T) / np.hypot(*body.T)[:, None]
    if two_ends:
        surprise = _of_ends(_variances(t, tracks, leap, settings), tracks, (aside, top, foot), settings)
        wider = np.log(np.maximum(box[:, 0] / body[:, :1], 1e-6)) / settings.width_noise
        surprise += 0.5 * np.log1p(wider**2) - settings.appearing_whole
    else:
        # Feet hide behind counters and heads behind signs: the nearer end tells where the person is.
        to_top, to_foot = np.abs(top), np.abs(foot)
        along = np.minimum((to_foot + to_top) / 2, np.minimum(to_foot, to_top) + 0.1)
        boxes = np.array([box_variance(k, settings) for k in tracks])[:, None] / metre**2
        variance = _variances(t, tracks, leap, settings) + boxes
        larger = np.log(np.maximum(ratio, 1e-6)) / settings.size_noise
        surprise = (aside**2 + along**2) / (2 * variance) + np.log(2 * math.pi * variance)
        surprise += settings.size_weight * np.log1p(larger**2) - settings.appearing
    surprise -= np.array([_missing(track, t, settings) for track in tracks])[:, None]
    surprise[(ratio < settings.size_ratio[0]) | (ratio > settings.size_ratio[1])] = IMPOSSIBLE
    cost: Floats = surprise
    return cost


def _of_ends(
    place: Floats, tracks: Sequence[Track], off: tuple[Floats, Floats, Floats], settings: TrackerSettings
) -> Floats:
    """Surprise at where a box lies, by the likeliest of: both ends seen, feet hidden, head hidden. `off`: how
    far its middle, upper and lower end are from where they should be."""
    aside, top, foot = off
    crowd = np.array([settings.crowd_side_noise if k.crowded else 1.0 for k in tracks])[:, None]
    side, end = (settings.side_noise * crowd) ** 2, settings.end_noise**2
    cut, hat = (math.log(share * settings.anywhere) for share in (settings.feet_hidden, settings.head_hidden))
    seen = math.log(1 - settings.feet_hidden - settings.head_hidden)
    both = _log_density((top + foot) / 2, place + end / 2) + _log_density(foot - top, 2 * end) + seen
    no_feet = np.where(foot < top, _log_density(top, place + end) + cut, -np.inf)
    no_head = np.where(foot < top, _log_density(foot, place + end) + hat, -np.inf)
    ends: Floats = np.maximum(both, np.maximum(no_feet, no_head))
    return -ends - _log_density(aside, place + side)


def _variances(t: float, tracks: Sequence[Track], leap: float, settings: TrackerSettings) -> Floats:
    """(tracks, 1) of where each should be, in m²."""
    variances: Floats = np.array([spread(k, t, settings)[0] / k.metre**2 for k in tracks])[:, None] + leap**2
    return variances


def _missing(track: Track, t: float, settings: TrackerSettings) -> float:
    """Surprise that a track is not detected: little when somebody hides it, or when it was lost before."""
    if track.hidden > settings.hidden_share:
        return settings.missed_hidden
    return settings.missed if t - track.seen <= settings.fresh_s else settings.missed_again


def _log_density(x: Floats, variance: Floats | float) -> Floats:
    density: Floats = -0.5 * x * x / variance - 0.5 * np.log(2 * math.pi * variance)
    return density
