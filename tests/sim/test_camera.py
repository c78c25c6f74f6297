"""The camera model is a camera."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.sim.camera import Camera
from tests.sim.scenarios import SCENES
from tests.sim.simulation import Scene

cameras = st.builds(
    Camera,
    x=st.floats(-5, 5),
    y=st.floats(-5, 5),
    z=st.floats(2.2, 6.0),
    yaw_deg=st.floats(0, 360),
    pitch_deg=st.floats(10, 90),
    hfov_deg=st.floats(40, 110),
    width=st.just(1280),
    height=st.sampled_from([720, 960]),
)


@given(cameras, st.floats(-8, 8), st.floats(-8, 8))
def test_a_floor_point_is_found_again_from_its_place_in_the_picture(
    camera: Camera, x: float, y: float
) -> None:
    at, depth = camera.project([x, y, 0.0])
    assume(depth > 0.5)
    assert camera.floor_point(at) == pytest.approx([x, y], abs=1e-6)


@given(cameras)
def test_the_middle_of_the_picture_is_where_the_camera_looks(camera: Camera) -> None:
    ahead = camera.position + camera.axes[2]
    assert camera.project(ahead)[0] == pytest.approx([0.5, 0.5])


@given(cameras, st.floats(-8, 8), st.floats(-8, 8))
def test_the_picture_is_not_mirrored(camera: Camera, x: float, y: float) -> None:
    assume(camera.project([x, y, 0.0])[1] > 0.5)
    foot, right, beyond = (
        camera.project([x + dx, y + dy, 0.0])[0] for dx, dy in ((0, 0), (0.1, 0), (0, 0.1))
    )
    a, b = right - foot, beyond - foot
    # Seen from above y lies to the left of x; a left turn is negative where y points down.
    assert a[0] * b[1] - a[1] * b[0] < 0


def test_a_person_further_away_is_smaller() -> None:
    camera = Camera(0, 0, 2.8, 0, 25, 75)
    sizes = [
        camera.project([0, y, 0.0])[0][1] - camera.project([0, y, 1.7])[0][1] for y in (3.0, 5.0, 8.0, 12.0)
    ]
    assert sizes == sorted(sizes, reverse=True), sizes


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_gate_has_run_up_in_sight_on_both_sides(scene: Scene) -> None:
    """At least .8 m of floor and a whole adult's upper body, at both ends and in the middle of the gate."""
    for gate in scene.gates:
        a, b, inside = (np.array(p) for p in (gate.a, gate.b, gate.inside))
        along = (b - a) / np.hypot(*(b - a))
        normal = np.array([-along[1], along[0]])
        normal *= np.sign(normal @ (inside - a))
        for share in (0.1, 0.5, 0.9):
            for depth in (-0.8, 0.0, 0.8):
                x, y = a + share * (b - a) + depth * normal
                assert scene.camera.sees(x, y), f"{gate.id}: the floor at {x:.1f}, {y:.1f} is out of sight"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_layout_is_drawn_within_the_picture_and_calibrated_exactly(scene: Scene) -> None:
    layout = scene.layout
    points = [p for gate in layout.gates for p in (gate.a, gate.b)]
    assert layout.floor is not None
    points += layout.floor.image
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points), points
    back = scene.camera.floor_point(np.array(layout.floor.image))
    assert back == pytest.approx(np.array(layout.floor.metres), abs=1e-6)
