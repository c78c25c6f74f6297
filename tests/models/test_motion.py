"""What moves, and what large thing stands before the background."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.foreground import CAR, Foreground
from models.motion import MotionGate
from models.types import Detections, Image

from .conftest import frames

FPS = 12.5


@pytest.fixture(scope="module")
def lane(shared: Path) -> list[tuple[float, Detections]]:
    """Time and large regions of every frame of the car-park clip."""
    foreground = Foreground()
    clip = frames(shared / "footage" / "car-detection.mp4", range(400))
    return [(index / FPS, foreground.detect(frame, index / FPS)) for index, frame in enumerate(clip)]


def test_every_car_of_the_lane_passes_the_middle_when_the_truth_says(
    lane: list[tuple[float, Detections]], shared: Path
) -> None:
    truth = json.loads((shared / "footage" / "truth.json").read_text())["car-detection.mp4"]["vehicles"]
    for vehicle in truth:
        around = [found for t, found in lane if abs(t - vehicle["t_middle"]) < 0.5]
        nearest = min(
            abs(float(box[1] + box[3]) / 2 - 0.5) for found in around for box in found.boxes if len(found)
        )
        assert nearest < 0.08, f"no box near the middle row at {vehicle['t_middle']} s: {nearest:.2f} away"


def test_one_car_is_one_box_and_two_at_once_are_two(lane: list[tuple[float, Detections]]) -> None:
    def counts(start: float, end: float) -> list[int]:
        return [len(found) for t, found in lane if start <= t <= end]

    assert set(counts(4.8, 8.0)) == {1}, "the white car"
    assert set(counts(15.2, 17.9)) == {2}, "the grey and the red car side by side"
    assert set(counts(25.6, 27.4)) == {1}, "the last car"
    for start, end in ((1.0, 4.0), (9.5, 14.0), (19.5, 25.0)):
        assert set(counts(start, end)) == {0}, f"nothing between {start} and {end} s"


def test_a_region_is_a_car_that_fills_its_box(lane: list[tuple[float, Detections]]) -> None:
    found = [found for _, found in lane if len(found)]
    assert all((one.classes == CAR).all() for one in found)
    scores = np.concatenate([one.scores for one in found])
    assert 0.6 < scores.min() <= scores.max() <= 1


def road(brightness: int = 90) -> Image:
    """A grey road with some texture."""
    texture = np.random.default_rng(3).integers(-12, 13, (30, 40, 1))
    small = np.clip(brightness + texture, 0, 255).astype(np.uint8)
    return np.repeat(np.asarray(cv2.resize(small, (640, 480)), np.uint8)[..., None], 3, axis=2)


def with_car(picture: Image, left: int, top: int, colour: tuple[int, int, int] = (40, 40, 160)) -> Image:
    picture = picture.copy()
    picture[top : top + 180, left : left + 90] = colour
    picture[top + 40 : top + 70, left + 10 : left + 80] = (30, 30, 30)
    return picture


@pytest.mark.parametrize("colour", [(40, 40, 160), (250, 250, 250), (20, 20, 20), (60, 60, 60)], ids=str)
def test_a_car_of_any_colour_is_one_clean_box(colour: tuple[int, int, int]) -> None:
    foreground = Foreground()
    for index in range(10):
        foreground.detect(road(), index / 10)
    found = foreground.detect(with_car(road(), 200, 100, colour), 1.0)
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0], [200 / 640, 100 / 480, 290 / 640, 280 / 480], atol=0.02)


def test_exposure_that_follows_a_white_car_makes_no_false_region() -> None:
    foreground = Foreground()
    for index in range(40):
        gain = 1 - 0.4 * min(index, 20) / 20
        picture = (road() * gain).astype(np.uint8)
        found = foreground.detect(picture, index / 10)
        assert len(found) == 0, f"frame {index}, gain {gain}: {found.boxes}"


def test_a_car_that_waits_at_the_barrier_stays_a_car() -> None:
    foreground = Foreground()
    foreground.detect(road(), 0.0)
    seen = [len(foreground.detect(with_car(road(), 200, 100), t / 2)) for t in range(1, 61)]
    assert set(seen) == {1}, "half a minute"


def test_the_hole_of_a_car_that_was_there_from_the_start_is_forgotten() -> None:
    foreground = Foreground()
    for index in range(10):
        foreground.detect(with_car(road(), 200, 100), index / 10)
    seen = [len(foreground.detect(road(), 1 + index / 10)) for index in range(60)]
    assert seen[-1] == 0, seen
    back = foreground.detect(with_car(road(), 420, 200), 8.0)
    assert len(back) == 1


def test_a_small_thing_is_no_vehicle() -> None:
    foreground = Foreground()
    foreground.detect(road(), 0.0)
    picture = road()
    picture[100:130, 100:115] = 255
    assert len(foreground.detect(picture, 0.1)) == 0


def test_the_gate_is_open_whenever_somebody_walks(shared: Path) -> None:
    """Six people with truth: open from when each enters until he stands, and again until he has left."""
    truth = json.loads((shared / "footage" / "truth.json").read_text())["one-by-one.mp4"]["visits"]
    gate, opened = MotionGate(), {}
    for index, frame in enumerate(frames(shared / "footage" / "one-by-one.mp4", range(1400))):
        opened[index] = gate.moving(frame, index / 10)
    for visit in truth:
        begin, end = round(visit["t_in"] * 10), round(visit["t_out"] * 10)
        for index in [*range(begin + 3, begin + 15), *range(end - 10, end - 2)]:
            assert opened.get(index, True), f"closed at {index / 10} s"
    empty = [opened[index] for index in range(20, 58)]
    assert not any(empty), f"open for {sum(empty)} of {len(empty)} frames of an empty scene"


def noisy(picture: Image, seed: int, sigma: float = 4.0) -> Image:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_noise_clouds_and_a_swaying_pole_do_not_open_the_gate() -> None:
    gate = MotionGate(hold_s=0.2)
    scene = road()
    scene[:, 300:340] = 220
    opened = []
    for index in range(60):
        picture = np.roll(scene, (index % 3) - 1, axis=1)
        bright = 1 + 0.15 * np.sin(index / 20)
        opened.append(
            gate.moving(noisy(np.clip(picture * bright, 0, 255).astype(np.uint8), index), index / 10)
        )
    assert not any(opened[5:]), f"open in frames {[i for i, moving in enumerate(opened) if moving]}"


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_a_slow_small_walker_opens_the_gate_at_any_frame_rate(fps: int) -> None:
    gate = MotionGate(hold_s=0.2)
    for index in range(2 * fps):
        gate.moving(noisy(road(), index), index / fps)
    opened = []
    for index in range(3 * fps):
        picture = road()
        left = 100 + round(60 * index / fps)  # 60 of 640 pixels a second
        picture[200:280, left : left + 28] = 50
        opened.append(gate.moving(noisy(picture, index + 1000), 2 + index / fps))
    assert all(opened), f"closed in {opened.count(False)} of {len(opened)} frames"


def test_the_gate_closes_again_after_its_hold() -> None:
    gate = MotionGate(hold_s=1.0)
    for index in range(20):
        gate.moving(road(), index / 10)
    assert gate.moving(with_car(road(), 200, 100), 2.0)
    later = [gate.moving(road(), 2.1 + index / 10) for index in range(60)]
    assert later[5]
    assert not later[-1]
