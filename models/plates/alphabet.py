"""The characters of mainland China's plates, and how a recogniser's own alphabet folds onto them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No I and no O: they would be taken for 1 and 0."""
PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
MARKS: Final = "挂学警港澳领使民航应急临"
"""Trailer, learner, police, Hong Kong, Macau, consulate, embassy; civil aviation, emergency, temporary."""
CHARACTERS: Final = DIGITS + LETTERS + PROVINCES + MARKS

BLANK: Final = 0
"""Column of `Glyphs` for: nothing stands here."""
OTHER: Final = len(CHARACTERS) + 1
"""Column for: something stands here that no plate has."""
COLUMNS: Final = OTHER + 1
COLUMN: Final = {character: index + 1 for index, character in enumerate(CHARACTERS)}

_PROVINCE_COLUMNS: Final = np.array([COLUMN[province] for province in PROVINCES])

Glyphs = NDArray[np.float32]
"""(steps, COLUMNS): along the plate, the probability of blank, of each character and of anything else."""

_SAME: Final = {"O": "0", "I": "1", "o": "0", "l": "1", "遼": "辽", "蘇": "苏", "陝": "陕", "雲": "云",
                "貴": "贵", "寧": "宁", "瓊": "琼", "滬": "沪", "閩": "闽", "贛": "赣", "魯": "鲁",
                "學": "学", "掛": "挂", "領": "领", "應": "应"}  # fmt: skip
"""What a general recogniser may call a plate's character."""
_NOTHING: Final = " \u3000·•・.。,，、-—–_:：'’‘`|｜*"
"""The dot after the second character, screws, the frame's edge."""


class Folding:
    """From a recogniser's columns to ours, for one of its alphabets."""

    def __init__(self, characters: Sequence[str], columns: int, provinces: float = 1.0) -> None:
        """characters: of the network's columns from 1 on; column 0 is blank. columns: how many it has.
        provinces: share of its word on a province that is believed; the rest says that it is one of them."""
        self._provinces = provinces
        target = np.full(columns, OTHER, np.intp)
        target[0] = BLANK
        for index, character in enumerate(characters[: columns - 1], start=1):
            target[index] = _column(character)
        target[len(characters) + 1 :] = BLANK  # the space that PaddleOCR adds at the end
        self._known = np.flatnonzero(target != OTHER)
        self._onto = np.zeros((len(self._known), COLUMNS), np.float32)
        self._onto[np.arange(len(self._known)), target[self._known]] = 1.0

    def __call__(self, probabilities: NDArray[np.float32]) -> Glyphs:
        """(steps, columns of the network) to (steps, COLUMNS)."""
        glyphs = probabilities[:, self._known] @ self._onto
        if self._provinces < 1:
            which = glyphs[:, _PROVINCE_COLUMNS]
            any_of_them = which.mean(axis=1, keepdims=True)
            glyphs[:, _PROVINCE_COLUMNS] = self._provinces * which + (1 - self._provinces) * any_of_them
        glyphs[:, OTHER] = np.clip(1.0 - glyphs.sum(axis=1), 0.0, 1.0)
        return glyphs


def _column(character: str) -> int:
    if not character or character in _NOTHING:
        return BLANK
    upper = _SAME.get(character, character)
    return COLUMN.get(upper, COLUMN.get(upper.upper(), OTHER))
