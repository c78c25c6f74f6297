"""Zones: who stays where, from when to when, and how the stay ended.

A stay begins when a track has been inside for a moment and ends when it has been clearly outside for a
moment, or is not seen again (research: counting §7). Before it is told to have ended, whoever is found in its
place goes on with it (`pipelines.stays`). What was begun or ended unseen is censored: its real length is only
known to be at least what was seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place, Plane
from pipelines.geometry import depth, inside
from pipelines.layout import Point, Zone
from pipelines.records import EndReason, Pass, Visit, ZonePulse
from pipelines.stays import Body, Gone, Stay, find

ENTER_S: Final = 1.0
"""Inside for this long (from the first to the newest sighting inside) before a stay counts as begun."""
ENTER_SIGHTINGS: Final = 3
"""Or seen inside this often."""
LEAVE_S: Final = 2.0
LEAVE_M: Final = 0.2
"""Outside by more than this for this long: gone. The stay ended at the last sighting inside."""
EDGE_M: Final = 1.0
"""Born or lost this near to the zone's border or the picture's edge: came or went in sight."""
BORDER_M: Final = 0.4
"""First seen this near to the border: about to be seen coming over it."""


@dataclass(slots=True)
class ZoneWatch:
    """One zone of one camera, fed with every sighting of every track."""

    camera: str
    zone: Zone
    plane: Plane
    _polygon: tuple[Point, ...] = field(init=False)
    _stays: dict[int, Stay] = field(default_factory=dict)
    _gone: list[Gone] = field(default_factory=list)
    _bodies: dict[int, Body] = field(default_factory=dict)
    """Everybody in the picture, inside or not."""
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
    ) -> None:
        """A track was seen at a place. `at_edge`: its box touches the picture's edge. `cold`: it was there
        when the camera began to look, so nobody saw it come to where it is seen first. `since`: when its
        first faint traces were seen, where that is before its first sighting. Until it is `confirmed` a
        track stays nowhere, but its stay counts from its beginning."""
        body, jumped, born = self._bodies.get(track), False, False
        if body is None:
            body, born = Body.first(t, place, at_edge), True
            self._bodies[track] = body
        else:
            jumped = body.move(t, place)
        stay = self._stays.get(track)
        if not inside(self._polygon, place.point):
            if stay is not None:
                self._outside(t, stay, place, jumped)
            return
        deep = depth(self._polygon, place.point) / place.metre
        near = at_edge or deep <= EDGE_M
        if stay is None:
            appeared = jumped or (born and not at_edge and deep > BORDER_M)
            stay = self._stays[track] = Stay(
                track=track,
                t_in=since if born and since is not None else t,
                arrived=not appeared and not (cold and born),
                unseen=born and (cold or not near),
                body=body,
                last_t=t, last=place.point, metre=place.metre, edge=near, sightings=0,
            )  # fmt: skip
        stay.sight(t, place, near)
        if confirmed and (stay.sightings >= ENTER_SIGHTINGS or t - stay.t_in >= ENTER_S):
            stay.counted = True

    def _outside(self, t: float, stay: Stay, place: Place, jumped: bool) -> None:
        if depth(self._polygon, place.point) > -LEAVE_M * place.metre:
            return  # on the border: neither in nor out
        if stay.outside_since is None:
            stay.outside_since = t
            stay.jumped_out = jumped
        if t - stay.last_t >= LEAVE_S:
            self._leave(stay, "left")

    def forget(self, track: int, closing: bool = False) -> None:
        """A track ended, or (`closing`) the camera stopped looking."""
        self._bodies.pop(track, None)
        stay = self._stays.get(track)
        if stay is not None:
            if stay.outside_since is not None:
                self._leave(stay, "left")
            elif closing:
                self._leave(stay, "closed")
            else:
                self._leave(stay, "lost")

    def _leave(self, stay: Stay, reason: EndReason) -> None:
        del self._stays[stay.track]
        self._gone.append(Gone(stay, reason))

    def settle(self, t: float) -> list[Visit | Pass]:
        """The stays that have ended for good by `t`. Call once a frame, after all sightings."""
        if not self._gone:
            return []
        told = [fact for gone in find(self._gone, self._stays.values()) for fact in self._end(gone)]
        for gone in self._gone:
            if t > gone.until:
                told += self._end(gone)
        self._gone = [gone for gone in self._gone if t <= gone.until]
        return told

    def close(self) -> list[Visit | Pass]:
        """The camera stopped: nobody will be found any more."""
        told = [fact for gone in self._gone for fact in self._end(gone)]
        self._gone.clear()
        return told

    def _end(self, gone: Gone) -> list[Visit | Pass]:
        stay, reason = gone.stay, gone.reason
        length = stay.last_t - stay.t_in
        if not stay.counted or length < 0:
            return []
        if reason == "lost" and stay.edge:
            reason = "left"
        if length < self.zone.min_stay_s:
            return [Pass(self.camera, self.zone.id, stay.last_t, length, stay.arrived)]
        censored = stay.unseen or reason != "left"
        return [
            Visit(
                self.camera, self.zone.id, stay.t_in, stay.last_t, censored, reason, "unknown", stay.track,
                stay.arrived,
            )
        ]  # fmt: skip

    def of(self, track: int) -> Stay | None:
        """A track's stay, if it is here."""
        return self._stays.get(track)

    @property
    def stays(self) -> list[Stay]:
        """All that have begun, those included whose end is not yet certain."""
        return [s for s in (*self._stays.values(), *(gone.stay for gone in self._gone)) if s.counted]

    @property
    def now(self) -> int:
        """How many stay in the zone."""
        return sum(stay.counted for stay in self._stays.values())

    def pass_time(self, dt: float) -> None:
        """Add `dt` observed seconds of presence. Who is seen outside is there no more, though it is not
        certain yet that they have gone."""
        here = sum(stay.counted and stay.outside_since is None for stay in self._stays.values())
        self._person_seconds += here * dt
        self._peak = max(self._peak, self.now)

    def take_pulse(self, staff: Collection[int] = ()) -> ZonePulse:
        """Presence since the last call. `staff`: the tracks that are staff."""
        working = sum(stay.counted and track in staff for track, stay in self._stays.items())
        pulse = ZonePulse(self.now, max(self._peak, self.now), self._person_seconds, working)
        self._peak, self._person_seconds = 0, 0.0
        return pulse
