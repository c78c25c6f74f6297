"""The words that every room shares about pictures: images, classes and detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""One frame: (height, width, 3) uint8, BGR, as OpenCV decodes it."""

CLASSES: Final = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
"""What a detector reports, whatever its network was trained on; `Detections.classes` indexes this."""

PERSON: Final = 0
VEHICLES: Final = (2, 3, 4, 5)
"""Classes that a car-park lane counts (a bicycle is none)."""


@dataclass(frozen=True, slots=True)
class Detections:
    """What was found in one frame.

    boxes: (n, 4) float32, x1, y1, x2, y2 in fractions of the frame (x right, y down); may reach past 0..1.
    scores: (n,) float32, 0..1.
    classes: (n,) int16, an index into `CLASSES`.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int16]

    def __post_init__(self) -> None:
        count = len(self.boxes)
        if self.boxes.shape != (count, 4) or self.scores.shape != (count,) or self.classes.shape != (count,):
            raise ValueError(
                f"detections do not fit: {self.boxes.shape}, {self.scores.shape}, {self.classes.shape}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The detections that a mask (n,) or index array selects."""
        return Detections(self.boxes[keep], self.scores[keep], self.classes[keep])

    def of(self, *classes: int) -> Detections:
        """The detections of these classes."""
        return self.where(np.isin(self.classes, classes))

    @staticmethod
    def none() -> Detections:
        """An empty frame."""
        return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int16))


def joined(*parts: Detections) -> Detections:
    """All detections of several lots, one after the other."""
    lots = [part for part in parts if len(part)]
    if len(lots) <= 1:
        return lots[0] if lots else Detections.none()
    return Detections(
        np.concatenate([lot.boxes for lot in lots]),
        np.concatenate([lot.scores for lot in lots]),
        np.concatenate([lot.classes for lot in lots]),
    )


class Detector(Protocol):
    """Anything that finds people and vehicles in a frame."""

    def detect(self, image: Image) -> Detections:
        """Everything above the model's floor score, after non-maximum suppression, best first."""
        ...
