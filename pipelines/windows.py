"""Facts to windows: one UTC minute of one gate, zone, lane or camera, with the seconds really observed."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.layout import CameraLayout
from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    MINUTE_S,
    Attendance,
    CameraWindow,
    CounterWindow,
    Crossing,
    Event,
    Fact,
    GateWindow,
    LaneWindow,
    Pass,
    Pulse,
    QueuePulse,
    QueueWindow,
    StaffCount,
    VehiclePassage,
    Visit,
    Wait,
    Window,
    ZoneWindow,
)

CLOSE_LAG_S = 10.0
"""How long after its end a minute stays open: a visit that ends at :59 is known only when its exit
debounce and the tracker's memory of lost tracks (together under 8 s) have passed. The wait of somebody lost
in a queue may be known later still."""


def minute_of(t: float) -> int:
    """The start of the minute that `t` falls in, in seconds."""
    return math.floor(t / MINUTE_S) * MINUTE_S


def dwell_bin(seconds: float) -> int:
    """The index of the histogram's bin that a stay falls in."""
    return max(0, bisect_right(DWELL_EDGES_S, seconds) - 1)


def length_bin(people: int) -> int:
    """The index of the histogram's bin that a queue's length falls in."""
    return max(0, bisect_right(LENGTH_EDGES, people) - 1)


@dataclass(slots=True)
class _GateCount:
    entries: int = 0
    exits: int = 0
    inferred: int = 0
    staff_entries: int = 0
    staff_exits: int = 0


@dataclass(slots=True)
class _ZoneCount:
    visits: int = 0
    passes: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    dwell_seconds: float = 0.0
    staff_visits: int = 0
    staff_seconds: float = 0.0
    dwell: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))
    censored: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))


@dataclass(slots=True)
class _QueueCount:
    length_seconds: float = 0.0
    peak: int = 0
    lengths: list[int] = field(default_factory=lambda: [0] * len(LENGTH_EDGES))
    outcomes: Counter[str] = field(default_factory=Counter)
    over_limit: int = 0
    wait: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))
    censored: list[int] = field(default_factory=lambda: [0] * len(DWELL_EDGES_S))
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


@dataclass(slots=True)
class _CounterCount:
    attended_s: float = 0.0
    unattended_s: float = 0.0
    waiting_s: float = 0.0


@dataclass(slots=True)
class _CameraCount:
    observed_s: float = 0.0
    frames: int = 0
    person_seconds: float = 0.0
    peak: int = 0


@dataclass(slots=True)
class _Minute:
    """One open minute: counts by (camera, id), filled as facts come."""

    gates: dict[tuple[str, str], _GateCount] = field(default_factory=dict)
    zones: dict[tuple[str, str], _ZoneCount] = field(default_factory=dict)
    queues: dict[tuple[str, str], _QueueCount] = field(default_factory=dict)
    counters: dict[tuple[str, str], _CounterCount] = field(default_factory=dict)
    lanes: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    cameras: dict[str, _CameraCount] = field(default_factory=dict)


class Minutes:
    """Collects the facts of all cameras of a box into minutes and seals each when it can no longer change.

    A fact that comes for a sealed minute is put into the oldest open one, so the sum of all windows
    always equals the facts. Not thread-safe: it lives in one loop.
    """

    def __init__(self, layouts: Iterable[CameraLayout], sealed_before: float | None = None) -> None:
        """`sealed_before`: start of the first minute that may still be made (after a restart)."""
        self._layouts = tuple(layouts)
        self._max_wait_s = {
            (plan.camera, zone.id): zone.max_wait_s for plan in self._layouts for zone in plan.zones
        }
        self._open: dict[int, _Minute] = {}
        self._next: int | None = None if sealed_before is None else minute_of(sealed_before)

    def add(self, fact: Fact) -> None:
        """Count a fact. Events have messages of their own and are not counted here."""
        match fact:
            case Crossing():
                gate = self._at(fact.t).gates.setdefault((fact.camera, fact.gate), _GateCount())
                gate.entries += fact.direction == "in"
                gate.exits += fact.direction == "out"
                gate.inferred += fact.inferred
            case Visit():
                zone = self._at(fact.t).zones.setdefault((fact.camera, fact.zone), _ZoneCount())
                stay = max(0.0, fact.t_out - fact.t_in)
                zone.visits += 1
                zone.dwell_seconds += stay
                (zone.censored if fact.censored else zone.dwell)[dwell_bin(stay)] += 1
            case Pass():
                self._at(fact.t).zones.setdefault((fact.camera, fact.zone), _ZoneCount()).passes += 1
            case StaffCount():
                self._add_staff(fact)
            case Wait():
                queue = self._at(fact.t).queues.setdefault((fact.camera, fact.zone), _QueueCount())
                queue.add(fact, self._max_wait_s.get((fact.camera, fact.zone), math.inf))
            case VehiclePassage():
                lane = self._at(fact.t).lanes.setdefault((fact.camera, fact.lane), {})
                lane[fact.direction] = lane.get(fact.direction, 0) + 1
                lane["wrong_way"] = lane.get("wrong_way", 0) + fact.wrong_way
            case Attendance():
                minute = self._at(fact.t - 1e-6)
                counter = minute.counters.setdefault((fact.camera, fact.zone), _CounterCount())
                counter.attended_s += fact.attended_s
                counter.unattended_s += fact.unattended_s
                counter.waiting_s += fact.waiting_s
            case Pulse():
                self._add_pulse(fact)
            case Event():
                pass

    def _add_staff(self, fact: StaffCount) -> None:
        minute = self._at(fact.t)
        if fact.scope == "gate":
            gate = minute.gates.setdefault((fact.camera, fact.id), _GateCount())
            gate.staff_entries += fact.entries
            gate.staff_exits += fact.exits
        else:
            zone = minute.zones.setdefault((fact.camera, fact.id), _ZoneCount())
            zone.staff_visits += fact.visits
            zone.staff_seconds += fact.seconds

    def _add_pulse(self, pulse: Pulse) -> None:
        minute = self._at(pulse.t - 1e-6)  # a pulse at :00.0 tells of the second before
        camera = minute.cameras.setdefault(pulse.camera, _CameraCount())
        camera.observed_s += pulse.observed_s
        camera.frames += pulse.frames
        camera.person_seconds += pulse.person_seconds
        camera.peak = max(camera.peak, pulse.persons_peak)
        for name, seen in pulse.zones.items():
            zone = minute.zones.setdefault((pulse.camera, name), _ZoneCount())
            zone.person_seconds += seen.person_seconds
            zone.peak = max(zone.peak, seen.peak)
        if pulse.observed_s > 0:
            for name, queue in pulse.queues.items():
                minute.queues.setdefault((pulse.camera, name), _QueueCount()).watch(queue)

    def _at(self, t: float) -> _Minute:
        start = minute_of(t)
        if self._next is None:
            self._next = start
        return self._open.setdefault(max(start, self._next), _Minute())

    def seal(self, now: float) -> list[tuple[int, list[Window]]]:
        """Every minute that ended more than `CLOSE_LAG_S` before `now`, oldest first, with a window for
        each gate, zone, lane and camera of the box. A minute in which nothing was heard of any camera is
        made too, with nothing observed; a gap of more than a day is left out (missing all the same)."""
        if self._next is None:
            return []
        end = minute_of(now - CLOSE_LAG_S)
        if end - self._next > 86_400:
            known = [start for start in self._open if start < end]
            starts = sorted(known)
        else:
            starts = list(range(self._next, end, MINUTE_S))
        sealed = [(start, self._windows(start)) for start in starts]
        self._next = max(self._next, end)
        return sealed

    def close(self) -> list[tuple[int, list[Window]]]:
        """Every open minute, sealed now: the box stops."""
        sealed = [(start, self._windows(start)) for start in sorted(self._open)]
        if sealed:
            self._next = sealed[-1][0] + MINUTE_S
        return sealed

    def _windows(self, start: int) -> list[Window]:
        minute = self._open.pop(start, _Minute())
        windows: list[Window] = []
        for layout in self._layouts:
            camera = minute.cameras.get(layout.camera, _CameraCount())
            seen = round(min(camera.observed_s, float(MINUTE_S)), 3)
            name = layout.camera
            windows.append(
                CameraWindow(
                    name, name, start, seen, camera.frames, round(camera.person_seconds, 3), camera.peak
                )
            )
            for gate in layout.gates:
                count = minute.gates.get((name, gate.id), _GateCount())
                counts = (
                    count.entries, count.exits, count.inferred, count.staff_entries, count.staff_exits
                )  # fmt: skip
                windows.append(GateWindow(name, gate.id, start, seen, *counts))
            windows.extend(_zone_window(name, zone.id, start, seen, minute) for zone in layout.zones)
            windows.extend(
                _queue_window(name, zone.id, start, seen, minute)
                for zone in layout.zones
                if zone.role == "queue"
            )
            if any(zone.role == "staff" for zone in layout.zones):
                windows.extend(
                    _counter_window(name, zone.id, start, seen, minute)
                    for zone in layout.zones
                    if zone.role == "counter"
                )
            for lane in layout.lanes:
                by = minute.lanes.get((name, lane.id), {})
                up, down, left, right, wrong = (
                    by.get(way, 0) for way in ("up", "down", "left", "right", "wrong_way")
                )
                windows.append(LaneWindow(name, lane.id, start, seen, up, down, left, right, wrong))
        return windows


def _zone_window(camera: str, zone: str, start: int, seen: float, minute: _Minute) -> ZoneWindow:
    count = minute.zones.get((camera, zone), _ZoneCount())
    return ZoneWindow(
        camera, zone, start, seen, count.visits, count.passes, round(count.person_seconds, 3), count.peak,
        tuple(count.dwell), tuple(count.censored), round(count.dwell_seconds, 3),
        count.staff_visits, round(count.staff_seconds, 3),
    )  # fmt: skip


def _queue_window(camera: str, queue: str, start: int, seen: float, minute: _Minute) -> QueueWindow:
    count = minute.queues.get((camera, queue), _QueueCount())
    by = count.outcomes
    return QueueWindow(
        camera, queue, start, seen, round(count.length_seconds, 3), count.peak, tuple(count.lengths),
        by.total() - by["balked"], by["served"], by["abandoned"], by["balked"], count.over_limit,
        tuple(count.wait), tuple(count.censored), round(count.wait_seconds, 3),
    )  # fmt: skip


def _counter_window(camera: str, counter: str, start: int, seen: float, minute: _Minute) -> CounterWindow:
    count = minute.counters.get((camera, counter), _CounterCount())
    attended, unattended, waiting = (
        round(seconds, 3) for seconds in (count.attended_s, count.unattended_s, count.waiting_s)
    )
    return CounterWindow(camera, counter, start, seen, attended, unattended, waiting)
