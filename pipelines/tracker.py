"""Detections to tracks: one camera's people (or vehicles), in seconds and in metres.

The design follows research: counting §4. Distances are measured in the picture but in metres, with the
person (1.7 m tall) as the yardstick at the place where they stand, so nothing depends on the picture's
size or on the frame rate. Association is motion only: a gate of what a person can do since they were last
seen, in three passes: confident detections, then faint ones for tracks seen a moment ago (ByteTrack's
idea), then tracks that were lost behind something. No appearance, no identity beyond a number.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.types import Detections
from pipelines import overlap
from pipelines.track import EDGE, Box, Track, TrackerSettings

_IMPOSSIBLE: Final = 1e6
SHAPE_MEMORY: Final = 3000
"""Boxes after which the usual shape follows only slowly: about a minute of a busy picture."""
FROM_SIDE: Final = 0.6
"""The boxes' usual width over height up to which a camera looks across rather than down."""


def _touches_edge(box: Box) -> bool:
    x1, y1, x2, y2 = box
    return min(x1, y1, 1 - x2, 1 - y2) <= EDGE


@dataclass(slots=True)
class _Seen:
    """This frame's detections in the tracker's unit, one row each."""

    x: NDArray[np.float64]
    top: NDArray[np.float64]
    foot: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    score: NDArray[np.float64]
    label: NDArray[np.int16]
    boxes: list[Box]
    """In fractions of the frame."""
    spans: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in the tracker's unit."""
    same: NDArray[np.bool_]
    """(n, n) whether two boxes show one person."""
    claimed: list[int]
    """Those that a track has been prolonged with."""


class _Limits(NamedTuple):
    """What one pass of the association allows."""

    smallest: float
    largest: float
    """Size of a box over the track's."""
    faint: bool = False
    """The boxes are faint ones."""


@dataclass(slots=True)
class Tracker:
    """One camera's tracker. `update` once a frame; its memory is bounded by `lost_s`."""

    aspect: float
    """Width of the frame over its height."""
    settings: TrackerSettings = field(default_factory=TrackerSettings)
    tracks: list[Track] = field(default_factory=list)
    ended: list[Track] = field(default_factory=list)
    """Tracks that the newest update gave up."""
    _shape: float = field(init=False)
    """Logarithm of the boxes' usual width over height: it tells how steeply the camera looks down."""
    _shapes: int = 20
    next_number: int = 1
    """The number of the next track; never given twice."""
    _traces: deque[tuple[float, list[Box]]] = field(default_factory=deque)
    """Times and boxes at the picture's edge that no track claimed, oldest first."""
    _t: float = -math.inf

    def __post_init__(self) -> None:
        self._shape = math.log(self.settings.usual_shape)

    @property
    def shape(self) -> float:
        """The boxes' usual width over height: about .4 seen from the side, 1 from above."""
        return math.exp(self._shape)

    def update(self, t: float, detections: Detections) -> list[Track]:
        """Take one frame at `t` seconds; the tracks that live now. Raises ValueError when time goes back."""
        if t < self._t:
            raise ValueError(f"frame at {t:.3f} s comes after one at {self._t:.3f} s")
        self._t = t
        self._forget(t)
        seen = self._read(detections)
        for track in self.tracks:
            track.updated = False
        self._mark_crowded(t)
        free = self._match(t, seen)
        self._bear(t, seen, free)
        self._trace(t, seen)
        return self.tracks

    def reset(self) -> list[Track]:
        """End all tracks (the picture jumped); the tracks that lived."""
        self.ended, self.tracks = self.tracks, []
        self._traces.clear()
        return self.ended

    def _forget(self, t: float) -> None:
        keep: list[Track] = []
        self.ended = []
        for track in self.tracks:
            (keep if t - track.seen <= self._memory(track) else self.ended).append(track)
        self.tracks = keep

    def _mark_crowded(self, t: float) -> None:
        """Note who should now be standing before or behind somebody else."""
        for track in self.tracks:
            track.crowded = False
        if len(self.tracks) < 2:
            return
        spans = self._spans(self.tracks, t)
        covered = overlap.over_union(spans, spans)
        np.fill_diagonal(covered, 0)
        for track, most in zip(self.tracks, covered.max(axis=1).tolist(), strict=True):
            track.crowded = most > self.settings.crowd_overlap

    def _spans(self, tracks: list[Track], t: float) -> NDArray[np.float64]:
        """(n, 4) where the tracks' boxes should be at `t`, in the tracker's unit."""
        rows = []
        for track in tracks:
            x, y = track.ahead(t, self.settings.coast_s)
            half = track.width / 2
            rows.append((x - half, y - track.height, x + half, y))
        return np.array(rows)

    def _memory(self, track: Track) -> float:
        """Seconds for which a track that nobody sees is remembered."""
        if not track.confirmed:
            return self.settings.unsure_s
        x1, y1, x2, y2 = track.box
        pace = 0.3 * track.metre
        leaving = (
            (x1 < EDGE and track.vx < -pace)
            or (x2 > 1 - EDGE and track.vx > pace)
            or (y1 < EDGE and track.vy < -pace)
            or (y2 > 1 - EDGE and track.vy > pace)
        )
        if leaving:
            return self.settings.gone_s
        stood = math.hypot(track.vx, track.vy) <= self.settings.stand_speed * track.metre
        return self.settings.stand_s if stood else self.settings.lost_s

    def _read(self, detections: Detections) -> _Seen:
        settings = self.settings
        spans = detections.boxes.astype(np.float64)
        spans[:, 0::2] *= self.aspect
        twice = overlap.over_union(spans, spans) > settings.same_overlap
        twice |= overlap.over_smaller(spans, spans) > settings.same_inside
        return _Seen(
            x=(spans[:, 0] + spans[:, 2]) / 2,
            top=spans[:, 1],
            foot=spans[:, 3],
            width=spans[:, 2] - spans[:, 0],
            height=spans[:, 3] - spans[:, 1],
            score=detections.scores.astype(np.float64),
            label=detections.classes,
            boxes=[(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes.tolist()],
            spans=spans,
            same=twice,
            claimed=[],
        )

    def _match(self, t: float, seen: _Seen) -> list[int]:
        """Prolong tracks; the confident detections that nobody claimed."""
        settings = self.settings
        scores = seen.score.tolist()
        high = [i for i, s in enumerate(scores) if s >= settings.score_high]
        low = [i for i, s in enumerate(scores) if settings.score_low <= s < settings.score_high]
        fresh = [k for k in self.tracks if t - k.seen <= settings.fresh_s]
        lost = [k for k in self.tracks if t - k.seen > settings.fresh_s]
        usual, stitch = _Limits(*settings.size_ratio), _Limits(*settings.stitch_size_ratio)
        fresh, high = self._assign(t, fresh, high, seen, usual)
        seen_twice = [track for track in fresh if track.hits > 1]
        faint = _Limits(*settings.size_ratio, faint=True)
        self._assign(t, seen_twice, self._apart(seen, low), seen, faint)
        # What nobody claimed may still be somebody who stepped out from behind something.
        _, high = self._assign(t, lost, self._apart(seen, high), seen, stitch)
        return high

    def _assign(
        self, t: float, tracks: list[Track], picks: list[int], seen: _Seen, limits: _Limits
    ) -> tuple[list[Track], list[int]]:
        """One optimal pass; what stays unmatched on either side."""
        if not tracks or not picks:
            return tracks, picks
        cost = self._cost(t, tracks, np.asarray(picks), seen, limits)
        rows, columns = linear_sum_assignment(cost)
        left, free = set(range(len(tracks))), set(range(len(picks)))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if cost[row, column] < _IMPOSSIBLE:
                left.discard(row)
                free.discard(column)
                self._prolong(t, tracks[row], picks[column], seen)
        return [tracks[i] for i in sorted(left)], [picks[i] for i in sorted(free)]

    def _cost(
        self, t: float, tracks: list[Track], picks: NDArray[np.intp], seen: _Seen, limits: _Limits
    ) -> NDArray[np.float64]:
        """(tracks, picks): distance over reach, unlike sizes, lacking overlap; impossible beyond reach."""
        settings = self.settings
        due, found = self._spans(tracks, t), seen.spans[picks]
        metre = np.array([track.metre for track in tracks])[:, None]
        reach = np.array([self._reach(track, t, limits.faint) for track in tracks])[:, None]
        dx = np.abs((due[:, 0] + due[:, 2])[:, None] - (found[:, 0] + found[:, 2])) / 2
        # Feet hide behind counters and heads behind signs: the nearer end tells where the person is.
        to_top, to_foot = (np.abs(due[:, i, None] - found[:, i]) for i in (1, 3))
        dy = np.minimum((to_foot + to_top) / 2, np.minimum(to_foot, to_top) + 0.1 * metre)
        distance = np.hypot(dx, dy) / (metre * reach)
        sizes = np.array([math.hypot(track.width, track.height) for track in tracks])
        ratio = np.hypot(found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]) / sizes[:, None]
        cost: NDArray[np.float64] = (
            distance
            + settings.size_weight * np.abs(np.log(np.maximum(ratio, 1e-6)))
            + settings.overlap_weight * (1 - overlap.over_union(due, found))
        )
        cost[(distance > 1) | (ratio < limits.smallest) | (ratio > limits.largest)] = _IMPOSSIBLE
        return cost

    def _reach(self, track: Track, t: float, faint: bool) -> float:
        """How far, in metres, a track may be from where it should be. A faint box is no ground for a
        sprint: what stands about in a shop looks faintly like people."""
        settings, dt = self.settings, t - track.seen
        if track.hits <= 2 and not faint:
            return settings.slack + settings.top_speed * dt
        return min(settings.slack + settings.speed_doubt * dt, settings.lost_reach)

    def _prolong(self, t: float, track: Track, pick: int, seen: _Seen) -> None:
        settings, dt = self.settings, t - track.seen
        width, height = float(seen.width[pick]), float(seen.height[pick])
        foot = self._foot(track, t, float(seen.top[pick]), float(seen.foot[pick]), height)
        self._filter(track, float(seen.x[pick]), foot, dt)
        # Sizes follow within about a second, whatever the frame rate; a cut box hardly pulls them down.
        share = 1 - math.exp(-dt / (settings.hidden_s if self._cut(track, height) else 0.5))
        share = max(share, 1 / (track.hits + 1))
        track.width += share * (width - track.width)
        track.height += share * (height - track.height)
        track.metre = self._metre(track.width, track.height)
        track.gap, track.seen, track.updated = dt, t, True
        track.hits += 1
        track.score, track.label = float(seen.score[pick]), int(seen.label[pick])
        track.box = seen.boxes[pick]
        seen.claimed.append(pick)
        way = math.hypot(track.x - track.start[0], track.y - track.start[1]) / track.metre
        track.walked = max(track.walked, way)
        if track.hits >= settings.confirm_hits or (track.hits >= 2 and track.walked >= settings.confirm_walk):
            track.confirmed = True
        if track.confirmed and not _touches_edge(track.box):
            self._shapes = min(self._shapes + 1, SHAPE_MEMORY)
            self._shape += (math.log(width / height) - self._shape) / self._shapes

    def _foot(self, track: Track, t: float, top: float, foot: float, height: float) -> float:
        """The foot of a box whose lower part may be hidden: then head plus usual height (research §4.1)."""
        if not self._cut(track, height):
            return foot
        _, y = track.ahead(t, self.settings.coast_s)
        head_moved, foot_moved = abs(y - track.height - top), abs(y - foot)
        return top + track.height if head_moved < foot_moved else foot

    def _filter(self, track: Track, x: float, y: float, dt: float) -> None:
        """One step of a constant-velocity Kalman filter; both axes share their covariance."""
        settings = self.settings
        dt = max(dt, 1e-3)
        coast = min(dt, settings.coast_s)
        q = (settings.acceleration * track.metre) ** 2
        noise = settings.box_noise * (settings.crowd_noise if track.crowded else 1.0)
        r = (noise * track.metre) ** 2
        p00 = track.p00 + dt * (2 * track.p01 + dt * track.p11) + q * dt**4 / 4
        p01 = track.p01 + dt * track.p11 + q * dt**3 / 2
        p11 = track.p11 + q * dt * dt
        k0, k1 = p00 / (p00 + r), p01 / (p00 + r)
        ahead_x, ahead_y = track.x + track.vx * coast, track.y + track.vy * coast
        miss_x, miss_y = x - ahead_x, y - ahead_y
        track.x, track.y = ahead_x + k0 * miss_x, ahead_y + k0 * miss_y
        track.vx, track.vy = track.vx + k1 * miss_x, track.vy + k1 * miss_y
        track.p00, track.p01, track.p11 = (1 - k0) * p00, (1 - k0) * p01, p11 - k1 * p01

    def _metre(self, width: float, height: float) -> float:
        """How long a metre is where a body with such a box stands: as tall as it is when seen from the
        side, as it is wide when seen from above."""
        wide = self.settings.body_width
        tall = min(max(wide / self.shape, wide), self.settings.body_height)
        return math.hypot(width, height) / math.hypot(wide, tall)

    def _cut(self, track: Track, height: float) -> bool:
        """Whether the lower part of the body is hidden; from above nothing hides it."""
        return height < 0.8 * track.height and self.shape < FROM_SIDE

    def _apart(self, seen: _Seen, picks: list[int]) -> list[int]:
        """The spare boxes that show nobody who is tracked in this frame already, nor one another; best
        first."""
        taken, apart = list(seen.claimed), []
        for pick in sorted(picks, key=lambda i: -float(seen.score[i])):
            if seen.width[pick] > 0 and seen.height[pick] > 0 and not seen.same[pick, taken].any():
                taken.append(pick)
                apart.append(pick)
        return apart

    def _trace(self, t: float, seen: _Seen) -> None:
        """Remember the faint boxes at the picture's edge that show nobody who is tracked."""
        while self._traces and t - self._traces[0][0] > self.settings.trace_memory_s:
            self._traces.popleft()
        low = self.settings.score_low
        edge = [i for i, box in enumerate(seen.boxes) if _touches_edge(box) and seen.score[i] >= low]
        if edge and (spare := self._apart(seen, edge)):
            self._traces.append((t, [seen.boxes[i] for i in spare]))

    def _first_trace(self, t: float, box: Box, metre: float) -> float:
        """When the first of an unbroken row of traces that leads to this box was seen."""
        reach = self.settings.slack + self.settings.top_speed * self.settings.trace_s
        for before, boxes in reversed(self._traces):
            if t - before > self.settings.trace_s:
                break
            near = [b for b in boxes if self._apart_by(b, box) <= reach * metre]
            if near:
                t, box = before, near[0]
        return t

    def _apart_by(self, a: Box, b: Box) -> float:
        """Distance in frame heights between the middles of two boxes' upper edges."""
        return math.hypot((a[0] + a[2] - b[0] - b[2]) / 2 * self.aspect, a[1] - b[1])

    def _bear(self, t: float, seen: _Seen, picks: list[int]) -> None:
        settings = self.settings
        for pick in picks:
            if seen.score[pick] < settings.score_birth:
                continue
            width, height = float(seen.width[pick]), float(seen.height[pick])
            x, y = float(seen.x[pick]), float(seen.foot[pick])
            metre = self._metre(width, height)
            box = seen.boxes[pick]
            seen.claimed.append(pick)
            since = self._first_trace(t, box, metre) if _touches_edge(box) else t
            self.tracks.append(
                Track(
                    self.next_number,
                    since,
                    t,
                    x,
                    y,
                    0.0,
                    0.0,
                    width,
                    height,
                    metre,
                    1,
                    float(seen.score[pick]),
                    int(seen.label[pick]),
                    box,
                    (x, y),
                    p00=(settings.box_noise * metre) ** 2,
                    p11=(1.3 * metre) ** 2,
                )
            )
            self.next_number += 1
