"""Detections to tracks: one camera's people (or vehicles), in seconds and in metres.

The design follows research: counting §4. Distances are measured in the picture but in metres, with the
person (1.7 m tall) as the yardstick at the place where they stand, so nothing depends on the picture's
size or on the frame rate. Association is motion only, and cautious: the likeliest assignment of boxes to
tracks (association.py), confident boxes first, then faint ones for tracks seen a moment ago (ByteTrack's
idea). Who is left over begins a new track, and once that is a person it is asked who it continues
(relink.py). No appearance, no identity beyond a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.types import Detections
from pipelines import association, box_ends, overlap
from pipelines.motion import box_variance, follow, spread
from pipelines.relink import go_on, linked
from pipelines.seen import Seen
from pipelines.traces import Traces, touches_edge
from pipelines.track import EDGE, Track, TrackerSettings
from pipelines.usual_height import UsualHeight

SHAPE_MEMORY: Final = 3000
"""Boxes after which the usual shape follows only slowly: about a minute of a busy picture."""
FROM_SIDE: Final = 0.6
"""The boxes' usual width over height up to which a camera looks across rather than down."""
TALLEST: Final = 1.3
SHORTEST: Final = 0.6
"""A body's height over what is usual at its place; a box that says less shows only part of a body."""


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
    usual: UsualHeight = field(default_factory=UsualHeight)
    """How tall people look at each place."""
    _traces: Traces = field(init=False)
    _t: float = -math.inf

    def __post_init__(self) -> None:
        self._shape = math.log(self.settings.usual_shape)
        self._traces = Traces(self.aspect, self.settings)

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
        seen = Seen.of(detections, self.aspect, self.settings)
        for track in self.tracks:
            track.updated = False
        self._mark_crowded(t)
        free = self._match(t, seen)
        self._bear(t, seen, free)
        self._relink()
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
            track.crowded, track.hidden = False, 0.0
        if len(self.tracks) < 2:
            return
        spans = self._spans(self.tracks, t)
        together = overlap.over_union(spans, spans)
        np.fill_diagonal(together, 0)
        for track, most in zip(self.tracks, together.max(axis=1).tolist(), strict=True):
            track.crowded = most > self.settings.crowd_overlap
        if self.from_side:
            nearer = spans[:, 3] > spans[:, 3, None]
            covered = np.where(nearer, overlap.shared(spans, spans), 0).max(axis=1) / overlap.areas(spans)
            for track, share in zip(self.tracks, covered.tolist(), strict=True):
                track.hidden = share

    def _spans(self, tracks: list[Track], t: float) -> NDArray[np.float64]:
        """(n, 4) where the tracks' boxes should be at `t`, in the tracker's unit."""
        rows = []
        for track in tracks:
            x, y = track.ahead(t, self.settings)
            grown = self._grown(track, y)
            half, height = grown * track.width / 2, grown * track.height
            rows.append((x - half, y - height, x + half, y))
        return np.array(rows)

    @property
    def from_side(self) -> bool:
        """Whether the camera looks across: then heads are above feet, and people hide one another."""
        return self.shape < FROM_SIDE

    @property
    def _line(self) -> tuple[float, float] | None:
        """The usual height by the foot's place, for a camera that looks across."""
        return self.usual.line if self.from_side else None

    def _grown(self, track: Track, y: float) -> float:
        """How much larger the body looks at `y` than where it was last seen."""
        if self._line is None:
            return 1.0
        a, b = self._line
        return min(max((a + b * y) / max(a + b * track.y, 0.02), 0.5), 2.0)

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
        return self.settings.stand_s if track.stands(self.settings) else self.settings.lost_s

    def _match(self, t: float, seen: Seen) -> list[int]:
        """Prolong tracks; the confident detections that nobody claimed."""
        settings = self.settings
        scores = seen.score.tolist()
        high = [i for i, s in enumerate(scores) if s >= settings.score_high]
        low = [i for i, s in enumerate(scores) if settings.score_low <= s < settings.score_high]
        awaited = [k for k in self.tracks if t - k.seen <= settings.found_s or k.stands(settings)]
        missed, free = self._assign(t, awaited, high, seen)
        fresh = [k for k in missed if t - k.seen <= settings.fresh_s and k.hits > 1]
        missed, _ = self._assign(t, fresh, seen.apart(low), seen, surprise=settings.faint)
        # Somebody alone may turn on the heel; in a crowd it would be somebody else.
        alone = [k for k in missed if not k.crowded]
        free = seen.apart(free)
        _, free = self._assign(t, alone, free, seen, surprise=settings.leaping, leap=settings.leap)
        return free

    def _assign(
        self,
        t: float,
        tracks: list[Track],
        picks: list[int],
        seen: Seen,
        *,
        surprise: float = 0.0,
        leap: float = 0.0,
    ) -> tuple[list[Track], list[int]]:
        """One optimal pass; what stays unmatched on either side. `surprise`: at matches of this
        kind. `leap`: metres of doubt besides the filter's."""
        if not tracks or not picks:
            return tracks, picks
        due, found = self._spans(tracks, t), seen.spans[picks]
        cost = surprise + association.costs(
            t, tracks, due, found, self.settings, two_ends=self.from_side, leap=leap
        )
        rows, columns = linear_sum_assignment(np.minimum(cost, 0.0))
        left, free = set(range(len(tracks))), set(range(len(picks)))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if cost[row, column] < 0:
                left.discard(row)
                free.discard(column)
                self._prolong(t, tracks[row], picks[column], seen)
        return [tracks[i] for i in sorted(left)], [picks[i] for i in sorted(free)]

    def _prolong(self, t: float, track: Track, pick: int, seen: Seen) -> None:
        settings, dt = self.settings, t - track.seen
        if self._line is None:
            self._follow(t, track, pick, seen)
        else:
            self._follow_ends(t, track, pick, seen, self._line)
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
        if track.confirmed and not touches_edge(track.box):
            self._learn(track, float(seen.width[pick] / seen.height[pick]))

    def _learn(self, track: Track, shape: float) -> None:
        """What boxes look like in this picture."""
        self._shapes = min(self._shapes + 1, SHAPE_MEMORY)
        self._shape += (math.log(shape) - self._shape) / self._shapes
        if not track.crowded:
            self.usual.learn(track.box[3], track.box[3] - track.box[1])

    def _follow(self, t: float, track: Track, pick: int, seen: Seen) -> None:
        """Move a track to its box: where nobody knows how tall people look, or from above."""
        settings, dt = self.settings, t - track.seen
        width, height = float(seen.width[pick]), float(seen.height[pick])
        cut = self._cut(track, height)
        foot = float(seen.foot[pick])
        if cut:  # then head plus own height (research §4.1)
            top = float(seen.top[pick])
            _, y = track.ahead(t, settings)
            head_moved, foot_moved = abs(y - track.height - top), abs(y - foot)
            foot = top + track.height if head_moved < foot_moved else foot
        follow(track, (float(seen.x[pick]), foot), t, box_variance(track, settings), settings)
        # Sizes follow within about a second, whatever the frame rate; a cut box hardly pulls them down.
        share = _share(track, dt, settings.hidden_s if cut else 0.5)
        track.width += share * (width - track.width)
        track.height += share * (height - track.height)

    def _follow_ends(self, t: float, track: Track, pick: int, seen: Seen, line: tuple[float, float]) -> None:
        """Move a track to its box, by head or foot, whichever is seen."""
        settings, dt, (a, b) = self.settings, t - track.seen, line
        top, foot = float(seen.top[pick]), float(seen.foot[pick])
        tall = (foot - top) / max(a + b * foot, 0.02)
        if not track.tall:
            track.tall = tall if SHORTEST < tall < TALLEST else 1.0
        _, ahead = track.ahead(t, settings)
        due = ahead, spread(track, t, settings)[0]
        usual = track.tall * a, min(track.tall * b, box_ends.STEEPEST)
        read = box_ends.read(due, (top, foot), track.metre, usual, _feet_hidden(track, foot))
        grown = self._grown(track, ahead)
        follow(track, (float(seen.x[pick]), read.foot), t, read.variance, settings)
        track.feet_hidden = not read.feet_seen
        if read.whole:
            track.tall += _share(track, dt, settings.tall_s) * (tall - track.tall)
        track.height = track.tall * max(a + b * track.y, 0.02)
        track.width *= grown
        track.width += _share(track, dt, 1.0) * (float(seen.width[pick]) - track.width)

    def _metre(self, width: float, height: float) -> float:
        """How long a metre is where a body with such a box stands: as tall as it is when seen from the
        side, as it is wide when seen from above."""
        wide = self.settings.body_width
        tall = min(max(wide / self.shape, wide), self.settings.body_height)
        return math.hypot(width, height) / math.hypot(wide, tall)

    def _cut(self, track: Track, height: float) -> bool:
        """Whether the lower part of the body is hidden; from above nothing hides it."""
        return height < 0.8 * track.height and self.from_side

    def _trace(self, t: float, seen: Seen) -> None:
        """Remember the faint boxes at the picture's edge that show nobody who is tracked."""
        low = self.settings.score_low
        edge = [i for i, box in enumerate(seen.boxes) if touches_edge(box) and seen.score[i] >= low]
        self._traces.note(t, [seen.boxes[i] for i in seen.apart(edge)] if edge else [])

    def _relink(self) -> None:
        """Let whoever newly counts as a person, and began in the middle of the picture, go on with the
        number of somebody who was lost."""
        new = [track for track in self.tracks if track.confirmed and not track.came_in]
        if not new:
            return
        lost = [k for k in self.tracks if k.confirmed and k.came_in and not k.updated]
        for old, young in linked(lost, new):
            go_on(old, young)
            young.confirmed = False  # it never was a person of its own
            self.tracks.remove(young)
            self.ended.append(young)
        for track in new:
            track.came_in = True

    def _bear(self, t: float, seen: Seen, picks: list[int]) -> None:
        settings = self.settings
        for pick in picks:
            if seen.score[pick] < settings.score_birth:
                continue
            width, height = float(seen.width[pick]), float(seen.height[pick])
            x, y = float(seen.x[pick]), float(seen.foot[pick])
            metre = self._metre(width, height)
            box = seen.boxes[pick]
            seen.claimed.append(pick)
            at_edge = touches_edge(box)
            since = self._traces.first(t, box, metre) if at_edge else t
            self.tracks.append(
                Track(
                    self.next_number, since, t, x, y, 0.0, 0.0, width, height, metre, 1,
                    float(seen.score[pick]), int(seen.label[pick]), box, (x, y),
                    p00=(settings.box_noise * metre) ** 2,
                    p11=(settings.first_speed * metre) ** 2,
                    began=t,
                    came_in=at_edge,
                )
            )  # fmt: skip
            self.next_number += 1


def _share(track: Track, dt: float, memory_s: float) -> float:
    """How far an average over `memory_s` follows one more value after `dt` seconds."""
    return max(1 - math.exp(-dt / memory_s), 1 / (track.hits + 1))


def _feet_hidden(track: Track, foot: float) -> float:
    """How likely a track's feet do not show, before its box is looked at."""
    if foot > 1 - EDGE:
        return box_ends.FEET_CUT
    if track.feet_hidden:
        return box_ends.FEET_STILL_HIDDEN
    return box_ends.FEET_HIDDEN_CROWDED if track.crowded else box_ends.FEET_HIDDEN
