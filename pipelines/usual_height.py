"""How tall people look at each place of one picture, learnt from those who stand free.

Staff behind a counter never show their feet: the lower edge of their box lies on the counter, and as a place
on the floor that is far behind them. Their heads are seen, though, and everybody else shows how far below the
head the feet are. On a flat floor a body's height in the picture grows in a straight line with the row of its
feet (a pinhole camera; research: counting §4.1), so two numbers tell it everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEMORY: Final = 5000.0
"""Boxes after which the line follows only slowly."""
ENOUGH: Final = 300.0
"""Boxes before the line is believed."""
SHORTER: Final = 0.15
"""Weight of a box that is shorter than the line says, against 1 for a taller one: bodies are cut short by
what stands before them, never made longer."""
CUT: Final = 0.92
"""A box shorter than this share of what is usual at its head may show a body without its feet; whether it
does, and is no child's, what stands before it tells."""


@dataclass(slots=True)
class UsualHeight:
    """height = a + b * foot, in frame heights: weighted least squares that leans to the taller."""

    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))
    """Of weight, foot, foot², height, foot * height."""
    _line: tuple[float, float] | None = None

    def learn(self, foot: float, height: float) -> None:
        """A body that is not cut by the picture's edge."""
        weight = 1.0
        if self._line is not None:
            a, b = self._line
            weight = SHORTER if height < a + b * foot else 1.0
        sums = self._sums
        if sums[0] > MEMORY:
            sums *= 1 - 1 / MEMORY
        sums += weight * np.array([1.0, foot, foot * foot, height, foot * height])
        n, x, xx, y, xy = sums.tolist()
        spread = n * xx - x * x
        if n >= 20 and spread > 1e-4 * n * n:
            b = (n * xy - x * y) / spread
            self._line = (y - b * x) / n, b

    @property
    def line(self) -> tuple[float, float] | None:
        """(a, b) of the usual height, a + b * foot; None until it can be believed."""
        return self._line if self._sums[0] >= ENOUGH else None

    def foot_under(self, head: float, height: float) -> float | None:
        """Where the feet of a body with this head are, when its box shows less than `CUT` of it; else
        None."""
        if self.line is None:
            return None
        a, b = self.line
        if b >= 0.9:
            return None
        foot = (head + a) / (1 - b)
        return foot if height < CUT * (foot - head) else None
