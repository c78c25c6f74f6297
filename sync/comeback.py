"""When to connect again after a loss, and what one that repeats itself means. Pure: times are arguments."""

from __future__ import annotations

import random
from typing import Final

from sync.backoff import Backoff
from sync.trouble import Trouble, told

STEADY_S: Final = 10.0
"""A connection that held this long was a success: the next wait is a short one again."""
BACKOFF_S: Final = (1.0, 60.0)
TWIN_S: Final = (10.0, 600.0)
"""Pauses after another client took our name: two that take turns must not do so at full speed."""
SETTLED_S: Final = 600.0
SPREAD_S: Final = 5.0
"""A broker that is started anew loses all boxes of a chain in one moment: those that were connected for so
long come back at random within this time, because each costs it a TLS handshake."""
HUNG_UP: Final = 3
"""So many connections in a row that the broker ended soon and without a word are no chance."""


class Comeback:
    """The pauses of one link, over all its connections."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff(*BACKOFF_S)
        self._twin = Backoff(*TWIN_S)
        self._hung_up = 0
        self._chance = random.Random()

    def after(self, trouble: Trouble, held_s: float | None, *, ended: bool) -> tuple[Trouble, float]:
        """What to tell, and the seconds to wait. held_s: how long the connection was up, None when it never
        was; ended: the other side ended it, and gave no reason."""
        steady = held_s is not None and held_s >= STEADY_S
        if trouble.kind == "twin":
            if held_s is not None and held_s >= TWIN_S[1]:
                self._twin.reset()
            return trouble, self._twin.next()
        if held_s is not None:
            self._hung_up = self._hung_up + 1 if ended and not steady else 0
            if self._hung_up >= HUNG_UP and trouble.kind == "lost":
                trouble = told("hung_up", trouble.words)
        if steady:
            self._backoff.reset()
        if held_s is not None and held_s >= SETTLED_S:
            for _ in range(2):
                self._backoff.next()  # a second try shall be spread as wide
            return trouble, self._chance.uniform(0.1, SPREAD_S)
        return trouble, self._backoff.next()
