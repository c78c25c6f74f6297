"""Make pictures of a car-park lane with cars and plates of our own: for demonstrations and simulations.

A car is a drawn box with windows that drives over a real or drawn road; its plate grows as it comes nearer.
The truth is exact, because it was there first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image

PLATE_WIDTH_M: Final = 0.44
CAR_WIDTH_M: Final = 1.8
Photograph = Callable[[Image, Image, float, tuple[float, float]], Image]
"""(plate, frame, width in pixels, centre) to the frame with the plate in it."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One car's way down the picture, with its plate to the camera."""

    text: str
    plate: Image
    """Seen from straight in front."""
    begin: float
    """Seconds: when its plate comes into the picture."""
    seconds: float = 4.0
    """Until it is gone."""
    across: float = 0.5
    """Where it drives, as a fraction of the frame's width."""
    widths: tuple[float, float] = (55.0, 115.0)
    """The plate's width in pixels at the upper and at the lower edge."""
    paint: tuple[int, int, int] = (150, 150, 155)
    """BGR."""
    stops: float = 0.0
    """Seconds for which it waits at three quarters of the way."""

    def place(self, t: float, size: tuple[int, int]) -> tuple[float, float, float] | None:
        """The plate's centre and width in pixels of a frame of (width, height); None while it is away."""
        driven = t - self.begin
        stop_at = 0.75 * self.seconds
        if driven > stop_at:
            driven = max(stop_at, driven - self.stops)
        share = driven / self.seconds
        if not 0 <= share <= 1:
            return None
        near = share**1.4  # as seen in perspective: slow far away
        width = self.widths[0] + (self.widths[1] - self.widths[0]) * near
        return self.across * size[0], (-0.05 + 1.2 * near) * size[1], width

    @property
    def end(self) -> float:
        """When it is gone."""
        return self.begin + self.seconds + self.stops


def lane_frames(
    road: Iterator[Image], drives: Sequence[Drive], fps: float, photograph: Photograph | None = None
) -> Iterator[tuple[float, Image]]:
    """(t, frame) until the road or the last car is over; the frames are the road's own arrays, drawn on.

    photograph: puts a plate into a frame as a camera would see it; without one it is drawn sharp.
    """
    last = max((drive.end for drive in drives), default=0.0) + 2.0
    for number, frame in enumerate(road):
        t = number / fps
        if t > last:
            return
        for drive in drives:
            place = drive.place(t, (frame.shape[1], frame.shape[0]))
            if place is None:
                continue
            x, y, width = place
            draw_car(frame, (x, y), width * CAR_WIDTH_M / PLATE_WIDTH_M, drive.paint)
            frame[:] = (photograph or paste)(drive.plate, frame, width, (x, y))
        yield t, frame


def draw_car(frame: Image, plate_at: tuple[float, float], wide: float, paint: tuple[int, int, int]) -> None:
    """A car's front around its plate: bumper, bonnet, windscreen, lamps."""
    x, y = plate_at

    def box(left: float, top: float, right: float, bottom: float, colour: tuple[int, int, int]) -> None:
        corners = [
            (round(x + side * wide), round(y + row * wide)) for side, row in ((left, top), (right, bottom))
        ]
        cv2.rectangle(frame, corners[0], corners[1], colour, -1)

    dark = (int(0.75 * paint[0]), int(0.75 * paint[1]), int(0.75 * paint[2]))
    box(-0.5, -0.9, 0.5, 0.22, paint)
    box(-0.42, -0.85, 0.42, -0.5, (60, 50, 45))
    box(-0.44, -0.48, 0.44, -0.2, dark)
    box(-0.48, -0.2, -0.25, -0.08, (225, 230, 235))
    box(0.25, -0.2, 0.48, -0.08, (225, 230, 235))
    box(-0.24, -0.19, 0.24, -0.09, (45, 45, 45))
    box(-0.5, 0.16, 0.5, 0.22, (40, 40, 40))


def paste(plate: Image, frame: Image, width: float, centre: tuple[float, float]) -> Image:
    """A sharp plate, upright; the part that lies in the picture."""
    height = width * plate.shape[0] / plate.shape[1]
    matrix = np.array(
        [
            [width / plate.shape[1], 0, centre[0] - width / 2],
            [0, height / plate.shape[0], centre[1] - height / 2],
        ]
    )
    size = (frame.shape[1], frame.shape[0])
    small = cv2.warpAffine(plate, matrix, size, flags=cv2.INTER_AREA)
    cover: NDArray[np.uint8] = np.asarray(
        cv2.warpAffine(np.full(plate.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_NEAREST),
        np.uint8,
    )
    out = frame.copy()
    out[cover > 0] = np.asarray(small, np.uint8)[cover > 0]
    return out
