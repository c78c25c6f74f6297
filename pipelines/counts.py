"""What is counted in a minute of one gate, zone, queue, counter, lane or camera, and the window it makes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.heat import unit_of
from pipelines.layout import CameraLayout
from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    Attendance,
    CameraWindow,
    CounterWindow,
    Crossing,
    GateWindow,
    HeatWindow,
    LaneWindow,
    Pass,
    Pulse,
    QueuePulse,
    QueueWindow,
    VehiclePassage,
    Visit,
    Wait,
    ZonePulse,
    ZoneWindow,
)

HEAT_CELLS_MAX: Final = 4096
"""Cells in one minute's heat map: more than a picture has, and about 1,000 m² of a calibrated floor. The
coldest go first, so that no false calibration makes a minute too long to be sent."""

Place = tuple[str, int, float]
"""What all windows of a camera's minute share: the camera, the minute's start, the seconds observed."""


def dwell_bin(seconds: float) -> int:
    """The index of the histogram's bin that a stay falls in."""
    return max(0, bisect_right(DWELL_EDGES_S, seconds) - 1)


def length_bin(people: int) -> int:
    """The index of the histogram's bin that a queue's length falls in."""
    return max(0, bisect_right(LENGTH_EDGES, people) - 1)


def _no_stays() -> list[int]:
    return [0] * len(DWELL_EDGES_S)


@dataclass(slots=True)
class GateCount:
    """Crossings of a gate."""

    entries: int = 0
    exits: int = 0
    inferred: int = 0
    staff_entries: int = 0
    staff_exits: int = 0
    u_turns: int = 0
    parties: int = 0

    def add(self, crossing: Crossing) -> None:
        """One crossing; the one that takes another back makes a pair of both."""
        self.entries += crossing.direction == "in"
        self.exits += crossing.direction == "out"
        self.inferred += crossing.inferred
        self.u_turns += crossing.u_turn

    def window(self, place: Place, gate: str) -> GateWindow:
        """As a minute."""
        camera, start, seen = place
        return GateWindow(
            camera, gate, start, seen, self.entries, self.exits, self.inferred, self.staff_entries,
            self.staff_exits, self.u_turns, self.parties,
        )  # fmt: skip


@dataclass(slots=True)
class ZoneCount:
    """Stays in a zone."""

    visits: int = 0
    passes: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    dwell_seconds: float = 0.0
    staff_visits: int = 0
    staff_seconds: float = 0.0
    arrivals: int = 0
    pass_seconds: float = 0.0
    dwell: list[int] = field(default_factory=_no_stays)
    censored: list[int] = field(default_factory=_no_stays)

    def add(self, visit: Visit) -> None:
        """A visit that ended."""
        stay = max(0.0, visit.t_out - visit.t_in)
        self.visits += 1
        self.dwell_seconds += stay
        self.arrivals += visit.arrived
        (self.censored if visit.censored else self.dwell)[dwell_bin(stay)] += 1

    def add_pass(self, short: Pass) -> None:
        """A stay that was too short for a visit."""
        self.passes += 1
        self.pass_seconds += short.seconds
        self.arrivals += short.arrived

    def watch(self, seen: ZonePulse) -> None:
        """About a second of the zone."""
        self.person_seconds += seen.person_seconds
        self.peak = max(self.peak, seen.peak)

    def window(self, place: Place, zone: str) -> ZoneWindow:
        """As a minute."""
        camera, start, seen = place
        return ZoneWindow(
            camera, zone, start, seen, self.visits, self.passes, round(self.person_seconds, 3), self.peak,
            tuple(self.dwell), tuple(self.censored), round(self.dwell_seconds, 3), self.staff_visits,
            round(self.staff_seconds, 3), self.arrivals, round(self.pass_seconds, 3),
        )  # fmt: skip


@dataclass(slots=True)
class QueueCount:
    """A queue's length and the waits in it."""

    length_seconds: float = 0.0
    peak: int = 0
    lengths: list[int] = field(default_factory=lambda: [0] * len(LENGTH_EDGES))
    outcomes: Counter[str] = field(default_factory=Counter)
    over_limit: int = 0
    wait: list[int] = field(default_factory=_no_stays)
    censored: list[int] = field(default_factory=_no_stays)
    wait_seconds: float = 0.0

    def add(self, wait: Wait, max_wait_s: float) -> None:
        """One wait that ended. Who balked did not wait."""
        self.outcomes[wait.outcome] += 1
        if wait.outcome == "balked":
            return
        waited = max(0.0, wait.t_out - wait.t_in)
        self.over_limit += waited > max_wait_s
        self.wait_seconds += waited
        (self.censored if wait.censored else self.wait)[dwell_bin(waited)] += 1

    def watch(self, seen: QueuePulse) -> None:
        """About a second of the queue."""
        self.length_seconds += seen.length_seconds
        self.peak = max(self.peak, seen.peak)
        self.lengths[length_bin(seen.now)] += 1

    def window(self, place: Place, queue: str) -> QueueWindow:
        """As a minute."""
        (camera, start, seen), by = place, self.outcomes
        return QueueWindow(
            camera, queue, start, seen, round(self.length_seconds, 3), self.peak, tuple(self.lengths),
            by.total() - by["balked"], by["served"], by["abandoned"], by["balked"], self.over_limit,
            tuple(self.wait), tuple(self.censored), round(self.wait_seconds, 3),
        )  # fmt: skip


@dataclass(slots=True)
class CounterCount:
    """Attended and unattended time of a counter."""

    attended_s: float = 0.0
    unattended_s: float = 0.0
    waiting_s: float = 0.0

    def add(self, seen: Attendance) -> None:
        """About a second of the counter."""
        self.attended_s += seen.attended_s
        self.unattended_s += seen.unattended_s
        self.waiting_s += seen.waiting_s

    def window(self, place: Place, counter: str) -> CounterWindow:
        """As a minute."""
        camera, start, seen = place
        return CounterWindow(
            camera, counter, start, seen, round(self.attended_s, 3), round(self.unattended_s, 3),
            round(self.waiting_s, 3),
        )  # fmt: skip


@dataclass(slots=True)
class LaneCount:
    """Vehicles through a lane."""

    ways: Counter[str] = field(default_factory=Counter)
    wrong_way: int = 0

    def add(self, vehicle: VehiclePassage) -> None:
        """One vehicle."""
        self.ways[vehicle.direction] += 1
        self.wrong_way += vehicle.wrong_way

    def window(self, place: Place, lane: str) -> LaneWindow:
        """As a minute."""
        (camera, start, seen), by = place, self.ways
        return LaneWindow(
            camera, lane, start, seen, by["up"], by["down"], by["left"], by["right"], self.wrong_way
        )


@dataclass(slots=True)
class CameraCount:
    """A whole camera: how well it saw, how many people, and where they were."""

    observed_s: float = 0.0
    frames: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    identities: int = 0
    broken: int = 0
    heat: dict[tuple[int, int], float] = field(default_factory=dict)

    def watch(self, seen: Pulse) -> None:
        """About a second of the camera."""
        self.observed_s += seen.observed_s
        self.frames += seen.frames
        self.person_seconds += seen.person_seconds
        self.peak = max(self.peak, seen.persons_peak)
        self.identities += seen.identities
        self.broken += seen.broken
        for cell, seconds in seen.heat.items():
            self.heat[cell] = self.heat.get(cell, 0.0) + seconds

    def window(self, place: Place) -> CameraWindow:
        """As a minute."""
        camera, start, seen = place
        return CameraWindow(
            camera, camera, start, seen, self.frames, round(self.person_seconds, 3), self.peak,
            self.identities, self.broken,
        )  # fmt: skip

    def heat_window(self, place: Place, layout: CameraLayout) -> HeatWindow:
        """Its heat map, as a minute."""
        camera, start, seen = place
        cells = heat_cells(self.heat, HEAT_CELLS_MAX)
        return HeatWindow(camera, camera, start, seen, unit_of(layout), cells)


def heat_cells(heat: Mapping[tuple[int, int], float], most: int) -> tuple[tuple[int, int, float], ...]:
    """A map's cells in order, rounded to the millisecond, empty ones left out; of more than `most` the
    warmest."""
    cells = [(*cell, rounded) for cell, seconds in heat.items() if (rounded := round(seconds, 3)) > 0]
    if len(cells) > most:
        cells = sorted(cells, key=lambda cell: cell[2], reverse=True)[:most]
    return tuple(sorted(cells))
