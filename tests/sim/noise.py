"""What a detector makes of what a camera sees: jitter, misses, merged and cut boxes, false boxes.

Sizes are relative to the height of the body's whole box in the picture, times in seconds, so that a preset
holds for any camera and frame rate. Everything that lasts is correlated in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from tests.sim.crowd import Floats, Ints
from tests.sim.sight import Sight, pairs

SMALL, LARGE = 0.13, 0.8
"""Body heights, in picture heights, in the two clips that the scores were measured on."""
NOBODY: Final = -1
"""The person of a false box."""


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """How a detector errs. The defaults are those of `DEFAULT`."""

    jitter: tuple[float, float, float, float] = (0.037, 0.02, 0.036, 0.021)
    """Standard deviation of left, top, right and bottom edge of a walker's box, in box heights."""
    still: float = 0.35
    """Share of the jitter left for somebody who stands; a walker at .7 m/s or more has all of it."""
    correlation_s: float = 0.26
    """Time in which jitter is forgotten but for 1/e."""
    miss: float = 0.05
    """A body in full sight is missed in a frame, each frame on its own."""
    bursts_per_s: float = 0.085
    """A body becomes undetectable for a while, that often …"""
    burst_s: tuple[float, float] = (0.25, 0.8)
    """… and that long."""
    sight: tuple[float, float] = (0.15, 0.65)
    """Share in sight below which nobody is found, and above which hiding costs nothing; linear between."""
    cuts_per_s: float = 0.03
    """The lower part of a box is cut off though it is in sight, that often …"""
    cut_s: tuple[float, float] = (0.15, 0.6)
    cut_share: tuple[float, float] = (0.15, 0.4)
    """… that long, and that share of the box."""
    nms_iou: float = 0.6
    """Of two boxes that overlap more, only the better one stays (`models.suppress.IOU`)."""
    merge_iou: float = 0.35
    merge: float = 0.35
    """From this overlap on, two people become one box around both with this probability, .5 s at a time."""
    doubles: float = 0.12
    """A second, faint box on a part of the body, per body and frame."""
    clutter: int = 1
    """Places where something looks a little like a person, in `clutter_share` of the frames."""
    clutter_share: float = 0.15
    score_faint: tuple[float, float] = (0.15, 0.32)
    """Scores of doubles and clutter."""
    ghosts_per_minute: float = 2.0
    ghost_s: tuple[float, float] = (0.1, 1.0)
    score_ghost: tuple[float, float] = (0.2, 0.55)
    """False boxes somewhere that come, stand still and go."""
    score_small: tuple[float, float] = (0.3, 0.83)
    score_large: tuple[float, float] = (0.64, 0.88)
    """Scores of bodies in full sight whose box is `SMALL` or less, `LARGE` or more of the picture high …"""
    score_hidden: tuple[float, float] = (0.15, 0.4)
    """… and of mostly hidden ones; between them in proportion."""
    floor_score: float = 0.15
    """What scores less is not reported (`models.detector.FLOOR`)."""


DEFAULT: Final = DetectorNoise()
"""The default model. `fit.fit_noise` on Debian's vtest.avi (10 fps, 795 frames, 91 walkers 50 to 110 pixels
high, INT8) gave jitter, correlation, bursts and the small bodies' scores as they stand here. It found 1 %
single misses and no cut boxes on people who stand apart; both are taken higher, for it can only judge whom
the detector found at all. A clip of people who fill the picture and mostly stand (620 boxes) gave the large
bodies' scores and a quarter to a half of the jitter. Faint boxes that touch a body: .85 a body and frame in
vtest.avi, .06 on bodies that fill the picture; .12 is between. Faint boxes elsewhere, at least .7 of a
person high: 4 a frame in vtest.avi, whose picture would hold 200 persons, so .3 where it holds 15 as before
a door; .06 in the second clip; .15 is between. Merging and ghosts are assumptions, for they need truth."""
CALM: Final = DetectorNoise(
    jitter=(0.015, 0.01, 0.015, 0.012),
    miss=0.01,
    bursts_per_s=0.01,
    cuts_per_s=0.005,
    merge=0.1,
    doubles=0.02,
    clutter=0,
    ghosts_per_minute=0.2,
    score_small=(0.5, 0.9),
)
"""A good detector in good light."""
ROUGH: Final = DetectorNoise(
    jitter=(0.05, 0.03, 0.05, 0.04),
    miss=0.1,
    bursts_per_s=0.15,
    cuts_per_s=0.12,
    merge=0.5,
    doubles=0.3,
    clutter=4,
    clutter_share=0.4,
    ghosts_per_minute=8.0,
)
"""A small model in poor light."""
NONE: Final = DetectorNoise(
    jitter=(0.0, 0.0, 0.0, 0.0),
    miss=0.0,
    bursts_per_s=0.0,
    sight=(0.0, 1e-6),
    cuts_per_s=0.0,
    nms_iou=1.0,
    merge=0.0,
    doubles=0.0,
    clutter=0,
    ghosts_per_minute=0.0,
    score_small=(0.9, 0.9),
    score_large=(0.9, 0.9),
    score_hidden=(0.9, 0.9),
)
"""Every body of which anything shows, exactly."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the detector reports, ordered by frame, best first. person: who it was, or `NOBODY`."""

    frame: Ints
    person: Ints
    boxes: Floats
    scores: Floats


def detect(
    sight: Sight, times: Floats, noise: DetectorNoise, aspect: float, rng: np.random.Generator
) -> Found:
    """Run the noise over everything seen; `times` (frames,) seconds, `aspect` width over height in pixels."""
    (still,) = rng.spawn(1)  # the same places at every frame rate
    order = np.lexsort((sight.frame, sight.person))
    frame, person = sight.frame[order], sight.person[order]
    t, visible = times[frame], sight.visible[order]
    per_frame = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    keep = float(np.exp(-per_frame / noise.correlation_s))
    wander = _correlated(len(t), keep, 4, rng) * np.array(noise.jitter)
    wander *= (noise.still + (1 - noise.still) * np.minimum(sight.pace[order] / 0.7, 1))[:, None]
    boxes = _jitter(sight.box[order], sight.full[order], wander, aspect)
    cut = _bursts(person, t, noise.cuts_per_s, noise.cut_s, rng)
    share = np.where(cut > 0, noise.cut_share[0] + cut * (noise.cut_share[1] - noise.cut_share[0]), 0.0)
    boxes[:, 3] -= share * (boxes[:, 3] - boxes[:, 1])
    hard, easy = noise.sight
    chance = (1 - noise.miss) * np.clip((visible - hard) / (easy - hard), 0, 1)
    found = (rng.random(len(t)) < chance) & (_bursts(person, t, noise.bursts_per_s, noise.burst_s, rng) == 0)
    found &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    height = sight.full[order, 3] - sight.full[order, 1]
    scores = _scores(visible, height, noise, _correlated(len(t), keep, 1, rng)[:, 0])
    rows = np.flatnonzero(found & (scores >= noise.floor_score))
    rows = rows[np.argsort(frame[rows], kind="stable")]
    frame, person, boxes, scores = frame[rows], person[rows], boxes[rows], scores[rows]
    people = _merge(Found(frame, person, boxes, scores), times, noise)
    false = [
        _doubles(people, noise, rng),
        _ghosts(times, noise, aspect, rng),
        _clutter(len(times), noise, _places(noise.clutter, aspect, still), rng),
    ]
    return _together([people, *false])


def _correlated(n: int, keep: float, columns: int, rng: np.random.Generator) -> Floats:
    """(n, columns) normal numbers, each row keeping that share of the row before."""
    white = rng.normal(0, np.sqrt(1 - keep**2), (n, columns))
    return np.asarray(lfilter([1.0], [1.0, -keep], white, axis=0))


def _jitter(box: Floats, full: Floats, wander: Floats, aspect: float) -> Floats:
    """Each edge wanders in proportion to the body's size; a box does not leave the picture."""
    size = np.maximum(full[:, 3] - full[:, 1], (full[:, 2] - full[:, 0]) * aspect)
    moved = wander * np.minimum(size, 1.0)[:, None]
    moved[:, [0, 2]] /= aspect
    return np.asarray(np.clip(box + moved, 0.0, 1.0))


def _scores(visible: Floats, height: Floats, noise: DetectorNoise, wander: Floats) -> Floats:
    """Between two ends that depend on the body's size and on how much of it is in sight."""
    place = 1 / (1 + np.exp(-1.7 * wander))
    hidden, small, large = (np.array(s) for s in (noise.score_hidden, noise.score_small, noise.score_large))
    size = np.clip(np.log(np.maximum(height, 1e-6) / SMALL) / np.log(LARGE / SMALL), 0, 1)[:, None]
    shown = np.clip((visible - 0.25) / 0.5, 0, 1)[:, None]
    ends = hidden + (small + (large - small) * size - hidden) * shown
    return np.asarray(ends[:, 0] + place * (ends[:, 1] - ends[:, 0]))


def _bursts(
    person: Ints, t: Floats, per_s: float, length_s: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """(n,) 0 outside bursts; inside, a number in (0, 1] that is one and the same for the whole burst.

    Rows are ordered by person and time: all persons' times are laid end to end, and bursts strewn over them.
    """
    strength = np.zeros(len(t))
    if not len(t) or per_s <= 0:
        return strength
    step = np.diff(t, prepend=t[0])
    step[np.flatnonzero(np.diff(person, prepend=person[0] - 1))] = length_s[1] * 2
    line = np.cumsum(step)
    count = rng.poisson(per_s * float(line[-1]))
    start = np.sort(rng.uniform(0, line[-1], count))
    end = start + rng.uniform(*length_s, count)
    degree = rng.uniform(1e-6, 1.0, count)
    for a, b, value in zip(np.searchsorted(line, start), np.searchsorted(line, end), degree, strict=True):
        strength[a:b] = value
    return strength


def _merge(found: Found, times: Floats, noise: DetectorNoise) -> Found:
    """Suppress and merge boxes that overlap."""
    frame, person, scores, boxes = found.frame, found.person, found.scores, found.boxes.copy()
    stays = np.ones(len(frame), np.bool_)
    i, j = pairs(frame)
    better = (scores[i] > scores[j]) | ((scores[i] == scores[j]) & (i < j))
    i, j = i[better], j[better]
    overlap = iou(boxes[i], boxes[j])
    near = overlap > min(noise.merge_iou, noise.nms_iou)
    i, j, overlap = i[near], j[near], overlap[near]
    low, high = np.minimum(person[i], person[j]), np.maximum(person[i], person[j])
    merges = _chance(low, high, np.floor(times[frame[i]] / 0.5).astype(np.int64)) < noise.merge
    merges &= overlap > noise.merge_iou
    for a, b, together, much in zip(i, j, merges, overlap > noise.nms_iou, strict=True):
        if not (stays[a] and stays[b]) or not (together or much):
            continue
        stays[b] = False
        if together:
            boxes[a, :2] = np.minimum(boxes[a, :2], boxes[b, :2])
            boxes[a, 2:] = np.maximum(boxes[a, 2:], boxes[b, 2:])
    return Found(frame[stays], person[stays], boxes[stays], scores[stays])


def iou(a: Floats, b: Floats) -> Floats:
    """(n, 4) and (n, 4) boxes to (n,) intersection over union."""
    shared = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(1)
    both = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    return np.asarray(shared / np.maximum(both, 1e-12))


def _chance(*keys: Ints) -> Floats:
    """A number in 0..1 that is always the same for the same keys (the mixing step of SplitMix64)."""
    state = np.zeros(len(keys[0]), np.uint64)
    for key in keys:
        state = (state ^ key.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state ^= state >> np.uint64(27)
    return np.asarray((state >> np.uint64(11)).astype(np.float64) / 2**53)


def _doubles(found: Found, noise: DetectorNoise, rng: np.random.Generator) -> Found:
    """A second box on the upper or lower part of some bodies."""
    rows = np.flatnonzero(rng.random(len(found.frame)) < noise.doubles)
    boxes = found.boxes[rows].copy()
    upper = rng.random(len(rows)) < 0.7
    cut = rng.uniform(0.15, 0.55, len(rows)) * (boxes[:, 3] - boxes[:, 1])
    boxes[:, 3] -= np.where(upper, cut, 0.0)
    boxes[:, 1] += np.where(upper, 0.0, cut)
    scores = rng.uniform(*noise.score_faint, len(rows))
    return Found(found.frame[rows], np.full(len(rows), NOBODY), boxes, scores)


def _ghosts(times: Floats, noise: DetectorNoise, aspect: float, rng: np.random.Generator) -> Found:
    """Mannequins, posters and reflections that are people for a moment."""
    length = float(times[-1] - times[0]) if len(times) else 0.0
    count = rng.poisson(noise.ghosts_per_minute * length / 60)
    start = np.sort(rng.uniform(0, length, count)) + (times[0] if len(times) else 0.0)
    end = start + rng.uniform(*noise.ghost_s, count)
    a, b = np.searchsorted(times, start), np.searchsorted(times, end)
    each = np.repeat(np.arange(count), b - a)
    frame = np.arange(len(each)) - np.repeat(np.cumsum(b - a) - (b - a), b - a) + a[each]
    boxes = _still_boxes(_places(count, aspect, rng)[each], rng)
    return Found(frame, np.full(len(frame), NOBODY), boxes, rng.uniform(*noise.score_ghost, count)[each])


def _clutter(frames: int, noise: DetectorNoise, places: Floats, rng: np.random.Generator) -> Found:
    """Things that always look a little like a person."""
    frame, each = np.nonzero(rng.random((frames, noise.clutter)) < noise.clutter_share)
    boxes = _still_boxes(places[each], rng)
    return Found(frame, np.full(len(frame), NOBODY), boxes, rng.uniform(*noise.score_faint, len(frame)))


def _places(count: int, aspect: float, rng: np.random.Generator) -> Floats:
    """(count, 4) boxes of a person's shape anywhere in the picture."""
    height = rng.uniform(0.15, 0.5, count)
    size = np.stack([height * 0.4 / aspect, height], axis=1)
    corner = rng.uniform(0, 1, (count, 2)) * (1 - size)
    return np.concatenate([corner, corner + size], axis=1)


def _still_boxes(boxes: Floats, rng: np.random.Generator) -> Floats:
    return np.clip(boxes + rng.normal(0, 0.01, boxes.shape), 0, 1)


def _together(parts: list[Found]) -> Found:
    frame = np.concatenate([part.frame for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.lexsort((-scores, frame))
    return Found(
        frame[order],
        np.concatenate([part.person for part in parts])[order],
        np.concatenate([part.boxes for part in parts])[order],
        scores[order],
    )
