"""One camera: detections in, facts out. Ties tracker, gates, zones and lanes together; still pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.types import PERSON, VEHICLES, Detections
from pipelines.feet import Feet, foot_of
from pipelines.floor import Place, Plane
from pipelines.gates import GateCounter
from pipelines.geometry import inside
from pipelines.heat import HeatMap
from pipelines.identities import Identities
from pipelines.lanes import LaneWatch
from pipelines.layout import CameraLayout, Point, Zone
from pipelines.queues import QueueWatch
from pipelines.records import Fact, Pulse
from pipelines.staff import StaffWatch
from pipelines.track import EDGE, PEOPLE, Track
from pipelines.tracker import Tracker
from pipelines.windows import minute_of
from pipelines.zones import ZoneWatch

PULSE_S: Final = 1.0
UNSEEN_S: Final = 2.0
"""Frames further apart than this leave a hole that nobody observed."""
COLD_S: Final = 1.0
"""Whoever is in the picture this soon after the camera began to look came unseen."""


@dataclass(slots=True)
class CameraPipeline:
    """The pipelines of one camera. Feed frames in order with `step`."""

    layout: CameraLayout
    aspect: float
    """Width of the frame over its height."""
    is_open: Callable[[float], bool] | None = None
    """Whether the store is open at `t`; None: nobody knows."""
    people: Tracker = field(init=False)
    gates: list[GateCounter] = field(init=False)
    zones: list[ZoneWatch] = field(init=False)
    queues: list[QueueWatch] = field(init=False)
    staff: StaffWatch = field(init=False)
    heat: HeatMap = field(init=False)
    identities: Identities = field(init=False)
    _feet: Feet = field(init=False)
    lanes: LaneWatch | None = field(init=False)
    _since: float | None = None
    _t: float | None = None
    _pulse_from: float = 0.0
    _observed: float = 0.0
    _frames: int = 0
    _peak: int = 0
    _person_seconds: float = 0.0

    def __post_init__(self) -> None:
        plane = Plane.of(self.layout, self.aspect)
        name = self.layout.camera
        self.people = Tracker(self.aspect, PEOPLE)
        self.gates = [GateCounter(name, gate, plane) for gate in self.layout.gates]
        self.zones = [ZoneWatch(name, zone, plane) for zone in self.layout.zones]
        self.queues = [self._queue(zone, plane) for zone in self.layout.zones if zone.role == "queue"]
        behind = [zone for zone in self.layout.zones if zone.role == "staff"]
        self.staff = StaffWatch(plane, behind, self.layout.staff_after_s, self.is_open)
        self._feet = Feet(plane, self.staff.holds)
        self.lanes = LaneWatch(name, self.layout.lanes, self.aspect) if self.layout.lanes else None
        self.heat = HeatMap.of(self.layout, plane)
        self.identities = Identities(self.aspect)
        self._plane = plane

    _plane: Plane = field(init=False)

    def _queue(self, zone: Zone, plane: Plane) -> QueueWatch:
        service = [z for z in self.layout.zones if z.role == "service" and zone.service in {None, z.id}]
        others = [z for z in self.layout.zones if z.role not in {"queue", "area"}]
        return QueueWatch(self.layout.camera, zone, plane, service, others)

    @property
    def persons(self) -> list[Track]:
        """The people in the picture now."""
        if self._t is None:
            return []
        return [k for k in self.people.tracks if k.confirmed and self._t - k.seen <= PEOPLE.fresh_s]

    def step(self, t: float, detections: Detections, regions: Detections | None = None) -> list[Fact]:
        """One frame at `t` seconds. `regions`: large moving regions, for lanes (see models/motion.py)."""
        facts: list[Fact] = self._pass_time(t)
        seen = self._unmasked(detections)
        for track in self.people.update(t, seen.where(seen.classes == PERSON)):
            if track.updated:
                self._sight(t, track, facts)
        self._forget(self.people.ended, facts)
        for gate in self.gates:
            facts.extend(gate.parties.settle(t))
        for zone in self.zones:
            facts.extend(zone.settle(t))
        if self.lanes is not None:
            facts += self.lanes.step(t, seen.of(*VEHICLES), regions or Detections.none())
        self._frames += 1
        return self.staff.mark(t, facts)

    def gap(self, t: float) -> list[Fact]:
        """The picture jumped (reconnected, clip restarted): end all tracks, go on afresh at `t`."""
        facts = self.close(t)
        self._since = self._t = None
        return facts

    def close(self, t: float) -> list[Fact]:
        """The camera stops at `t`: end all stays as `closed` and hand out the last pulse."""
        facts: list[Fact] = [] if self._t is None else self._pass_time(max(t, self._t))
        self._forget(self.people.reset(), facts, closing=True)
        self.identities.forget()
        for gate in self.gates:
            facts.extend(gate.parties.close())
        for zone in self.zones:
            facts.extend(zone.close())
        for queue in self.queues:
            facts.extend(queue.close())
        if self.lanes is not None:
            facts += self.lanes.reset()
        if self._frames or self._observed:
            facts.append(self._take_pulse(self._t if self._t is not None else t))
        return self.staff.mark(t, facts)

    def _sight(self, t: float, track: Track, facts: list[Fact]) -> None:
        self.identities.sight(t, track)
        x, y = foot_of(track, self.people.shape, self.aspect, self._plane)
        place = self._plane.place(x, y, track.metre)
        if place is not None:
            for gate in self.gates:
                for crossing in gate.sight(t, track.id, place, track.confirmed):
                    self.identities.cross(track.id, crossing.t)
                    facts.append(crossing)
        stands_x, stands_y = self._stands(track, x, y)
        if stands_x != x or stands_y != y:
            place = self._plane.place(stands_x, stands_y, track.metre)
        if place is None:
            self.heat.lose(track.id)
            return
        self.heat.sight(track.id, place.point)
        if self.zones:
            self._sight_in_zones(t, track, place, facts)

    def _stands(self, track: Track, x: float, y: float) -> Point:
        """A foot on the floor that we watch. It may lie outside the picture (cut off below): the floor that
        we watch ends at its edge."""
        y = self._feet.under(track, x, y, self.people.tracks, self.people.shape)
        return min(max(x, 0.0), self.aspect - 1e-6), min(max(y, 0.0), 1.0 - 1e-6)

    def _sight_in_zones(self, t: float, track: Track, place: Place, facts: list[Fact]) -> None:
        x1, y1, x2, y2 = track.box
        at_edge = x1 <= EDGE or y1 <= EDGE or x2 >= 1 - EDGE or y2 >= 1 - EDGE
        cold = self._since is not None and track.born - self._since <= COLD_S
        for zone in self.zones:
            zone.sight(t, track.id, place, at_edge, cold, confirmed=track.confirmed, since=track.born)
        if track.confirmed:
            self.staff.sight(t, track.id, place, cold)
            works = self.staff.is_staff(track.id)
            for queue in self.queues:
                facts.extend(queue.sight(t, track.id, place, at_edge=at_edge, cold=cold, staff=works))

    def _forget(self, ended: Iterable[Track], facts: list[Fact], closing: bool = False) -> None:
        for track in ended:
            self.staff.end(track.id)
            self.heat.lose(track.id)
            if not closing:
                self.identities.end(track)
            for gate in self.gates:
                gate.forget(track.id)
            for zone in self.zones:
                zone.forget(track.id, closing)
            for queue in self.queues:
                facts.extend(queue.forget(track.id, closing))

    def _pass_time(self, t: float) -> list[Fact]:
        """Account for the time since the last frame, with a pulse at each minute's end."""
        if self._t is None:
            self._since = self._t = self._pulse_from = t
            return []
        pulses: list[Fact] = []
        for queue in self.queues:
            pulses.extend(queue.pass_time(t, t - self._t if t - self._t <= UNSEEN_S else 0.0))
        dt, last = t - self._t, self._t
        if dt <= UNSEEN_S:
            border = minute_of(t)
            if last < border:
                self._observe(border - last)
                pulses.append(self._take_pulse(float(border)))
                last = float(border)
            self._observe(t - last)
        elif minute_of(t) != minute_of(last):
            pulses.append(self._take_pulse(last))
        self._t = t
        if t - self._pulse_from >= PULSE_S:
            pulses.append(self._take_pulse(t))
        return pulses

    def _observe(self, dt: float) -> None:
        present = self.persons
        self._observed += dt
        self._person_seconds += len(present) * dt
        self._peak = max(self._peak, len(present))
        self.heat.pass_time((track.id for track in present), dt)
        for zone in self.zones:
            zone.pass_time(dt)

    def _take_pulse(self, t: float) -> Pulse:
        present, works = len(self.persons), self.staff.known()
        pulse = Pulse(
            self.layout.camera, t, self._observed, self._frames, present, max(self._peak, present),
            self._person_seconds, {zone.zone.id: zone.take_pulse(works) for zone in self.zones},
            {queue.zone.id: queue.take_pulse(t) for queue in self.queues},
            *self.identities.take(), self.heat.take(),
        )  # fmt: skip
        self._pulse_from, self._observed, self._frames = t, 0.0, 0
        self._peak, self._person_seconds = 0, 0.0
        return pulse

    def _unmasked(self, detections: Detections) -> Detections:
        """Without what stands in a masked polygon (by its foot)."""
        if not self.layout.mask or not len(detections):
            return detections
        feet = [((x1 + x2) / 2, min(y2, 1.0 - 1e-6)) for x1, _, x2, y2 in detections.boxes.tolist()]
        keep = [not any(inside(mask, foot) for mask in self.layout.mask) for foot in feet]
        return detections.where(np.asarray(keep, dtype=np.bool_))
