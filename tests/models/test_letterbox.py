"""Frames on a canvas and boxes back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.letterbox import Letterbox, canvas_for

sides = st.integers(16, 4000)


@pytest.mark.parametrize(
    ("frame", "canvas"),
    [
        pytest.param((768, 576), (320, 416), id="4:3"),
        pytest.param((1920, 1080), (256, 416), id="16:9"),
        pytest.param((1080, 1920), (416, 256), id="upright"),
        pytest.param((640, 640), (416, 416), id="square"),
        pytest.param((4000, 100), (32, 416), id="panorama"),
    ],
)
def test_the_canvas_has_the_aspect_of_the_frame(frame: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert canvas_for(frame, 416) == canvas


@given(width=sides, height=sides, long_side=st.sampled_from([256, 320, 416, 640]))
def test_a_canvas_fits_the_network_and_wastes_less_than_a_step(
    width: int, height: int, long_side: int
) -> None:
    rows, columns = canvas_for((width, height), long_side)
    assert rows % 32 == columns % 32 == 0
    scale = long_side / max(width, height)
    assert rows - height * scale < 32
    assert columns - width * scale < 32


@given(
    width=sides,
    height=sides,
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    box=st.lists(st.floats(-0.25, 1.25, width=32), min_size=4, max_size=4),
)
def test_fractions_undo_the_letterbox(
    width: int, height: int, rows: int, columns: int, box: list[float]
) -> None:
    letterbox = Letterbox((width, height), (32 * rows, 32 * columns), 0)
    letterbox(np.full((height, width, 3), 255, np.uint8))
    lit = np.argwhere(letterbox.tensor[0, :, :, 0])
    (top, left), (bottom, right) = lit.min(axis=0), lit.max(axis=0) + 1
    where = np.array(box, np.float32)
    pixels = np.array([left, top, left, top]) + where * np.array([right - left, bottom - top] * 2)
    np.testing.assert_allclose(letterbox.fractions(pixels[None].astype(np.float32))[0], where, atol=1e-3)


def test_the_buffer_is_reused_and_the_border_stays() -> None:
    letterbox = Letterbox((160, 90), (96, 96), 127)
    first = letterbox(np.zeros((90, 160, 3), np.uint8))
    second = letterbox(np.full((90, 160, 3), 255, np.uint8))
    assert first is second
    assert set(np.unique(second).tolist()) == {127, 255}
