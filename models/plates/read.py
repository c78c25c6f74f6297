"""Plates to characters: two recognisers with different weaknesses look at each crop.

The plate recogniser is quick and sure of letters and digits, but knows few provinces (its training pictures
were almost all of one). The text recogniser reads any Chinese print and so every province, and is slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models import cache
from models.errors import ModelsError
from models.manifest import CHARACTERS, FP32, card
from models.plates.alphabet import BLANK, COLUMNS, Folding, Glyphs
from models.plates.colour import colour_of
from models.plates.crop import one_row, raised, straighten, two_rows
from models.plates.detect import FoundPlate, PlateDetector
from models.session import Session
from models.types import Image

Layout = Literal["one_row", "two_rows", "lower_row"]
"""`lower_row`: a two-row plate of which only the lower row was found."""
PADDINGS: Final = ((0.02, 0.04), (0.05, 0.10), (0.08, 0.16))
"""Road left around a plate, in fractions of its width and height: each gives the recogniser another look."""
_RAISES: Final[dict[Layout, tuple[float, ...]]] = {
    "two_rows": (0.06, 0.13, 0.20, 0.0),
    "lower_row": (0.58, 0.66, 0.74, 0.5),
}
"""By how much of its height a two-row plate reaches above the box found: the upper row is often cut."""
_ROW_PADDING: Final = (0.03, 0.06)
_PLATE_SHARE: Final = 0.3
"""Weight of the plate recogniser's word against the text recogniser's."""
_SHY: Final = 0.3
"""Share of the plate recogniser's word on a province that is believed; the rest says: one of them."""
_GAP: Final = 2
"""Blank steps between the rows."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One recogniser's word on one crop."""

    glyphs: Glyphs
    weight: float


@dataclass(frozen=True, slots=True)
class PlateLook:
    """What can be told of a plate without reading it."""

    colours: NDArray[np.float64]
    """(6,): probability of each of `models.plates.colour.COLOURS`."""
    sharpness: float
    """0 to 1: a share of edges as strong as in a sharp picture of a plate of this width."""


class Recogniser:
    """A CTC network for one line of print."""

    def __init__(self, name: str, height: int, threads: int, *, knows_provinces: bool) -> None:
        entry = card(name)
        folder = cache.installed(entry)
        try:
            characters = (folder / CHARACTERS).read_text(encoding="utf-8").rstrip("\n").split("\n")
        except OSError as error:
            raise ModelsError(
                f"{folder / CHARACTERS} cannot be read: run `storeedge models pull {name}`"
            ) from error
        self._session = Session(folder / FP32, threads=threads)
        self._height = height
        self._characters = characters
        self._knows_provinces = knows_provinces
        self._folding: Folding | None = None

    def read(self, rows: Sequence[Image]) -> list[Glyphs]:
        """Straightened rows, all of one size, (HEIGHT, width, 3)."""
        height, width = rows[0].shape[:2]
        scaled = (
            rows if height == self._height
            else [cv2.resize(row, (width * self._height // height, self._height)) for row in rows]
        )  # fmt: skip
        tensor = np.stack(scaled).transpose(0, 3, 1, 2).astype(np.float32)
        output = self._session.run(tensor / np.float32(127.5) - np.float32(1))[0]
        if self._folding is None:
            self._folding = Folding(self._characters, output.shape[2], 1.0 if self._knows_provinces else _SHY)
        return [self._folding(one) for one in output]


class PlateReader:
    """Detector and recognisers together. Not for two threads at once."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ModelsError when a model is not on this machine or damaged."""
        self.detector = PlateDetector(threads)
        self._text = Recogniser("text-recogniser", 48, threads, knows_provinces=True)
        self._plate = Recogniser("plate-recogniser", 32, threads, knows_provinces=False)

    def look(self, image: Image, plate: FoundPlate) -> PlateLook:
        """Colour and sharpness of a plate."""
        flat = straighten(image, plate.corners, (128, 40))
        grey = cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY)
        spread = float(grey.std()) + 1.0
        edges = float(cv2.Laplacian(grey, cv2.CV_32F).std()) / spread
        return PlateLook(colour_of(flat), float(np.clip(edges / 1.0, 0.05, 1.0)))

    def glimpses(
        self,
        image: Image,
        plate: FoundPlate,
        layout: Layout = "one_row",
        turn: int | None = None,
    ) -> list[Glimpse]:
        """Both recognisers' word on the plate as one of this layout; the weights add up to about 1.

        turn: of several looks at one plate, take only this one's share of the crops; None takes them all.
        """
        if layout == "one_row":
            paddings = PADDINGS if turn is None else [PADDINGS[turn % len(PADDINGS)]]
            rows = [one_row(image, plate, padding) for padding in paddings]
            text, quick = self._text.read(rows), self._plate.read(rows)
        else:
            raises = _RAISES[layout]
            raises = raises if turn is None else (raises[turn % len(raises)],)
            pairs = [two_rows(image, raised(plate.corners, up), _ROW_PADDING) for up in raises]
            text, quick = (_joined(recogniser, pairs) for recogniser in (self._text, self._plate))
        share = 1 / ((1 + _PLATE_SHARE) * len(text))
        return [Glimpse(glyphs, share) for glyphs in text] + [
            Glimpse(glyphs, share * _PLATE_SHARE) for glyphs in quick
        ]


def _joined(recogniser: Recogniser, pairs: Sequence[tuple[Image, Image]]) -> list[Glyphs]:
    """The rows of each plate one after the other, as if they stood in one line."""
    gap = np.zeros((_GAP, COLUMNS), np.float32)
    gap[:, BLANK] = 1.0
    upper = recogniser.read([pair[0] for pair in pairs])
    lower = recogniser.read([pair[1] for pair in pairs])
    return [np.concatenate([above, gap, below]) for above, below in zip(upper, lower, strict=True)]
