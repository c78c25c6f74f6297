"""A vehicle that fills the picture hardly moves in it, but its plate does: the plate's way tells the passage.

`pipelines.lanes` follows the middle of a vehicle's box. Of a lorry, or a car right before the camera, that
middle stays where it is. Where such a vehicle's plate was settled, it has been here; its way is its plate's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.layout import Lane
from pipelines.plate_records import PlateRead
from pipelines.records import PictureDirection, VehiclePassage

LEAST_WAY: Final = 0.05
"""Fraction of the frame over which a plate must have moved: a plate's place is known to about a hundredth."""

Place = tuple[float, float]
"""x, y in fractions of the frame."""


@dataclass(slots=True)
class _Way:
    first: Place
    last: Place
    lanes: set[str] = field(default_factory=set)
    """Where its plate was told."""


@dataclass(slots=True)
class PlateWays:
    """One camera. Every passage that the lanes tell, and every track's end, must come here too."""

    camera: str
    lanes: Sequence[Lane]
    _ways: dict[int, _Way] = field(default_factory=dict)
    _drove: set[int] = field(default_factory=set)

    def see(self, track: int, at: Place) -> None:
        """A plate of this vehicle is here now."""
        way = self._ways.setdefault(track, _Way(at, at))
        way.last = at

    def told(self, reads: Iterable[PlateRead]) -> None:
        """The plates that were settled."""
        for read in reads:
            if read.text is not None and (way := self._ways.get(read.track)) is not None:
                way.lanes.add(read.lane)

    def passed(self, passages: Iterable[VehiclePassage]) -> None:
        """The lanes saw these drive through by themselves. Another vehicle whose plate is told and that goes
        the same way may be a part of the same one, so it is not counted again."""
        for passage in passages:
            self._drove.add(passage.track)
            for way in self._ways.values():
                if self._direction(way) == passage.direction:
                    way.lanes.discard(passage.lane)

    def drove(self, track: int) -> bool:
        """Whether the lanes saw this one drive through by itself."""
        return track in self._drove

    def is_unsure(self, track: int) -> bool:
        """Whether more sights of this plate would tell its way: it was told and has hardly moved yet."""
        way = self._ways.get(track)
        return way is not None and bool(way.lanes) and self._direction(way) is None and not self.drove(track)

    def end(self, t: float, track: int) -> list[VehiclePassage]:
        """A track was last seen at `t`: its passage, if its plate alone shows that it passed."""
        way = self._ways.pop(track, None)
        drove = track in self._drove
        self._drove.discard(track)
        if way is None or drove or (direction := self._direction(way)) is None:
            return []
        return [
            VehiclePassage(
                lane.id, direction, t, track, self.camera,
                wrong_way=lane.heading is not None and lane.heading != direction,
            )
            for lane in self.lanes if lane.id in way.lanes
        ]  # fmt: skip

    def _direction(self, way: _Way) -> PictureDirection | None:
        across, down = way.last[0] - way.first[0], way.last[1] - way.first[1]
        if max(abs(across), abs(down)) < LEAST_WAY:
            return None
        if abs(across) > abs(down):
            return "right" if across > 0 else "left"
        return "down" if down > 0 else "up"
