"""Plain scenes for the tests: people who walk on a floor, seen without error, and layouts drawn on it.

The floor of these scenes is 10 m from the picture's top to its bottom, and 10 m times the aspect across; a
person is 1.7 m tall and 0.6 m wide wherever they stand. Points are metres from the picture's top left
corner, `frac` turns them into fractions of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from models.types import PERSON, Detections
from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout, Floor, Gate, Lane, Point, Side, Zone, ZoneRole
from pipelines.records import Fact

ASPECT = 4 / 3
FRAME_M = 10.0
"""Metres from top to bottom of the picture."""
WIDTH_M = FRAME_M * ASPECT
"""Metres across."""

Row = tuple[float, float, float, float, float, int]
"""x1, y1, x2, y2, score, class."""
F = TypeVar("F")


def frac(point: Point, aspect: float = ASPECT) -> Point:
    """A place on the floor (metres) in fractions of the frame."""
    return point[0] / (FRAME_M * aspect), point[1] / FRAME_M


def person(
    foot: Point, *, score: float = 0.9, tall: float = 1.7, wide: float = 0.6, aspect: float = ASPECT
) -> Row:
    """The box of somebody who stands at `foot` (metres)."""
    x, y = foot
    (x1, y1), (x2, y2) = frac((x - wide / 2, y - tall), aspect), frac((x + wide / 2, y), aspect)
    return x1, y1, x2, y2, score, PERSON


def in_picture(row: Row) -> Row | None:
    """The part of a box that the picture shows, as a detector would box it; None when it is too little."""
    x1, y1, x2, y2 = (min(1.0, max(0.0, v)) for v in row[:4])
    whole = (row[2] - row[0]) * (row[3] - row[1])
    return None if (x2 - x1) * (y2 - y1) < 0.3 * whole else (x1, y1, x2, y2, row[4], row[5])


def boxes(*rows: Row) -> Detections:
    """One frame's detections."""
    table = np.asarray(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int16)
    )


@dataclass(frozen=True)
class Walk:
    """One person's way: straight from place to place at a constant pace, from `start` on."""

    times: tuple[float, ...]
    places: tuple[Point, ...]

    def at(self, t: float) -> Point | None:
        """Where the person is; None before and after the walk."""
        if not self.times[0] - 1e-9 <= t <= self.times[-1] + 1e-9:
            return None
        xs, ys = zip(*self.places, strict=True)
        return float(np.interp(t, self.times, xs)), float(np.interp(t, self.times, ys))

    def when(self, axis: int, value: float) -> float:
        """The first time at which a coordinate reaches a value."""
        for i in range(len(self.times) - 1):
            a, b = self.places[i][axis], self.places[i + 1][axis]
            if a != b and min(a, b) <= value <= max(a, b):
                return self.times[i] + (self.times[i + 1] - self.times[i]) * (value - a) / (b - a)
        raise AssertionError(f"never at {value}")

    @property
    def end(self) -> float:
        """When it is over."""
        return self.times[-1]


def walk(*places: Point | float, speed: float = 1.2, start: float = 0.0) -> Walk:
    """From place to place (metres) at `speed` m/s; a number among the places is a rest of so many seconds."""
    times, points = [start], [_point(places[0])]
    for place in places[1:]:
        if isinstance(place, int | float):
            times.append(times[-1] + place)
            points.append(points[-1])
        else:
            times.append(times[-1] + math.dist(points[-1], place) / speed)
            points.append(place)
    return Walk(tuple(times), tuple(points))


def _point(place: Point | float) -> Point:
    assert not isinstance(place, int | float), "a walk begins at a place"
    return place


def frames(
    *walks: Walk, fps: float = 10, until: float | None = None, aspect: float = ASPECT
) -> Iterator[tuple[float, Detections]]:
    """(t, detections) from 0 to the end of the last walk, or `until`: everybody in the picture is seen in
    every frame."""
    end = max((w.end for w in walks), default=0.0) if until is None else until
    for i in range(math.floor(end * fps + 1e-6) + 1):
        t = i / fps
        here = [person(place, aspect=aspect) for w in walks if (place := w.at(t)) is not None]
        yield t, boxes(*(row for whole in here if (row := in_picture(whole)) is not None))


def gate(a: Point, b: Point, inside: Side = "right", name: str = "door", aspect: float = ASPECT) -> Gate:
    """A gate between two places on the floor."""
    return Gate(name, frac(a, aspect), frac(b, aspect), inside)


def zone(
    *corners: Point, name: str = "counter", role: ZoneRole = "counter", min_stay: float = 2.0,
    aspect: float = ASPECT,
) -> Zone:  # fmt: skip
    """A zone with corners on the floor."""
    return Zone(name, role, tuple(frac(corner, aspect) for corner in corners), min_stay)


def rectangle(left: float, top: float, right: float, bottom: float) -> tuple[Point, Point, Point, Point]:
    """Its corners in order."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""The whole frame, in fractions."""


def layout(
    *, gates: Sequence[Gate] = (), zones: Sequence[Zone] = (), lanes: Sequence[Lane] = (),
    floor: Floor | None = None, mask: Sequence[Sequence[Point]] = (), camera: str = "cam-1",
) -> CameraLayout:  # fmt: skip
    """One camera's layout."""
    return CameraLayout(
        camera, tuple(gates), tuple(zones), tuple(lanes), floor, tuple(tuple(m) for m in mask)
    )


def watch(
    plan: CameraLayout,
    scene: Iterable[tuple[float, Detections]],
    *,
    aspect: float = ASPECT,
    close: bool = True,
) -> list[Fact]:
    """Everything that a camera's pipeline tells of a scene."""
    pipeline = CameraPipeline(plan, aspect)
    facts: list[Fact] = []
    t = 0.0
    for t, detections in scene:
        facts += pipeline.step(t, detections)
    return facts + (pipeline.close(t) if close else [])


def only(kind: type[F], facts: Iterable[object]) -> list[F]:
    """The facts of one kind, in order."""
    return [fact for fact in facts if isinstance(fact, kind)]
