"""A plate from the picture into a recogniser's input: straightened by its corners, rows apart."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.plates.detect import FoundPlate
from models.types import Image

HEIGHT: Final = 48
"""Pixels of a straightened row."""
TWO_ROWS_BELOW: Final = 2.7
"""A plate narrower than this (width over height) may have two rows (one row: 3.1 to 3.4; two: 1.6 to 2)."""
_UPPER: Final = (0.0, 0.42)
_LOWER: Final = (0.36, 1.0)
"""Where the rows of a two-row plate lie, in its heights (GA 36: 60 and 110 of 220 mm, with their edges)."""
_WIDTH: Final = 200
"""Pixels that the longest plate gets."""


def straighten(
    image: Image,
    corners: NDArray[np.float32],
    size: tuple[int, int],
    band: tuple[float, float] = (0.0, 1.0),
    padding: tuple[float, float] = (0.0, 0.0),
) -> Image:
    """The part of a plate between two heights, as seen from straight in front.

    corners: (4, 2) pixels, clockwise from the top left. size: (width, height) of the result. band: upper and
    lower edge in plate heights. padding: road around it, in fractions of the result's width and height. What
    lies outside the picture repeats its edge.
    """
    width, height = size
    left, top = padding[0] * width, padding[1] * height
    whole = (height - 2 * top) / (band[1] - band[0])
    above = top - band[0] * whole
    target = np.array(
        [[left, above], [width - left, above], [width - left, above + whole], [left, above + whole]],
        np.float32,
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    flat = cv2.warpPerspective(
        image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )  # fmt: skip
    return np.asarray(flat, np.uint8)


def one_row(image: Image, plate: FoundPlate, padding: tuple[float, float]) -> Image:
    """A one-row plate, (HEIGHT, about 3.3 HEIGHT, 3)."""
    return straighten(image, plate.corners, (160, HEIGHT), padding=padding)


def two_rows(image: Image, corners: NDArray[np.float32], padding: tuple[float, float]) -> tuple[Image, Image]:
    """The upper and the lower row of a two-row plate."""
    upper = straighten(image, corners, (128, HEIGHT), _UPPER, padding)
    lower = straighten(image, corners, (160, HEIGHT), _LOWER, padding)
    return upper, lower


def raised(corners: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The corners with the upper edge moved up by a share of the height: the upper row was cut off."""
    moved = corners.copy()
    moved[0] += (corners[0] - corners[3]) * share
    moved[1] += (corners[1] - corners[2]) * share
    return moved
