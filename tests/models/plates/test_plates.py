"""Plates in pictures: found with their corners, straightened, with their colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.demo.plate_drawing import draw_plate
from models.plates.alphabet import BLANK, CHARACTERS, COLUMN, OTHER, Folding
from models.plates.colour import COLOURS, colour_of
from models.plates.crop import raised, straighten
from models.plates.detect import FoundPlate, distinct, same_plate
from pipelines.plate_records import PlateColour
from tests.plates import picture, plate_reader, real_plates, road
from tests.sim.plates.camera import Conditions, corners_of, photograph


def test_every_real_plate_is_found(shared: Path) -> None:
    detector = plate_reader().detector
    missed = [
        path.name for path in real_plates(shared)
        if not any(plate.score > 0.5 for plate in detector.find(picture(path), 1080))
    ]  # fmt: skip
    assert missed == []


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (25, 0), (-20, 8), (0, -10)])
def test_corners_are_where_the_plate_is(yaw: float, roll: float) -> None:
    plate = draw_plate("粤B12345")
    seen = Conditions(width=150, yaw=yaw, roll=roll)
    frame = photograph(plate, road(), seen, (480, 270), np.random.default_rng(1))
    found = plate_reader().detector.find(frame, 960)
    assert found, "no plate found"
    off = np.abs(found[0].corners - corners_of(plate, seen, (480, 270))).max()
    assert off < 9, f"a corner is {off:.1f} pixels off"


def test_an_empty_road_has_no_plate() -> None:
    assert plate_reader().detector.find(road(), 960) == []


def test_two_sights_of_one_plate_are_one_and_neighbours_stay_two() -> None:
    def sight(score: float, x: float) -> FoundPlate:
        box = (x, 100.0, x + 100, 130.0)
        return FoundPlate(score, box, np.zeros((4, 2), np.float32))

    kept = distinct([sight(0.6, 105), sight(0.9, 100), sight(0.8, 230)])
    assert [plate.score for plate in kept] == [0.9, 0.8]
    assert not same_plate((0, 0, 10, 10), (10, 0, 20, 10))


@given(st.floats(-30, 30), st.floats(-20, 20), st.floats(-10, 10), st.floats(90, 300))
@settings(max_examples=20, deadline=None)
def test_straightening_undoes_the_camera(yaw: float, pitch: float, roll: float, width: float) -> None:
    plate = draw_plate("粤B12345")
    seen = Conditions(width=width, yaw=yaw, pitch=pitch, roll=roll, noise=0, quality=95)
    frame = photograph(plate, road(), seen, (480, 270), np.random.default_rng(1))
    flat = straighten(frame, corners_of(plate, seen, (480, 270)), (160, 50))
    wanted = cv2.resize(plate, (160, 50), interpolation=cv2.INTER_AREA)
    same = np.corrcoef(flat.astype(float).ravel(), wanted.astype(float).ravel())[0, 1]
    assert same > 0.75, f"correlation {same:.2f}"


def test_raising_moves_only_the_upper_edge() -> None:
    corners = np.array([[0, 10], [30, 10], [30, 20], [0, 20]], np.float32)
    assert raised(corners, 0.5).tolist() == [[0, 5], [30, 5], [30, 20], [0, 20]]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("粤B12345", "blue"), ("粤B12345", "yellow"), ("沪AD12345", "green"), ("京A12345D", "yellow_green"),
        ("鄂F8888警", "white"), ("使123456", "black"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("light", [0.45, 1.0, 1.3])
def test_colours_are_told_by_day_and_at_dusk(text: str, colour: PlateColour, light: float) -> None:
    plate = np.clip(draw_plate(text, colour).astype(np.float32) * light, 0, 255).astype(np.uint8)
    shares = colour_of(
        cv2.GaussianBlur(cv2.resize(plate, (128, 40), interpolation=cv2.INTER_AREA), (0, 0), 1)
    )
    assert shares.sum() == pytest.approx(1)
    assert COLOURS[int(shares.argmax())] == colour, dict(zip(COLOURS, shares.round(2), strict=True))


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("blue_yu.png", "blue"), ("blue_zang.jpg", "blue"), ("green_hu.jpg", "green"),
        ("green_su.jpg", "green"), ("yellow_wan.jpg", "yellow"), ("learner_qiong.jpg", "yellow"),
        ("police_e.jpg", "white"), ("double_yellow_jing.jpg", "yellow"),
    ],
)  # fmt: skip
def test_colours_of_real_plates(shared: Path, name: str, colour: PlateColour) -> None:
    image = picture(shared / "plates" / name)
    reader = plate_reader()
    look = reader.look(image, reader.detector.find(image, 1080)[0])
    assert COLOURS[int(look.colours.argmax())] == colour, look


def test_a_recognisers_alphabet_folds_onto_the_plates() -> None:
    folding = Folding(["京", "o", "·", "猫", "a"], 7)
    raw = np.array([[0.1, 0.2, 0.3, 0.1, 0.2, 0.05, 0.05]], np.float32)
    glyphs = folding(raw)[0]
    assert glyphs[COLUMN["京"]] == pytest.approx(0.2)
    assert glyphs[COLUMN["0"]] == pytest.approx(0.3), "an O on a plate is a zero"
    assert glyphs[COLUMN["A"]] == pytest.approx(0.05)
    assert glyphs[BLANK] == pytest.approx(0.1 + 0.1 + 0.05), "dot and trailing space are no characters"
    assert glyphs[OTHER] == pytest.approx(0.2)
    assert glyphs.sum() == pytest.approx(1)
    assert len(set(CHARACTERS)) == len(CHARACTERS)
