"""How fast a queue is served, and so how long who joins it now may expect to wait."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

RATE_OVER_S: Final = 600.0
"""Throughput is that of the last ten minutes (research: counting §7)."""
RATE_SERVED: Final = 2
"""With fewer people served in that time nobody can say how fast it goes."""


@dataclass(slots=True)
class Throughput:
    """How fast a queue is served, in observed time."""

    _served: deque[float] = field(default_factory=deque)
    _seen: deque[tuple[float, float]] = field(default_factory=deque)
    _seen_s: float = 0.0

    def serve(self, t: float) -> None:
        """Somebody's service began at `t`."""
        self._served.append(t)

    def observe(self, t: float, seconds: float) -> None:
        """So many seconds up to `t` were observed."""
        self._seen.append((t, seconds))
        self._seen_s += seconds
        while self._seen and t - self._seen[0][0] > RATE_OVER_S:
            self._seen_s -= self._seen.popleft()[1]
        while self._served and t - self._served[0] > RATE_OVER_S:
            self._served.popleft()

    def wait_of(self, length: int) -> float | None:
        """Seconds that somebody who joins a queue of this length may expect to wait; None: unknown."""
        if length == 0:
            return 0.0
        if len(self._served) < RATE_SERVED:
            return None
        return length * self._seen_s / len(self._served)
