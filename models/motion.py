"""Does anything move? A cheap look at the pixels, so that an empty scene costs no inference."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.foreground import Foreground
from models.types import Image

__all__ = ["Foreground", "MotionGate"]

_AROUND: Final = np.ones((3, 3), np.uint8)


class MotionGate:
    """Open while something moves and shortly after.

    Compares a small grey picture with a fading memory of the last ones rather than with the last one only:
    a slow walker at a high frame rate changes little from frame to frame. Brightness that rises or falls
    everywhere alike (a cloud, automatic exposure) is no motion, and neither is a camera that sways by a
    pixel of the small picture: a pixel has changed when it lies outside what its neighbours were.
    """

    def __init__(
        self,
        *,
        columns: int = 96,
        step: float = 8.0,
        pixels: int = 3,
        memory_s: float = 0.7,
        hold_s: float = 1.0,
    ) -> None:
        """columns: width of the small picture. step: grey levels that count as a change (a steady camera's
        noise stays below 5 there). pixels: how many changed pixels are motion; a person at the far end of a
        hall has some forty. memory_s: how far back the memory reaches. hold_s: how long the gate stays open
        after the last motion."""
        self._columns, self._step, self._pixels = columns, step, pixels
        self._memory_s, self._hold_s = memory_s, hold_s
        self._memory: NDArray[np.float32] | None = None
        self._t = self._open_until = 0.0

    def moving(self, image: Image, t: float) -> bool:
        """Whether something moves, or moved less than `hold_s` ago. `t`: steady seconds of this frame."""
        small = self._small(image)
        memory = self._memory
        if memory is None or memory.shape != small.shape or t < self._t:
            self._memory, self._t, self._open_until = small, t, t + self._hold_s
            return True
        if self._changed(small, memory) >= self._pixels:
            self._open_until = t + self._hold_s
        cv2.accumulateWeighted(small, memory, 1 - float(np.exp((self._t - t) / self._memory_s)))
        self._t = t
        return t <= self._open_until

    def _changed(self, small: NDArray[np.float32], memory: NDArray[np.float32]) -> int:
        """Pixels outside the range of their neighbourhood a moment ago, brightness matched."""
        gain = float(np.median((small[::3, ::3] + 4) / (memory[::3, ::3] + 4)))
        matched = memory * gain
        above = small > cv2.dilate(matched, _AROUND) + self._step
        below = small < cv2.erode(matched, _AROUND) - self._step
        return int(np.count_nonzero(above) + np.count_nonzero(below))

    def _small(self, image: Image) -> NDArray[np.float32]:
        """Two steps, because averaging over an odd factor costs ten times a linear resize."""
        rows = max(3, round(self._columns * image.shape[0] / image.shape[1]))
        double = cv2.resize(image, (2 * self._columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
        grey = cv2.cvtColor(double, cv2.COLOR_BGR2GRAY)
        half = cv2.resize(grey, (self._columns, rows), interpolation=cv2.INTER_AREA)
        return half.astype(np.float32)
