"""Where the plates are, with their four corners: RetinaFace-style priors, decoded only where they matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models import cache
from models.letterbox import STEP
from models.manifest import FP32, card
from models.session import Session
from models.types import Image

FLOOR: Final = 0.3
"""Lowest score reported."""
SAME: Final = 0.4
"""Overlap (IoU) above which two boxes are one plate."""
WITHIN: Final = 0.6
"""Share of the smaller box above which two boxes are one plate: the rows of a two-row plate."""
_STRIDES: Final = (8, 16, 32)
_SIDES: Final = ((24.0, 48.0), (96.0, 192.0), (384.0, 768.0))
"""Sides of the square priors at each stride, in input pixels, as the network was trained."""
_CENTRE: Final = 0.1
_SIZE: Final = 0.2
"""Units of its offsets, of sizes in logarithms."""
_MEAN: Final = np.array([104, 117, 123], np.float32)
_CORNERS: Final = (2, 3, 0, 1)
"""Its landmarks begin at the bottom right corner; ours at the top left, clockwise."""


@dataclass(frozen=True, slots=True)
class FoundPlate:
    """One plate in a picture."""

    score: float
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the picture."""
    corners: NDArray[np.float32]
    """(4, 2) pixels: top left, top right, bottom right, bottom left, as the plate's reader sees it."""

    @property
    def width(self) -> float:
        """Of the plate along its own edges, in pixels."""
        top, bottom = self.corners[1] - self.corners[0], self.corners[2] - self.corners[3]
        return float((np.hypot(*top) + np.hypot(*bottom)) / 2)

    @property
    def height(self) -> float:
        """Of the plate along its own edges, in pixels."""
        left, right = self.corners[3] - self.corners[0], self.corners[2] - self.corners[1]
        return float((np.hypot(*left) + np.hypot(*right)) / 2)


@lru_cache(maxsize=16)
def _priors(height: int, width: int) -> NDArray[np.float32]:
    """(n, 3): centre x, centre y and side of each prior in input pixels, in the network's order."""
    parts = []
    for stride, sides in zip(_STRIDES, _SIDES, strict=True):
        y, x = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
        centres = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * stride
        parts.append(
            np.concatenate([np.repeat(centres, 2, axis=0), np.tile(sides, len(centres))[:, None]], axis=1)
        )
    return np.concatenate(parts).astype(np.float32)


class PlateDetector:
    """Not for two threads at once: it reuses its buffers."""

    def __init__(self, threads: int = 1, model: Path | None = None) -> None:
        """Raises ModelsError when the model is not on this machine or damaged."""
        entry = card("plate-detector")
        self._session = Session(model or cache.installed(entry) / FP32, threads=threads)
        self._canvas: NDArray[np.float32] = np.zeros((1, 3, 0, 0), np.float32)

    def find(self, image: Image, long_side: int, floor: float = FLOOR) -> list[FoundPlate]:
        """Plates in a picture that is brought to this size first (also enlarged), best first."""
        rows, columns = image.shape[:2]
        scale = long_side / max(rows, columns)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        tensor = self._tensor(np.asarray(small, np.uint8))
        places, scores, landmarks = (output[0] for output in self._session.run(tensor))
        likely = np.flatnonzero(scores[:, 1] >= floor)
        priors = _priors(tensor.shape[2], tensor.shape[3])[likely]
        centres, sides = priors[:, :2], priors[:, 2:]
        middle = centres + places[likely, :2] * _CENTRE * sides
        spread = sides * np.exp(places[likely, 2:] * _SIZE) / 2
        boxes = np.concatenate([middle - spread, middle + spread], axis=1) / scale
        corners = (centres[:, None] + landmarks[likely].reshape(-1, 4, 2) * _CENTRE * sides[:, None]) / scale
        return distinct(
            FoundPlate(score, _four(box), points[list(_CORNERS)].astype(np.float32))
            for score, box, points in zip(
                scores[likely, 1].tolist(), boxes.tolist(), corners, strict=True
            )
        )  # fmt: skip

    def _tensor(self, image: Image) -> NDArray[np.float32]:
        rows, columns = (-(-side // STEP) * STEP for side in image.shape[:2])
        if self._canvas.shape[2:] != (rows, columns):
            self._canvas = np.zeros((1, 3, rows, columns), np.float32)
        self._canvas[...] = 0.0
        inner = self._canvas[0, :, : image.shape[0], : image.shape[1]]
        np.subtract(image.transpose(2, 0, 1), _MEAN[:, None, None], out=inner)
        return self._canvas


def distinct(found: Iterable[FoundPlate]) -> list[FoundPlate]:
    """Each plate once, by its best sight; best first."""
    kept: list[FoundPlate] = []
    for plate in sorted(found, key=lambda one: -one.score):
        if not any(same_plate(plate.box, other.box) for other in kept):
            kept.append(plate)
    return kept


def same_plate(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes show the same plate."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return False
    shared, areas = width * height, [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return shared > SAME * (sum(areas) - shared) or shared > WITHIN * min(areas)


def _four(box: list[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return x1, y1, x2, y2
