"""Decoders: what each family's numbers mean, against the definition written out for one cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decode import BINS, NanoDet, Ultralytics, Yolox

CANVAS = (64, 96)
CELLS = 8 * 12 + 4 * 6 + 2 * 3


def place(cell: int) -> tuple[int, int, int]:
    """Column, row and stride of a cell."""
    for stride in (8, 16, 32):
        columns = CANVAS[1] // stride
        count = columns * (CANVAS[0] // stride)
        if cell < count:
            return cell % columns, cell // columns, stride
        cell -= count
    raise IndexError(cell)


@given(cell=st.integers(0, CELLS - 1), reach=st.lists(st.integers(0, BINS - 1), min_size=4, max_size=4))
def test_nanodet_measures_four_sides_from_the_middle_of_a_cell(cell: int, reach: list[int]) -> None:
    output = np.full((1, 6 + 4 * BINS, CELLS), -20, np.float32)
    output[0, 2, cell] = 1.0
    for side, bin_ in enumerate(reach):
        output[0, 6 + side * BINS + bin_, cell] = 20
    boxes, scores, classes = NanoDet(CANVAS, range(6))(output, 0.15)
    column, row, stride = place(cell)
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    left, top, right, bottom = (number * stride for number in reach)
    np.testing.assert_allclose(boxes, [[x - left, y - top, x + right, y + bottom]], atol=1e-3)
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert classes.tolist() == [2]


@given(cell=st.integers(0, CELLS - 1), middle=st.tuples(*[st.floats(-1, 2, width=16)] * 2))
def test_yolox_measures_from_the_corner_of_a_cell(cell: int, middle: tuple[float, float]) -> None:
    output = np.zeros((1, CELLS, 5 + 80), np.float32)
    output[0, cell, :4] = [*middle, 0.5, 1.0]
    output[0, cell, 4] = 0.9
    output[0, cell, 5 + 7] = 0.8
    boxes, scores, classes = Yolox(CANVAS, [0, 2, 7], [0, 2, 5])(output, 0.15)
    column, row, stride = place(cell)
    x, y = (column + middle[0]) * stride, (row + middle[1]) * stride
    width, height = np.exp(0.5) * stride, np.exp(1.0) * stride
    expected = [[x - width / 2, y - height / 2, x + width / 2, y + height / 2]]
    np.testing.assert_allclose(boxes, expected, rtol=1e-4, atol=1e-3)
    assert scores[0] == pytest.approx(0.72)
    assert classes.tolist() == [5]


def test_a_dog_is_not_a_small_person() -> None:
    yolox = np.zeros((1, CELLS, 5 + 80), np.float32)
    yolox[0, 3, [4, 5 + 0, 5 + 16]] = [0.9, 0.3, 0.8]
    assert len(Yolox(CANVAS, [0], [0])(yolox, 0.15).boxes) == 0
    grid = np.zeros((1, 4 + 80, 10), np.float32)
    grid[0, [4 + 0, 4 + 16], 3] = [0.3, 0.8]
    assert len(Ultralytics([0], [0], final=False)(grid, 0.15).boxes) == 0


def test_ultralytics_grid_and_final_rows_say_the_same() -> None:
    grid = np.zeros((1, 4 + 80, 10), np.float32)
    grid[0, :4, 3] = [50, 40, 20, 30]
    grid[0, 4 + 2, 3] = 0.7
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [40, 25, 60, 55, 0.7, 2]
    rows[0, 1] = [40, 25, 60, 55, 0.6, 16]
    one = Ultralytics([0, 2], [0, 2], final=False)(grid, 0.15)
    other = Ultralytics([0, 2], [0, 2], final=True)(rows, 0.15)
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(ours, theirs)
    assert one.classes.tolist() == [2]


def test_an_empty_picture_gives_empty_arrays() -> None:
    for candidates in (
        NanoDet(CANVAS, range(6))(np.full((1, 50, CELLS), -20, np.float32), 0.15),
        Yolox(CANVAS, [0], [0])(np.zeros((1, CELLS, 85), np.float32), 0.15),
        Ultralytics([0], [0], final=False)(np.zeros((1, 84, 10), np.float32), 0.15),
        Ultralytics([0], [0], final=True)(np.zeros((1, 300, 6), np.float32), 0.15),
    ):
        assert candidates.boxes.shape == (0, 4)
        assert candidates.scores.shape == candidates.classes.shape == (0,)
