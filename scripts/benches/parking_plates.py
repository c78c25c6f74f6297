"""What reading plates costs: cars of our own drawing through a lane's whole reading, on one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from edge.demo.cars import plates
from edge.demo.lane_footage import film_lane
from edge.engine import CameraEngine
from models.plates.detect import FoundPlate
from models.plates.read import PlateLook, PlateReader
from models.types import Detections, Image
from pipelines.layout import CameraLayout, Lane
from pipelines.plate_records import PlateRead

CARS: Final = 4


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


def measure() -> dict[str, Any]:
    """Processor time of plates alone: with the reader less without it, over the same frames. Raises
    ModelsError where its models are missing."""
    reader = CountingReader(1)
    texts = list(islice(plates(), CARS))
    film = list(film_lane(texts, empty_s=2.0))
    run(film[:60], reader)  # the networks' first run is slow
    reader.looks = 0
    without, _ = run(film, None)
    spent, reads = run(film, reader)
    plates_s = max(1e-9, spent - without)
    return {
        "cars": CARS,
        "read": sum(read.text in texts for read in reads),
        "wrong": sum(read.text is not None and read.text not in texts for read in reads),
        "looks": reader.looks,
        "cpu_ms_per_look": round(1000 * plates_s / max(1, reader.looks), 1),
        "looks_per_s_and_core": round(reader.looks / plates_s, 1),
        "cpu_ms_per_car": round(1000 * plates_s / CARS),
        "cars_per_s_and_core": round(CARS / plates_s, 1),
        "cpu_ms_per_frame_without": round(1000 * without / len(film), 2),
    }


def run(film: Sequence[tuple[float, Image]], reader: PlateReader | None) -> tuple[float, list[PlateRead]]:
    """Seconds of processor time, and the reads."""
    layout = CameraLayout("lane", lanes=(Lane("exit-1", "exit"),))
    engine = CameraEngine(layout, NobodySees(), plates=reader)
    began = time.process_time()
    facts = [fact for t, frame in film for fact in engine.process(frame, t)]
    facts += engine.close(film[-1][0])
    return time.process_time() - began, [fact for fact in facts if isinstance(fact, PlateRead)]
