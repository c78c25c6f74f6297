"""Read every plate in one picture: several scales, crops and layouts vote; unread rather than wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from edge.errors import CaptureError
from models.plates.colour import COLOURS
from models.plates.crop import TWO_ROWS_BELOW
from models.plates.detect import FoundPlate, same_plate
from models.plates.read import Layout, PlateReader
from models.types import Image
from pipelines.plate_grammar import Verdict, consult, needed, weigh
from pipelines.plate_records import PlateColour, PlateKind

SIDES: Final = (480, 720, 1080, 1600, 2400, 3200)
"""Long sides at which plates are looked for, small to large."""
ENLARGED: Final = 1.8
"""How far a picture is enlarged for it: a plate must be large for the network to be sure of it."""
LEAST_SIDE: Final = 720
"""And a small picture so far."""
FAINT: Final = 0.15
"""A sight that scores this much at one scale is looked at."""
SURE: Final = 0.5
"""A small sight that scores less at every scale is a plate only where its text says so …"""
TWICE: Final = 0.5
"""… or two scales or more add up to this …"""
LARGE: Final = 60.0
"""… and one that is wider than this (pixels: it could be read)"""
CLEAR: Final = 1.0
"""only where its scales add up to this: brickwork and shop signs look like a plate at one scale."""
MISFIT: Final = -6.0
"""A text that fits worse is not taken for one of this layout while others are untried."""
SIGHTS: Final = 2
"""Scales whose corners vote on one plate."""
MARGIN: Final = 0.9
"""Nats by which a text must be better than the next one, as the mean over the crops."""
PROVINCE_MARGIN: Final = 1.5
"""The same for the province alone, which is the weak character."""
HOPELESS: Final = -9.0
"""Mean log-probability below which a text is not what stands there, however clearly it beats the others."""
AGREE: Final = 0.5
"""Share of the votes that read this very text by themselves."""
LEAST_WIDTH: Final = 45.0
"""Pixels of the plate; below a person guesses too (research: counting §9.2)."""


@dataclass(frozen=True, slots=True)
class StillPlate:
    """One plate of a picture; `text` is None where it is unread."""

    text: str | None
    kind: PlateKind | None
    colour: PlateColour | None
    score: float
    box: tuple[int, int, int, int]

    def as_json(self) -> dict[str, Any]:
        """As `storeedge plates read` prints it."""
        return {
            "text": self.text, "kind": self.kind, "colour": self.colour, "score": round(self.score, 3),
            "box": list(self.box),
        }  # fmt: skip


class StillReader:
    """Reads pictures one after the other."""

    def __init__(self, reader: PlateReader) -> None:
        self._reader = reader

    def read(self, image: Image) -> list[StillPlate]:
        """Every plate of a picture, left to right; what is surely a plate but not sure to read is unread."""
        framed, shift = _framed(image)
        groups = _grouped(self._sights(framed))
        if not groups and _may_be_a_plate(image):
            groups = [[_whole(shift, image)]]
        plates = []
        for sights in groups:
            verdict = self._verdict(framed, sights)
            plate = _judged(sights[0], verdict, shift, image)
            if plate.text is not None or _surely_a_plate(sights):
                plates.append(plate)
        return sorted(plates, key=lambda plate: plate.box[0])

    def _sights(self, image: Image) -> list[FoundPlate]:
        """The plates found at every scale that makes sense."""
        long_side = max(image.shape[:2])
        sides = [side for side in SIDES if side <= max(long_side * ENLARGED, LEAST_SIDE)]
        return [plate for side in sides for plate in self._reader.detector.find(image, side, FAINT)]

    def _verdict(self, image: Image, sights: list[FoundPlate]) -> Judgement:
        """The best layout's reading of one plate."""
        sights = [sight for sight in sights if sight.score >= 0.8 * sights[0].score][:SIGHTS]
        look = self._reader.look(image, sights[0])
        colours: dict[PlateColour, float] = dict(zip(COLOURS, look.colours.tolist(), strict=True))
        best: Judgement | None = None
        for layout in _layouts(sights[0]):
            judgement = self._by_layout(image, sights, layout, colours)
            if best is None or judgement.verdict.fit > best.verdict.fit:
                best = judgement
            if best.accepted and best.verdict.fit > MISFIT:
                break
        assert best is not None  # noqa: S101 - there is always a first layout
        return best

    def _by_layout(
        self, image: Image, sights: list[FoundPlate], layout: Layout, colours: dict[PlateColour, float]
    ) -> Judgement:
        glimpses = [one for sight in sights for one in self._reader.glimpses(image, sight, layout)]
        readings = [weigh(glimpse.glyphs) for glimpse in glimpses]
        weights = [glimpse.weight / len(sights) for glimpse in glimpses]
        opinion = consult(readings, weights, colours)
        verdict, agree = opinion.verdict, opinion.agree
        accepted = (
            verdict.kind is not None
            and verdict.margin >= needed(MARGIN, verdict.fit)
            and verdict.foreign >= needed(PROVINCE_MARGIN, verdict.fit)
            and agree >= AGREE
            and sights[0].width >= LEAST_WIDTH
            and verdict.fit > HOPELESS
        )
        colour = max(colours, key=lambda name: colours[name])
        return Judgement(verdict, agree, colour, accepted)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One plate's verdict and whether it may be said."""

    verdict: Verdict
    agree: float
    colour: PlateColour
    accepted: bool


def _layouts(plate: FoundPlate) -> tuple[Layout, ...]:
    """How a plate of this shape may be laid out, the likeliest first."""
    shape = plate.width / max(plate.height, 1.0)
    if shape < TWO_ROWS_BELOW:
        return (
            ("two_rows", "one_row", "lower_row") if shape < _SQUARE else ("one_row", "two_rows", "lower_row")
        )
    return ("one_row", "lower_row")


_SQUARE: Final = 2.2
"""A plate narrower than this is likelier of two rows than seen from the side."""


def _grouped(found: list[FoundPlate]) -> list[list[FoundPlate]]:
    """The sights of each plate at the several scales, the surest first."""
    groups: list[list[FoundPlate]] = []
    for sight in sorted(found, key=lambda one: -one.score):
        for group in groups:
            if same_plate(group[0].box, sight.box):
                group.append(sight)
                break
        else:
            groups.append([sight])
    return groups


def _surely_a_plate(sights: list[FoundPlate]) -> bool:
    """Whether something that cannot be read is a plate all the same. A large plate is seen clearly at more
    than one scale; a small one only where the picture is enlarged most."""
    scores = [sight.score for sight in sights]
    if sights[0].width >= LARGE:
        return sum(scores) >= CLEAR
    return scores[0] >= SURE or (len(scores) > 1 and sum(scores) >= TWICE)


def _framed(image: Image) -> tuple[Image, tuple[int, int]]:
    """A small picture with a grey border, so that a plate that fills it has road around it as in training."""
    rows, columns = image.shape[:2]
    if max(rows, columns) >= LEAST_SIDE // 2:
        return image, (0, 0)
    border_y, border_x = max(columns // 2, 8), max(columns // 2, 8)
    framed = cv2.copyMakeBorder(
        image, border_y, border_y, border_x, border_x, cv2.BORDER_CONSTANT, value=(110, 110, 110)
    )  # fmt: skip
    return np.asarray(framed, np.uint8), (border_x, border_y)


def _may_be_a_plate(image: Image) -> bool:
    rows, columns = image.shape[:2]
    return bool(columns <= LEAST_SIDE and 1.3 * rows <= columns <= 5.0 * rows)


def _whole(shift: tuple[int, int], image: Image) -> FoundPlate:
    """The whole picture as one plate."""
    (left, top), (rows, columns) = shift, image.shape[:2]
    right, bottom = left + columns, top + rows
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return FoundPlate(0.0, (left, top, right, bottom), corners)


def _judged(sight: FoundPlate, judgement: Judgement, shift: tuple[int, int], image: Image) -> StillPlate:
    rows, columns = image.shape[:2]
    x1, y1, x2, y2 = sight.box
    box = (
        round(min(max(x1 - shift[0], 0), columns)), round(min(max(y1 - shift[1], 0), rows)),
        round(min(max(x2 - shift[0], 0), columns)), round(min(max(y2 - shift[1], 0), rows)),
    )  # fmt: skip
    verdict = judgement.verdict
    if not judgement.accepted:
        return StillPlate(None, None, judgement.colour, verdict.weakest, box)
    return StillPlate(verdict.text, verdict.kind, judgement.colour, verdict.weakest, box)


def open_picture(path: Path) -> Image:
    """A picture file as BGR. Raises CaptureError, with the file's name, where it is none."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror or error}") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise CaptureError(f"{path} is no picture that can be read; use JPEG, PNG, BMP or WebP")
    return np.asarray(picture, np.uint8)


def picture_files(named: list[Path]) -> Iterator[Path]:
    """The files as named; of a folder, the pictures right in it, by name."""
    for path in named:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix.lower() in PICTURES)
        else:
            yield path


PICTURES: Final = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
