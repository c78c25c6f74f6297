"""What really happened, read from the exact paths.

A **crossing** happens when a floor point goes from clearly one side of a gate to clearly the other, clearly
being `CLEAR_M` (half a shoulder) or more from the line, and was on the gate's segment when it was last on
the line. Turning back before that, standing on the line, walking along it or round its end is none.

A **visit** is a stay of the floor point in a zone. Stepping out for less than `OUT_S`, or never by more than
`OUT_M`, does not end it (research: counting §7). A stay shorter than the zone's `min_stay_s` is a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.layout import Point, ZoneRole
from tests.scoring.events import TrueCrossing
from tests.sim.crowd import TICK_S, Floats, Paths, Plan

CLEAR_M: Final = 0.25
OUT_S: Final = 2.0
OUT_M: Final = 0.2
SLOW_MPS: Final = 0.4
SLOW_OVER_S: Final = 1.5
SLOW_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class FloorGate:
    """A gate on the floor, in metres; `inside` is a floor point on its inner side."""

    id: str
    a: Point
    b: Point
    inside: Point

    def measure(self, xy: Floats) -> tuple[Floats, Floats]:
        """(n, 2) metres to the (n,) signed distance from the line, positive inside, and the (n,) place
        along it, 0 at a and 1 at b."""
        a, along = np.array(self.a), np.array(self.b) - np.array(self.a)
        length = float(np.hypot(*along))
        normal = np.array([-along[1], along[0]]) / length
        normal *= np.sign((np.array(self.inside) - a) @ normal)
        return (xy - a) @ normal, (xy - a) @ along / length**2


@dataclass(frozen=True, slots=True)
class FloorZone:
    """A zone on the floor, in metres."""

    id: str
    role: ZoneRole
    polygon: tuple[Point, ...]
    min_stay_s: float = 2.0

    def outside_by(self, xy: Floats) -> Floats:
        """(n, 2) metres to the (n,) distance from the polygon, 0 inside."""
        corners = np.array(self.polygon)
        ends = np.roll(corners, -1, axis=0)
        inside = np.zeros(len(xy), np.bool_)
        nearest = np.full(len(xy), np.inf)
        for a, b in zip(corners, ends, strict=True):
            crosses = (a[1] > xy[:, 1]) != (b[1] > xy[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= crosses & (xy[:, 0] < (b[0] - a[0]) * (xy[:, 1] - a[1]) / (b[1] - a[1]) + a[0])
            along = b - a
            part = np.clip((xy - a) @ along / (along @ along), 0, 1)
            nearest = np.minimum(nearest, np.hypot(*(xy - a - part[:, None] * along).T))
        return np.where(inside, 0.0, nearest)


@dataclass(frozen=True, slots=True)
class TrueVisit:
    """A stay in a zone, times in seconds. `passing` is one shorter than the zone's `min_stay_s`."""

    zone: str
    role: ZoneRole
    t_in: float
    t_out: float
    person: int
    behaviour: str
    passing: bool

    @property
    def dwell_s(self) -> float:
        """How long the stay was."""
        return self.t_out - self.t_in


@dataclass(frozen=True, slots=True)
class TrueWait:
    """Somebody entered a queue zone at `t_in` and stood: served at `t_served`, or gave up at `t_out`."""

    zone: str
    t_in: float
    t_out: float
    t_served: float | None
    person: int

    @property
    def wait_s(self) -> float:
        """Joining to service, or to giving up."""
        return (self.t_out if self.t_served is None else self.t_served) - self.t_in


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that happened, each ordered by time."""

    crossings: tuple[TrueCrossing, ...]
    visits: tuple[TrueVisit, ...] = ()
    waits: tuple[TrueWait, ...] = ()


def crossings(paths: Paths, plans: Sequence[Plan], gates: Sequence[FloorGate]) -> list[TrueCrossing]:
    """All crossings of all gates, ordered by time."""
    found = [
        event
        for gate in gates
        for person in range(paths.persons)
        for event in _crossings_of(*paths.of(person), gate, person, plans[person].behaviour)
    ]
    return sorted(found, key=lambda event: event.t)


def _crossings_of(
    t: Floats, xy: Floats, gate: FloorGate, person: int, behaviour: str
) -> Iterator[TrueCrossing]:
    deep, along = gate.measure(xy)
    clear = np.flatnonzero(np.abs(deep) >= CLEAR_M)
    side = np.sign(deep[clear])
    for k in np.flatnonzero(side[1:] != side[:-1]):
        left, reached = int(clear[k]), int(clear[k + 1])
        crossing = np.flatnonzero(np.diff(np.sign(deep[left : reached + 1])))
        last = left + int(crossing[-1])
        part = deep[last] / (deep[last] - deep[last + 1])
        place = along[last] + part * (along[last + 1] - along[last])
        if not 0.0 <= place <= 1.0:
            continue
        old, new = side[k] * CLEAR_M, side[k + 1] * CLEAR_M
        yield TrueCrossing(
            gate=gate.id,
            direction="in" if new > 0 else "out",
            t=float(t[last] + part * (t[last + 1] - t[last])),
            t_from=_when(t, deep, left, old),
            t_to=_when(t, deep, reached - 1, new),
            person=person,
            behaviour=behaviour,
        )


def _when(t: Floats, deep: Floats, i: int, level: float) -> float:
    """When the depth passed a level between the rows i and i + 1."""
    return float(t[i] + (level - deep[i]) / (deep[i + 1] - deep[i]) * (t[i + 1] - t[i]))


def visits(paths: Paths, plans: Sequence[Plan], zones: Sequence[FloorZone]) -> list[TrueVisit]:
    """All stays in all zones, ordered by their beginning."""
    found: list[TrueVisit] = []
    for zone in zones:
        apart = zone.outside_by(paths.xy)
        for person in range(paths.persons):
            rows = slice(paths.first[person], paths.first[person + 1])
            for t_in, t_out in _stays(paths.t[rows], apart[rows]):
                passing = t_out - t_in < zone.min_stay_s
                found.append(
                    TrueVisit(zone.id, zone.role, t_in, t_out, person, plans[person].behaviour, passing)
                )
    return sorted(found, key=lambda visit: visit.t_in)


def _stays(t: Floats, apart: Floats) -> list[tuple[float, float]]:
    """From the distances to a zone, the stays in it, to a tick."""
    inside = apart == 0
    if not inside.any():
        return []
    edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    stays = [(int(begins[0]), int(ends[0]))]
    for begin, end in zip(begins[1:], ends[1:], strict=True):
        gap = slice(stays[-1][1], begin)
        if t[begin] - t[stays[-1][1] - 1] < OUT_S or apart[gap].max() <= OUT_M:
            stays[-1] = (stays[-1][0], int(end))
        else:
            stays.append((int(begin), int(end)))
    return [(float(t[begin]), float(t[end - 1])) for begin, end in stays]


def waits(paths: Paths, stays: Sequence[TrueVisit]) -> list[TrueWait]:
    """The stays in queue zones that were a wait: at most `SLOW_MPS` (mean of `SLOW_OVER_S`) for `SLOW_S`
    on end (research: counting §7). Served when the same person's stay in a service zone began then."""
    service = [visit for visit in stays if visit.role == "service" and not visit.passing]
    found = []
    for visit in stays:
        if visit.role != "queue" or not _stood(*paths.of(visit.person), visit):
            continue
        served = [
            s.t_in
            for s in service
            if s.person == visit.person and visit.t_in <= s.t_in <= visit.t_out + OUT_S
        ]
        found.append(TrueWait(visit.zone, visit.t_in, visit.t_out, min(served, default=None), visit.person))
    return found


def _stood(t: Floats, xy: Floats, visit: TrueVisit) -> bool:
    there = xy[(t >= visit.t_in) & (t <= visit.t_out)]
    over, long = round(SLOW_OVER_S / TICK_S), round(SLOW_S / TICK_S)
    if len(there) < over + long:
        return False
    slow = np.hypot(*(there[over:] - there[:-over]).T) / SLOW_OVER_S <= SLOW_MPS
    edges = np.diff(np.concatenate([[0], slow.astype(np.int8), [0]]))
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return bool(len(runs)) and int(runs.max()) >= long - over
