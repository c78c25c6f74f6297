"""How much may be under way at once: what does not have to queue (the idea of LEDBAT, RFC 6817).

A live trigger goes the same way as a week of minutes and must not wait behind them. What counts is the time
from sending to the answer above the shortest of this connection, which is the line's own: a satellite's half
second is no queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REALLY_LATE: Final = 10
"""Answers are so many times later than they may be: the other side is slow and not only busy."""


@dataclass(slots=True)
class Window:
    """Doubles while answers come soon, shrinks while they are late."""

    size: int
    largest: int
    small: int
    """Of a busy other side: on a busy processor answers are late without any queue, and ever smaller windows
    would only make them later."""
    smallest: int
    """Of one that is really slow."""
    queue_s: float
    """Answers may be so much later than the soonest."""
    _soonest_s: float = float("inf")

    def fit(self, took_s: float) -> None:
        """An answer took so long. Tell of one in a round only: what was sent before the last change says
        nothing of it."""
        self._soonest_s = min(self._soonest_s, took_s)
        late_s = took_s - self._soonest_s
        if late_s > self.queue_s:
            least = self.smallest if late_s > REALLY_LATE * self.queue_s else self.small
            # Half at most: one late answer may be chance.
            fitting = int(self.size * max(0.5, self.queue_s / late_s))
            self.size = min(self.size, max(least, fitting))
        else:
            grown = self.size * (2 if late_s <= self.queue_s / 2 else 5 / 4)
            self.size = min(int(grown), self.largest)
