"""Draw number plates of our own, for demonstrations and simulations: invented texts, laid out after GA 36.

Characters come from the font inside OpenCV 5, so nothing has to be installed. Lengths are millimetres.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from models.types import Image
from pipelines.plate_grammar import kind_of
from pipelines.plate_records import PlateColour, PlateKind

SCALE: Final = 2.0
"""Pixels of the drawing for a millimetre."""
_WHITE: Final = (245, 245, 245)
_BLACK: Final = (25, 22, 20)
_RED: Final = (40, 30, 200)
_GROUND: Final[dict[PlateColour, tuple[int, int, int]]] = {
    "blue": (165, 75, 20), "yellow": (30, 185, 240), "green": (95, 190, 90), "yellow_green": (95, 190, 90),
    "white": (235, 238, 238), "black": (35, 32, 30),
}  # fmt: skip
"""BGR."""
_LIGHT_PRINT: Final = frozenset({"blue", "black"})
COLOUR_OF: Final[dict[PlateKind, PlateColour]] = {
    "ordinary": "blue", "new_energy_small": "green", "new_energy_large": "yellow_green", "trailer": "yellow",
    "learner": "yellow", "police": "white", "consulate": "black", "embassy": "black",
    "armed_police": "white", "cross_border": "black",
}  # fmt: skip
_Cell = tuple[str, float, float, float, float]
"""Character, left, top, width, height."""


def draw_plate(text: str, colour: PlateColour | None = None, *, rows: int = 1) -> Image:
    """A clean plate, seen from straight in front: (280, 880 or 960, 3), or (440, 880, 3) with two rows.

    text: normalised, such as `粤B12345`. colour: its kind's usual one where not given. Raises EdgeError where
    the text is no plate's or this OpenCV has no font.
    """
    kind = kind_of(text)
    if kind is None:
        raise EdgeError("cannot draw a plate: the text is not one of mainland China's")
    colour = colour or COLOUR_OF[kind]
    length, height = (480 if len(text) == 8 else 440), (140 if rows == 1 else 220)
    plate = _ground(colour, length, height)
    ink = _WHITE if colour in _LIGHT_PRINT else _BLACK
    frame = round(3 * SCALE)
    cv2.rectangle(
        plate,
        (frame, frame),
        (plate.shape[1] - frame - 1, plate.shape[0] - frame - 1),
        ink,
        round(1.5 * SCALE),
    )
    for character, left, top, width, tall in _cells(text, length, rows):
        red = colour == "white" and character in "警WJ"
        _print(plate, character, (left, top, width, tall), _RED if red else ink)
    if rows == 1 and kind not in {"embassy", "armed_police"}:
        cell = next(one for number, one in enumerate(_cells(text, length, rows)) if number == 1)
        gap = 34.0 if length == 440 else 49.0
        centre = (round((cell[1] + cell[3] + gap / 2) * SCALE), round(70 * SCALE))
        cv2.circle(plate, centre, round(5 * SCALE), ink, -1, cv2.LINE_AA)
    return plate


def _ground(colour: PlateColour, length: float, height: float) -> Image:
    plate = np.empty((round(height * SCALE), round(length * SCALE), 3), np.uint8)
    plate[:] = _GROUND[colour]
    if colour in {"green", "yellow_green"}:  # white above, green below
        down = np.linspace(0, 1, len(plate), dtype=np.float32)[:, None, None] ** 0.7
        white = np.array(_WHITE, np.float32)
        plate[:] = (white + (np.array(_GROUND[colour], np.float32) - white) * down).astype(np.uint8)
    if colour == "yellow_green":
        plate[:, : round(110 * SCALE)] = _GROUND["yellow"]
    return plate


def _cells(text: str, length: float, rows: int) -> Iterator[_Cell]:
    """Where each character stands."""
    if rows == 2:
        for number, character in enumerate(text[:2]):
            yield character, 110 + 140 * number, 15, 80, 60
        step = 385 / max(1, len(text) - 2)
        for number, character in enumerate(text[2:]):
            yield character, 27.5 + step * number, 90, step - 15 * 5 / max(5, len(text) - 2), 110
        return
    width, gap, wide = (45.0, 12.0, 34.0) if length == 440 else (43.0, 9.0, 49.0)
    left = (length - len(text) * width - (len(text) - 2) * gap - wide) / 2
    for number, character in enumerate(text):
        yield character, left, 25, width, 90
        left += width + (wide if number == 1 else gap)


@lru_cache(maxsize=128)
def _glyph(character: str) -> NDArray[np.uint8]:
    """A character's ink, cut to its edges, 0 to 255."""
    if not hasattr(cv2, "FontFace"):
        raise EdgeError("cannot draw a plate: this needs OpenCV 5, which brings a font with Chinese")
    sheet = np.zeros((300, 300, 3), np.uint8)
    weight = 700 if character.isascii() else 400
    cv2.putText(sheet, character, (60, 220), (255, 255, 255), cv2.FontFace("uni"), 160, weight=weight)
    ink = sheet[:, :, 0]
    thick = 11 if character.isascii() else 5
    ink = np.asarray(cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))), np.uint8)
    x, y, width, height = cv2.boundingRect(ink)
    return np.asarray(ink[y : y + height, x : x + width], np.uint8)


def _print(
    plate: Image, character: str, cell: tuple[float, float, float, float], ink: tuple[int, int, int]
) -> None:
    left, top, width, height = (round(side * SCALE) for side in cell)
    glyph = _glyph(character)
    slim = 0.55 if character == "1" else 1.0
    across = max(2, round(width * slim))
    cover = cv2.resize(glyph, (across, height), interpolation=cv2.INTER_AREA)[:, :, None] / np.float32(255)
    at = left + (width - across) // 2
    part = plate[top : top + height, at : at + across]
    part[:] = (part * (1 - cover) + np.array(ink, np.float32) * cover).astype(np.uint8)
