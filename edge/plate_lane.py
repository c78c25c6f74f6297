"""Read the plates of the vehicles that drive through a camera's lanes.

Nothing is computed while the lane is empty, and nothing more for a vehicle whose plate is settled. Plates
are looked for where vehicles or moving regions are; a plate that lies in none of them proves a vehicle that
neither detector nor foreground saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.plates.colour import COLOURS
from models.plates.crop import TWO_ROWS_BELOW
from models.plates.detect import FoundPlate
from models.plates.read import Layout, PlateReader
from models.types import CLASSES, Detections, Image
from pipelines.lanes import LaneWatch
from pipelines.layout import Lane
from pipelines.plate_grammar import Opinion, Reading, consult, weigh
from pipelines.plate_records import PlateColour
from pipelines.plate_voting import Look, PlateVoting
from pipelines.plate_ways import PlateWays
from pipelines.records import Fact, VehiclePassage
from pipelines.track import Box, Track

CAR: Final = CLASSES.index("car")
FLOOR: Final = 0.3
"""Lowest score of a plate in a lane: what is none never agrees with itself over frames."""
PROOF: Final = 0.8
"""A plate that scores this much proves a vehicle."""
AROUND: Final = 0.08
"""Fraction of the frame looked at around vehicles: a plate may stick out of a moving region."""
ENLARGED: Final = 1.5
LONGEST: Final = 960
"""The part looked at is enlarged by this factor for the network, but to no more pixels than these."""
LEAST_WIDTH: Final = 40.0
"""Pixels; a smaller plate says nothing (research: counting §9.2)."""
HUNT_S: Final = 0.3
"""In a picture that moves and shows no vehicle, look for a plate this often."""
EAGER: Final = 30
"""Looks at one vehicle after which, while it stands, it is looked at only every `WEARY_S`: a car that waits
at the barrier with a plate that cannot be read, or a thing that has none."""
WEARY_S: Final = 1.0
STOOD: Final = 0.02
"""Fraction of the frame by which a box may change while its vehicle stands."""
MOST_LOOKS: Final = 2
"""Plates that are looked at in one frame, so that no frame is late: one look costs as much as the search."""
MISFIT: Final = -6.0
"""A text that fits worse is no text of this layout: a plate of two rows, of which one was found."""
_CAR_BY_PLATE: Final = (2.0, 5.0, 3.0)
"""How far a car reaches around its plate: to each side, above and below, in plate widths and heights."""


@dataclass(slots=True)
class LanePlates:
    """What one frame showed of plates."""

    found: list[FoundPlate]
    vehicles: Detections
    """Vehicles that only their plates prove, in fractions of the frame."""


@dataclass(slots=True)
class _Tries:
    """How often a vehicle was looked at, when last, and where it stood when it last moved."""

    count: int = 0
    t: float = 0.0
    box: Box = (0.0, 0.0, 0.0, 0.0)


class LaneReader:
    """One camera with lanes. Call `find`, then let the tracker have its step, then `read`."""

    def __init__(self, camera: str, lanes: Sequence[Lane], reader: PlateReader) -> None:
        self._lanes = lanes
        self._reader = reader
        self._voting = PlateVoting(camera)
        self._tracks: dict[int, tuple[Track, tuple[float, float]]] = {}
        """The vehicles under way, with the place of their first sight."""
        self._ways = PlateWays(camera, lanes)
        self._tries: dict[int, _Tries] = {}
        self._layouts: dict[int, Layout] = {}
        self._hunted = float("-inf")
        self.looks = 0
        """Plates looked at so far."""

    def find(self, image: Image, t: float, seen: Detections, *, moving: bool) -> LanePlates:
        """The plates in a frame, where there can be any that are still to be read.

        seen: vehicles and moving regions. moving: whether anything moves in the picture.
        """
        boxes = seen.boxes[[self._is_open(box, t) for box in seen.boxes]] if len(seen) else seen.boxes
        if not len(seen) and moving and t - self._hunted >= HUNT_S:
            self._hunted = t
            boxes = np.array([[0, 0, 1, 1]], np.float32)
        if not len(boxes):
            return LanePlates([], Detections.none())
        rows, columns = image.shape[:2]
        size = np.array([columns, rows, columns, rows], np.float32)
        x1, y1 = np.clip(boxes[:, :2].min(axis=0) - AROUND, 0, 1) * size[:2]
        x2, y2 = np.clip(boxes[:, 2:].max(axis=0) + AROUND, 0, 1) * size[:2]
        left, top, right, bottom = int(x1), int(y1), int(np.ceil(x2)), int(np.ceil(y2))
        part = image[top:bottom, left:right]
        if min(part.shape[:2]) < 32:
            return LanePlates([], Detections.none())
        side = min(LONGEST, round(max(part.shape[:2]) * ENLARGED))
        found = [_moved(plate, left, top) for plate in self._reader.detector.find(part, side, FLOOR)]
        return LanePlates(found, self._proven(found, seen, size))

    def read(
        self, image: Image, t: float, watch: LaneWatch, plates: LanePlates, facts: Sequence[Fact]
    ) -> list[Fact]:
        """Look at the plates of the vehicles that the tracker follows now; the plates that are settled, and
        the passages that only a plate shows."""
        self._ways.passed(fact for fact in facts if isinstance(fact, VehiclePassage))
        told: list[Fact] = []
        now = {track.id: track for track in watch.tracker.tracks}
        for number, track in now.items():
            self._tracks.setdefault(number, (track, _middle(track)))
        for number, plate in self._turns(image, now.values(), plates.found):
            reads = self._voting.see(t, number, self._look(image, plate, number), self._lanes_of(number))
            self._ways.told(reads)
            told += reads
        for number in [number for number in self._tracks if number not in now]:
            told += self._end(t, number)
        return told

    def _turns(
        self, image: Image, tracks: Iterable[Track], found: Sequence[FoundPlate]
    ) -> list[tuple[int, FoundPlate]]:
        """Whose plate is looked at in this frame: one of a vehicle, those that were looked at least first."""
        height, width = image.shape[:2]
        updated = [track for track in tracks if track.updated]
        theirs: dict[int, list[FoundPlate]] = {}
        for plate in found:
            owner = _owner(plate, updated, width, height)
            if owner is not None and plate.width >= LEAST_WIDTH:
                theirs.setdefault(owner.id, []).append(plate)
        for number, plates in theirs.items():
            self._ways.see(number, _place(plates[0], width, height))
        wanted = sorted(filter(self._voting.wants, theirs), key=self._voting.frames)[:MOST_LOOKS]
        return [(one, theirs[one][self._voting.frames(one) % len(theirs[one])]) for one in wanted]

    def reset(self, t: float) -> list[Fact]:
        """The picture jumped or the camera stops: end all vehicles."""
        reads = [read for number in list(self._tracks) for read in self._end(t, number)]
        self._voting.reset()
        self._hunted = float("-inf")
        return reads

    def _end(self, t: float, number: int) -> list[Fact]:
        lanes = self._lanes_of(number)
        track, _ = self._tracks.pop(number)
        drove = self._ways.drove(number)
        self._tries.pop(number, None)
        self._layouts.pop(number, None)
        reads = self._voting.end(t, number, lanes, track.born if drove else None)
        return [*reads, *self._ways.end(track.seen, number)]

    def _is_open(self, box: NDArray[np.float32], t: float) -> bool:
        """Whether a box may hold a plate that is still to be read: not if it is a vehicle's whose plate is
        settled and whose way is known, nor that of one which stands and has been looked at often."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        for number, (track, _) in self._tracks.items():
            x1, y1, x2, y2 = track.box
            if x1 <= x <= x2 and y1 <= y <= y2:
                wanted = self._voting.wants(number) or self._ways.is_unsure(number)
                return wanted and self._try(number, track, t)
        return True

    def _try(self, number: int, track: Track, t: float) -> bool:
        before = self._tries.setdefault(number, _Tries())
        stands = max(abs(a - b) for a, b in zip(track.box, before.box, strict=True)) < STOOD
        if before.count >= EAGER and stands and t - before.t < WEARY_S:
            return False
        before.count, before.t = before.count + 1, t
        if not stands:
            before.box = track.box
        return True

    def _look(self, image: Image, plate: FoundPlate, track: int) -> Look:
        """Both recognisers on one crop; the next look at this vehicle takes another padding."""
        self.looks += 1
        seen = self._reader.look(image, plate)
        colours: dict[PlateColour, float] = dict(zip(COLOURS, seen.colours.tolist(), strict=True))
        turn = self._voting.frames(track)
        best: tuple[Layout, list[Reading], Opinion] | None = None
        for layout in self._possible(plate, track):
            glimpses = self._reader.glimpses(image, plate, layout, turn)
            readings = [weigh(glimpse.glyphs) for glimpse in glimpses]
            opinion = consult(readings, [glimpse.weight for glimpse in glimpses], colours)
            if best is None or opinion.verdict.fit > best[2].verdict.fit:
                best = layout, readings, opinion
            if layout == "one_row" and opinion.verdict.fit > MISFIT:
                break
        assert best is not None  # noqa: S101 - there is always a possible layout
        if best[2].verdict.fit > MISFIT:
            self._layouts[track] = best[0]
        return Look(best[1], best[2], colours, plate.width, seen.sharpness)

    def _possible(self, plate: FoundPlate, track: int) -> Sequence[Layout]:
        if (known := self._layouts.get(track)) is not None:
            return (known,)
        narrow = plate.width < TWO_ROWS_BELOW * plate.height
        if narrow:
            return ("one_row", "two_rows")
        return ("one_row", "lower_row") if self._voting.frames(track) % 3 == 0 else ("one_row",)

    def _lanes_of(self, number: int) -> list[str]:
        """The lanes that this vehicle can be in: where two share a picture, the way that it drives tells."""
        if len(self._lanes) == 1:
            return [self._lanes[0].id]
        track, (x, y) = self._tracks[number]
        across, down = _middle(track)[0] - x, _middle(track)[1] - y
        heading = (
            ("right" if across > 0 else "left") if abs(across) > abs(down) else ("down" if down > 0 else "up")
        )
        return [lane.id for lane in self._lanes if lane.heading in {None, heading}]

    def _proven(self, found: Sequence[FoundPlate], seen: Detections, size: NDArray[np.float32]) -> Detections:
        boxes = []
        for plate in found:
            x, y = _place(plate, size[0], size[1])
            inside = len(seen) and bool(
                ((seen.boxes[:, :2] <= (x, y)) & (seen.boxes[:, 2:] >= (x, y))).all(axis=1).any()
            )
            if plate.score < PROOF or inside:
                continue
            side, above, below = _CAR_BY_PLATE
            wide, tall = plate.width, max(plate.height, plate.width / 4)
            x1, y1, x2, y2 = plate.box
            boxes.append([x1 - side * wide, y1 - above * tall, x2 + side * wide, y2 + below * tall])
        if not boxes:
            return Detections.none()
        place = np.clip(np.array(boxes, np.float32) / size, 0, 1)
        return Detections(
            place, np.full(len(boxes), PROOF, np.float32), np.full(len(boxes), CAR, np.int16)
        )  # fmt: skip


def _middle(track: Track) -> tuple[float, float]:
    x1, y1, x2, y2 = track.box
    return (x1 + x2) / 2, (y1 + y2) / 2


def _place(plate: FoundPlate, width: float, height: float) -> tuple[float, float]:
    """Its middle, in fractions of the frame."""
    x1, y1, x2, y2 = plate.box
    return (x1 + x2) / 2 / width, (y1 + y2) / 2 / height


def _moved(plate: FoundPlate, left: int, top: int) -> FoundPlate:
    x1, y1, x2, y2 = plate.box
    return replace(
        plate, box=(x1 + left, y1 + top, x2 + left, y2 + top),
        corners=plate.corners + np.array([left, top], np.float32),
    )  # fmt: skip


def _owner(plate: FoundPlate, tracks: Sequence[Track], width: int, height: int) -> Track | None:
    """The vehicle that a plate is on: the smallest box around its middle, or the one nearest to it."""
    x, y = _place(plate, width, height)
    around = [
        track for track in tracks
        if track.box[0] - AROUND <= x <= track.box[2] + AROUND
        and track.box[1] - AROUND <= y <= track.box[3] + AROUND
    ]  # fmt: skip
    return min(around, key=lambda one: _area(one) + 4 * _outside(one, x, y), default=None)


def _area(track: Track) -> float:
    x1, y1, x2, y2 = track.box
    return (x2 - x1) * (y2 - y1)


def _outside(track: Track, x: float, y: float) -> float:
    x1, y1, x2, y2 = track.box
    return max(0.0, x1 - x, x - x2) + max(0.0, y1 - y, y - y2)
