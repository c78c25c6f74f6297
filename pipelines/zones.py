"""Zones: who stays where, from when to when, and how the stay ended.

A stay begins when a track has been inside for a moment and ends when it has been clearly outside for a
moment, or is not seen again (research: counting §7). What was begun or ended unseen is censored: its real
length is only known to be at least what was seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place, Plane
from pipelines.geometry import depth, inside
from pipelines.layout import Point, Zone
from pipelines.records import EndReason, Pass, Visit, ZonePulse

ENTER_S: Final = 1.0
"""Inside for this long (from the first to the newest sighting inside) before a stay counts as begun."""
ENTER_SIGHTINGS: Final = 3
"""Or seen inside this often."""
LEAVE_S: Final = 2.0
LEAVE_M: Final = 0.2
"""Outside by more than this for this long: gone. The stay ended at the last sighting inside."""
EDGE_M: Final = 1.0
"""Born or lost this near to the zone's border or the picture's edge: came or went in sight."""


@dataclass(slots=True)
class _Stay:
    """One track in one zone."""

    t_in: float
    last_inside: float
    sightings: int = 1
    began_unseen: bool = False
    outside_since: float | None = None
    edge: bool = True
    """Whether the last sighting inside was near the border."""
    counted: bool = False
    """Whether the entry debounce has passed."""


@dataclass(slots=True)
class ZoneWatch:
    """One zone of one camera, fed with every sighting of every track."""

    camera: str
    zone: Zone
    plane: Plane
    _polygon: tuple[Point, ...] = field(init=False)
    _stays: dict[int, _Stay] = field(default_factory=dict)
    _known: set[int] = field(default_factory=set)
    """Tracks that have been seen before in this picture, inside or not."""
    _peak: int = 0
    _person_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._polygon = tuple(self.plane.point(corner) for corner in self.zone.polygon)

    def sight(
        self,
        t: float,
        track: int,
        place: Place,
        at_edge: bool,
        cold: bool,
        *,
        confirmed: bool = True,
        since: float | None = None,
    ) -> list[Visit | Pass]:
        """A track was seen at a place. `at_edge`: its box touches the picture's edge. `cold`: it was there
        when the camera began to look, so nobody saw it come to where it is seen first. `since`: when its
        first faint traces were seen, where that is before its first sighting. Until it is `confirmed` a
        track stays nowhere, but its stay counts from its beginning."""
        born = track not in self._known
        self._known.add(track)
        stay = self._stays.get(track)
        if not inside(self._polygon, place.point):
            return [] if stay is None else self._outside(t, track, stay, place)
        near = at_edge or depth(self._polygon, place.point) <= EDGE_M * place.metre
        if stay is None:
            stay = self._stays[track] = _Stay(
                t if since is None or not born else since, t, began_unseen=born and (cold or not near)
            )
        else:
            stay.sightings += 1
        stay.last_inside, stay.outside_since, stay.edge = t, None, near
        if confirmed and (stay.sightings >= ENTER_SIGHTINGS or t - stay.t_in >= ENTER_S):
            stay.counted = True
        return []

    def _outside(self, t: float, track: int, stay: _Stay, place: Place) -> list[Visit | Pass]:
        if depth(self._polygon, place.point) > -LEAVE_M * place.metre:
            return []  # on the border: neither in nor out
        if stay.outside_since is None:
            stay.outside_since = t
        if t - stay.last_inside < LEAVE_S:
            return []
        return self._end(track, "left")

    def forget(self, track: int, closing: bool = False) -> list[Visit | Pass]:
        """A track ended, or (`closing`) the camera stopped looking."""
        self._known.discard(track)
        stay = self._stays.get(track)
        if stay is None:
            return []
        if stay.outside_since is not None:
            return self._end(track, "left")
        if closing:
            return self._end(track, "closed")
        return self._end(track, "left" if stay.edge else "lost")

    def _end(self, track: int, reason: EndReason) -> list[Visit | Pass]:
        stay = self._stays.pop(track)
        if not stay.counted:
            return []
        if stay.last_inside - stay.t_in < self.zone.min_stay_s:
            return [Pass(self.camera, self.zone.id, stay.last_inside)]
        censored = stay.began_unseen or reason != "left"
        return [
            Visit(
                self.camera, self.zone.id, stay.t_in, stay.last_inside, censored, reason, "unknown", track
            )
        ]  # fmt: skip

    @property
    def now(self) -> int:
        """How many stay in the zone."""
        return sum(stay.counted for stay in self._stays.values())

    def pass_time(self, dt: float) -> None:
        """Add `dt` observed seconds of presence."""
        present = self.now
        self._person_seconds += present * dt
        self._peak = max(self._peak, present)

    def take_pulse(self, staff: Collection[int] = ()) -> ZonePulse:
        """Presence since the last call. `staff`: the tracks that are staff."""
        working = sum(stay.counted and track in staff for track, stay in self._stays.items())
        pulse = ZonePulse(self.now, max(self._peak, self.now), self._person_seconds, working)
        self._peak, self._person_seconds = 0, 0.0
        return pulse
