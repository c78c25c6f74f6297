"""Who is staff, told by where and when people are, never by how they look.

Three rules (research: counting §7): at home in a staff zone; present for longer than any customer stays;
there while the store is closed. What is decided late is counted late: the crossings and visits that a
person had made before are told again as `StaffCount` when the person turns out to be staff, so that raw
figures stay as they were told and net figures come right over the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pipelines.floor import Place, Plane
from pipelines.geometry import inside
from pipelines.layout import Point, Zone
from pipelines.records import Crossing, Fact, Staff, StaffCount, Visit

STAFF_SHARE: Final = 0.5
"""Of a person's time, spent in a staff zone (research: counting §7)."""
STAFF_SEEN_S: Final = 5.0
"""And at least this long there: a customer may lean over."""
REMEMBER_S: Final = 30.0
"""A visit is told some seconds after its track ended (`pipelines.stays`); so long its person is known."""


@dataclass(slots=True)
class _Person:
    """One track, as far as its being staff is concerned."""

    first: float
    last: float
    whole: bool
    """Whether it was seen to come, so that it can be told to be a customer."""
    at_home_s: float = 0.0
    """Seconds in staff zones."""
    inside: bool = False
    staff: bool = False
    ended: bool = False
    made: list[Crossing | Visit] = field(default_factory=list)
    """What it did while nobody knew."""


@dataclass(slots=True)
class StaffWatch:
    """All staff zones of one camera, fed with every sighting of every confirmed track."""

    plane: Plane
    zones: Sequence[Zone] = ()
    """The staff zones."""
    staff_after_s: float = 1800.0
    """Who is in the picture for longer works here (research: counting §7)."""
    is_open: Callable[[float], bool] | None = None
    """Whether the store is open at `t`; None: nobody knows."""
    _polygons: list[tuple[Point, ...]] = field(init=False)
    _people: dict[int, _Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._polygons = [tuple(self.plane.point(c) for c in zone.polygon) for zone in self.zones]

    def holds(self, place: Place) -> bool:
        """Whether a place lies in a staff zone."""
        return any(inside(polygon, place.point) for polygon in self._polygons)

    def sight(self, t: float, track: int, place: Place, cold: bool = False) -> None:
        """A confirmed track was seen at a place. `cold`: it was there when the camera began to look."""
        here = self.holds(place)
        person = self._people.get(track)
        if person is None:
            closed = self.is_open is not None and not self.is_open(t)
            person = self._people[track] = _Person(t, t, not cold, inside=here, staff=here or closed)
            return
        if person.inside and here:
            person.at_home_s += t - person.last
        person.inside, person.last = here, t
        if not person.staff:
            present = t - person.first
            at_home = person.at_home_s >= max(STAFF_SEEN_S, STAFF_SHARE * present)
            person.staff = at_home or present > self.staff_after_s

    def end(self, track: int) -> None:
        """A track ended; whoever was last seen in a staff zone went where only staff go."""
        person = self._people.get(track)
        if person is not None:
            person.ended = True
            person.staff |= person.inside

    def is_staff(self, track: int) -> bool:
        """Whether a track is known to be staff by now."""
        person = self._people.get(track)
        return person is not None and person.staff

    def known(self) -> frozenset[int]:
        """The tracks that are staff."""
        return frozenset(track for track, person in self._people.items() if person.staff)

    def of(self, track: int) -> Staff:
        """What is known of a track now. A customer is somebody who was seen to come, in a picture with a
        staff zone, and kept out of it."""
        person = self._people.get(track)
        if person is None:
            return "unknown"
        if person.staff:
            return "staff"
        return "customer" if self._polygons and person.whole else "unknown"

    def mark(self, t: float, facts: Iterable[Fact]) -> list[Fact]:
        """The facts of one step with every visit marked, and what turns out to be staff's counted. Forgets
        the tracks that ended a while ago."""
        marked: list[Fact] = []
        for fact in facts:
            if isinstance(fact, Visit):
                fact = replace(fact, staff=self.of(fact.track))  # noqa: PLW2901 - the same visit, marked
            marked.append(fact)
            if isinstance(fact, Crossing | Visit) and (person := self._people.get(fact.track)) is not None:
                person.made.append(fact)
        for track, person in list(self._people.items()):
            if person.staff and person.made:
                marked += [_count(fact, max(t, fact.t)) for fact in person.made]
                person.made.clear()
            if person.ended and t - person.last > REMEMBER_S:
                del self._people[track]
        return marked


def _count(fact: Crossing | Visit, t: float) -> StaffCount:
    if isinstance(fact, Crossing):
        entered = fact.direction == "in"
        return StaffCount(fact.camera, "gate", fact.gate, t, entries=int(entered), exits=int(not entered))
    return StaffCount(fact.camera, "zone", fact.zone, t, visits=1, seconds=fact.t_out - fact.t_in)
