"""The plate reader for tests of several rooms."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import ModelsError
from models.manifest import card
from models.plates.read import PlateReader
from models.pull import pull
from models.types import Image

MODELS = ("plate-detector", "plate-recogniser", "text-recogniser")


@cache
def plate_reader() -> PlateReader:
    """One for all tests; they are skipped where its models cannot be had."""
    try:
        for name in MODELS:
            pull(card(name), lambda _text: None)
    except ModelsError as error:
        pytest.skip(f"the plate models cannot be had here: {error}")
    return PlateReader()


def real_plates(shared: Path) -> dict[Path, list[str]]:
    """Pictures of real plates with their truth."""
    folder = shared / "plates"
    if not (folder / "truth.json").is_file():
        pytest.skip(f"no pictures of plates at {folder}")
    truth: dict[str, list[str]] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return {folder / name: texts for name, texts in truth.items()}


def picture(path: Path) -> Image:
    """A picture file."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def road(width: int = 960, height: int = 540, seed: int = 0) -> Image:
    """A grey, grainy background."""
    grain = np.random.default_rng(seed).normal(105, 9, (height, width, 1))
    return np.clip(np.repeat(grain, 3, axis=2), 0, 255).astype(np.uint8)
