"""Counts of a whole clip: by gate, zone, queue, counter and lane, and what they are worth."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.layout import CameraLayout
from pipelines.plate_records import PlateRead
from pipelines.quality import Evidence, quality
from pipelines.records import (
    Attendance,
    Crossing,
    Event,
    Fact,
    Party,
    Pass,
    Pulse,
    StaffCount,
    VehiclePassage,
    Visit,
    Wait,
)
from pipelines.turn_in import passers_of, turn_in


@dataclass(slots=True)
class QueueTally:
    """Waits in a queue that ended."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, wait: Wait) -> None:
        """One wait. Who balked did not wait."""
        self.outcomes[wait.outcome] += 1
        if wait.outcome != "balked":
            self.seconds += wait.t_out - wait.t_in

    def as_json(self) -> dict[str, Any]:
        """For the summary line."""
        waits = self.outcomes.total() - self.outcomes["balked"]
        return {
            "waits": waits, **{name: self.outcomes[name] for name in ("served", "abandoned", "balked")},
            "wait_mean_s": round(self.seconds / waits, 2) if waits else None,
        }  # fmt: skip


@dataclass(slots=True)
class CounterTally:
    """Seconds of a counter with staff and without."""

    attended_s: float = 0.0
    unattended_s: float = 0.0
    waiting_s: float = 0.0

    def add(self, seen: Attendance) -> None:
        """About a second."""
        self.attended_s += seen.attended_s
        self.unattended_s += seen.unattended_s
        self.waiting_s += seen.waiting_s

    def as_json(self) -> dict[str, Any]:
        """For the summary line. A counter without a staff zone is not watched: no share."""
        watched = self.attended_s + self.unattended_s
        return {
            "attended_share": round(self.attended_s / watched, 4) if watched else None,
            "unattended_share": round(self.unattended_s / watched, 4) if watched else None,
            "waiting_s": round(self.waiting_s, 2) if watched else None,
        }


@dataclass(slots=True)
class Tally:
    """Counts of a whole clip."""

    layout: CameraLayout
    gates: dict[str, Counter[str]]
    zones: dict[str, list[float]]
    lanes: dict[str, Counter[str]]
    queues: dict[str, QueueTally]
    counters: dict[str, CounterTally]
    passes: Counter[str] = field(default_factory=Counter)
    staff: Counter[str] = field(default_factory=Counter)
    """Visits that turned out to be staff's, by zone."""
    u_turns: Counter[str] = field(default_factory=Counter)
    parties: Counter[str] = field(default_factory=Counter)
    plates: dict[str, Counter[str]] = field(default_factory=dict)
    """By lane: how many were read, and how many could not be."""
    events: dict[tuple[str, str | None, float], str] = field(default_factory=dict)
    """Names; one that ends is told twice and counted once."""
    evidence: Evidence = field(default_factory=lambda: Evidence(0.0, 0.0))

    @staticmethod
    def of(layout: CameraLayout) -> Tally:
        """Zeroes for everything that the camera watches."""
        return Tally(
            layout,
            {gate.id: Counter() for gate in layout.gates},
            {zone.id: [] for zone in layout.zones},
            {lane.id: Counter() for lane in layout.lanes},
            {zone.id: QueueTally() for zone in layout.zones if zone.role == "queue"},
            {zone.id: CounterTally() for zone in layout.zones if zone.role == "counter"},
        )

    def add(self, fact: Fact) -> None:  # noqa: C901 - one line for each kind
        """Count one fact."""
        match fact:
            case Crossing():
                self.gates[fact.gate][fact.direction] += 1
                self.u_turns[fact.gate] += fact.u_turn
                self.evidence += Evidence(0.0, 0.0, crossings=1, inferred=int(fact.inferred))
            case Party():
                self.parties[fact.gate] += 1
            case Visit():
                self.zones[fact.zone].append(fact.t_out - fact.t_in)
            case Pass():
                self.passes[fact.zone] += 1
            case StaffCount(scope="zone"):
                self.staff[fact.id] += fact.visits
            case Wait():
                self.queues[fact.zone].add(fact)
            case Attendance():
                self.counters[fact.zone].add(fact)
            case VehiclePassage():
                self.lanes[fact.lane][fact.direction] += 1
            case PlateRead():
                told = self.plates.setdefault(fact.lane, Counter())
                told["unread" if fact.text is None else "read"] += 1
            case Event():
                self.events[fact.name, fact.scope, fact.t] = fact.name
            case Pulse():
                self.evidence += _evidence(fact)
            case _:
                pass

    def as_json(self, seconds: float) -> dict[str, Any]:
        """For the summary line of a clip of so many seconds."""
        return {
            "gates": {name: {"in": by["in"], "out": by["out"]} for name, by in self.gates.items()},
            "zones": {
                name: {
                    "visits": len(stays), "passes": self.passes[name],
                    "dwell_mean_s": round(sum(stays) / len(stays), 2) if stays else None,
                }
                for name, stays in self.zones.items()
            },
            "lanes": {
                name: {way: by[way] for way in ("up", "down", "left", "right")}
                for name, by in self.lanes.items()
            },
            "plates": {
                name: {told: by[told] for told in ("read", "unread")} for name, by in self.plates.items()
            },
            "queues": {name: queue.as_json() for name, queue in self.queues.items()},
            "counters": {name: counter.as_json() for name, counter in self.counters.items()},
            "turn_in": self._turn_in(),
            "u_turns": {name: self.u_turns[name] for name in self.gates},
            "parties": {name: self.parties[name] for name in self.gates},
            "events": dict(sorted(Counter(self.events.values()).items())),
            "quality": asdict(quality(self.evidence + Evidence(seconds, 0.0))),
        }  # fmt: skip

    def _turn_in(self) -> dict[str, Any]:
        """By counter: of those who passed, how many stopped; only where passers-by are counted."""
        found = {}
        for zone in self.layout.zones:
            if (where := passers_of(self.layout, zone)) is not None:
                kind, name = where
                zone_passers = len(self.zones.get(name, ())) + self.passes[name]
                passers = self.gates[name].total() if kind == "gate" else zone_passers
                found[zone.id] = asdict(turn_in(len(self.zones[zone.id]), self.staff[zone.id], passers))
        return found


def _evidence(pulse: Pulse) -> Evidence:
    return Evidence(
        0.0, pulse.observed_s, pulse.frames, pulse.persons_peak,
        identities=pulse.identities, broken=pulse.broken,
    )  # fmt: skip
