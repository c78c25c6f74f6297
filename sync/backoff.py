"""How long to wait before trying again."""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0


class Backoff:
    """Waits that double from `first_s` to `longest_s`, each shortened at random by up to half, so that
    the cameras behind one switch and the boxes of a chain do not all come back in the same moment."""

    def __init__(
        self, first_s: float = FIRST_S, longest_s: float = LONGEST_S, *, chance: random.Random | None = None
    ) -> None:
        self._chance = chance or random.Random()
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        full: float = min(self._longest_s, self._first_s * 2 ** min(self._failures, 30))
        self._failures += 1
        return full * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It went well: the next wait is a short one."""
        self._failures = 0
