"""Car-park lanes: one record for each vehicle that drives through the picture.

Detectors trained on street scenes miss cars seen from straight above, so a large moving region that drives
through is a vehicle too. Both feed one tracker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.types import Detections
from pipelines.layout import Lane
from pipelines.overlap import over_smaller
from pipelines.records import Fact, PictureDirection, VehiclePassage
from pipelines.track import Track, TrackerSettings
from pipelines.tracker import Tracker

VEHICLES_SEEN: Final = TrackerSettings(
    body_height=2.8,
    body_width=2.8,
    usual_shape=1.0,
    score_low=0.2,
    lost_s=1.5,
    top_speed=8.0,
    first_speed=4.0,
    slack=1.0,
    size_ratio=(0.25, 4.0),
    size_noise=0.3,
    size_weight=0.5,
    wander=4.0,
    box_noise=0.25,
    confirm_hits=4,
    confirm_walk=1.0,
)
"""Car parks are driven at walking to jogging pace (up to 30 km/h); boxes grow as a car comes into view."""
DRIVEN: Final = 0.35
"""A vehicle has driven through when its middle has moved over this share of the picture, past its centre."""
SAME: Final = 0.5
"""A region that shares this much of the smaller box with a detection shows the same vehicle."""


@dataclass(slots=True)
class _Drive:
    """Where one vehicle's middle has been, in fractions of the frame."""

    t: float
    first: tuple[float, float]
    last: tuple[float, float]
    middle_at: dict[int, float] = field(default_factory=dict)
    """When it passed the picture's centre, by axis."""
    told: bool = False


@dataclass(slots=True)
class LaneWatch:
    """All lanes of one camera."""

    camera: str
    lanes: Sequence[Lane]
    aspect: float
    tracker: Tracker = field(init=False)
    _drives: dict[int, _Drive] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.aspect, VEHICLES_SEEN)

    def step(self, t: float, vehicles: Detections, regions: Detections) -> list[Fact]:
        """One frame; vehicles that have now driven through."""
        facts: list[Fact] = []
        for track in self.tracker.update(t, _joined(vehicles, regions)):
            if track.updated:
                facts += self._follow(t, track)
        for track in self.tracker.ended:
            self._drives.pop(track.id, None)
        return facts

    def reset(self) -> list[Fact]:
        """The picture jumped: forget every vehicle."""
        self.tracker.reset()
        self._drives.clear()
        return []

    def _follow(self, t: float, track: Track) -> list[Fact]:
        x1, y1, x2, y2 = track.box
        at = ((x1 + x2) / 2, (y1 + y2) / 2)
        drive = self._drives.get(track.id)
        if drive is None:
            self._drives[track.id] = _Drive(t, at, at)
            return []
        for axis in (0, 1):
            before, now = drive.last[axis] - 0.5, at[axis] - 0.5
            if (before > 0) != (now > 0):
                drive.middle_at[axis] = drive.t + (t - drive.t) * abs(before) / (abs(before) + abs(now))
        drive.t, drive.last = t, at
        return self._passages(track, drive) if track.confirmed and not drive.told else []

    def _passages(self, track: Track, drive: _Drive) -> list[Fact]:
        moved = (drive.last[0] - drive.first[0], drive.last[1] - drive.first[1])
        axis = 0 if abs(moved[0]) * self.aspect > abs(moved[1]) else 1
        if abs(moved[axis]) < DRIVEN or axis not in drive.middle_at:
            return []
        drive.told = True
        direction = _WAYS[axis][moved[axis] > 0]
        return [
            VehiclePassage(
                lane.id, direction, drive.middle_at[axis], track.id, self.camera,
                wrong_way=lane.heading is not None and lane.heading != direction,
            )
            for lane in self.lanes
        ]  # fmt: skip


_WAYS: Final[tuple[tuple[PictureDirection, PictureDirection], ...]] = (("left", "right"), ("up", "down"))


def _joined(vehicles: Detections, regions: Detections) -> Detections:
    """Both, each vehicle once: a sure detection hides the region that shows it, a region hides what is only
    faintly a vehicle."""
    if not len(regions) or not len(vehicles):
        return vehicles if len(vehicles) else regions
    sure = vehicles.scores >= VEHICLES_SEEN.score_high
    same = over_smaller(regions.boxes, vehicles.boxes) >= SAME
    rest: NDArray[np.bool_] = np.logical_not(np.any(same & sure, axis=1))
    seen: NDArray[np.bool_] = sure | np.logical_not(np.any(same, axis=0))
    regions, vehicles = regions.where(rest), vehicles.where(seen)
    return Detections(
        np.concatenate([vehicles.boxes, regions.boxes]),
        np.concatenate([vehicles.scores, regions.scores]),
        np.concatenate([vehicles.classes, regions.classes]),
    )
