"""Suppression: one box per thing, neighbours survive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.suppress import IOU, suppress
from models.types import CLASSES

numbers = st.floats(-90, 50, width=16)


@st.composite
def candidates(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16]]:
    count = draw(st.integers(0, 25))
    corners = draw(st.lists(st.tuples(numbers, numbers), min_size=count, max_size=count))
    sides = draw(st.lists(st.tuples(*[st.floats(1, 40, width=16)] * 2), min_size=count, max_size=count))
    scores = draw(st.permutations(range(1, count + 1)))
    kinds = draw(st.lists(st.integers(0, len(CLASSES) - 1), min_size=count, max_size=count))
    corner, side = np.array(corners).reshape(-1, 2), np.array(sides).reshape(-1, 2)
    boxes = np.concatenate([corner, corner + side], 1).astype(np.float32)
    return boxes, (np.array(scores) / (count + 1)).astype(np.float32), np.array(kinds, np.int16)


def greedy(boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int16]) -> list[int]:
    """Suppression as it is defined, one pair at a time."""
    group = {
        number: "road" if name in ("car", "bus", "truck") else name for number, name in enumerate(CLASSES)
    }
    kept: list[int] = []
    for one in np.argsort(-scores, kind="stable").tolist():
        rivals = [other for other in kept if group[int(classes[one])] == group[int(classes[other])]]
        if all(overlap(boxes[one], boxes[other]) <= IOU for other in rivals):
            kept.append(one)
    return kept


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    sides = np.minimum(one[2:], other[2:]).astype(float) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    areas = [float(np.prod(box[2:].astype(float) - box[:2])) for box in (one, other)]
    return shared / (sum(areas) - shared)


@given(candidates())
def test_it_keeps_what_the_definition_keeps(
    found: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16]],
) -> None:
    assert suppress(*found).tolist() == greedy(*found)


@pytest.mark.parametrize(
    ("second", "classes", "kept"),
    [
        pytest.param([1, 0, 11, 30], [0, 0], 1, id="the same person twice"),
        pytest.param([5, 0, 15, 30], [0, 0], 2, id="two people shoulder to shoulder"),
        pytest.param([1, 0, 11, 30], [2, 5], 1, id="a car that is also called a truck"),
        pytest.param([1, 0, 11, 30], [0, 1], 2, id="a rider on a bicycle"),
    ],
)
def test_what_counts_as_the_same_thing(second: list[float], classes: list[int], kept: int) -> None:
    boxes = np.array([[0, 0, 10, 30], second], np.float32)
    assert len(suppress(boxes, np.array([0.9, 0.8], np.float32), np.array(classes, np.int16))) == kept


def test_a_box_turned_inside_out_is_dropped_and_harms_no_other() -> None:
    boxes = np.array([[300, 300, 100, 290], [310, 295, 330, 310], [10, 10, 20, 20]], np.float32)
    kept = suppress(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, np.int16))
    assert kept.tolist() == [1, 2]
