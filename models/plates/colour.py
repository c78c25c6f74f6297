"""The colour of a plate, from what it looks like straightened."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image

COLOURS: Final = ("blue", "yellow", "green", "yellow_green", "white", "black")
_DOUBT: Final = (0.03, 0.003)
"""Share given to every colour whatever the picture shows (lamps, dusk, dirt): of a pale plate, of a plate as
full of colour as a clean one by day."""
_HUES: Final = {"yellow": (10, 34), "green": (34, 92), "blue": (92, 135)}
"""OpenCV's hues, 0 to 180."""
_COLOURED: Final = 60.0
"""Saturation (0 to 255) at which a pixel counts half as coloured."""
_LEFT: Final = 0.22
"""Share of a large new-energy plate that is yellow."""


def colour_of(flat: Image) -> NDArray[np.float64]:
    """Probability of each of `COLOURS`, (6,), for a plate straightened without road around it."""
    inner = flat[flat.shape[0] // 12 : -(flat.shape[0] // 12) or None]
    hue, saturation, value = cv2.split(cv2.cvtColor(inner, cv2.COLOR_BGR2HSV))
    strength = np.float32(1) / (1 + np.exp(-(saturation.astype(np.float32) - _COLOURED) / 12))
    strength *= np.clip(value.astype(np.float32) / 60, 0, 1)  # what is nearly black has no colour
    share = {
        name: np.where((hue >= low) & (hue < high), strength, 0) for name, (low, high) in _HUES.items()
    }  # fmt: skip
    whole = {name: float(part.mean()) for name, part in share.items()}
    split = max(2, round(inner.shape[1] * _LEFT))
    left = float(share["yellow"][:, :split].mean() - share["green"][:, :split].mean())
    right = float(share["green"][:, split + 4 :].mean() - share["yellow"][:, split + 4 :].mean())
    both = float(np.clip(4 * min(left, right), 0, 1)) * (whole["green"] + whole["yellow"])
    plain = max(0.0, 1.0 - 1.6 * sum(whole.values()))
    light = _light_ground(np.asarray(value, np.uint8))
    evidence = np.array(
        [whole["blue"], whole["yellow"] - both, whole["green"] - 0.7 * both, 1.4 * both,
         0.6 * plain * light, 0.6 * plain * (1 - light)]
    )  # fmt: skip
    evidence = np.clip(evidence, 0, None) ** 2
    total = evidence.sum()
    even = np.full(len(COLOURS), 1 / len(COLOURS))
    if total < 1e-4:
        return even
    full = float(np.clip(sum(whole.values()) / 0.4, 0, 1))
    doubt = _DOUBT[0] + (_DOUBT[1] - _DOUBT[0]) * full
    return np.asarray((1 - doubt * len(COLOURS)) * evidence / total + doubt, np.float64)


def _light_ground(value: NDArray[np.uint8]) -> float:
    """0 to 1: whether the larger part of the plate is its lighter part: dark characters on light ground."""
    threshold, _ = cv2.threshold(value, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    lighter = float((value > threshold).mean())
    return float(1 / (1 + np.exp(-(lighter - 0.5) / 0.06)))
