"""What a camera looks at: gates, zones and lanes, in fractions of the frame (x right, y down)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
"""(x, y) in fractions of the frame, origin top left; floor points say so and are in metres."""

Side = Literal["left", "right"]
ZoneRole = Literal["counter", "queue", "service", "staff", "passby", "area"]
LaneDirection = Literal["entry", "exit"]
Heading = Literal["up", "down", "left", "right"]


@dataclass(frozen=True, slots=True)
class Gate:
    """An oriented line on the floor; `inside` is the side seen walking from `a` to `b`."""

    id: str
    a: Point
    b: Point
    inside: Side


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon on the floor with a role. A stay shorter than `min_stay_s` is a pass, not a visit.

    The rest is for one role each; a name of None means every zone of that role in the same picture.
    """

    id: str
    role: ZoneRole
    polygon: tuple[Point, ...]
    min_stay_s: float = 2.0
    service: str | None = None
    """Queue: the zone where its members are served."""
    max_wait_s: float = 180.0
    """Queue: a longer wait is over the limit (research: counting §7)."""
    long_from: int = 5
    """Queue: so many people waiting are too many."""
    staff: str | None = None
    """Counter: the zone where its staff stand."""
    queue: str | None = None
    """Counter: the queue of those who wait for it."""
    unattended_s: float = 120.0
    """Counter: customers may wait for so long with nobody there."""
    passby: str | None = None
    """Counter: the gate or `passby` zone whose passers-by might turn in here."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A car-park lane. `heading` is the right way through the picture; None takes both ways as right."""

    id: str
    direction: LaneDirection
    heading: Heading | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """Four or more points of the picture with their place on the floor in metres."""

    image: tuple[Point, ...]
    metres: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the store, or all of it, whose occupancy its gates tell."""

    id: str
    gates: tuple[tuple[str, str], ...]
    """(camera, gate): every way in and out, each with its inside towards the area."""
    capacity: int | None = None
    """More people than this at once are too many."""
    zones: tuple[tuple[str, str], ...] = ()
    """(camera, zone): places that surely lie in the area. As many people as one of them shows are in it."""


@dataclass(frozen=True, slots=True)
class CameraLayout:
    """Everything that the pipelines know of one camera."""

    camera: str
    gates: tuple[Gate, ...] = ()
    zones: tuple[Zone, ...] = ()
    lanes: tuple[Lane, ...] = ()
    floor: Floor | None = None
    mask: tuple[tuple[Point, ...], ...] = ()
    staff_after_s: float = 1800.0
    """Who is in the picture for longer works here (research: counting §7)."""
