"""What large thing stands before the background? Finds the vehicles that no COCO network knows."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import CLASSES, Detections, Image

CAR: Final = CLASSES.index("car")
_AROUND: Final = np.ones((3, 3), np.uint8)
_NEAR: Final = np.ones((5, 5), np.uint8)
"""A sharp edge may fall between two pixels of the small picture, and video blurs it over two more."""

Planes = NDArray[np.float32]
"""(3, rows, columns): a small picture, one plane for each colour."""
Mask = NDArray[np.uint8]
"""(rows, columns): 1 where something covers the background."""


class _Region(NamedTuple):
    """A connected piece of foreground: its box and area in small pixels, its label."""

    left: int
    top: int
    width: int
    height: int
    area: int
    label: int


class Foreground:
    """Large things that do not belong to the background, as boxes of class car.

    COCO networks do not know a car from straight above. In a lane anything large that drives through is a
    vehicle, so the lane looks at what differs from its empty road. Exposure follows a white car within a
    second: the background is compared after matching its gain, colour by colour. A region that stands still
    is kept (a car at the barrier) until the background has slowly taken it in; the hole that a car leaves
    which was there from the start has no edges of its own and is forgotten.

    Limits: hard shadows in full sun belong to the thing; cars that touch each other in the picture are one; a
    grey car on a road of almost the same grey is seen in parts.
    """

    def __init__(
        self,
        *,
        columns: int = 160,
        step: float = 18.0,
        min_area: float = 0.012,
        join: float = 0.03,
        learn_s: float = 4.0,
        absorb_s: float = 120.0,
        still_s: float = 2.0,
    ) -> None:
        """columns: width of the small picture. step: levels of any colour that differ. min_area: smallest
        region, as a fraction of the frame. join: gaps bridged within a thing (its windows), as a fraction
        of the width. learn_s, absorb_s: how fast the background follows the road and what stands on it.
        still_s: how long a region must not change before it is tested for being a hole."""
        self._columns, self._step, self._min_area = columns, step, min_area
        self._learn_s, self._absorb_s, self._still_s = learn_s, absorb_s, still_s
        side = max(3, round(join * columns) | 1)
        self._bridge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        self._background: Planes = np.zeros((3, 0, 0), np.float32)
        self._last = self._background
        self._mask: Mask = np.zeros((0, 0), np.uint8)
        self._still_for: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._t = 0.0

    def detect(self, image: Image, t: float) -> Detections:
        """The large regions of this frame, largest first; `t`: steady seconds.

        A score says how much of its box a region fills. The first frame is taken as background.
        """
        small = self._small(image)
        if self._background.shape != small.shape or t < self._t:
            self._start(small, t)
            return Detections.none()
        elapsed, self._t = t - self._t, t
        expected = self._background * self._gain(small)
        self._mask = self._covered(small, expected)
        self._learn(small, expected, elapsed)
        return self._detections(self._regions(small, expected, elapsed))

    def _small(self, image: Image) -> Planes:
        rows = max(3, round(self._columns * image.shape[0] / image.shape[1]))
        double = cv2.resize(image, (2 * self._columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
        half = cv2.resize(double, (self._columns, rows), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(half.transpose(2, 0, 1), np.float32)

    def _start(self, small: Planes, t: float) -> None:
        self._background, self._last, self._t = small.copy(), small, t
        self._mask = np.zeros(small.shape[1:], np.uint8)
        self._still_for = np.zeros(small.shape[1:], np.float32)

    def _gain(self, small: Planes) -> NDArray[np.float32]:
        """(3, 1, 1): brightness now against the background's, where there was road a moment ago."""
        road = self._mask[::3, ::3] == 0
        if np.count_nonzero(road) < road.size // 10:
            return np.ones((3, 1, 1), np.float32)
        now, then = small[:, ::3, ::3][:, road], self._background[:, ::3, ::3][:, road]
        gain: NDArray[np.float32] = np.median((now + 4) / (then + 4), axis=1)
        return gain[:, None, None]

    def _covered(self, small: Planes, expected: Planes) -> Mask:
        different = np.abs(small - expected).max(axis=0) > self._step
        if np.count_nonzero(different) < self._min_area * different.size / 4:
            return np.zeros(different.shape, np.uint8)
        mask = cv2.medianBlur(different.astype(np.uint8), 3)
        mask[_soft_shadow(small, expected)] = 0
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._bridge)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
        return np.asarray(cv2.morphologyEx(filled, cv2.MORPH_OPEN, _AROUND), np.uint8)

    def _learn(self, small: Planes, expected: Planes, elapsed: float) -> None:
        """The background follows the road quickly and what stands on it slowly."""
        rates = 1 - np.exp(-elapsed / np.array([self._learn_s, self._absorb_s], np.float32))
        self._background = expected + rates[self._mask] * (small - expected)

    def _regions(self, small: Planes, expected: Planes, elapsed: float) -> list[_Region]:
        """The large regions, without the holes that something left behind."""
        quiet = (np.abs(small - self._last).max(axis=0) < self._step / 2) & (self._mask != 0)
        self._still_for = np.where(quiet, self._still_for + np.float32(elapsed), np.float32(0))
        self._last = small
        if not self._mask.any():
            return []
        _, labels, stats, _ = cv2.connectedComponentsWithStats(self._mask, connectivity=8)
        least = self._min_area * self._mask.size
        large = [
            _Region(left, top, width, height, area, label)
            for label, (left, top, width, height, area) in enumerate(stats.tolist())
            if label and area >= least
        ]
        return [region for region in large if not self._forget_hole(small, expected, labels == region.label)]

    def _forget_hole(self, small: Planes, expected: Planes, inside: NDArray[np.bool_]) -> bool:
        """Whether a region is only a hole: still, and with edges in the background but not in the picture."""
        if np.mean(self._still_for[inside] >= self._still_s) < 0.8:
            return False
        rim = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, _AROUND) != 0
        # The whole picture is another and stands still: the camera was turned; there is no rim to look at.
        if rim.any() and _edges(small)[rim].mean() > 0.6 * _edges(expected)[rim].mean():
            return False
        self._background[:, inside] = small[:, inside]
        self._mask[inside] = 0
        return True

    def _detections(self, regions: list[_Region]) -> Detections:
        if not regions:
            return Detections.none()
        rows, columns = self._mask.shape
        left, top, width, height, area, _ = np.array(regions, np.float32).T
        boxes = np.stack([left / columns, top / rows, (left + width) / columns, (top + height) / rows], 1)
        order = np.argsort(-area, kind="stable")
        fill = area / (width * height)
        return Detections(boxes[order], fill[order], np.full(len(regions), CAR, np.int16))


def _soft_shadow(small: Planes, expected: Planes) -> NDArray[np.bool_]:
    """Where the background only got darker: the same in all colours, and with a soft edge.

    A dark car is as grey as a shadow, but its outline is sharp and closes around it.
    """
    ratio = (small + 8) / (expected + 8)
    grey = ratio.mean(axis=0)
    edge = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, _NEAR)
    spread = ratio.max(axis=0) - ratio.min(axis=0)
    shadow: NDArray[np.bool_] = (grey > 0.4) & (grey < 1) & (spread < 0.15) & (edge < 0.2)
    return shadow


def _edges(picture: Planes) -> NDArray[np.float32]:
    """Strength of the brightness edges."""
    grey = picture.mean(axis=0)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down), np.float32)
