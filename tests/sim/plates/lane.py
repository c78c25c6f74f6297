"""A simulated lane: cars with plates over real lane footage, and how well the whole reader does on it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from edge.demo.lane_clip import Drive, Photograph, lane_frames
from edge.engine import CameraEngine
from models.plates.read import PlateReader
from models.types import Detections, Image
from pipelines.layout import CameraLayout, Lane
from pipelines.plate_records import PlateRead
from pipelines.records import VehiclePassage
from tests.sim.plates.camera import Conditions, any_conditions, photograph

ROAD_S = (9.5, 14.0)
"""Seconds of the footage in which the lane is empty."""
LANE = Lane("exit-1", "exit")


class NobodySees:
    """No detector: vehicles from straight above are found by their movement and their plates."""

    def detect(self, image: Image) -> Detections:
        """Nothing."""
        return Detections.none()


def empty_road(clip: Path, fps: float, seconds: float) -> Iterator[Image]:
    """The empty stretch of the footage, there and back again, for so long."""
    capture = cv2.VideoCapture(str(clip))
    rate = capture.get(cv2.CAP_PROP_FPS)
    frames = []
    for number in range(round(ROAD_S[1] * rate)):
        good, frame = capture.read()
        if good and number >= ROAD_S[0] * rate:
            frames.append(np.asarray(frame, np.uint8))
    there_and_back = frames + frames[-2:0:-1]
    for number in range(round(seconds * fps)):
        yield there_and_back[round(number * rate / fps) % len(there_and_back)].copy()


def seen_by(conditions: Conditions, dice: np.random.Generator, rim: float = 0.0) -> Photograph:
    """A camera that sees all of one car's frames under nearly the same conditions."""

    def see(plate: Image, frame: Image, width: float, centre: tuple[float, float]) -> Image:
        now = replace(
            conditions, width=width, smear=float(dice.uniform(0, 180)),
            yaw=conditions.yaw + float(dice.normal(0, 1)), pitch=conditions.pitch + float(dice.normal(0, 1)),
        )  # fmt: skip
        return photograph(plate, frame, now, centre, dice, rim=rim)

    return see


@dataclass
class Outcome:
    """How the reader did on the cars of a run."""

    told: Counter[str] = field(default_factory=Counter)
    """`exact`, `wrong`, `unread`, `silent` (no read at all) and `twice`."""
    wrong: list[tuple[str, str | None]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """Processor seconds spent on each frame that settled a read."""
    passages: Counter[int] = field(default_factory=Counter)
    """How many cars were counted so often as driven through."""
    plates_s: float = 0.0
    """Seconds of computing for plates."""


def run(
    clip: Path, cars: Sequence[tuple[str, Image, float]], reader: PlateReader, *, seed: int, hard: float,
    widths: tuple[float, float] = (70.0, 170.0), fps: float = 10.0,
) -> Outcome:  # fmt: skip
    """One car after the other: (truth, plate, rim) each."""
    outcome, dice, rough = Outcome(), np.random.default_rng(seed), random.Random(seed)
    layout = CameraLayout("cam-9", lanes=(LANE,))
    for text, plate, rim in cars:
        engine = CameraEngine(layout, NobodySees(), plates=reader)
        drive = Drive(
            text, plate, begin=1.5, seconds=rough.uniform(2.5, 5.0), across=rough.uniform(0.35, 0.65),
            widths=widths, paint=(rough.randrange(30, 230),) * 3,
        )  # fmt: skip
        conditions = any_conditions(dice, widths[1], hard)
        reads: list[PlateRead] = []
        passed = 0
        road = empty_road(clip, fps, drive.end + 3)
        for t, frame in lane_frames(road, [drive], fps, seen_by(conditions, dice, rim)):
            began = time.process_time()
            facts = engine.process(frame, t)
            found = [fact for fact in facts if isinstance(fact, PlateRead)]
            passed += sum(isinstance(fact, VehiclePassage) for fact in facts)
            if any(read.text is not None for read in found):
                outcome.lags.append(time.process_time() - began)
            reads += found
        facts = engine.close(drive.end + 3)
        reads += [fact for fact in facts if isinstance(fact, PlateRead)]
        outcome.passages[passed + sum(isinstance(fact, VehiclePassage) for fact in facts)] += 1
        outcome.plates_s += engine.spent.plates_s
        _judge(outcome, text, reads)
    return outcome


def _judge(outcome: Outcome, text: str, reads: Sequence[PlateRead]) -> None:
    texts = [read.text for read in reads if read.text is not None]
    if any(one != text for one in texts):
        outcome.told["wrong"] += 1
        outcome.wrong += [(text, one) for one in texts if one != text]
    elif texts:
        outcome.told["exact"] += 1
    else:
        outcome.told["unread" if reads else "silent"] += 1
    outcome.told["twice"] += len(reads) > 1
