"""What one open minute has counted so far: facts to the counts of what they are about."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.counts import CameraCount, CounterCount, GateCount, LaneCount, QueueCount, ZoneCount
from pipelines.occupancy import Anchor, Move
from pipelines.records import (
    Attendance,
    Crossing,
    Fact,
    Party,
    Pass,
    Pulse,
    StaffCount,
    VehiclePassage,
    Visit,
)

Key = tuple[str, str]
"""(camera, id)."""


@dataclass(slots=True)
class MinuteCounts:
    """One open minute, filled as facts come."""

    gates: dict[Key, GateCount] = field(default_factory=dict)
    zones: dict[Key, ZoneCount] = field(default_factory=dict)
    queues: dict[Key, QueueCount] = field(default_factory=dict)
    counters: dict[Key, CounterCount] = field(default_factory=dict)
    lanes: dict[Key, LaneCount] = field(default_factory=dict)
    cameras: dict[str, CameraCount] = field(default_factory=dict)
    moves: dict[Key, list[Move]] = field(default_factory=dict)
    """Crossings of each gate one by one, for the areas."""
    anchors: dict[str, Anchor] = field(default_factory=dict)
    """The newest moment of truth of each area."""

    def add(self, fact: Fact) -> None:
        """Count a fact that is counted where it stands; a wait's limit is not known here."""
        match fact:
            case Crossing():
                self.gate(fact.camera, fact.gate).add(fact)
                self.moves.setdefault((fact.camera, fact.gate), []).append(Move.of(fact))
            case Party():
                self.gate(fact.camera, fact.gate).parties += 1
            case Visit():
                self.zone(fact.camera, fact.zone).add(fact)
            case Pass():
                self.zone(fact.camera, fact.zone).add_pass(fact)
            case StaffCount():
                self._add_staff(fact)
            case VehiclePassage():
                self.lane(fact.camera, fact.lane).add(fact)
            case Attendance():
                self.counter(fact.camera, fact.zone).add(fact)
            case Pulse():
                self._watch(fact)
            case _:
                pass

    def gate(self, camera: str, gate: str) -> GateCount:
        """The count of one gate."""
        return self.gates.setdefault((camera, gate), GateCount())

    def zone(self, camera: str, zone: str) -> ZoneCount:
        """The count of one zone."""
        return self.zones.setdefault((camera, zone), ZoneCount())

    def queue(self, camera: str, queue: str) -> QueueCount:
        """The count of one queue."""
        return self.queues.setdefault((camera, queue), QueueCount())

    def counter(self, camera: str, counter: str) -> CounterCount:
        """The count of one counter."""
        return self.counters.setdefault((camera, counter), CounterCount())

    def lane(self, camera: str, lane: str) -> LaneCount:
        """The count of one lane."""
        return self.lanes.setdefault((camera, lane), LaneCount())

    def _add_staff(self, fact: StaffCount) -> None:
        """Part of what was counted before turned out to be staff."""
        if fact.scope == "gate":
            gate = self.gate(fact.camera, fact.id)
            gate.staff_entries += fact.entries
            gate.staff_exits += fact.exits
        else:
            zone = self.zone(fact.camera, fact.id)
            zone.staff_visits += fact.visits
            zone.staff_seconds += fact.seconds

    def _watch(self, pulse: Pulse) -> None:
        """About a second of a camera."""
        self.cameras.setdefault(pulse.camera, CameraCount()).watch(pulse)
        for name, seen in pulse.zones.items():
            self.zone(pulse.camera, name).watch(seen)
        if pulse.observed_s > 0:
            for name, queue in pulse.queues.items():
                self.queue(pulse.camera, name).watch(queue)
