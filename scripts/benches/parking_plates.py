"""What reading plates costs: cars of our own drawing through a lane's whole reading, on one thread.

All is processor time, which a busy machine does not change much; the latencies beside it are by the clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np

from edge.demo.cars import plates
from edge.demo.lane_footage import film_lane
from edge.engine import CameraEngine
from models.detector import load_detector
from models.manifest import DEFAULT
from models.plates.detect import FoundPlate
from models.plates.read import PlateLook, PlateReader
from models.types import Detections, Detector, Image
from pipelines.layout import CameraLayout, Lane
from pipelines.plate_records import PlateRead

CARS: Final = 8
EMPTY_S: Final = 2.0


class NobodySees:
    """No detector: the vehicles are found by their movement and their plates, and only plates cost."""

    def detect(self, _image: Image) -> Detections:
        """Nothing."""
        return Detections.none()


class CountingReader(PlateReader):
    """Counts the plates that it looks at."""

    looks = 0

    def look(self, image: Image, plate: FoundPlate) -> PlateLook:
        """See `PlateReader`."""
        self.looks += 1
        return super().look(image, plate)


@dataclass(slots=True)
class Run:
    """One film through an engine."""

    frames: int = 0
    cpu_s: float = 0.0
    reads: list[PlateRead] = field(default_factory=list)
    last_frames_s: list[float] = field(default_factory=list)
    """Of each frame that settled a read."""


def measure() -> dict[str, Any]:
    """Plates alone: with the reader less without it, over the same frames; and with the detector, the frame
    that settles a read. Raises ModelsError where models are missing."""
    reader = CountingReader(1)
    run(reader, NobodySees(), 1)  # the networks' first run is slow
    reader.looks = 0
    without = run(None, NobodySees(), CARS)
    plain = run(reader, NobodySees(), CARS)
    looks, plates_s = max(1, reader.looks), max(1e-9, plain.cpu_s - without.cpu_s)
    whole = run(reader, load_detector(DEFAULT, threads=1), CARS)
    texts = set(islice(plates(), CARS))
    last = [1000 * one for one in whole.last_frames_s] or [float("nan")]
    return {
        "cars": CARS,
        "read": sum(read.text in texts for read in plain.reads),
        "wrong": sum(read.text is not None and read.text not in texts for read in plain.reads),
        "looks": looks,
        "cpu_ms_per_look": round(1000 * plates_s / looks, 1),
        "looks_per_s_and_core": round(looks / plates_s, 1),
        "cpu_ms_per_car": round(1000 * plates_s / CARS),
        "cars_per_s_and_core": round(CARS / plates_s, 1),
        "last_frame_cpu_ms": {"p50": round(float(np.median(last)), 1), "max": round(max(last), 1)},
        "cpu_ms_per_frame_without": round(1000 * without.cpu_s / without.frames, 2),
    }


def run(reader: PlateReader | None, detector: Detector, cars: int) -> Run:
    """Film so many cars, and time the engine alone."""
    engine = CameraEngine(CameraLayout("lane", lanes=(Lane("exit-1", "exit"),)), detector, plates=reader)
    done = Run()
    for t, frame in film_lane(list(islice(plates(), cars)), empty_s=EMPTY_S):
        began = time.process_time()
        facts = engine.process(frame, t)
        spent = time.process_time() - began
        reads = [fact for fact in facts if isinstance(fact, PlateRead)]
        done.frames, done.cpu_s = done.frames + 1, done.cpu_s + spent
        done.reads += reads
        if any(read.text is not None for read in reads):
            done.last_frames_s.append(spent)
    return done
