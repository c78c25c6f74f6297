"""Frames into a network's input without waste: one buffer, one resize straight into it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image

STEP: Final = 32
"""The coarsest stride of all our networks: input sides are multiples of it."""


def canvas_for(frame: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Input (height, width) for frames of (width, height): the picture's own aspect, rounded up to `STEP`.

    A square would spend a quarter (4:3) to 44 % (16:9) of the inference on padding.
    """
    width, height = frame
    scale = long_side / max(width, height)
    return _round_up(height * scale), _round_up(width * scale)


def _round_up(side: float) -> int:
    return max(STEP, -int(-side // STEP) * STEP)


class Letterbox:
    """Frames of one size on a canvas of one size, centred, aspect kept. Reuses its canvas."""

    def __init__(self, frame: tuple[int, int], canvas: tuple[int, int], fill: int) -> None:
        """`frame` is (width, height), `canvas` (height, width); `fill` is the grey of the border."""
        self.frame = frame
        (width, height), (rows, columns) = frame, canvas
        scale = min(columns / width, rows / height)
        inner_width = min(columns, max(1, round(width * scale)))
        inner_height = min(rows, max(1, round(height * scale)))
        left, top = (columns - inner_width) // 2, (rows - inner_height) // 2
        self.tensor: NDArray[np.uint8] = np.full((1, rows, columns, 3), fill, np.uint8)
        """(1, height, width, 3), the network's input; the next call overwrites it."""
        self._inner = self.tensor[0, top : top + inner_height, left : left + inner_width]
        self._size = (inner_width, inner_height)
        self._offset = np.array([left, top, left, top], np.float32)
        self._to_fraction = np.float32(1) / np.array([inner_width, inner_height] * 2, np.float32)

    def __call__(self, image: Image) -> NDArray[np.uint8]:
        """The canvas with this frame on it."""
        cv2.resize(image, self._size, dst=self._inner, interpolation=cv2.INTER_LINEAR)
        return self.tensor

    def fractions(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) in canvas pixels as fractions of the frame."""
        return (boxes - self._offset) * self._to_fraction
