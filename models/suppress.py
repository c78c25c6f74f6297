"""Non-maximum suppression: one box per thing."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import CLASSES

IOU: Final = 0.6
"""Overlap above which two boxes are the same thing. High, so that people side by side survive
(research: counting §5, group merging)."""
MOST: Final = 2000
"""Candidates looked at, best first; a hundred people give about that many."""
_GROUP: Final = np.array(
    [{"bus": 2, "truck": 2}.get(name, number) for number, name in enumerate(CLASSES)], np.int32
)
"""Classes that a network takes for each other (car, bus, truck) compete; a rider and his bicycle do not."""


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int16],
    iou: float = IOU,
) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best first. Boxes (n, 4) x1, y1, x2, y2; scores above 0."""
    if not len(boxes):
        return np.arange(0)
    sides = boxes.copy()
    sides[:, 2:] -= boxes[:, :2]
    # A box without area is nothing, and OpenCV takes any small box for the same thing as it.
    real = np.flatnonzero((sides[:, 2:] > 0).all(axis=1))
    apart = float(boxes.max() - boxes.min()) + 1  # groups side by side, so that they never overlap
    sides[:, 0] += _GROUP[classes] * np.float32(apart)
    kept = cv2.dnn.NMSBoxes(sides[real], scores[real], 0.0, iou, top_k=MOST)  # type: ignore[arg-type]
    return real[np.asarray(kept, np.intp)]
