"""One frame's detections as the tracker reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.types import Detections
from pipelines import overlap
from pipelines.track import Box, TrackerSettings


@dataclass(slots=True)
class Seen:
    """One row each, lengths in frame heights."""

    x: NDArray[np.float64]
    top: NDArray[np.float64]
    foot: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    score: NDArray[np.float64]
    label: NDArray[np.int16]
    boxes: list[Box]
    """In fractions of the frame."""
    spans: NDArray[np.float64]
    """(n, 4) x1, y1, x2, y2 in the tracker's unit."""
    same: NDArray[np.bool_]
    """(n, n) whether two boxes show one person."""
    claimed: list[int]
    """Those that a track has been prolonged with."""

    @classmethod
    def of(cls, detections: Detections, aspect: float, settings: TrackerSettings) -> Self:
        """Read one frame; `aspect` is its width over its height."""
        spans = detections.boxes.astype(np.float64)
        spans[:, 0::2] *= aspect
        twice = overlap.over_union(spans, spans) > settings.same_overlap
        twice |= overlap.over_smaller(spans, spans) > settings.same_inside
        return cls(
            x=(spans[:, 0] + spans[:, 2]) / 2,
            top=spans[:, 1],
            foot=spans[:, 3],
            width=spans[:, 2] - spans[:, 0],
            height=spans[:, 3] - spans[:, 1],
            score=detections.scores.astype(np.float64),
            label=detections.classes,
            boxes=[(x1, y1, x2, y2) for x1, y1, x2, y2 in detections.boxes.tolist()],
            spans=spans,
            same=twice,
            claimed=[],
        )

    def apart(self, picks: list[int]) -> list[int]:
        """Those of the picked boxes that show nobody who is tracked in this frame already, nor one another;
        best first."""
        taken, apart = list(self.claimed), []
        for pick in sorted(picks, key=lambda i: -float(self.score[i])):
            if self.width[pick] > 0 and self.height[pick] > 0 and not self.same[pick, taken].any():
                taken.append(pick)
                apart.append(pick)
        return apart
