"""How far boxes cover one another, all pairs at once. Boxes are (n, 4): x1, y1, x2, y2 in one unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def areas(boxes: Boxes) -> Boxes:
    """(n,) areas; 0 for a box turned inside out."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


def shared(a: Boxes, b: Boxes) -> Boxes:
    """(n, m) area that each box of a has in common with each box of b."""
    wide = np.minimum(a[:, 2, None], b[:, 2]) - np.maximum(a[:, 0, None], b[:, 0])
    tall = np.minimum(a[:, 3, None], b[:, 3]) - np.maximum(a[:, 1, None], b[:, 1])
    common: Boxes = np.maximum(wide, 0) * np.maximum(tall, 0)
    return common


def over_union(a: Boxes, b: Boxes) -> Boxes:
    """(n, m) shared area over the area of both together (IoU)."""
    common = shared(a, b)
    return common / np.maximum(areas(a)[:, None] + areas(b) - common, 1e-12)


def over_smaller(a: Boxes, b: Boxes) -> Boxes:
    """(n, m) shared area over the smaller box's: 1 where one lies in the other."""
    return shared(a, b) / np.maximum(np.minimum(areas(a)[:, None], areas(b)), 1e-12)
