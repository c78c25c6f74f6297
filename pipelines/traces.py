"""The first, faint traces of somebody who comes in over the picture's edge, part by part."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.track import EDGE, Box, TrackerSettings


def touches_edge(box: Box) -> bool:
    """Whether a box ends where the picture does."""
    x1, y1, x2, y2 = box
    return min(x1, y1, 1 - x2, 1 - y2) <= EDGE


@dataclass(slots=True)
class Traces:
    """Boxes at the picture's edge that no track claimed. They date a track's beginning back."""

    aspect: float
    """Width of the frame over its height."""
    settings: TrackerSettings
    _seen: deque[tuple[float, list[Box]]] = field(default_factory=deque)
    """Times and boxes, oldest first."""

    def note(self, t: float, boxes: Sequence[Box]) -> None:
        """What was seen at the edge at `t`; old traces are forgotten."""
        while self._seen and t - self._seen[0][0] > self.settings.trace_memory_s:
            self._seen.popleft()
        if boxes:
            self._seen.append((t, list(boxes)))

    def first(self, t: float, box: Box, metre: float) -> float:
        """When the first of an unbroken row of traces that leads to this box was seen."""
        reach = self.settings.slack + self.settings.top_speed * self.settings.trace_s
        for before, boxes in reversed(self._seen):
            if t - before > self.settings.trace_s:
                break
            near = [b for b in boxes if self._apart(b, box) <= reach * metre]
            if near:
                t, box = before, near[0]
        return t

    def clear(self) -> None:
        """The picture jumped."""
        self._seen.clear()

    def _apart(self, a: Box, b: Box) -> float:
        """Distance in frame heights between the middles of two boxes' upper edges."""
        return math.hypot((a[0] + a[2] - b[0] - b[2]) / 2 * self.aspect, a[1] - b[1])
