"""A clip of a car-park exit, drawn from nothing: a road, and cars of our own that drive out one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.demo.lane_clip import Drive, lane_frames
from edge.demo.plate_drawing import draw_plate
from edge.errors import EdgeError
from models.types import Image

SIZE: Final = (960, 540)
"""Width and height of the picture."""
FPS: Final = 10.0
DRIVE_S: Final = 5.0
EVERY_S: Final = 8.0
"""From car to car."""
WIDTHS: Final = (60.0, 150.0)
"""Pixels of a plate, far away and when the car is gone."""
PAINTS: Final = ((150, 150, 155), (60, 50, 130), (120, 90, 50), (210, 210, 215), (70, 70, 75))
GRAIN: Final = 2.5
"""Standard deviation of the sensor's noise, in levels."""


class DriveOut(Drive):
    """A way that ends where the whole car is out of the picture."""

    def place(self, t: float, size: tuple[int, int]) -> tuple[float, float, float] | None:
        """See `Drive`."""
        share = (t - self.begin) / self.seconds
        if not 0 <= share <= 1:
            return None
        near = share**1.4
        width = self.widths[0] + (self.widths[1] - self.widths[0]) * near
        return self.across * size[0], (-0.05 + 2.1 * near) * size[1], width


def write_lane_clip(path: Path, plates: Sequence[str], *, empty_s: float) -> Path:
    """Film these cars on their way out, after an empty road. Raises EdgeError where it cannot be drawn."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    if not writer.isOpened():
        raise EdgeError(f"{path}: this OpenCV cannot write a clip")
    try:
        for _, frame in film_lane(plates, empty_s=empty_s):
            writer.write(frame)
    finally:
        writer.release()
    return path


def film_lane(plates: Sequence[str], *, empty_s: float) -> Iterator[tuple[float, Image]]:
    """(t, frame) of these cars on their way out, after an empty road. Raises EdgeError."""
    drives = [
        DriveOut(
            text,
            draw_plate(text),
            begin=empty_s + number * EVERY_S,
            seconds=DRIVE_S,
            widths=WIDTHS,
            paint=PAINTS[number % len(PAINTS)],
        )
        for number, text in enumerate(plates)
    ]
    yield from lane_frames(_road(), drives, FPS, _screwed_on)


def _road() -> Iterator[Image]:
    """An empty road with the grain of a camera, for ever."""
    width, height = SIZE
    down = np.linspace(105, 135, height, dtype=np.float32)[:, None, None]
    road = np.broadcast_to(down, (height, width, 3)).copy()
    for left, right in ((0.36, 0.08), (0.64, 0.92)):
        ends = [(round(x * width), y) for x, y in ((left, 0), (right, height))]
        cv2.line(road, ends[0], ends[1], (200, 205, 205), 8, cv2.LINE_AA)
    dice = np.random.default_rng(1)
    grains = (dice.normal(0, GRAIN, road.shape).astype(np.float32) for _ in range(8))
    pictures = [np.clip(road + grain, 0, 255).astype(np.uint8) for grain in grains]
    number = 0
    while True:
        yield pictures[number % len(pictures)].copy()
        number += 1


def _screwed_on(plate: Image, frame: Image, width: float, centre: tuple[float, float]) -> Image:
    """The part of a plate that lies in the picture, drawn into it."""
    wide, tall = round(width), round(width * plate.shape[0] / plate.shape[1])
    small = cv2.resize(plate, (wide, tall), interpolation=cv2.INTER_AREA)
    left, top = round(centre[0] - wide / 2), round(centre[1] - tall / 2)
    first, last = max(0, top), min(frame.shape[0], top + tall)
    if first < last:
        frame[first:last, left : left + wide] = small[first - top : last - top]
    return frame
