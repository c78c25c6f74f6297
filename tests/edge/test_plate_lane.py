"""The whole lane: cars with plates over real lane footage, one exact read for each, and no trace of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from edge.demo.lane_clip import Drive, lane_frames
from edge.demo.plate_drawing import draw_plate
from edge.engine import CameraEngine
from models import cache
from models.manifest import card
from models.types import Image
from pipelines.layout import CameraLayout, Lane
from pipelines.plate_records import PlateRead
from pipelines.records import VehiclePassage
from tests.broker import Mosquitto, free_port, mosquitto  # noqa: F401 - a fixture
from tests.plates import plate_reader
from tests.sim.plates.lane import NobodySees, empty_road, run
from tests.sync.fakes import Listener

pytestmark = pytest.mark.slow

STOREEDGE = str(Path(sys.executable).with_name("storeedge"))
CANARY = "琼QZ7K3X"
FPS = 10.0


@pytest.fixture(scope="module")
def footage(shared: Path) -> Path:
    return shared / "footage" / "car-detection.mp4"


def frames(footage: Path, *drives: Drive, seconds: float) -> Iterator[tuple[float, Image]]:
    return lane_frames(empty_road(footage, FPS, seconds), drives, FPS)


def test_every_car_is_read_exactly_once_in_good_light(footage: Path) -> None:
    cars = [
        (text, draw_plate(text, colour, rows=rows), 0.0)
        for text, colour, rows in [
            ("粤B12345", "blue", 1), ("沪AD12345", "green", 1), ("浙AB123挂", "yellow", 2),
            ("鄂F8888警", "white", 1),
        ]
    ]  # fmt: skip
    outcome = run(footage, cars, plate_reader(), seed=5, hard=0.4)
    assert outcome.told == Counter(exact=len(cars)), (outcome.told, outcome.wrong)


def test_a_car_and_its_read_have_the_same_track(footage: Path) -> None:
    plate_reader()
    layout = CameraLayout("cam-9", lanes=(Lane("exit-1", "exit", "down"),))
    engine = CameraEngine(layout, NobodySees(), plates=plate_reader())
    drive = Drive("粤B12345", draw_plate("粤B12345"), begin=1.5, seconds=4.0)
    facts = [fact for t, frame in frames(footage, drive, seconds=8) for fact in engine.process(frame, t)]
    facts += engine.close(8.0)
    reads = [fact for fact in facts if isinstance(fact, PlateRead)]
    assert [(read.text, read.lane, read.plate_kind) for read in reads] == [("粤B12345", "exit-1", "ordinary")]
    assert 1.5 < reads[0].t < 5.5
    passages = [fact for fact in facts if isinstance(fact, VehiclePassage)]
    assert [(one.direction, one.track) for one in passages] == [("down", reads[0].track)]


def test_a_car_that_fills_the_picture_has_passed_the_way_its_plate_went(footage: Path) -> None:
    layout = CameraLayout("cam-9", lanes=(Lane("exit-1", "exit", "down"),))
    engine = CameraEngine(layout, NobodySees(), plates=plate_reader())
    drive = Drive("粤B12345", draw_plate("粤B12345"), begin=1.5, seconds=3.0, widths=(100.0, 150.0))
    facts = [fact for t, frame in frames(footage, drive, seconds=7) for fact in engine.process(frame, t)]
    facts += engine.close(7.0)
    passages = [fact for fact in facts if isinstance(fact, VehiclePassage)]
    assert [(one.lane, one.direction, one.wrong_way) for one in passages] == [("exit-1", "down", False)]


def test_an_empty_lane_looks_for_no_plate(footage: Path) -> None:
    reader = plate_reader()
    layout = CameraLayout("cam-9", lanes=(Lane("exit-1", "exit"),))
    engine = CameraEngine(layout, NobodySees(), plates=reader)
    searched: list[int] = []
    real = reader.detector.find
    reader.detector.find = lambda *args: searched.append(1) or real(*args)  # type: ignore[method-assign]
    try:
        for t, frame in frames(footage, seconds=6):
            engine.process(frame, t)
    finally:
        del reader.detector.find  # type: ignore[method-assign]
    assert len(searched) <= 6, f"{len(searched)} searches in 60 frames of nothing but the video's own noise"


def test_once_a_plate_is_told_its_car_costs_no_more_looks(footage: Path) -> None:
    layout = CameraLayout("cam-9", lanes=(Lane("exit-1", "exit"),))
    engine = CameraEngine(layout, NobodySees(), plates=plate_reader())
    drive = Drive("粤B12345", draw_plate("粤B12345"), begin=1.5, seconds=4.0, stops=6.0)
    told_at, spent_then = None, 0.0
    for t, frame in frames(footage, drive, seconds=11):
        facts = engine.process(frame, t)
        if told_at is None and any(isinstance(fact, PlateRead) for fact in facts):
            told_at, spent_then = t, engine.spent.plates_s
    assert told_at is not None
    after = engine.spent.plates_s - spent_then
    assert after < 0.5 * spent_then + 0.5, f"{after:.2f} s after the read, {spent_then:.2f} s before"


@pytest.fixture(scope="module")
def clip(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of the lane with one car that carries the canary plate."""
    path = tmp_path_factory.mktemp("lane") / "lane.mp4"
    drive = Drive(CANARY, draw_plate(CANARY), begin=2.0, seconds=4.0)
    sink: subprocess.Popen[bytes] | None = None
    try:
        for _, frame in frames(footage, drive, seconds=9):
            if sink is None:
                size = f"{frame.shape[1]}x{frame.shape[0]}"
                sink = subprocess.Popen(
                    ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", size, "-r",
                     str(FPS), "-i", "-", "-pix_fmt", "yuv420p", "-crf", "18", str(path)],
                    stdin=subprocess.PIPE,
                )  # fmt: skip
            assert sink.stdin is not None
            sink.stdin.write(np.ascontiguousarray(frame).tobytes())
    except FileNotFoundError:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    assert sink is not None
    assert sink.stdin is not None
    sink.stdin.close()
    assert sink.wait(60) == 0
    assert cv2.VideoCapture(str(path)).isOpened()
    return path


def site_of(clip: Path, folder: Path, **more: object) -> Path:
    if cache.receipt(card("default")) is None:
        pytest.skip("no model: run `storeedge models pull`")
    path = folder / "site.yaml"
    content = {
        "site": {"tenant": "t", "store": "s", "box": "b"},
        "cameras": [{"id": "cam-9", "source": f"file:{clip}", "fps": FPS}],
        "lanes": [{"id": "exit-1", "direction": "exit", "camera": "cam-9", "heading": "down"}],
    }
    path.write_text(yaml.safe_dump(content | more))
    return path


def test_a_replay_tells_the_plate(clip: Path, tmp_path: Path) -> None:
    plate_reader()
    out = tmp_path / "out"
    command = ["replay", str(clip), "--site", str(site_of(clip, tmp_path)), "--out", str(out)]
    done = subprocess.run([STOREEDGE, *command], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    plates = [line for line in lines if line["kind"] == "plate"]
    assert [(line["lane"], line["text"]) for line in plates] == [("exit-1", CANARY)]
    assert set(plates[0]) == {"kind", "lane", "t", "text", "score", "votes"}
    assert 2.0 < plates[0]["t"] < 6.0
    assert plates[0]["votes"] >= 3
    assert json.loads(done.stdout.splitlines()[-1])["plates"] == {"exit-1": {"read": 1, "unread": 0}}


def test_no_plate_is_on_disk_on_the_wire_or_in_the_log(
    clip: Path,
    tmp_path: Path,
    mosquitto: Mosquitto,  # noqa: F811
) -> None:
    plate_reader()
    box = tmp_path / "box"
    (box / "tmp").mkdir(parents=True)
    site = site_of(clip, tmp_path, sync={"url": mosquitto.url})
    run_it = [
        "run",
        "--site",
        str(site),
        "--data",
        str(box / "data"),
        "--port",
        str(free_port()),
        "--until-end",
    ]
    hub = ["hub", "run", "--broker", mosquitto.url, "--db", str(box / "hub.sqlite3")]
    with Listener(mosquitto.url) as listener, (box / "log").open("wb") as log:
        centre = subprocess.Popen([STOREEDGE, *hub], stdout=log, stderr=log, cwd=box)
        try:
            subprocess.run(
                [STOREEDGE, *run_it], stdout=log, stderr=log, env=os.environ | {"TMPDIR": str(box / "tmp")},
                cwd=box, timeout=240, check=True,
            )  # fmt: skip
        finally:
            centre.terminate()
            centre.wait(20)
        heard = listener.heard("/up/data")
    files = {path: path.read_bytes() for path in sorted(box.rglob("*")) if path.is_file()}
    assert any(path.suffix == ".sqlite3" for path in files), sorted(files)
    assert heard, "the box sent nothing: the test proves nothing"
    spellings = [
        CANARY.encode(),
        CANARY[1:].encode(),
        json.dumps(CANARY).encode(),
        CANARY.encode("utf-16-le"),
    ]
    for where, data in [*files.items(), *((Path(topic), payload) for topic, payload in heard)]:
        found = [spelling for spelling in spellings if spelling in data]
        assert not found, f"the plate is in {where}"
