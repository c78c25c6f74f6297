"""Non-maximum suppression: one box per thing."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.types import CLASSES

IOU: Final = 0.6
"""Overlap above which two boxes are the same thing. High, so that people side by side survive
(research: counting §5, group merging)."""
MOST: Final = 300
"""Candidates kept before suppression, best first; a shop aisle has far fewer."""
_GROUP: Final = np.array([{"bus": 2, "truck": 2}.get(name, number) for number, name in enumerate(CLASSES)])
"""Classes that a network takes for each other (car, bus, truck) compete; a rider and his bicycle do not."""


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int16],
    iou: float = IOU,
) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best first. Boxes (n, 4) x1, y1, x2, y2."""
    order = np.argsort(-scores, kind="stable")[:MOST]
    if len(order) < 2:
        return order
    alike = _same_thing(boxes[order], _GROUP[classes[order]], iou)
    alive = np.ones(len(order), np.bool_)
    kept = []
    for candidate in range(len(order)):
        if alive[candidate]:
            kept.append(candidate)
            alive &= ~alike[candidate]
    return order[kept]


def _same_thing(boxes: NDArray[np.float32], groups: NDArray[np.intp], iou: float) -> NDArray[np.bool_]:
    """(n, n): whether two boxes of one group overlap by more than `iou`."""
    x1, y1, x2, y2 = boxes.T
    width = np.minimum(x2[:, None], x2) - np.maximum(x1[:, None], x1)
    height = np.minimum(y2[:, None], y2) - np.maximum(y1[:, None], y1)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = (x2 - x1) * (y2 - y1)
    alike: NDArray[np.bool_] = shared > iou * (area[:, None] + area - shared)
    alike &= groups[:, None] == groups
    return alike
