"""One camera's frames through models and pipelines: what a replay and the engine process both run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from edge.plate_lane import LanePlates, LaneReader
from models.foreground import Foreground
from models.motion import MotionGate
from models.plates.read import PlateReader
from models.types import VEHICLES, Detections, Detector, Image, joined
from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout
from pipelines.records import Fact

CLEAR: Final = 0.3
"""A detection that scores less is clutter rather than somebody standing there."""
STILL_S: Final = 1.0
"""In a picture in which nothing moves but somebody stands, look again this often."""
EMPTY_S: Final = 5.0
"""In a picture in which nothing moves and nobody stands, look again this often."""


@dataclass(slots=True)
class Spent:
    """Seconds spent by stage since the engine was made."""

    frames: int = 0
    inferred: int = 0
    motion_s: float = 0.0
    detect_s: float = 0.0
    pipeline_s: float = 0.0
    plates_s: float = 0.0


@dataclass(slots=True)
class CameraEngine:
    """One camera. Frames must come in order of `t`; after a jump of the picture call `gap`."""

    layout: CameraLayout
    detector: Detector
    gated: bool = True
    """Whether inference is skipped while nothing moves."""
    is_open: Callable[[float], bool] | None = None
    """Whether the store is open at `t`; None: nobody knows, as in a replay."""
    plates: PlateReader | None = None
    """Reads the plates of vehicles in the lanes; None: vehicles are only counted."""
    spent: Spent = field(default_factory=Spent)
    detections: Detections = field(default_factory=Detections.none)
    """What the newest frame showed."""
    pipeline: CameraPipeline | None = None
    """Made at the first frame: it needs the picture's aspect."""
    _size: tuple[int, int] | None = None
    _gate: MotionGate = field(default_factory=MotionGate)
    _foreground: Foreground | None = None
    _looked: float | None = None
    _lane_plates: LaneReader | None = None

    def process(self, image: Image, t: float) -> list[Fact]:
        """Analyse one frame taken at `t` seconds."""
        facts: list[Fact] = []
        height, width = image.shape[:2]
        if (width, height) != self._size:
            facts += self._begin(width, height, t)
        assert self.pipeline is not None  # noqa: S101 - made by _begin
        started = perf_counter()
        moving = self._gate.moving(image, t)
        look = moving or self._must_look(t) or not self.gated
        regions = self._foreground.detect(image, t) if self._foreground is not None else None
        moved = perf_counter()
        if look:
            self.detections = self.detector.detect(image)
            self._looked = t
            self.spent.inferred += 1
        found = perf_counter()
        shown = self._find_plates(image, t, regions, look=look, moving=moving)
        read = perf_counter()
        if shown is not None and regions is not None:
            regions = joined(regions, shown.vehicles)
        facts += self.pipeline.step(t, self.detections, regions)
        stepped = perf_counter()
        if shown is not None and self._lane_plates is not None and self.pipeline.lanes is not None:
            facts += self._lane_plates.read(image, t, self.pipeline.lanes, shown, facts)
        self.spent.plates_s += read - found + perf_counter() - stepped
        self.spent.frames += 1
        self.spent.motion_s += moved - started
        self.spent.detect_s += found - moved
        self.spent.pipeline_s += stepped - read
        return facts

    def gap(self, t: float) -> list[Fact]:
        """The picture jumped: reconnected, or the clip began again."""
        self._looked = None
        self._gate = MotionGate()
        self._foreground = Foreground() if self.layout.lanes else None
        return [] if self.pipeline is None else [*self._end_plates(t), *self.pipeline.gap(t)]

    def close(self, t: float) -> list[Fact]:
        """The camera stops."""
        return [] if self.pipeline is None else [*self._end_plates(t), *self.pipeline.close(t)]

    def _find_plates(
        self, image: Image, t: float, regions: Detections | None, *, look: bool, moving: bool
    ) -> LanePlates | None:
        if self._lane_plates is None:
            return None
        sure = self.detections.where(self.detections.scores >= CLEAR).of(*VEHICLES) if look else None
        seen = [one for one in (sure, regions) if one is not None and len(one)]
        return self._lane_plates.find(image, t, joined(*seen), moving=moving)

    def _end_plates(self, t: float) -> list[Fact]:
        return [] if self._lane_plates is None else self._lane_plates.reset(t)

    def _begin(self, width: int, height: int, t: float) -> list[Fact]:
        """The first frame, or one of another size: the camera was set anew. Track numbers go on."""
        before = self.pipeline
        facts = [] if before is None else self.gap(t)
        self._size = (width, height)
        self.pipeline = CameraPipeline(self.layout, width / height, self.is_open)
        if before is not None:
            self.pipeline.people.next_number = before.people.next_number
            if self.pipeline.lanes and before.lanes:
                self.pipeline.lanes.tracker.next_number = before.lanes.tracker.next_number
        self._foreground = Foreground() if self.layout.lanes else None
        if self.plates is not None and self.layout.lanes and self._lane_plates is None:
            self._lane_plates = LaneReader(self.layout.camera, self.layout.lanes, self.plates)
        return facts

    def _must_look(self, t: float) -> bool:
        wait = STILL_S if (self.detections.scores >= CLEAR).any() else EMPTY_S
        return self._looked is None or t - self._looked >= wait
