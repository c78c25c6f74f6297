"""What hides behind what."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sim.camera import Camera
from tests.sim.crowd import Block, Body, Samples
from tests.sim.sight import Sight, look, pairs

CAMERA = Camera(0.0, 0.0, 2.8, yaw_deg=0, pitch_deg=25, hfov_deg=75, width=1280, height=720)
ADULT = Body(1.75, 0.5)


def sight(
    *places: tuple[float, float], bodies: tuple[Body, ...] = (), blocks: tuple[Block, ...] = ()
) -> Sight:
    n = len(places)
    samples = Samples(
        np.zeros(n, np.int64), np.arange(n), np.array(places, float), np.tile([0.0, -1.0], (n, 1))
    )
    return look(CAMERA, blocks, bodies or (ADULT,) * n, samples)


def test_somebody_alone_in_the_middle_is_seen_whole() -> None:
    seen = sight((0.0, 6.0))
    assert seen.visible[0] == 1.0
    assert seen.box[0] == pytest.approx(seen.full[0])
    foot, head = CAMERA.project([0, 6, 0])[0], CAMERA.project([0, 6, 1.75])[0]
    assert seen.box[0, 3] == pytest.approx(foot[1], abs=0.03)
    assert seen.box[0, 1] == pytest.approx(head[1], abs=0.02)


def test_whoever_stands_behind_is_hidden_from_the_feet_up() -> None:
    seen = sight((0.0, 4.5), (0.0, 6.0))
    assert seen.visible[0] == 1.0
    assert 0.1 < seen.visible[1] < 0.6, seen.visible[1]
    assert seen.box[1, 3] < seen.full[1, 3] - 0.02, "the feet are hidden"
    assert seen.box[1, 1] == pytest.approx(seen.full[1, 1]), "the head is not"


def test_people_side_by_side_are_both_seen() -> None:
    assert sight((-0.35, 6.0), (0.35, 6.0)).visible.min() == 1.0


def test_a_person_at_the_edge_is_cut_by_it() -> None:
    at_edge = CAMERA.floor_point([0.995, 0.6])
    seen = sight((float(at_edge[0]), float(at_edge[1])))
    assert 0.1 < seen.visible[0] < 0.9
    assert seen.box[0, 2] == 1.0


def test_a_person_behind_the_camera_is_not_seen() -> None:
    assert sight((0.0, -3.0)).visible[0] == 0.0


def test_a_counter_hides_the_legs_and_a_wall_everything() -> None:
    counter, wall = Block(-2, 5, 2, 5.5, height=1.0), Block(-2, 5, 2, 5.2, height=3.0)
    behind = sight((0.0, 6.0), blocks=(counter,))
    assert 0.3 < behind.visible[0] < 0.8
    assert behind.box[0, 3] < behind.full[0, 3]
    assert sight((0.0, 6.0), blocks=(wall,)).visible[0] == 0.0
    glass = Block(-2, 5, 2, 5.2, height=3.0, opaque=False)
    assert sight((0.0, 6.0), blocks=(glass,)).visible[0] == 1.0


def test_a_cart_ahead_hides_part_of_whoever_pushes_it() -> None:
    pushed = sight((0.0, 6.0), bodies=(Body(1.75, 0.5, cart=True),))
    assert 0.4 < pushed.visible[0] < 1.0


def test_pairs_are_all_pairs_of_one_frame() -> None:
    frame = np.array([0, 0, 0, 2, 3, 3])
    i, j = pairs(frame)
    expected = {(a, b) for a in range(6) for b in range(6) if a != b and frame[a] == frame[b]}
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
