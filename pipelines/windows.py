"""Facts to windows: one UTC minute of everything that a box watches, with the seconds really observed."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipelines.counts import (
    CameraCount,
    CounterCount,
    GateCount,
    LaneCount,
    Place,
    QueueCount,
    ZoneCount,
    dwell_bin,
    length_bin,
)
from pipelines.layout import Area, CameraLayout
from pipelines.minute_counts import MinuteCounts
from pipelines.occupancy import Anchor, Occupancy
from pipelines.plate_records import PlateRead
from pipelines.records import (
    MINUTE_S,
    Attendance,
    Event,
    Fact,
    OccupancyWindow,
    Pulse,
    Wait,
    Window,
)
from pipelines.window_quality import judged

__all__ = ["CLOSE_LAG_S", "Minutes", "dwell_bin", "length_bin", "minute_of"]

CLOSE_LAG_S = 10.0
"""How long after its end a minute stays open: a visit that ends at :59 is known only when its exit
debounce and the tracker's memory of lost tracks (together under 8 s) have passed. The wait of somebody lost
in a queue may be known later still."""


def minute_of(t: float) -> int:
    """The start of the minute that `t` falls in, in seconds."""
    return math.floor(t / MINUTE_S) * MINUTE_S


class Minutes:
    """Collects the facts of all cameras of a box into minutes and seals each when it can no longer change.

    A fact that comes for a sealed minute is put into the oldest open one, so the sum of all windows
    always equals the facts. Not thread-safe: it lives in one loop.
    """

    def __init__(
        self,
        layouts: Iterable[CameraLayout],
        sealed_before: float | None = None,
        areas: Iterable[Area] = (),
        occupied: Iterable[OccupancyWindow] = (),
    ) -> None:
        """`sealed_before`: start of the first minute that may still be made (after a restart). `occupied`:
        the newest window of each area before it, to go on from."""
        self._layouts = tuple(layouts)
        self._max_wait_s = {
            (plan.camera, zone.id): zone.max_wait_s for plan in self._layouts for zone in plan.zones
        }
        self._areas = tuple(areas)
        self._occupancy = {area.id: Occupancy(area) for area in self._areas}
        for window in occupied:
            if window.id in self._occupancy:
                self._occupancy[window.id].resume(window.now)
        self._open: dict[int, MinuteCounts] = {}
        self._next: int | None = None if sealed_before is None else minute_of(sealed_before)
        self.clock_trusted = True
        """Whether the times of what is added may be believed; what is sealed while not says so."""

    def add(self, fact: Fact) -> None:
        """Count a fact. Events have messages of their own and plates go no further: neither is counted."""
        match fact:
            case Event() | PlateRead():
                pass
            case Wait():
                limit_s = self._max_wait_s.get((fact.camera, fact.zone), math.inf)
                self._at(fact.t).queue(fact.camera, fact.zone).add(fact, limit_s)
            case Pulse() | Attendance():
                self._at(fact.t - 1e-6).add(fact)  # one at :00.0 tells of the second before
            case _:
                self._at(fact.t).add(fact)

    def anchor(self, area: str, people: int, t: float) -> None:
        """So many people are truly in an area at `t`."""
        self._at(t).anchors[area] = Anchor(t, people)

    def _at(self, t: float) -> MinuteCounts:
        start = minute_of(t)
        if self._next is None:
            self._next = start
        return self._open.setdefault(max(start, self._next), MinuteCounts())

    def seal(self, now: float) -> list[tuple[int, list[Window]]]:
        """Every minute that ended more than `CLOSE_LAG_S` before `now`, oldest first, with a window for
        each gate, zone, lane, camera and area of the box. A minute in which nothing was heard of any camera
        is made too, with nothing observed; a gap of more than a day is left out (missing all the same)."""
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
        minute = self._open.pop(start, MinuteCounts())
        made = [window for layout in self._layouts for window in _of_camera(layout, start, minute)]
        made += [self._of_area(area, start, minute) for area in self._areas]
        return judged(made, self._areas, clock_trusted=self.clock_trusted)

    def _of_area(self, area: Area, start: int, minute: MinuteCounts) -> OccupancyWindow:
        cameras = {camera for camera, _ in area.gates}
        observed_s = min((_observed(minute.cameras.get(name)) for name in cameras), default=0.0)
        moves = [move for gate in area.gates for move in minute.moves.get(gate, ())]
        shown = max((minute.zones[key].peak for key in area.zones if key in minute.zones), default=0)
        return self._occupancy[area.id].step(
            start, moves, observed_s, anchor=minute.anchors.get(area.id), seen_at_least=shown
        )


def _observed(camera: CameraCount | None) -> float:
    return 0.0 if camera is None else round(min(camera.observed_s, float(MINUTE_S)), 3)


def _of_camera(layout: CameraLayout, start: int, minute: MinuteCounts) -> list[Window]:
    """Every window of one camera."""
    name = layout.camera
    camera = minute.cameras.get(name, CameraCount())
    place: Place = (name, start, _observed(camera))
    made: list[Window] = [camera.window(place)]
    made += [minute.gates.get((name, gate.id), GateCount()).window(place, gate.id) for gate in layout.gates]
    made += [minute.zones.get((name, zone.id), ZoneCount()).window(place, zone.id) for zone in layout.zones]
    by_role = {role: [zone.id for zone in layout.zones if zone.role == role] for role in ("queue", "counter")}
    made += [
        minute.queues.get((name, queue), QueueCount()).window(place, queue) for queue in by_role["queue"]
    ]
    if any(zone.role == "staff" for zone in layout.zones):
        made += [
            minute.counters.get((name, id), CounterCount()).window(place, id) for id in by_role["counter"]
        ]
    made += [minute.lanes.get((name, lane.id), LaneCount()).window(place, lane.id) for lane in layout.lanes]
    if layout.gates or layout.zones or not layout.lanes:  # nobody walks in a picture of lanes alone
        made.append(camera.heat_window(place, layout))
    return made
