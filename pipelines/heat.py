"""Heat map: seconds of presence by cell of the floor.

Seconds, not sightings: who stands somewhere for 10 s gives 10 s at 3 frames a second as at 25. The cells are
of one fixed size and counted from the floor's origin (or the picture's corner), so that maps of any two
stretches of one camera add up, cell by cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipelines.floor import Plane
from pipelines.layout import CameraLayout, Point
from pipelines.records import HEAT_CELL_FRAME, HEAT_CELL_M

Cell = tuple[int, int]
"""(column, row): the cell's first corner is this many cells from the origin."""
Cells = dict[Cell, float]
"""Seconds of presence by cell; empty cells are left out."""

SURROUNDINGS: Final = 1.0
SURROUNDINGS_M: Final = 5.0
"""A calibrated map reaches beyond the measured points by their own extent, and at least so many metres.
Further out, towards the horizon, a pixel is metres wide and a place no place."""


@dataclass(slots=True)
class HeatMap:
    """One camera's map, fed with where its tracks are. Only cells on which people stood take memory."""

    side: float
    """Of a cell, in the plane's unit."""
    low: Cell
    high: Cell
    """The first and the last cell, both ways."""
    _at: dict[int, Cell | None] = field(default_factory=dict)
    """Where each track was last seen."""
    _seconds: Cells = field(default_factory=dict)

    @staticmethod
    def of(layout: CameraLayout, plane: Plane) -> HeatMap:
        """The map for a layout: of the picture, or of the calibrated floor and its surroundings."""
        if layout.floor is None:
            side = HEAT_CELL_FRAME
            return HeatMap(side, (0, 0), _last((plane.aspect, 1.0), side))
        xs, ys = zip(*layout.floor.metres, strict=True)
        lows, highs = [], []
        for values in (xs, ys):
            beyond = max(SURROUNDINGS * (max(values) - min(values)), SURROUNDINGS_M)
            lows.append(min(values) - beyond)
            highs.append(max(values) + beyond)
        first = (math.floor(lows[0] / HEAT_CELL_M), math.floor(lows[1] / HEAT_CELL_M))
        return HeatMap(HEAT_CELL_M, first, _last((highs[0], highs[1]), HEAT_CELL_M))

    def sight(self, track: int, point: Point) -> None:
        """A track stands at a point of the plane now; it stays there until it is sighted elsewhere."""
        column, row = math.floor(point[0] / self.side), math.floor(point[1] / self.side)
        on_map = self.low[0] <= column <= self.high[0] and self.low[1] <= row <= self.high[1]
        self._at[track] = (column, row) if on_map else None

    def lose(self, track: int) -> None:
        """A track is nowhere on the floor for now, or has ended."""
        self._at.pop(track, None)

    def pass_time(self, present: Iterable[int], dt: float) -> None:
        """Add `dt` observed seconds of presence of these tracks. Who has no place on the map adds none."""
        if dt <= 0:
            return
        for track in present:
            if (cell := self._at.get(track)) is not None:
                self._seconds[cell] = self._seconds.get(cell, 0.0) + dt

    def take(self) -> Cells:
        """What came together since the last call."""
        taken, self._seconds = self._seconds, {}
        return taken


def unit_of(layout: CameraLayout) -> Literal["m", "frame"]:
    """What a camera's cells are measured in."""
    return "frame" if layout.floor is None else "m"


def merge(maps: Iterable[Mapping[Cell, float]]) -> Cells:
    """The sum of maps of one camera."""
    total: Cells = {}
    for cells in maps:
        for cell, seconds in cells.items():
            total[cell] = total.get(cell, 0.0) + seconds
    return total


def _last(corner: Point, side: float) -> Cell:
    """The last cell before a corner."""
    return math.ceil(corner[0] / side) - 1, math.ceil(corner[1] / side) - 1
