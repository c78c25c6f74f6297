"""Shares of small numbers: how far they may be off. Wilson's score interval (Wilson 1927)."""

from __future__ import annotations

import math
from typing import Final

Z95: Final = 1.959964
"""Standard deviations on either side of a two-sided interval of 95 %."""


def wilson(part: float, whole: float, z: float = Z95) -> tuple[float, float]:
    """The interval that holds the real share with 95 % (or what `z` stands for). part must lie in 0..whole
    and whole be above 0. It never leaves 0..1 and has a width also where nothing or everything was found."""
    share, z2 = part / whole, z * z
    middle = share + z2 / (2 * whole)
    reach = z * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole))
    scale = 1 + z2 / whole
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
