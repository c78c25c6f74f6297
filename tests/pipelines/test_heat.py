"""Seconds of presence by cell: as long as people stood there, at any frame rate, and nowhere impossible."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.floor import Plane
from pipelines.heat import SURROUNDINGS_M, HeatMap, merge, unit_of
from pipelines.layout import Floor
from pipelines.records import HEAT_CELL_FRAME, HEAT_CELL_M, Pulse
from tests.build import ASPECT, WHOLE, frac, frames, layout, only, walk, watch

MEASURED = Floor(
    tuple(frac(p) for p in ((1, 1), (12, 1), (12, 9), (1, 9))), ((1, 1), (12, 1), (12, 9), (1, 9))
)
"""The floor of the scenes, whose places are metres already."""
OBLIQUE = Floor(((0.1, 0.95), (0.9, 0.95), (0.62, 0.3), (0.38, 0.3)), ((0, 0), (4, 0), (4, 12), (0, 12)))
"""A camera that looks along a hall: its horizon is just above the last points."""


def heat_of(pulses: list[Pulse]) -> dict[tuple[int, int], float]:
    return merge(pulse.heat for pulse in pulses)


def cell_of(x: float, y: float) -> tuple[int, int]:
    return math.floor(x / HEAT_CELL_M), math.floor(y / HEAT_CELL_M)


@pytest.mark.parametrize("fps", [3, 10, 25])
def test_ten_seconds_in_a_place_are_ten_seconds_at_any_frame_rate(fps):
    plan = layout(floor=MEASURED)
    heat = heat_of(only(Pulse, watch(plan, frames(walk((6.2, 5.2), 10.0), fps=fps))))
    # The first frames pass before somebody counts as a person.
    assert heat[cell_of(6.2, 5.2)] == pytest.approx(10.0, abs=2 / fps + 0.01)
    assert len(heat) <= 2, heat


walks = st.lists(
    st.builds(
        lambda a, b, rest, speed, start: walk(a, b, rest, speed=speed, start=start),
        st.tuples(st.floats(0, 13), st.floats(2, 11)), st.tuples(st.floats(0, 13), st.floats(2, 11)),
        st.floats(0, 5), st.floats(0.3, 2.5), st.floats(0, 5),
    ),
    max_size=4,
)  # fmt: skip


@given(walks, st.sampled_from([3, 5, 10]))
def test_the_cells_of_a_picture_add_up_to_the_person_seconds(people, fps):
    pulses = only(Pulse, watch(layout(), frames(*people, fps=fps)))
    for pulse in pulses:
        assert sum(pulse.heat.values()) == pytest.approx(pulse.person_seconds, abs=1e-6)
        assert all(seconds > 0 for seconds in pulse.heat.values())
        for column, row in pulse.heat:
            assert 0 <= column < ASPECT / HEAT_CELL_FRAME
            assert 0 <= row < 1 / HEAT_CELL_FRAME


def test_a_walk_warms_the_cells_on_its_way_and_no_others():
    plan = layout(floor=MEASURED)
    heat = heat_of(only(Pulse, watch(plan, frames(walk((2.2, 5.2), (11.2, 5.2), speed=1.0)))))
    assert {row for _, row in heat} <= {9, 10, 11}
    columns = sorted({column for column, _ in heat})
    assert all(b - a == 1 for a, b in pairwise(columns)), columns
    assert columns[0] <= cell_of(3, 0)[0]
    assert columns[-1] >= cell_of(10.5, 0)[0]
    assert sum(heat.values()) == pytest.approx(9.0, abs=0.5)


def test_a_foot_that_the_pictures_edge_cuts_off_stands_in_the_last_row():
    heat = heat_of(only(Pulse, watch(layout(), frames(walk((6, 10.3), 5.0)))))
    assert {row for _, row in heat} == {23}


@given(st.floats(0, 1), st.floats(0.01, 1))
def test_no_place_of_the_picture_gives_a_cell_far_from_the_measured_floor(x, y):
    plan = layout(floor=OBLIQUE)
    plane = Plane.of(plan, ASPECT)
    heat = HeatMap.of(plan, plane)
    place = plane.place(x * ASPECT, y, 0.1)
    if place is not None:
        heat.sight(1, place.point)
        heat.pass_time([1], 1.0)
    for column, row in heat.take():
        assert -SURROUNDINGS_M - 1 <= column * HEAT_CELL_M <= 4 + SURROUNDINGS_M
        assert -12 - 1 <= row * HEAT_CELL_M <= 24
    assert unit_of(plan) == "m"


def test_who_stands_beyond_the_map_is_present_but_warms_nothing():
    near = replace(MEASURED, metres=tuple((x / 100, y / 100) for x, y in MEASURED.metres))
    far = HeatMap.of(layout(floor=near), Plane.of(layout(floor=near), ASPECT))
    far.sight(1, (50.0, 50.0))
    far.sight(2, (0.1, 0.1))
    far.pass_time([1, 2, 3], 2.0)
    assert far.take() == {(0, 0): 2.0}


def test_what_was_taken_is_gone():
    heat = HeatMap.of(layout(), Plane.of(layout(), ASPECT))
    heat.sight(1, (0.5, 0.5))
    heat.pass_time([1], 1.0)
    assert heat.take() == {(12, 12): 1.0}
    heat.lose(1)
    heat.pass_time([1], 1.0)
    assert heat.take() == {}


maps = st.dictionaries(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), st.integers(0, 1000), max_size=20)


@given(maps, maps, maps)
def test_maps_add_up_in_any_order(a, b, c):
    assert merge([a, b, c]) == merge([merge([c, b]), a])
    assert sum(merge([a, b, c]).values()) == sum(sum(m.values()) for m in (a, b, c))


def test_whole_picture_corners_are_on_the_map():
    heat = HeatMap.of(layout(), Plane(ASPECT))
    for i, (x, y) in enumerate(WHOLE):
        heat.sight(i, (min(x * ASPECT, ASPECT - 1e-6), min(y, 1 - 1e-6)))
        heat.pass_time([i], 1.0)
    assert sum(heat.take().values()) == 4.0
