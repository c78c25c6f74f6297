"""What a gate, zone, camera or lane comes to over a stretch of time.

A figure is None where the stretch has minutes that were observed before the box counted it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipelines.records import DWELL_EDGES_S

LANE_WAYS: Final = ("up", "down", "left", "right")
_BINS: Final = len(DWELL_EDGES_S)


@dataclass(slots=True)
class GateSum:
    """A gate over a stretch of time."""

    entries: int = 0
    exits: int = 0
    inferred: int = 0
    observed_seconds: float = 0.0
    staff_entries: int = 0
    staff_exits: int = 0
    u_turns: int | None = 0
    """Pairs of an entry and an exit of somebody who turned round in the doorway."""
    parties: int | None = 0
    """Groups that came in, somebody alone being one."""

    @property
    def net(self) -> int | None:
        """Footfall: entries less staff's and U-turns (research: counting §8)."""
        return None if self.u_turns is None else self.entries - self.staff_entries - self.u_turns


@dataclass(slots=True)
class ZoneSum:
    """A zone over a stretch of time. `dwell` and `censored` count visits by `DWELL_EDGES_S`."""

    visits: int = 0
    passes: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    dwell_seconds: float = 0.0
    observed_seconds: float = 0.0
    dwell: list[int] = field(default_factory=lambda: [0] * _BINS)
    censored: list[int] = field(default_factory=lambda: [0] * _BINS)
    staff_visits: int = 0
    staff_seconds: float = 0.0
    arrivals: int | None = 0
    """Stays of any length whose beginning over the zone's edge was seen."""
    pass_seconds: float | None = 0.0

    @property
    def net(self) -> int:
        """Visits less staff's."""
        return self.visits - self.staff_visits


@dataclass(slots=True)
class CameraSum:
    """A camera over a stretch of time."""

    observed_seconds: float = 0.0
    frames: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    identities: int | None = 0
    """Tracks that became people."""
    broken: int | None = 0
    """Tracks of people that were given up in the middle of the picture."""


@dataclass(slots=True)
class LaneSum:
    """A lane over a stretch of time: vehicles by direction in the picture."""

    ways: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANE_WAYS, 0))
    wrong_way: int = 0
    observed_seconds: float = 0.0
