"""Where a person's foot is on the floor: metres when the camera is calibrated, else frame heights with the
person as the yardstick."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry import cross, homography, project
from pipelines.layout import CameraLayout, Point


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the plane that gates and zones are drawn on."""

    point: Point
    metre: float
    """How long a metre is here, in the plane's unit; 1 on a calibrated floor."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane of one camera: floor metres, or (x times aspect, y) in frame heights."""

    aspect: float
    """Width of the frame over its height."""
    to_floor: NDArray[np.float64] | None = None
    """3x3, from fractions of the frame to metres."""

    @staticmethod
    def of(layout: CameraLayout, aspect: float) -> Plane:
        """The plane for a layout; calibrated when the layout has floor points."""
        if layout.floor is None:
            return Plane(aspect)
        return Plane(aspect, homography(layout.floor.image, layout.floor.metres))

    @property
    def calibrated(self) -> bool:
        """Whether the plane's unit is the metre."""
        return self.to_floor is not None

    def point(self, at: Point) -> Point:
        """A drawn point (fractions of the frame) on the plane. Raises ValueError above the horizon."""
        if self.to_floor is None:
            return at[0] * self.aspect, at[1]
        on_floor = project(self.to_floor, at)
        if on_floor is None:
            raise ValueError(f"the point {at} lies above the horizon of the calibrated floor")
        return on_floor

    def turn(self, a: Point, b: Point) -> float:
        """+1 when the right of the walk from a to b in the picture is to the right on the plane too, -1 when
        the measured floor is mirrored. a and b are in fractions of the frame."""
        beside = ((a[0] + b[0]) / 2 - 1e-3 * (b[1] - a[1]), (a[1] + b[1]) / 2 + 1e-3 * (b[0] - a[0]))
        try:
            return 1.0 if cross(self.point(a), self.point(b), self.point(beside)) > 0 else -1.0
        except ValueError:  # beside the gate is the horizon
            return 1.0

    def place(self, x: float, y: float, metre: float) -> Place | None:
        """A foot at (x, y) in frame heights, where a metre is `metre` of them; None above the horizon."""
        if self.to_floor is None:
            return Place((x, y), metre)
        on_floor = project(self.to_floor, (x / self.aspect, y))
        return None if on_floor is None else Place(on_floor, 1.0)

    def metre_at(self, x: float, y: float) -> float | None:
        """How many frame heights a metre of the floor takes up at (x, y) in frame heights; None above the
        horizon and where the floor is not calibrated."""
        if self.to_floor is None:
            return None
        step = 0.01
        here, right, down = (
            project(self.to_floor, (px / self.aspect, py))
            for px, py in ((x, y), (x + step, y), (x, y + step))
        )
        if here is None or right is None or down is None:
            return None
        area = abs(cross(here, right, down))
        return step / math.sqrt(area) if area > 0 else None
