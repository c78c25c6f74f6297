"""`storeedge plates read`: every picture one line; unread rather than wrong."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.demo.plate_drawing import draw_plate
from edge.plate_stills import StillReader
from tests.plates import picture, plate_reader, real_plates, road
from tests.sim.plates.camera import any_conditions, photograph
from tests.sim.plates.texts import plate

pytestmark = pytest.mark.slow
ALSO_SHOWN = {"blue_chuan.png": 1, "green_su.jpg": 1}
"""Pictures that hold, beside the plate, one that no one can read: far away, half behind a mirror."""
STOREEDGE = str(Path(sys.executable).with_name("storeedge"))


def read(*files: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    plate_reader()
    command = [STOREEDGE, "plates", "read", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_all_real_plates_are_read_and_none_is_wrong(shared: Path) -> None:
    truth = real_plates(shared)
    done = read(*truth)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(path) for path in truth]
    assert all(set(line) == {"file", "plates", "unread"} for line in lines)
    got = {Path(line["file"]).name: [one["text"] for one in line["plates"]] for line in lines}
    assert got == {path.name: texts for path, texts in truth.items()}
    unread = {Path(line["file"]).name: line["unread"] for line in lines}
    assert {name: count for name, count in unread.items() if count} == ALSO_SHOWN
    for one in (one for line in lines for one in line["plates"]):
        assert set(one) == {"text", "kind", "colour", "score", "box"}
        x1, y1, x2, y2 = one["box"]
        assert 0 <= x1 < x2
        assert 0 <= y1 < y2
        assert 0 < one["score"] <= 1


def test_what_is_no_picture_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    good, broken, empty = tmp_path / "好.png", tmp_path / "broken.jpg", tmp_path / "empty.png"
    cv2.imencode(".png", road(320, 240))[1].tofile(good)
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    empty.touch()
    done = read(broken, good, tmp_path / "missing.jpg", empty)
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"file": str(good), "plates": [], "unread": 0}
    ]
    told = done.stderr.splitlines()
    assert len(told) == 3, told
    assert all(line.startswith("storeedge: ") for line in told)
    assert [name for name in ("broken.jpg", "missing.jpg", "empty.png") if name in done.stderr] == [
        "broken.jpg", "missing.jpg", "empty.png",
    ]  # fmt: skip


def test_a_picture_that_is_nothing_but_a_plate_is_read() -> None:
    small = cv2.resize(draw_plate("粤B12345"), (140, 44), interpolation=cv2.INTER_AREA)
    assert [one.text for one in StillReader(plate_reader()).read(small)] == ["粤B12345"]


def test_a_small_plate_in_a_large_photograph_is_found(shared: Path) -> None:
    del shared
    photo = np.ascontiguousarray(np.tile(road(1000, 750), (4, 4, 1)))
    shot = photograph(
        draw_plate("沪AD12345", "green"), photo, any_conditions(np.random.default_rng(2), 130, 0.2),
        (2900, 2100), np.random.default_rng(2),
    )  # fmt: skip
    found = StillReader(plate_reader()).read(shot)
    assert [one.text for one in found] == ["沪AD12345"]
    x1, y1, x2, y2 = found[0].box
    assert x1 < 2900 < x2
    assert y1 < 2100 < y2


def test_a_dark_smear_where_a_plate_was_is_not_guessed(shared: Path) -> None:
    path = shared / "plates" / "blue_yu.png"
    blurred = cv2.GaussianBlur(picture(path), (0, 0), 7)
    assert [one.text for one in StillReader(plate_reader()).read(blurred) if one.text] == []


def test_simulated_plates_from_90_pixels_on_are_read_and_none_is_wrong() -> None:
    """Plates of every kind, warped, blurred, dim, dirty; the whole set is measured by tests/sim/plates."""
    dice, rough, reader = np.random.default_rng(11), random.Random(11), StillReader(plate_reader())
    told: Counter[str] = Counter()
    odd = []
    for _ in range(14):
        truth = plate(rough)
        drawn = draw_plate(truth.text, truth.colour, rows=truth.rows)
        seen = any_conditions(dice, rough.uniform(95, 180), 0.7)
        shot = photograph(drawn, road(720, 405), seen, (360, 200), dice)
        texts = [one.text for one in reader.read(shot) if one.text]
        result = "exact" if texts == [truth.text] else "wrong" if texts else "unread"
        told[result] += 1
        if result != "exact":
            odd.append((truth, texts, seen))
    assert told["wrong"] == 0, odd
    assert told["exact"] >= 12, odd
