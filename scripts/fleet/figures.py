"""What a crowd of boxes saw, as numbers that several processes can send home and add up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Figures:
    """Times are seconds; seconds of the clock are those of `time.monotonic`, which all processes share."""

    connected_in: Counter[int] = field(default_factory=Counter)
    """Connections that the broker accepted, by second of the clock."""
    acknowledged_in: Counter[int] = field(default_factory=Counter)
    """Messages that the centre acknowledged, by second of the clock."""
    lost: Counter[str] = field(default_factory=Counter)
    """Connections and attempts that failed, by reason."""
    sent: int = 0
    sent_again: int = 0
    """Of `sent`: messages that this box had sent before."""
    unheard: int = 0
    """Messages that the broker took while no hub listened."""
    refused: int = 0
    steady_s: list[float] = field(default_factory=list)
    """From making to acknowledgement: minutes of the time before the outage."""
    live_s: list[float] = field(default_factory=list)
    """Minutes that were made after everything was back."""
    trigger_s: list[float] = field(default_factory=list)
    """Triggers made after everything was back, of boxes that were connected."""
    trigger_away_s: list[float] = field(default_factory=list)
    """The same, of boxes that were still on their way back."""
    back_s: list[float] = field(default_factory=list)
    """For each box, from everything being back to its first connection."""
    drained_s: list[float] = field(default_factory=list)
    """For each box, from everything being back until nothing of the outage waited any more."""

    def add(self, other: Figures) -> None:
        """Take in what another crowd saw."""
        for one in fields(self):
            mine, its = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(its)
            else:
                setattr(self, one.name, mine + its)

    def tick_connected(self) -> None:
        """One more connection, now."""
        self.connected_in[int(time.monotonic())] += 1


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Median, 99th percentile and greatest, in seconds; all None where there is none."""
    found: Sequence[float] = sorted(values)
    if not found:
        return {"count": 0, "p50": None, "p99": None, "max": None}
    return {
        "count": len(found),
        "p50": round(found[len(found) // 2], 3),
        "p99": round(found[min(len(found) - 1, len(found) * 99 // 100)], 3),
        "max": round(found[-1], 3),
    }
