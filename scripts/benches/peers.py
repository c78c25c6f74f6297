"""Counters of other projects, fed with our detections: `supervision`, `trackers`, and a published rule.

They come with the extra `compare`, which neither the box nor the tests need. Nothing of ultralytics
(AGPL-3.0) is used or copied: `OncePerId` says in our words what its counter is documented to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.types import PERSON, Detections
from pipelines.layout import Gate, Point
from scripts.benches.machine import UnmeasurableError
from tests.scoring.events import Direction

PACKAGES: Final = ("supervision", "trackers")
Boxes = NDArray[np.float32]
"""(n, 4) left, top, right and bottom in pixels."""
TrackerName = Literal["ByteTrack", "OC-SORT"]

EASED: Final[dict[TrackerName, dict[str, float]]] = {
    "ByteTrack": {
        "minimum_iou_threshold": 0.05,
        "track_activation_threshold": 0.4,
        "high_conf_det_threshold": 0.4,
        "minimum_consecutive_frames": 1,
        "lost_track_buffer": 45,
    },
    "OC-SORT": {
        "minimum_iou_threshold": 0.05,
        "high_conf_det_threshold": 0.4,
        "minimum_consecutive_frames": 1,
        "lost_track_buffer": 45,
    },
}
"""What serves few frames a second: less overlap asked, weaker detections taken, no second sighting waited
for, 1.5 s of memory (the buffer is in thirtieths of a second; `frame_rate` makes frames of it)."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A crossing that a peer reports."""

    gate: str
    direction: Direction
    t: float


class Counter(Protocol):
    """Whatever counts tracked boxes over one gate."""

    def see(self, t: float, ids: Sequence[int], boxes: Boxes) -> list[Counted]:
        """One frame at `t` seconds; `ids` has -1 for who is not confirmed."""
        ...


@cache
def peer(name: str) -> Any:
    """A module of the extra, imported when it is first wanted; says what to do where it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        hint = "the comparison needs the extra `compare`: .venv/bin/pip install -e '.[compare]'"
        raise UnmeasurableError(f"no {name} here; {hint}") from error


def versions() -> dict[str, str]:
    """Of everything that is compared with; raises `UnmeasurableError` where something is missing."""
    return {peer(name).__name__: metadata.version(name) for name in PACKAGES}


class Identities:
    """A tracker of `trackers` that is told the frame rate, and with `eased` settings the frames' times."""

    def __init__(self, name: TrackerName, fps: float, size: tuple[int, int], *, eased: bool) -> None:
        make = getattr(peer("trackers"), {"ByteTrack": "ByteTrackTracker", "OC-SORT": "OCSORTTracker"}[name])
        self._tracker = make(frame_rate=fps, **(EASED[name] if eased else {}))
        self._scale = np.array([*size, *size], np.float32)
        self._timed = eased

    def follow(self, t: float, found: Detections) -> tuple[list[int], Boxes]:
        """The people of one frame with their identities."""
        people = found.of(PERSON)
        boxes = peer("supervision").Detections(people.boxes * self._scale, confidence=people.scores)
        tracked = self._tracker.update(boxes, timestamp=t) if self._timed else self._tracker.update(boxes)
        return tracked.tracker_id.tolist(), tracked.xyxy


class LineZone:
    """`supervision.LineZone`, drawn so that its `in` is the gate's."""

    def __init__(self, gate: Gate, size: tuple[int, int], anchors: Sequence[str] = (), held: int = 1) -> None:
        self._sv = sv = peer("supervision")
        start, end = (gate.a, gate.b) if gate.inside == "left" else (gate.b, gate.a)
        options: dict[str, Any] = {"minimum_crossing_threshold": held}
        if anchors:
            options["triggering_anchors"] = [sv.Position[name] for name in anchors]
        self._zone = sv.LineZone(sv.Point(*_pixels(start, size)), sv.Point(*_pixels(end, size)), **options)
        self._gate = gate.id

    def see(self, t: float, ids: Sequence[int], boxes: Boxes) -> list[Counted]:
        """One frame."""
        into, out = self._zone.trigger(self._sv.Detections(boxes, tracker_id=np.array(ids, int)))
        ways: tuple[tuple[Direction, int], ...] = (("in", int(into.sum())), ("out", int(out.sum())))
        return [Counted(self._gate, way, t) for way, times in ways for _ in range(times)]


@dataclass(slots=True)
class OncePerId:
    """The rule of ultralytics' ObjectCounter for a line (8.4.190): the step of a box's centre from where it
    was last seen touches the line; each identity counts once for its life; the side is told by one
    coordinate only, x where the line is steeper than 45° and y otherwise. There, right and down are always
    `in`; here the name is turned round for a gate whose inside lies the other way."""

    gate: Gate
    size: tuple[int, int]
    _last: dict[int, Point] = field(default_factory=dict)
    _done: set[int] = field(default_factory=set)

    def see(self, t: float, ids: Sequence[int], boxes: Boxes) -> list[Counted]:
        """One frame."""
        a, b = _pixels(self.gate.a, self.size), _pixels(self.gate.b, self.size)
        axis = 0 if abs(b[0] - a[0]) < abs(b[1] - a[1]) else 1
        counted: list[Counted] = []
        for name, (x1, y1, x2, y2) in zip(ids, boxes.tolist(), strict=True):
            if name < 0:
                continue
            here = ((x1 + x2) / 2, (y1 + y2) / 2)
            before = self._last.get(name)
            self._last[name] = here
            if before is None or name in self._done or not _touch(a, b, before, here):
                continue
            self._done.add(name)
            forward = here[axis] > before[axis]
            counted.append(
                Counted(self.gate.id, "in" if forward == self._inside_is_forward(axis) else "out", t)
            )
        return counted

    def _inside_is_forward(self, axis: int) -> bool:
        """Does the gate's inside lie to the right (axis 0) or down the picture (axis 1)?"""
        along = self.gate.b[1 - axis] > self.gate.a[1 - axis]
        # With y down, the right hand of somebody who walks right points down, of one who walks down, left.
        right_hand_is_forward = along if axis == 1 else not along
        return right_hand_is_forward if self.gate.inside == "right" else not right_hand_is_forward


def _pixels(at: Point, size: tuple[int, int]) -> Point:
    return at[0] * size[0], at[1] * size[1]


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Do the segments ab and cd share a point? Steps along the very line are taken not to."""
    over = _turn(a, b, c) * _turn(a, b, d)
    return over <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0 and not (_turn(a, b, c) == _turn(a, b, d) == 0)
