"""A pinhole camera above a flat floor.

Floor metres: x and y on the floor, z up; seen from above, x points right when y points away. Picture:
fractions of the frame, x right, y down, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.layout import Floor, Point

Floats = NDArray[np.float64]
NEAR_M: Final = 0.2
"""Points nearer to the camera's plane than this are held at it; what lies behind is not in the picture."""


@dataclass(frozen=True, slots=True)
class Camera:
    """`yaw_deg` turns right from +y, `pitch_deg` is down from the horizon (90 looks straight down)."""

    x: float
    y: float
    z: float
    yaw_deg: float
    pitch_deg: float
    hfov_deg: float
    width: int = 768
    height: int = 576

    @property
    def position(self) -> Floats:
        """(3,) metres."""
        return np.array([self.x, self.y, self.z])

    @property
    def aspect(self) -> float:
        """Width over height in pixels."""
        return self.width / self.height

    @property
    def focal(self) -> float:
        """Focal length in frame widths."""
        return float(0.5 / np.tan(np.radians(self.hfov_deg) / 2))

    @property
    def axes(self) -> Floats:
        """(3, 3): the picture's right, the picture's down and the way the camera looks, as rows."""
        yaw, pitch = np.radians(self.yaw_deg), np.radians(self.pitch_deg)
        ahead = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        return np.stack([right, np.cross(ahead, right), ahead])

    def project(self, points: ArrayLike) -> tuple[Floats, Floats]:
        """(..., 3) metres to (..., 2) fractions of the frame and the (...) depth in metres."""
        inside = (np.asarray(points, np.float64) - self.position) @ self.axes.T
        depth = inside[..., 2]
        scale = self.focal / np.maximum(depth, NEAR_M)
        u = 0.5 + inside[..., 0] * scale
        v = 0.5 + inside[..., 1] * scale * self.aspect
        return np.stack([u, v], axis=-1), depth

    def floor_point(self, picture: ArrayLike) -> Floats:
        """(..., 2) fractions of the frame to (..., 2) metres; NaN at or above the horizon."""
        at = np.asarray(picture, np.float64)
        rays = (
            np.stack(
                [
                    (at[..., 0] - 0.5) / self.focal,
                    (at[..., 1] - 0.5) / self.focal / self.aspect,
                    np.ones(at.shape[:-1]),
                ],
                axis=-1,
            )
            @ self.axes
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(rays[..., 2] < -1e-9, -self.z / rays[..., 2], np.nan)
        return self.position[:2] + rays[..., :2] * far[..., None]

    def picture_of(self, x: float, y: float) -> Point:
        """Where a floor point appears, in fractions of the frame."""
        at, _ = self.project([x, y, 0.0])
        return float(at[0]), float(at[1])

    def sees(self, x: float, y: float, z: float = 0.0) -> bool:
        """Is this point in the picture?"""
        at, depth = self.project([x, y, z])
        return bool(depth > NEAR_M and np.all((at >= 0) & (at <= 1)))

    def calibration(self, corners: tuple[Point, Point, Point, Point]) -> Floor:
        """What an installer enters: four floor points in the picture with their place in metres."""
        return Floor(image=tuple(self.picture_of(*corner) for corner in corners), metres=corners)
