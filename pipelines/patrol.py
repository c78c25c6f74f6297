"""The walking inspector's rules: counters attended and opened in time, quiet at night, queues not too long.

Fed with the pulses of all cameras, about one a second each. Every event has a start, an end and a reason.
States change only after they have held for a while, so nothing flaps. Time that nobody observed neither
raises nor ends an event: a blind camera knows nothing (research: retail §2). What is known late is dated
back: an event begins and ends when people came and went, not when that was certain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from pipelines.layout import CameraLayout, Zone
from pipelines.records import Attendance, Event, Fact, Pulse

Span = tuple[float, float]
"""From opening to closing, in the scale of the pulses' `t`."""
Hours = Callable[[float], Span | None]
"""The opening span that a time lies in; None while the store is closed."""

BLIND_S: Final = 10.0
"""After a longer hole in what was observed, what was about to be noticed begins anew."""
COVERAGE: Final = 0.8
"""Share of a stretch of time that must have been observed to say that nobody was there in it."""
STAFF_S: Final = (2.0, 10.0)
CUSTOMERS_S: Final = (3.0, 10.0)
LONG_S: Final = (30.0, 30.0)
MOVING_S: Final = (10.0, 60.0)
"""How long somebody must be there before they are, and gone before they are not."""
KNOWN_S: Final = max(STAFF_S[1], CUSTOMERS_S[0])
"""An unattended counter is known so late at most."""


@dataclass(frozen=True, slots=True)
class PatrolRules:
    """What a store expects of its counters; seconds."""

    opened_late_s: float = 900.0
    """Nobody at the counter for this long after opening."""
    closed_early_s: float = 900.0
    """Nobody at the counter for this long before closing."""
    after_hours_s: float = 3600.0
    """How long before opening and after closing people may still be about."""


@dataclass(slots=True)
class Held:
    """A state that changes only when it has been otherwise for a while."""

    on_s: float
    off_s: float
    on: bool = False
    since: float = -math.inf
    """When the newest sign of the present state, or of its end, began."""
    _against_s: float = 0.0

    def see(self, now: bool, seconds: float, t: float = 0.0) -> bool:
        """The state after so many more observed seconds of `now`, up to `t`."""
        if now != self.on and self._against_s == 0.0:
            self.since = t - seconds
        self._against_s = 0.0 if now == self.on else self._against_s + seconds
        if now != self.on and self._against_s >= (self.on_s if now else self.off_s):
            self.on, self._against_s = now, 0.0
        return self.on

    @property
    def doubtful(self) -> bool:
        """Whether there are signs of its end."""
        return self._against_s > 0.0

    def forget(self) -> None:
        """Nobody watched: what was about to change starts anew."""
        self._against_s = 0.0


@dataclass(slots=True)
class Alarm:
    """One kind of event about one thing, under way or not."""

    name: str
    camera: str | None
    scope: str | None
    event: Event | None = None

    def begin(self, t: float, **detail: str | float) -> list[Event]:
        """It begins, unless it is under way."""
        if self.event is not None:
            return []
        self.event = Event(self.name, t, self.camera, self.scope, detail=detail)
        return [self.event]

    def end(self, t: float, reason: str) -> list[Event]:
        """It ends, if it is under way: the same event with its end and the reason."""
        if self.event is None:
            return []
        begun, self.event = self.event, None
        return [replace(begun, t_end=max(t, begun.t), detail={**begun.detail, "reason": reason})]


@dataclass(slots=True)
class CounterWatch:
    """One counter and the staff zones behind it."""

    camera: str
    zone: Zone
    staff_zones: tuple[str, ...]
    queues: tuple[str, ...]
    rules: PatrolRules
    hours: Hours | None
    unattended: Alarm = field(init=False)
    late: Alarm = field(init=False)
    _staff: Held = field(default_factory=lambda: Held(*STAFF_S))
    _customers: Held = field(default_factory=lambda: Held(*CUSTOMERS_S))
    _since: float | None = None
    """When customers began to wait with nobody there."""
    _waited_s: float = 0.0
    _span: Span | None = None
    _opened: bool = False
    """Whether the span began with an opening: not where the store never closes."""
    _checked_late: bool = False
    _staff_seen_at: float | None = None
    _morning_s: float = 0.0
    _evening_s: float = 0.0

    def __post_init__(self) -> None:
        self.unattended = Alarm("counter_unattended", self.camera, self.zone.id)
        self.late = Alarm("opened_late", self.camera, self.zone.id)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What may be under way."""
        return self.unattended, self.late

    def resume(self, event: Event) -> None:
        """Go on with an event that had begun before a restart: its customers are taken to be there still."""
        self._customers.on |= event.name == self.unattended.name

    def see(self, pulse: Pulse, gap: bool) -> list[Event | Attendance]:
        """One pulse; `gap`: there was a hole before it."""
        if gap:
            self._staff.forget()
            self._customers.forget()
            self._since, self._waited_s = None, 0.0
        here = pulse.zones.get(self.zone.id)
        behind = sum(pulse.zones[name].now for name in self.staff_zones if name in pulse.zones)
        before = here.now - here.staff if here is not None else 0
        before += sum(pulse.queues[name].now for name in self.queues if name in pulse.queues)
        working = behind > 0 or (here is not None and here.staff > 0)
        staff = self._staff.see(working, pulse.observed_s, pulse.t)
        customers = self._customers.see(before > 0, pulse.observed_s, pulse.t)
        told: list[Event | Attendance] = [
            Attendance(
                self.camera, self.zone.id, pulse.t,
                attended_s=pulse.observed_s if staff else 0.0,
                unattended_s=0.0 if staff else pulse.observed_s,
                waiting_s=pulse.observed_s if customers and not staff else 0.0,
            )
        ]  # fmt: skip
        told += self._attendance(pulse, staff, customers, before)
        if self.hours is not None:
            told += self._keep_hours(pulse, staff, self.hours(pulse.t))
        return told

    def _attendance(self, pulse: Pulse, staff: bool, customers: bool, waiting: int) -> list[Event]:
        is_open = self.hours is None or self.hours(pulse.t) is not None
        if customers and not staff and is_open:
            if self._since is None:
                # Known late, by the time that a state must hold; that time was observed.
                known = pulse.t - pulse.observed_s
                self._since = min(known, max(self._customers.since, self._staff.since, known - KNOWN_S))
                self._waited_s = known - self._since
            self._waited_s += pulse.observed_s
            doubtful = self._customers.doubtful or self._staff.doubtful
            if self._waited_s < self.zone.unattended_s or doubtful:
                return []
            return self.unattended.begin(self._since, waiting=waiting)
        self._since, self._waited_s = None, 0.0
        if staff:
            return self.unattended.end(self._staff.since, "attended")
        return self.unattended.end(pulse.t, "closed") if not is_open else self.unattended.end(
            self._customers.since, "left"
        )  # fmt: skip

    def _keep_hours(self, pulse: Pulse, staff: bool, span: Span | None) -> list[Event]:
        told: list[Event] = []
        if span != self._span:
            told += self._close(pulse.t, span)
            self._opened = span is not None and (self._span is None or span[0] > self._span[1])
            self._span, self._checked_late = span, False
            self._staff_seen_at, self._morning_s, self._evening_s = None, 0.0, 0.0
        if span is None:
            return told
        opens, closes = span
        if staff:
            self._staff_seen_at = pulse.t if not self._staff.doubtful else self._staff.since
            told += self.late.end(self._staff.since, "attended")
        if pulse.t <= opens + self.rules.opened_late_s:
            self._morning_s += pulse.observed_s
        elif not self._checked_late:
            self._checked_late = True
            watched = self._morning_s >= COVERAGE * self.rules.opened_late_s
            if self._opened and watched and self._staff_seen_at is None:
                told += self.late.begin(opens)
        if pulse.t > closes - self.rules.closed_early_s:
            self._evening_s += pulse.observed_s
        return told

    def _close(self, t: float, following: Span | None) -> list[Event]:
        """The span is over."""
        if self._span is None:
            return []
        closes = self._span[1]
        if following is not None and following[0] <= closes:
            return []  # a store that never closes does not close early
        told = self.late.end(min(t, closes), "closed")
        watched = self._evening_s >= COVERAGE * self.rules.closed_early_s
        left = self._staff_seen_at
        if watched and left is not None and left <= closes - self.rules.closed_early_s:
            early = Event("closed_early", left, self.camera, self.zone.id, closes, {"reason": "nobody"})
            told.append(early)
        return told


@dataclass(slots=True)
class LongQueue:
    """One queue: is it too long?"""

    camera: str
    zone: Zone
    alarm: Alarm = field(init=False)
    _long: Held = field(default_factory=lambda: Held(*LONG_S))
    _since: float | None = None

    def __post_init__(self) -> None:
        self.alarm = Alarm("queue_long", self.camera, self.zone.id)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What may be under way."""
        return (self.alarm,)

    def see(self, pulse: Pulse, gap: bool) -> list[Event]:
        """One pulse. It ends when it has been shorter by one than where it began."""
        queue = pulse.queues.get(self.zone.id)
        if queue is None:
            return []
        if gap:
            self._long.forget()
            self._since = None
        under_way = self.alarm.event is not None
        self._long.on = under_way
        many = queue.now >= max(1, self.zone.long_from - under_way)
        if not many:
            self._since = None
        elif self._since is None:
            self._since = pulse.t - pulse.observed_s
        if self._long.see(many, pulse.observed_s, pulse.t):
            return self.alarm.begin(self._since or pulse.t, people=queue.now)
        return self.alarm.end(self._long.since, "shorter")


@dataclass(slots=True)
class NightWatch:
    """One camera: does anybody move while the store is closed?"""

    camera: str
    rules: PatrolRules
    hours: Hours
    alarm: Alarm = field(init=False)
    _moving: Held = field(default_factory=lambda: Held(*MOVING_S))
    _since: float | None = None

    def __post_init__(self) -> None:
        self.alarm = Alarm("movement_after_hours", self.camera, None)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What may be under way."""
        return (self.alarm,)

    def see(self, pulse: Pulse, gap: bool) -> list[Event]:
        """One pulse."""
        margin = self.rules.after_hours_s
        if any(self.hours(t) is not None for t in (pulse.t - margin, pulse.t, pulse.t + margin)):
            self._moving = Held(*MOVING_S)
            self._since = None
            return self.alarm.end(pulse.t, "hours")
        if gap:
            self._moving.forget()
            self._since = None
        self._moving.on = self.alarm.event is not None
        if pulse.persons_peak == 0:
            self._since = None
        elif self._since is None:
            self._since = pulse.t - pulse.observed_s
        if self._moving.see(pulse.persons_peak > 0, pulse.observed_s, pulse.t):
            return self.alarm.begin(self._since or pulse.t, people=pulse.persons_peak)
        return self.alarm.end(self._moving.since, "quiet")


class Patrol:
    """All counters, queues and cameras of a box."""

    def __init__(
        self,
        layouts: Iterable[CameraLayout],
        hours: Hours | None = None,
        rules: PatrolRules | None = None,
        under_way: Iterable[Event] = (),
    ) -> None:
        """`hours` None: the opening hours are not known, and no rule asks for them. `under_way`: events that
        had begun when the process was last stopped; they go on until they are seen to end."""
        rules = rules or PatrolRules()
        self._last: dict[str, float] = {}
        self._watches: dict[str, list[CounterWatch | LongQueue | NightWatch]] = {}
        for layout in layouts:
            watches = self._watches.setdefault(layout.camera, [])
            watches += [counter for zone in layout.zones for counter in _counter(layout, zone, rules, hours)]
            watches += [LongQueue(layout.camera, zone) for zone in layout.zones if zone.role == "queue"]
            if hours is not None:
                watches.append(NightWatch(layout.camera, rules, hours))
        begun = {(event.name, event.camera, event.scope): event for event in under_way}
        for watch in (watch for watches in self._watches.values() for watch in watches):
            for alarm in watch.alarms:
                alarm.event = begun.get((alarm.name, alarm.camera, alarm.scope))
                if alarm.event is not None and isinstance(watch, CounterWatch):
                    watch.resume(alarm.event)

    def see(self, fact: Fact) -> list[Event | Attendance]:
        """What a pulse gives rise to; nothing for any other fact, nor for a pulse without observation."""
        if not isinstance(fact, Pulse) or fact.observed_s <= 0:
            return []
        last = self._last.get(fact.camera)
        gap = last is not None and fact.t - fact.observed_s - last > BLIND_S
        self._last[fact.camera] = fact.t
        told: list[Event | Attendance] = []
        for watch in self._watches.get(fact.camera, ()):
            told += watch.see(fact, gap)
        return told


NAMES: Final = ("counter_unattended", "opened_late", "queue_long", "movement_after_hours")
"""The events that begin and end."""


def _counter(layout: CameraLayout, zone: Zone, rules: PatrolRules, hours: Hours | None) -> list[CounterWatch]:
    """The watch over a counter with a staff zone; without one nobody can say whether it is attended."""
    if zone.role != "counter":
        return []
    staff = tuple(z.id for z in layout.zones if z.role == "staff" and zone.staff in {None, z.id})
    queues = tuple(z.id for z in layout.zones if z.role == "queue" and zone.queue in {None, z.id})
    return [CounterWatch(layout.camera, zone, staff, queues, rules, hours)] if staff else []
