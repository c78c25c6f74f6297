"""What moves: a gate that spares the network an unchanged picture, and large moving regions for lanes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import CLASSES, Detections, Image

_CAR: Final = CLASSES.index("car")
_BLUR: Final = (3, 3)
_DOT: Final = np.ones((3, 3), np.uint8)


@dataclass(slots=True)
class MotionGate:
    """Tells whether the picture has changed since it last said so.

    Compares every few pixels of the green channel with those of the last changed picture, so that slow
    motion adds up until it is noticed. Costs about 0.1 ms for a 768x576 frame.
    """

    width: int = 192
    """Pixels across of the picture that is compared, about."""
    step: int = 14
    """Grey levels by which a pixel must change, after blurring; above the noise of an indoor camera."""
    area: float = 0.0003
    """Share of the picture that must change: a fifth of a person a twentieth of the picture tall."""
    _before: NDArray[np.uint8] | None = None
    _now: NDArray[np.uint8] | None = None
    _difference: NDArray[np.uint8] | None = None

    def still(self, image: Image) -> bool:
        """Whether nothing has changed; False for the first picture and one of a new size."""
        stride = max(1, image.shape[1] // self.width)
        thinned = image[::stride, ::stride, 1]
        if self._before is None or self._now is None or self._before.shape != thinned.shape:
            self._before = cv2.blur(np.ascontiguousarray(thinned), _BLUR).astype(np.uint8)
            self._now, self._difference = np.empty_like(self._before), np.empty_like(self._before)
            return False
        np.copyto(self._now, thinned)
        cv2.blur(self._now, _BLUR, dst=self._now)
        assert self._difference is not None  # noqa: S101 - made with the others
        cv2.absdiff(self._now, self._before, dst=self._difference)
        cv2.threshold(self._difference, self.step, 1, cv2.THRESH_BINARY, dst=self._difference)
        if cv2.countNonZero(self._difference) < max(4, self.area * self._difference.size):
            return True
        self._before, self._now = self._now, self._before
        return False

    def reset(self) -> None:
        """Forget the picture: the next one counts as changed."""
        self._before = None


@dataclass(slots=True)
class Foreground:
    """Large regions that differ from a slowly learned background.

    What differs is learned ten times slower than the rest, so that a car waiting at a barrier does not
    melt into the road at once.
    """

    width: int = 160
    """Pixels across of the picture that is compared."""
    step: int = 22
    """Grey levels (of the colour that changed most) from which a pixel differs."""
    area: float = 0.02
    """Share of the picture from which a region is large: a car in a lane's picture, no walker."""
    learn_s: float = 12.0
    """Time in which the background takes on most of a change."""
    lightning: float = 0.7
    """Share of the picture from which a change is the light's, not a car's: the background starts anew."""
    _background: NDArray[np.float32] | None = None
    _differs: NDArray[np.uint8] | None = None
    _t: float = 0.0

    def regions(self, image: Image, t: float) -> Detections:
        """Large moving regions of the frame at `t` seconds, as detections of class car; the score tells how
        much of its box a region fills."""
        height = max(1, round(self.width * image.shape[0] / image.shape[1]))
        shrunk = cv2.resize(image, (self.width, height), interpolation=cv2.INTER_AREA)
        small: NDArray[np.uint8] = np.asarray(cv2.blur(shrunk, _BLUR), np.uint8)
        if self._background is None or self._differs is None or self._background.shape != small.shape:
            return self._begin(small, t)
        apart = np.abs(small - self._background * self._gain(small)).max(axis=2)
        differs = (apart > self.step).astype(np.uint8)
        if np.count_nonzero(differs) > self.lightning * differs.size:
            return self._begin(small, t)
        self._differs = differs
        self._learn(small, differs, t)
        return self._boxes(differs)

    def _begin(self, small: NDArray[np.uint8], t: float) -> Detections:
        self._background, self._t = small.astype(np.float32), t
        self._differs = np.zeros(small.shape[:2], np.uint8)
        return Detections.none()

    def _gain(self, small: NDArray[np.uint8]) -> float:
        """How much brighter the road is than remembered: a camera's exposure follows what drives by."""
        assert self._background is not None  # noqa: S101 - the caller made both
        assert self._differs is not None  # noqa: S101
        road = self._differs[::4, ::4] == 0
        if np.count_nonzero(road) < 32:
            return 1.0
        ratio = (small[::4, ::4][road] + 1.0) / (self._background[::4, ::4][road] + 1.0)
        return float(np.median(ratio))

    def _learn(self, small: NDArray[np.uint8], differs: NDArray[np.uint8], t: float) -> None:
        assert self._background is not None  # noqa: S101 - the caller made it
        dt, self._t = max(0.0, t - self._t), t
        share = 1 - math.exp(-dt / self.learn_s)
        cv2.accumulateWeighted(small, self._background, share, 1 - differs)
        cv2.accumulateWeighted(small, self._background, share / 10, differs)

    def _boxes(self, differs: NDArray[np.uint8]) -> Detections:
        """Boxes around the large connected regions, after closing the gaps that windows and glare leave."""
        height, width = differs.shape
        reach = max(3, width // 20) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        solid = cv2.morphologyEx(cv2.morphologyEx(differs, cv2.MORPH_OPEN, _DOT), cv2.MORPH_CLOSE, kernel)
        _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
        found = stats[1:].astype(np.float32)
        found = found[found[:, cv2.CC_STAT_AREA] >= self.area * width * height]
        x, y, w, h, area = (found[:, i] for i in range(5))
        boxes = np.stack([x / width, y / height, (x + w) / width, (y + h) / height], axis=1)
        scores = np.clip(area / np.maximum(w * h, 1.0), 0.0, 0.95)
        return Detections(
            boxes.astype(np.float32), scores.astype(np.float32), np.full(len(found), _CAR, np.int16)
        )

    def reset(self) -> None:
        """Forget the background: the picture jumped."""
        self._background = None
