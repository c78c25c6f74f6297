"""Queues: who stands in one, for how long, and whether they were served or gave up.

Place alone makes no member: people walk through a queue's zone. Whoever stands in it for a moment is a
member, and so is whoever stands close behind a member, even where the queue has outgrown its zone. A wait
begins when the member came into the zone and ends with the step into a service zone, or with going away
(definitions: research, counting §7). People in a queue hide each other; who is lost and found again at the
same place waits on.
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
from pipelines.records import QueuePulse, Wait, WaitOutcome
from pipelines.throughput import Throughput

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
SERVE_S: Final = 1.0
"""In a service zone for this long: being served."""
TO_SERVICE_S: Final = 4.0
"""The way from the queue to the service place may take this long."""
ABANDON_S: Final = 10.0
"""A shorter wait that ends unserved is no abandonment (research: counting §7)."""
FOUND_S: Final = 10.0
FOUND_M: Final = 1.0
SWAP_S: Final = 2.0
"""When one takes another's number, who stands in the other's place came there at about the time that it was
left."""
"""Somebody new this soon after a member was lost and this near to where is the member."""


@dataclass(slots=True)
class _Person:
    """One track, as far as a queue cares."""

    born: float
    first: Point
    point: Point
    metre: float
    recent: deque[tuple[float, Point]] = field(default_factory=deque)
    t_in: float | None = None
    """Beginning of the stay in the queue."""
    unseen: bool = False
    """Nobody saw it begin."""
    last_in: float = 0.0
    away_since: float | None = None
    slow_since: float | None = None
    stood: Point = (0.0, 0.0)
    stood_until: float = -math.inf
    """Where and when last it stood in the queue."""
    member: bool = False
    service_since: float | None = None
    served: bool = False
    """Seen being served, whether it waited for it or not."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A member whom nobody sees any more, though nobody saw them go."""

    track: int
    t_in: float
    unseen: bool
    last_in: float
    point: Point
    metre: float


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
    _service: list[tuple[Point, ...]] = field(init=False)
    _others: list[tuple[Point, ...]] = field(init=False)
    _head: Point = field(init=False)
    """Where the queue goes to."""
    _people: dict[int, _Person] = field(default_factory=dict)
    _lost: list[_Lost] = field(default_factory=list)
    _pace: Throughput = field(default_factory=Throughput)
    _length_seconds: float = 0.0
    _observed: float = 0.0
    _peak: int = 0

    def __post_init__(self) -> None:
        self._polygon = self._drawn(self.zone)
        self._service = [self._drawn(zone) for zone in self.service]
        self._others = [self._drawn(zone) for zone in self.others]
        corners = [corner for polygon in self._service for corner in polygon] or self._polygon
        self._head = (
            sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)
        )  # fmt: skip

    def _drawn(self, zone: Zone) -> tuple[Point, ...]:
        return tuple(self.plane.point(corner) for corner in zone.polygon)

    @property
    def length(self) -> int:
        """How many wait, those included who are hidden for a moment."""
        return sum(person.member for person in self._people.values()) + len(self._lost)

    def sight(
        self, t: float, track: int, place: Place, *, cold: bool = False, staff: bool = False
    ) -> list[Wait]:
        """A confirmed track was seen at a place. `cold`: it was there when the camera began to look. `staff`:
        it is known to be staff, who do not queue."""
        if staff:
            self._people.pop(track, None)
            return []
        person = self._people.get(track)
        if person is None:
            person = self._people[track] = _Person(t, place.point, place.point, place.metre, unseen=cold)
            self._find(t, person)
        self._move(t, person, place)
        waits = self._in_service(t, track, person)
        if person.service_since is None:
            waits = self._in_queue(t, track, person)
        if not person.member and not person.served and (tail := self._tail()) is not None:
            balk_t = self.mouth.sight(t, track, place, tail=tail, head=self._head, length=self.length)
            if balk_t is not None:
                waits.append(Wait(self.camera, self.zone.id, balk_t, balk_t, "balked", False, track))
        return waits

    def _move(self, t: float, person: _Person, place: Place) -> None:
        """Note the place and since when the person stands."""
        person.point, person.metre = place.point, place.metre
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
        if not any(inside(polygon, person.point) for polygon in self._service):
            person.service_since = None
            return []
        if person.service_since is None:
            person.service_since = t
        stood = t - person.service_since
        if stood >= JOIN_S and not person.served:
            person.served = True
            self._pace.serve(person.service_since)
        if stood < SERVE_S or person.t_in is None:
            return []
        return self._end(track, person, "served", person.service_since)

    def _in_queue(self, t: float, track: int, person: _Person) -> list[Wait]:
        if inside(self._polygon, person.point) or self._in_tail(track, person):
            if person.t_in is None:
                person.t_in = t
                person.unseen = person.unseen and person.born == t
            person.last_in, person.away_since = t, None
            if person.slow_since is not None:
                person.stood_until, person.stood = person.recent[0]
            if not person.member and person.slow_since is not None:
                stood = t - max(person.slow_since, person.t_in)
                person.member = stood >= JOIN_S or (
                    stood >= SLOW_OVER_S and self._behind(track, person) is not None
                )
            return []
        if person.t_in is None:
            return []
        if depth(self._polygon, person.point) > -LEAVE_M * person.metre:
            return []  # on the border: neither in nor out
        if person.away_since is None:
            person.away_since = t
        if t - person.last_in < (TO_SERVICE_S if self._service else LEAVE_S):
            return []
        return self._go(track, person)

    def _go(self, track: int, person: _Person) -> list[Wait]:
        """Somebody went away unserved, or only the number did: when two pass each other the tracker may
        take one for the other. Who then stands where the member stood is the member."""
        if person.member and person.t_in is not None:
            reach = FOUND_M * person.metre
            for other in self._people.values():
                if (
                    other is not person
                    and other.t_in is not None
                    and other.slow_since is not None
                    and other.t_in >= person.stood_until - SWAP_S
                    and math.dist(other.point, person.stood) <= reach
                ):
                    other.t_in, other.unseen, other.member = person.t_in, person.unseen, True
                    person.member = False
                    break
        return self._end(track, person, self._unserved(person), person.last_in)

    def _unserved(self, person: _Person) -> WaitOutcome:
        waited = person.last_in - (person.t_in or 0.0)
        return "abandoned" if self._service and waited >= ABANDON_S else "left"

    def _in_tail(self, track: int, person: _Person) -> bool:
        """Whether somebody outside the zone stands behind a member, or has and still does."""
        if person.slow_since is None or any(inside(other, person.point) for other in self._others):
            return False
        ahead = self._behind(track, person)
        return ahead is not None and math.dist(person.point, self._head) > math.dist(ahead.point, self._head)

    def _behind(self, track: int, person: _Person) -> _Person | None:
        """The nearest other member within reach."""
        reach = BEHIND_M * person.metre
        near = [
            (apart, other_track)
            for other_track, other in self._people.items()
            if other.member
            and other_track != track
            and (apart := math.dist(other.point, person.point)) <= reach
        ]
        return self._people[min(near)[1]] if near else None

    def _tail(self) -> Point | None:
        """Where the last of the queue stands."""
        places = [person.point for person in self._people.values() if person.member]
        return max(places, key=lambda place: math.dist(place, self._head), default=None)

    def _end(self, track: int, person: _Person, outcome: WaitOutcome, t_out: float) -> list[Wait]:
        """The stay is over; a wait if it was a member's."""
        t_in, member, unseen = person.t_in, person.member, person.unseen
        person.t_in, person.member, person.away_since, person.unseen = None, False, None, False
        if not member or t_in is None or t_out - t_in < JOIN_S:
            return []
        censored = unseen or outcome != "served"
        return [Wait(self.camera, self.zone.id, t_in, t_out, outcome, censored, track)]

    def forget(self, track: int, closing: bool = False) -> list[Wait]:
        """A track ended, or (`closing`) the camera stopped looking."""
        self.mouth.forget(track)
        person = self._people.pop(track, None)
        if person is None or person.t_in is None:
            return []
        if person.service_since is not None:
            return self._end(track, person, "served", person.service_since)
        if person.away_since is not None:
            return self._go(track, person)
        if closing:
            return self._end(track, person, "closed", person.last_in)
        if person.member:
            lost = _Lost(track, person.t_in, person.unseen, person.last_in, person.point, person.metre)
            self._lost.append(lost)
            any(self._find(other.born, other) for other in self._people.values())
        return []

    def _find(self, t: float, person: _Person) -> bool:
        """Whether somebody first seen at `t` is a lost member: the nearest, who then waits on."""
        near = [
            (apart, i)
            for i, lost in enumerate(self._lost)
            if 0 < t - lost.last_in <= FOUND_S
            and (apart := math.dist(lost.point, person.first)) <= FOUND_M * lost.metre
        ]
        if not near or person.member:
            return False
        lost = self._lost.pop(min(near)[1])
        person.t_in, person.unseen, person.member, person.last_in = lost.t_in, lost.unseen, True, t
        return True

    def pass_time(self, t: float, dt: float) -> list[Wait]:
        """Add `dt` observed seconds that end at `t`; the waits of those who were not found again."""
        gone = [lost for lost in self._lost if t - lost.last_in > FOUND_S]
        self._lost = [lost for lost in self._lost if t - lost.last_in <= FOUND_S]
        length = self.length
        self._length_seconds += length * dt
        self._observed += dt
        self._peak = max(self._peak, length)
        return self._give_up(gone)

    def close(self) -> list[Wait]:
        """The camera stops: those who were lost a moment ago will not be found."""
        gone, self._lost = self._lost, []
        return self._give_up(gone)

    def _give_up(self, gone: Sequence[_Lost]) -> list[Wait]:
        return [
            Wait(self.camera, self.zone.id, lost.t_in, lost.last_in, "lost", True, lost.track)
            for lost in gone
            if lost.last_in - lost.t_in >= JOIN_S
        ]

    def take_pulse(self, t: float) -> QueuePulse:
        """The queue since the last call."""
        self._pace.observe(t, self._observed)
        length = self.length
        pulse = QueuePulse(length, max(self._peak, length), self._length_seconds, self._pace.wait_of(length))
        self._peak, self._length_seconds, self._observed = 0, 0.0, 0.0
        return pulse
