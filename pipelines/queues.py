"""Queues: who stands in one, for how long, and whether they were served or gave up.

Place alone makes no member: people walk through a queue's zone. Whoever stands in it for a moment is a
member, and so is whoever stands close behind a member, even where the queue has outgrown its zone. A wait
begins when the member came into the zone and ends with the step into a service zone, or with going away
(definitions: research, counting §7). People in a queue hide each other and trackers exchange those who pass
by: a member's wait goes on with whoever is found in the member's place (`pipelines.stays`), and who left at
about the time at which somebody's service began was served.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.balking import Mouth
from pipelines.floor import Place, Plane
from pipelines.geometry import depth, inside
from pipelines.layout import Point, Zone
from pipelines.records import EndReason, QueuePulse, Wait, WaitOutcome
from pipelines.stays import Body, Gone, Stay, find
from pipelines.throughput import Throughput
from pipelines.zones import ZoneWatch

SLOW_MPS: Final = 0.4
SLOW_OVER_S: Final = 1.5
"""To stand is to move less than this on average over this long (research: counting §7)."""
JOIN_S: Final = 5.0
"""Who stands in the zone for this long is a member (research: counting §7)."""
BEHIND_M: Final = 1.2
"""Who stands this near behind a member is one at once (research: counting §7); it is a wait all the same
only from `JOIN_S` on."""
LEAVE_S: Final = 2.0
LEAVE_M: Final = 0.2
"""Outside by more than this for this long: gone, as with zones."""
SERVE_S: Final = 2.0
"""In a service zone for this long: being served."""
TO_SERVICE_S: Final = 4.0
"""The way from the queue to the service place may take this long."""
SERVED_BEFORE_S: Final = 1.0
"""And may be seen to end so much before they are last seen in the queue."""
ABANDON_S: Final = 10.0
"""A shorter wait that ends unserved is no abandonment (research: counting §7)."""


@dataclass(slots=True)
class _Person:
    """One track, as far as a queue cares."""

    body: Body
    born: float
    recent: deque[tuple[float, Point]] = field(default_factory=deque)
    metre: float = 1.0
    unseen: bool = False
    """Nobody saw it come into the picture."""
    slow_since: float | None = None
    stay: Stay | None = None
    """Its stay in the queue; `counted` once it is a member."""
    service_since: float | None = None
    served: bool = False
    """Seen being served, whether it waited for it or not."""

    @property
    def member(self) -> bool:
        return self.stay is not None and self.stay.counted


@dataclass(slots=True)
class QueueWatch:
    """One queue of one camera, fed with every sighting of every track. Its memory is that of the tracker
    and `FOUND_S`."""

    camera: str
    zone: Zone
    plane: Plane
    service: Sequence[Zone] = ()
    """Where its members are served; without one nobody is known to be served."""
    others: Sequence[Zone] = ()
    """Zones of other roles: who stands there does not stand in a tail that has outgrown the queue's zone."""
    mouth: Mouth = field(default_factory=Mouth)
    _polygon: tuple[Point, ...] = field(init=False)
    _service: list[ZoneWatch] = field(init=False)
    _claimed: deque[float] = field(default_factory=lambda: deque(maxlen=50))
    """When the service began of those whose wait is known to have ended with it."""
    _others: list[tuple[Point, ...]] = field(init=False)
    _head: Point = field(init=False)
    """Where the queue goes to."""
    _people: dict[int, _Person] = field(default_factory=dict)
    _gone: list[Gone] = field(default_factory=list)
    """Members whom nobody sees any more."""
    _pace: Throughput = field(default_factory=Throughput)
    _length_seconds: float = 0.0
    _observed: float = 0.0
    _peak: int = 0

    def __post_init__(self) -> None:
        self._polygon = self._drawn(self.zone)
        self._service = [ZoneWatch(self.camera, zone, self.plane) for zone in self.service]
        self._others = [self._drawn(zone) for zone in self.others]
        corners = [corner for zone in self.service for corner in self._drawn(zone)] or self._polygon
        self._head = (
            sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)
        )  # fmt: skip

    def _drawn(self, zone: Zone) -> tuple[Point, ...]:
        return tuple(self.plane.point(corner) for corner in zone.polygon)

    @property
    def length(self) -> int:
        """How many wait, those included who are hidden for a moment."""
        here = sum(person.member for person in self._people.values())
        return here + sum(gone.vanished for gone in self._gone)

    def sight(
        self,
        t: float,
        track: int,
        place: Place,
        *,
        at_edge: bool = False,
        cold: bool = False,
        staff: bool = False,
    ) -> list[Wait]:
        """A confirmed track was seen at a place. `at_edge`: its box touches the picture's edge. `cold`: it
        was there when the camera began to look. `staff`: it is known to be staff, who do not queue."""
        if staff:
            self._people.pop(track, None)
            return []
        person, jumped = self._people.get(track), False
        if person is None:
            person = self._people[track] = _Person(Body.first(t, place, at_edge), t, unseen=cold)
        else:
            jumped = person.body.move(t, place)
        self._move(t, person, place)
        for service in self._service:
            service.sight(t, track, place, at_edge, cold)
        waits = self._in_service(t, track, person)
        if person.service_since is None:
            self._in_queue(t, track, person, place, jumped)
        if not person.member and not person.served and (tail := self._tail()) is not None:
            balk_t = self.mouth.sight(t, track, place, tail=tail, head=self._head, length=self.length)
            if balk_t is not None:
                waits.append(Wait(self.camera, self.zone.id, balk_t, balk_t, "balked", False, track))
        return waits

    def _move(self, t: float, person: _Person, place: Place) -> None:
        """Note since when the person stands."""
        person.metre = place.metre
        recent = person.recent
        recent.append((t, place.point))
        while len(recent) > 2 and t - recent[1][0] >= SLOW_OVER_S:
            recent.popleft()
        began, from_ = recent[0]
        if t - began < SLOW_OVER_S:
            return
        if math.dist(place.point, from_) / place.metre < SLOW_MPS * (t - began):
            person.slow_since = began if person.slow_since is None else person.slow_since
        else:
            person.slow_since = None

    def _in_service(self, t: float, track: int, person: _Person) -> list[Wait]:
        """Being served ends the wait, at the first step into the service zone."""
        stays = [stay for service in self._service if (stay := service.of(track)) is not None]
        if not stays or stays[0].outside_since is not None:
            person.service_since = None
            return []
        began = person.service_since = stays[0].t_in
        if t - began >= JOIN_S and not person.served:
            person.served = True
            self._pace.serve(began)
        if t - began < SERVE_S or person.stay is None:
            return []
        self._claimed.append(began)
        stay, person.stay = person.stay, None
        return self._end(stay, "served", max(began, stay.last_t))

    def _in_queue(self, t: float, track: int, person: _Person, place: Place, jumped: bool) -> None:
        stay, point = person.stay, place.point
        if inside(self._polygon, point) or self._in_tail(track, person):
            if stay is None:
                unseen = person.unseen and person.born == t
                stay = person.stay = Stay(
                    track=track, t_in=t, arrived=not unseen, unseen=unseen, body=person.body, last_t=t,
                    last=point, metre=place.metre, edge=False,
                )  # fmt: skip
            stay.sight(t, place, False)
            if not stay.counted and person.slow_since is not None:
                stood = t - max(person.slow_since, stay.t_in)
                stay.counted = stood >= JOIN_S or (
                    stood >= SLOW_OVER_S and self._behind(track, person) is not None
                )
            return
        if stay is None or depth(self._polygon, point) > -LEAVE_M * place.metre:
            return  # on the border: neither in nor out
        if stay.outside_since is None:
            stay.outside_since, stay.jumped_out = t, jumped
        if t - stay.last_t >= (TO_SERVICE_S if self._service else LEAVE_S):
            self._leave(person, "left")

    def _leave(self, person: _Person, reason: EndReason) -> None:
        if person.stay is not None and person.stay.counted:
            self._gone.append(Gone(person.stay, reason))
        person.stay = None

    def _served_at(self, left_t: float) -> float | None:
        """When a service began that nobody's wait led to, of somebody who left the queue at `left_t`: the
        number was lost on the way."""
        began = [
            stay.t_in
            for service in self._service
            for stay in service.stays
            if stay.t_in not in self._claimed
            and stay.last_t - stay.t_in >= SERVE_S
            and -SERVED_BEFORE_S <= stay.t_in - left_t <= TO_SERVICE_S
        ]
        return min(began, default=None)

    def _settle(self, gone: Gone) -> list[Wait]:
        """Nobody was found who is the member: the wait is over."""
        stay = gone.stay
        began = self._served_at(stay.last_t) if gone.reason != "closed" and stay.counted else None
        if began is not None:
            self._claimed.append(began)
            return self._end(stay, "served", max(began, stay.last_t))
        if gone.reason != "left" or stay.jumped_out:
            return self._end(stay, "closed" if gone.reason == "closed" else "lost", stay.last_t)
        waited = stay.last_t - stay.t_in
        real = self._service and waited >= ABANDON_S
        return self._end(stay, "abandoned" if real else "left", stay.last_t)

    def _in_tail(self, track: int, person: _Person) -> bool:
        """Whether somebody outside the zone stands behind a member, or has and still does."""
        if person.slow_since is None or any(inside(other, person.body.point) for other in self._others):
            return False
        ahead = self._behind(track, person)
        if ahead is None:
            return False
        return math.dist(person.body.point, self._head) > math.dist(ahead.body.point, self._head)

    def _behind(self, track: int, person: _Person) -> _Person | None:
        """The nearest other member within reach."""
        reach = BEHIND_M * person.metre
        near = [
            (apart, other_track)
            for other_track, other in self._people.items()
            if other.member
            and other_track != track
            and (apart := math.dist(other.body.point, person.body.point)) <= reach
        ]
        return self._people[min(near)[1]] if near else None

    def _tail(self) -> Point | None:
        """Where the last of the queue stands."""
        places = [person.body.point for person in self._people.values() if person.member]
        return max(places, key=lambda place: math.dist(place, self._head), default=None)

    def _end(self, stay: Stay, outcome: WaitOutcome, t_out: float) -> list[Wait]:
        """The stay is over; a wait if it was a member's."""
        if not stay.counted or t_out - stay.t_in < JOIN_S:
            return []
        censored = stay.unseen or outcome != "served"
        return [Wait(self.camera, self.zone.id, stay.t_in, t_out, outcome, censored, stay.track)]

    def forget(self, track: int, closing: bool = False) -> list[Wait]:
        """A track ended, or (`closing`) the camera stopped looking."""
        self.mouth.forget(track)
        for service in self._service:
            service.forget(track, closing)
        person = self._people.pop(track, None)
        if person is None or person.stay is None:
            return []
        if person.service_since is not None:
            self._claimed.append(person.service_since)
            return self._end(person.stay, "served", max(person.service_since, person.stay.last_t))
        if person.stay.outside_since is not None:
            self._leave(person, "left")
        else:
            self._leave(person, "closed" if closing else "lost")
        return []

    def pass_time(self, t: float, dt: float) -> list[Wait]:
        """Add `dt` observed seconds that end at `t`; the waits that have ended for good."""
        for service in self._service:
            service.settle(t)
        waits: list[Wait] = []
        if self._gone:
            here = [person.stay for person in self._people.values() if person.stay is not None]
            waits += [wait for gone in find(self._gone, here) for wait in self._settle(gone)]
            waits += [wait for gone in self._gone if t > gone.until for wait in self._settle(gone)]
            self._gone = [gone for gone in self._gone if t <= gone.until]
        length = self.length
        self._length_seconds += length * dt
        self._observed += dt
        self._peak = max(self._peak, length)
        return waits

    def close(self) -> list[Wait]:
        """The camera stops: nobody will be found any more."""
        waits = [wait for gone in self._gone for wait in self._settle(gone)]
        self._gone.clear()
        return waits

    def take_pulse(self, t: float) -> QueuePulse:
        """The queue since the last call."""
        self._pace.observe(t, self._observed)
        length = self.length
        pulse = QueuePulse(length, max(self._peak, length), self._length_seconds, self._pace.wait_of(length))
        self._peak, self._length_seconds, self._observed = 0, 0.0, 0.0
        return pulse
