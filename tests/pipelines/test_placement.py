"""A gate needs floor in sight on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.layout import CameraLayout, Floor, Gate
from pipelines.placement import RUN_UP_HEIGHTS, RUN_UP_M, run_ups

FLOOR = Floor(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), ((0, 0), (4, 0), (4, 3), (0, 3)))
"""Straight from above: 4 m across, 3 m down."""


def looked_at(gate: Gate, floor: Floor | None = FLOOR) -> dict[str, tuple[float, bool]]:
    layout = CameraLayout("cam-1", gates=(gate,), floor=floor)
    return {run_up.side: (run_up.seen, run_up.short) for run_up in run_ups(layout, 4 / 3)}


def test_a_gate_in_the_middle_has_room_on_both_sides():
    seen = looked_at(Gate("door", (0.2, 0.5), (0.8, 0.5), "right"))
    assert seen["left"][0] == pytest.approx(1.5, abs=0.06), seen
    assert seen["right"][0] == pytest.approx(1.5, abs=0.06), seen
    assert not seen["left"][1], seen
    assert not seen["right"][1], seen


def test_a_gate_near_the_lower_edge_is_short_on_its_lower_side_only():
    """Walking to the right of the picture, the right-hand side is below."""
    seen = looked_at(Gate("door", (0.2, 0.9), (0.8, 0.9), "right"))
    assert seen["right"][0] == pytest.approx(0.3, abs=0.06), seen
    assert seen["right"][1], seen
    assert not seen["left"][1], seen


def test_drawn_the_other_way_the_sides_change_places():
    one = looked_at(Gate("door", (0.2, 0.9), (0.8, 0.9), "right"))
    other = looked_at(Gate("door", (0.8, 0.9), (0.2, 0.9), "left"))
    assert one["left"] == other["right"]
    assert one["right"] == other["left"]


def test_without_a_measured_floor_the_picture_is_the_measure():
    seen = looked_at(Gate("door", (0.05, 0.2), (0.05, 0.8), "left"), floor=None)
    assert seen["right"] == (pytest.approx(0.05 * 4 / 3, abs=0.01), True), seen
    assert seen["left"][1] is False, seen


@given(st.floats(0.0, 1.0))
def test_only_a_line_too_near_the_edge_is_short(y):
    seen = looked_at(Gate("door", (0.2, y), (0.8, y), "right"))
    assert seen["left"][1] == (3 * y < RUN_UP_M) or abs(3 * y - RUN_UP_M) < 0.06, (y, seen)
    assert seen["right"][1] == (3 * (1 - y) < RUN_UP_M) or abs(3 * (1 - y) - RUN_UP_M) < 0.06, (y, seen)


def test_a_floor_mirrored_on_paper_changes_no_side():
    mirrored = Floor(FLOOR.image, tuple((4 - x, y) for x, y in FLOOR.metres))
    gate = Gate("door", (0.2, 0.9), (0.8, 0.9), "right")
    for side, (seen, short) in looked_at(gate).items():
        assert looked_at(gate, mirrored)[side] == (pytest.approx(seen, abs=0.06), short)


def test_a_perspective_floor_is_measured_in_metres_on_the_floor():
    """Far up in an oblique picture a few pixels are a metre."""
    oblique = Floor(((0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3)), ((0, 0), (4, 0), (4, 6), (0, 6)))
    seen = looked_at(Gate("far", (0.4, 0.3), (0.6, 0.3), "right"), oblique)
    assert seen["left"][0] == pytest.approx(5 * RUN_UP_M, abs=0.06), seen
    assert RUN_UP_HEIGHTS < RUN_UP_M
