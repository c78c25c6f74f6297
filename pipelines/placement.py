"""Is a gate well placed? A person must be seen clear of the line before and after it.

A tracker needs to see somebody two or three times on either side: with only .4 m of floor in sight beyond
the line even a good counter finds half of the crossings, .6 m further in it finds nine tenths (research:
counting §3, reading 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.floor import Plane
from pipelines.geometry import project
from pipelines.layout import CameraLayout, Gate, Side

RUN_UP_M: Final = 0.6
"""Metres of floor that should be in sight on either side of a gate."""
RUN_UP_HEIGHTS: Final = 0.1
"""The same in frame heights where the floor is not measured: people mostly fill a third of the picture."""
_STEPS: Final = 60
_ALONG: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where along the gate it is looked at, as shares of its length; its ends may lie at a wall."""


@dataclass(frozen=True, slots=True)
class RunUp:
    """How much floor is in sight on one side of a gate."""

    gate: str
    side: Side
    """Seen walking from the gate's first to its second point."""
    seen: float
    wanted: float
    metres: bool
    """Whether `seen` and `wanted` are metres; else they are frame heights."""

    @property
    def short(self) -> bool:
        """Whether the run-up is too short to count well."""
        return self.seen < self.wanted


def run_ups(layout: CameraLayout, aspect: float) -> list[RunUp]:
    """The run-up on both sides of every gate; `aspect` is the frame's width over its height."""
    plane = Plane.of(layout, aspect)
    wanted = RUN_UP_M if plane.calibrated else RUN_UP_HEIGHTS
    sides: tuple[Side, Side] = ("left", "right")
    return [
        RunUp(gate.id, side, _in_sight(gate, side, plane, 5 * wanted), wanted, plane.calibrated)
        for gate in layout.gates
        for side in sides
    ]


def _in_sight(gate: Gate, side: Side, plane: Plane, far: float) -> float:
    """The shortest way from the gate to where the floor leaves the picture, no further than `far`."""
    a, b = plane.point(gate.a), plane.point(gate.b)
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    turn = plane.turn(gate.a, gate.b) * (1.0 if side == "right" else -1.0)
    nx, ny = -dy / length * turn, dx / length * turn
    back = None if plane.to_floor is None else np.asarray(np.linalg.inv(plane.to_floor), np.float64)
    shortest = far
    for share in _ALONG:
        x, y = a[0] + share * dx, a[1] + share * dy
        for step in range(1, _STEPS + 1):
            way = far * step / _STEPS
            if way >= shortest:
                break
            there = (x + way * nx, y + way * ny)
            in_picture = (there[0] / plane.aspect, there[1]) if back is None else project(back, there)
            if in_picture is None or not (0 <= in_picture[0] <= 1 and 0 <= in_picture[1] <= 1):
                shortest = way
                break
    return round(shortest, 3)
