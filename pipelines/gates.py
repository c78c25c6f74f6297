"""Gates: who walked through, which way and when.

A line alone counts every tremble, so a gate is a band: a track must have *left* it on one side before and
on the other side after, and its path must cross the drawn segment itself (research: counting §4.4).
State lives in seconds with the track, never in frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from pipelines.floor import Place, Plane
from pipelines.layout import Gate, Point
from pipelines.parties import Entry, PartyWatch
from pipelines.records import Crossing, Direction

BAND_M: Final = 0.3
"""Half the band's width in metres: half a shoulder (research: counting §4.4)."""
END_MARGIN: Final = 0.1
"""A path may pass this share of the segment's length beside its ends."""
INTERPOLATED_S: Final = 1.0
"""A step over the line that took longer than this between two sightings was inferred, not seen."""
INFER_SPEED: Final = 2.5
"""m/s: a change of side behind something is believed only up to this pace."""
REBIRTH_S: Final = 1.0
REBIRTH_M: Final = 0.5
"""The same way through by another track so soon and so near, when the first had ended: one person."""
U_TURN_S: Final = 3.0
U_TURN_M: Final = 0.5
"""Back through the gate so soon, never further than this beyond the band: turned round in the doorway
(research: counting §4.8)."""


@dataclass(slots=True)
class _Passage:
    """Where one track stands with one gate."""

    side: int = 0
    """The side (+1 inside, -1 outside) on which it last stood clear of the band; 0 when it never did."""
    born: float = 0.0
    t: float = 0.0
    distance: float = 0.0
    """Signed, of the last sighting; in the plane's unit."""
    point: Point = (0.0, 0.0)
    crossed_at: float | None = None
    """When it last stepped over the drawn segment."""
    crossed_in_sight: bool = True
    crossed_at_point: Point = (0.0, 0.0)
    clear_t: float = 0.0
    clear_point: Point = (0.0, 0.0)
    """When and where it last stood clear of the band."""
    through_at: float | None = None
    """When it was last counted, while the way back would be a U-turn."""
    deepest: float = 0.0
    """Furthest from the line since then, in metres."""


@dataclass(slots=True)
class _Counted:
    """A counted crossing, remembered a moment for the guard against re-birth."""

    direction: Direction
    t: float
    track: int
    point: Point
    last_seen: float


@dataclass(slots=True)
class GateCounter:
    """One gate of one camera, fed with every sighting of every track."""

    camera: str
    gate: Gate
    plane: Plane
    _a: Point = field(init=False)
    _along: Point = field(init=False)
    _length: float = field(init=False)
    _sign: float = field(init=False)
    _passages: dict[int, _Passage] = field(default_factory=dict)
    _recent: list[_Counted] = field(default_factory=list)
    _waiting: dict[int, list[tuple[Crossing, Point, Entry]]] = field(default_factory=dict)
    """Crossings of tracks that are not confirmed yet."""
    parties: PartyWatch = field(init=False)
    """Fed with the entries of this gate."""
    duplicates: int = 0
    """Crossings that the guard against re-birth took for one already counted."""

    def __post_init__(self) -> None:
        self._a, b = self.plane.point(self.gate.a), self.plane.point(self.gate.b)
        self._length = math.dist(self._a, b)
        if self._length == 0:
            raise ValueError(f"gate {self.gate.id}: both ends are the same place")
        self._along = ((b[0] - self._a[0]) / self._length, (b[1] - self._a[1]) / self._length)
        # In a picture (y down) the right-hand side of the walk a -> b has the positive cross product.
        # A homography may mirror the plane; then the picture's right is the floor's left.
        self._sign = (1.0 if self.gate.inside == "right" else -1.0) * self.plane.turn(
            self.gate.a, self.gate.b
        )
        self.parties = PartyWatch(self.camera, self.gate.id)

    def _signed(self, point: Point) -> float:
        px, py = point[0] - self._a[0], point[1] - self._a[1]
        return self._along[0] * py - self._along[1] * px

    def _share(self, point: Point) -> float:
        """How far along the segment a point lies: 0 at a, 1 at b."""
        px, py = point[0] - self._a[0], point[1] - self._a[1]
        return (px * self._along[0] + py * self._along[1]) / self._length

    def sight(self, t: float, track: int, place: Place, confirmed: bool) -> list[Crossing]:
        """A track was seen at a place; the crossings that are now certain."""
        distance = self._sign * self._signed(place.point)
        band = BAND_M * place.metre
        passage = self._passages.get(track)
        if passage is None:
            passage = self._passages[track] = _Passage(born=t, t=t, distance=distance, point=place.point)
        else:
            self._step(passage, t, distance, place)
        if abs(distance) > band:
            self._leave_band(passage, track, place, 1 if distance > 0 else -1)
        return self._release(track, t) if confirmed else []

    def _step(self, passage: _Passage, t: float, distance: float, place: Place) -> None:
        """Note where the path from the last sighting stepped over the line."""
        before = passage.distance
        if (before > 0) != (distance > 0):
            share = abs(before) / (abs(before) + abs(distance)) if before != distance else 0.5
            dt = t - passage.t
            (x1, y1), (x2, y2) = passage.point, place.point
            at = (x1 + share * (x2 - x1), y1 + share * (y2 - y1))
            pace = math.hypot(x2 - x1, y2 - y1) / place.metre / max(dt, 1e-3)
            along = self._share(at)
            through = -END_MARGIN <= along <= 1 + END_MARGIN and (dt <= INTERPOLATED_S or pace <= INFER_SPEED)
            passage.crossed_at = passage.t + share * dt if through else None
            passage.crossed_at_point = at
            passage.crossed_in_sight = dt <= INTERPOLATED_S
        passage.t, passage.distance, passage.point = t, distance, place.point
        passage.deepest = max(passage.deepest, passage.side * distance / place.metre)

    def _leave_band(self, passage: _Passage, track: int, place: Place, side: int) -> None:
        if passage.side == -side and passage.crossed_at is not None:
            direction: Direction = "in" if side > 0 else "out"
            crossing = Crossing(
                self.camera, self.gate.id, direction, passage.crossed_at, track,
                inferred=not passage.crossed_in_sight, u_turn=_turned_round(passage, passage.crossed_at),
            )  # fmt: skip
            if self._reborn(crossing, passage.born, place):
                self.duplicates += 1
            else:
                entry = _entry(passage, place, crossing.t)
                self._waiting.setdefault(track, []).append((crossing, place.point, entry))
            # The second of a pair that cancels out is no beginning of another one.
            passage.through_at = None if crossing.u_turn else crossing.t
            passage.deepest = abs(passage.distance) / place.metre
        passage.side, passage.crossed_at = side, None
        passage.clear_t, passage.clear_point = passage.t, place.point

    def _reborn(self, crossing: Crossing, born: float, place: Place) -> bool:
        """Whether another track, which ended before this one began, has just been counted for this walk."""
        return any(
            old.direction == crossing.direction
            and old.track != crossing.track
            and abs(crossing.t - old.t) <= REBIRTH_S
            and old.last_seen < born
            and math.dist(old.point, place.point) <= REBIRTH_M * place.metre
            for old in self._recent
        )

    def _release(self, track: int, t: float) -> list[Crossing]:
        """A confirmed track's crossings, also those made before it was confirmed."""
        if not self._recent and track not in self._waiting:
            return []
        out = []
        for crossing, point, entry in self._waiting.pop(track, []):
            out.append(crossing)
            if crossing.direction == "in":
                self.parties.enter(entry)
            self._recent.append(_Counted(crossing.direction, crossing.t, track, point, t))
        for old in self._recent:
            if old.track in self._passages:
                old.last_seen = self._passages[old.track].t
        self._recent = [old for old in self._recent if t - old.t <= 3 * REBIRTH_S]
        return out

    def forget(self, track: int) -> None:
        """A track ended; its state goes with it."""
        self._passages.pop(track, None)
        self._waiting.pop(track, None)


def _turned_round(passage: _Passage, t: float) -> bool:
    """Whether to step back over the line at `t` takes the last crossing back."""
    soon = passage.through_at is not None and t - passage.through_at <= U_TURN_S
    return soon and passage.deepest <= BAND_M + U_TURN_M


def _entry(passage: _Passage, place: Place, t: float) -> Entry:
    """How somebody came through, from the last place clear of the band to the first one behind it."""
    (x1, y1), (x2, y2) = passage.clear_point, place.point
    way, dt = math.hypot(x2 - x1, y2 - y1), max(passage.t - passage.clear_t, 1e-3)
    heading = ((x2 - x1) / max(way, 1e-9), (y2 - y1) / max(way, 1e-9))
    return Entry(t, passage.crossed_at_point, place.metre, heading, way / place.metre / dt)
