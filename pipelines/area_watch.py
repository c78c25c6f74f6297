"""One area as it is now: how many are in it, whether it is too full, and when it is surely empty.

Windows tell the same numbers a minute later (pipelines/occupancy.py); here they are known at once, and each
window that is sealed corrects them. Time that nobody observed changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipelines.layout import Area
from pipelines.occupancy import Move
from pipelines.patrol import Alarm, Held, Hours
from pipelines.records import MINUTE_S, Crossing, Event, Fact, OccupancyWindow, Pulse

EMPTY_S: Final = 900.0
"""Closed, and every camera of the area observed for so long without anybody: it is empty."""
SETTLE_S: Final = 5.0
"""A crossing may be told so long after it was made: what is known of an empty area is known of then."""
FULL_S: Final = (10.0, 30.0)
"""Too many for so long before it is an event, and fewer for so long before it is over."""
STEP_S: Final = 2.0
"""Pulses come about once a second; a longer time between two was not watched."""
OVER_CAPACITY: Final = "over_capacity"


@dataclass(slots=True)
class AreaWatch:
    """One area, fed with the facts of all cameras."""

    area: Area
    hours: Hours | None = None
    base: int = 0
    """How many were in it when the last sealed minute ended."""
    sealed_until: float = 0.0
    alarm: Alarm = field(init=False)
    _later: list[Move] = field(default_factory=list)
    """Crossings since then."""
    _quiet: dict[str, float] = field(default_factory=dict)
    """Observed seconds of each of its cameras without anybody since closing."""
    _emptied_at: float | None = None
    """The newest moment at which it was surely empty."""
    _truth: float | None = None
    """The same, until it was taken."""
    _full: Held = field(default_factory=lambda: Held(*FULL_S))
    _full_since: float | None = None
    _t: float | None = None

    def __post_init__(self) -> None:
        self.alarm = Alarm(OVER_CAPACITY, None, self.area.id)
        self._quiet = {camera: 0.0 for camera, _ in (*self.area.gates, *self.area.zones)}

    @property
    def now(self) -> int:
        """How many are in it."""
        known_at, now = self._emptied_at, self.base
        for move in sorted(self._later, key=lambda move: (move.t, -move.by)):
            if known_at is not None and move.t > known_at:
                now, known_at = 0, None
            now = max(0, now + move.by)
        return 0 if known_at is not None else now

    def see(self, fact: Fact) -> list[Event]:
        """What a crossing or pulse gives rise to."""
        match fact:
            case Crossing() if (fact.camera, fact.gate) in self.area.gates:
                self._later.append(Move.of(fact))
                self._wake()
            case Pulse() if fact.camera in self._quiet and fact.observed_s > 0:
                return self._watch(fact)
        return []

    def take_empty(self) -> float | None:
        """When the area was surely empty: the store is closed and nobody has moved in it for long enough.
        Each moment is told once."""
        truth, self._truth = self._truth, None
        return truth

    def correct(self, window: OccupancyWindow) -> None:
        """A minute of the area was sealed: its end is where counting goes on from."""
        self.base, self.sealed_until = window.now, float(window.start + MINUTE_S)
        self._later = [move for move in self._later if move.t >= self.sealed_until]
        if self._emptied_at is not None and self._emptied_at < self.sealed_until:
            self._emptied_at = None

    def _watch(self, pulse: Pulse) -> list[Event]:
        if self.hours is None or self.hours(pulse.t) is not None or pulse.persons_peak > 0:
            self._wake()
        else:
            self._quiet[pulse.camera] += pulse.observed_s
            if all(seconds >= EMPTY_S for seconds in self._quiet.values()):
                self._emptied_at = self._truth = pulse.t - SETTLE_S
        dt = 0.0 if self._t is None else min(max(pulse.t - self._t, 0.0), STEP_S)
        self._t = pulse.t
        return [] if self.area.capacity is None else self._judge(pulse.t, dt, self.area.capacity)

    def _judge(self, t: float, dt: float, capacity: int) -> list[Event]:
        """Too full, or no more: then there must be room again for a few."""
        now, under_way = self.now, self.alarm.event is not None
        self._full.on = under_way
        full = now > capacity - under_way * (1 + capacity // 50)
        if not full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = t
        if self._full.see(full, dt):
            return self.alarm.begin(self._full_since or t, people=now, capacity=capacity)
        return self.alarm.end(t, "room")

    def _wake(self) -> None:
        """Somebody moved, or the store is open."""
        for camera in self._quiet:
            self._quiet[camera] = 0.0


def closed_between(hours: Hours | None, since: float, until: float) -> bool:
    """Whether the store was closed for `EMPTY_S` at a stretch somewhere between: whoever was in it before is
    not any more. Looks at the two days before `until` only."""
    if hours is None:
        return False
    closed_s, step = 0.0, EMPTY_S / 3
    t = max(since, until - 2 * 86_400)
    while t <= until:
        closed_s = closed_s + step if hours(t) is None else 0.0
        if closed_s > EMPTY_S:
            return True
        t += step
    return False
