"""Plane geometry: the laws that gates, zones and the floor stand on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.floor import Plane
from pipelines.geometry import (
    cross,
    depth,
    distance_to_segment,
    homography,
    inside,
    is_simple_polygon,
    project,
    signed_area,
)
from pipelines.layout import CameraLayout, Floor, Point

coordinates = st.floats(-1, 2, allow_nan=False, width=32)
points = st.tuples(coordinates, coordinates)
L_SHAPE: tuple[Point, ...] = ((0, 0), (4, 0), (4, 2), (2, 2), (2, 4), (0, 4))


@st.composite
def stars(draw: st.DrawFn) -> list[Point]:
    """A polygon whose corners go once round its middle: simple by construction, convex or not."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.2, 1.0), min_size=count, max_size=count))
    turn = draw(st.floats(0, math.tau))
    # Corners less than half a turn apart, so that the middle lies inside.
    angles = [turn + math.tau * (i + 0.4 * draw(st.floats(0, 1))) / count for i in range(count)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def test_the_right_hand_side_of_a_walk_down_the_picture_is_the_left_of_the_picture() -> None:
    assert cross((0.5, 0.0), (0.5, 1.0), (0.2, 0.5)) > 0
    assert cross((0.5, 0.0), (0.5, 1.0), (0.8, 0.5)) < 0


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        pytest.param((1, 1), True, id="in the corner of the L"),
        pytest.param((3, 1), True, id="in one arm"),
        pytest.param((1, 3), True, id="in the other arm"),
        pytest.param((3, 3), False, id="in the notch"),
        pytest.param((5, 1), False, id="beside"),
        pytest.param((-1, 0), False, id="level with a corner"),
        pytest.param((1, 2), True, id="level with an inner corner"),
    ],
)
def test_a_point_is_inside_an_l_shape_or_not(point: Point, expected: bool) -> None:
    assert inside(L_SHAPE, point) is expected


@given(stars(), points)
def test_inside_does_not_depend_on_where_the_list_begins_nor_on_the_winding(
    polygon: list[Point], point: Point
) -> None:
    assume(abs(depth(polygon, point)) > 1e-6)
    found = inside(polygon, point)
    assert inside([*polygon[2:], *polygon[:2]], point) == found
    assert inside(polygon[::-1], point) == found


@given(stars())
def test_the_middle_of_a_star_is_inside_and_far_away_is_not(polygon: list[Point]) -> None:
    assume(depth(polygon, (0, 0)) > 1e-6 or depth(polygon, (0, 0)) < -1e-6)
    assert inside(polygon, (0, 0))
    assert not inside(polygon, (3, 0.1))


@given(stars(), points)
def test_depth_is_positive_inside_negative_outside_and_never_further_than_any_corner(
    polygon: list[Point], point: Point
) -> None:
    found = depth(polygon, point)
    assume(abs(found) > 1e-9)
    assert (found > 0) == inside(polygon, point)
    assert abs(found) <= min(math.dist(point, corner) for corner in polygon) + 1e-9


@given(stars(), points, points)
def test_depth_changes_no_faster_than_one_walks(polygon: list[Point], a: Point, b: Point) -> None:
    assert abs(depth(polygon, a) - depth(polygon, b)) <= math.dist(a, b) + 1e-9


@given(stars())
def test_a_polygon_drawn_round_its_middle_is_simple_either_way_round(polygon: list[Point]) -> None:
    assume(abs(signed_area(polygon)) > 1e-6)
    assert is_simple_polygon(polygon)
    assert is_simple_polygon(polygon[::-1])
    assert signed_area(polygon) == pytest.approx(-signed_area(polygon[::-1]))


@pytest.mark.parametrize(
    "polygon",
    [
        pytest.param([(0, 0), (1, 1), (1, 0), (0, 1)], id="a bow tie"),
        pytest.param([(0, 0), (1, 0)], id="two corners"),
        pytest.param([(0, 0), (1, 0), (2, 0)], id="all in a line"),
        pytest.param([(0, 0), (1, 0), (0, 0), (0, 1)], id="a corner twice"),
        pytest.param([(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)], id="a corner on another edge"),
        pytest.param([(0, 0), (3, 0), (3, 1), (1, 0), (2, 0), (0, 1)], id="edges on one another"),
        pytest.param([(0, 0), (2, 0), (1, 0), (1, 1)], id="an edge folded back on itself"),
    ],
)
def test_a_polygon_that_crosses_or_touches_itself_is_refused(polygon: list[Point]) -> None:
    assert not is_simple_polygon(polygon)


def test_a_notched_polygon_is_simple() -> None:
    assert is_simple_polygon(L_SHAPE)


@given(points, points, points)
def test_the_distance_to_a_segment_is_that_of_its_nearest_point(a: Point, b: Point, p: Point) -> None:
    along = [(a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])) for s in np.linspace(0, 1, 201).tolist()]
    sampled = min(math.dist(p, q) for q in along)
    found = distance_to_segment(a, b, p)
    assert found <= sampled + 1e-9
    assert found >= sampled - math.dist(a, b) / 400 - 1e-9


QUAD: tuple[Point, ...] = ((0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3))
shifts = st.tuples(st.floats(-0.08, 0.08), st.floats(-0.08, 0.08))


@given(st.lists(shifts, min_size=4, max_size=4), st.floats(1, 20), st.floats(1, 20), st.booleans())
def test_a_floor_of_four_points_maps_them_exactly_and_there_and_back(
    moved: list[Point], width: float, length: float, mirrored: bool
) -> None:
    image = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(QUAD, moved, strict=True)]
    metres: list[Point] = [(0, 0), (width, 0), (width, length), (0, length)]
    if mirrored:
        metres = [(-x, y) for x, y in metres]
    to_floor, to_image = homography(image, metres), homography(metres, image)
    for at, on_floor in zip(image, metres, strict=True):
        assert project(to_floor, at) == pytest.approx(on_floor, abs=1e-6)
    middle = (sum(x for x, _ in image) / 4, sum(y for _, y in image) / 4)
    there = project(to_floor, middle)
    assert there is not None
    assert project(to_image, there) == pytest.approx(middle, abs=1e-6)


def test_a_straight_line_stays_straight_on_the_floor() -> None:
    to_floor = homography(QUAD, [(0, 0), (4, 0), (4, 6), (0, 6)])
    found = [project(to_floor, (0.3 + 0.2 * s, 0.8 - 0.3 * s)) for s in (0.0, 0.4, 1.0)]
    a, b, c = (p for p in found if p is not None)
    assert cross(a, b, c) == pytest.approx(0, abs=1e-9)


def test_more_than_four_measured_points_are_averaged() -> None:
    truth = homography(QUAD, [(0, 0), (4, 0), (4, 6), (0, 6)])
    image = [*QUAD, (0.5, 0.5), (0.4, 0.7)]
    exact = [p for at in image if (p := project(truth, at)) is not None]
    slips = (0.05, -0.05, 0.05, -0.05, 0.05, -0.05)
    taped = [(x + dx, y) for (x, y), dx in zip(exact, slips, strict=True)]
    found = project(homography(image, taped), (0.5, 0.6))
    meant = project(truth, (0.5, 0.6))
    assert found is not None
    assert meant is not None
    assert math.dist(found, meant) < 0.1, (found, meant)


def test_points_in_a_line_do_not_fix_a_floor() -> None:
    with pytest.raises(ValueError, match="three of them lie in a line"):
        homography([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.9, 0.1)], [(0, 0), (1, 0), (2, 0), (1, 4)])


def test_above_the_horizon_there_is_no_floor() -> None:
    """The sides of QUAD meet at y = -0.3: that is the horizon."""
    plane = Plane.of(CameraLayout("cam-1", floor=Floor(QUAD, ((0, 0), (4, 0), (4, 6), (0, 6)))), 4 / 3)
    assert plane.place(0.5 * 4 / 3, -0.25, 0.1) is not None
    assert plane.place(0.5 * 4 / 3, -0.35, 0.1) is None
    with pytest.raises(ValueError, match="above the horizon"):
        plane.point((0.5, -0.35))


def test_without_floor_points_a_person_is_the_yardstick() -> None:
    plane = Plane.of(CameraLayout("cam-1"), 4 / 3)
    assert not plane.calibrated
    assert plane.point((0.5, 0.25)) == pytest.approx((2 / 3, 0.25))
    place = plane.place(0.6, 0.7, 0.1)
    assert place is not None
    assert (place.point, place.metre) == ((0.6, 0.7), 0.1)


def test_on_a_calibrated_floor_a_metre_is_a_metre() -> None:
    plane = Plane.of(CameraLayout("cam-1", floor=Floor(QUAD, ((0, 0), (4, 0), (4, 6), (0, 6)))), 2.0)
    place = plane.place(0.1 * 2.0, 0.9, 0.1)
    assert place is not None
    assert place.point == pytest.approx((0, 0), abs=1e-9)
    assert place.metre == 1.0
