"""What counters are compared on: the same detections for all, with truth, and each gate drawn twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edge.clip import Clip
from models.detector import load_detector
from models.types import PERSON, Detections
from pipelines.layout import CameraLayout, Gate, Point
from scripts.benches.layouts import vtest_layout
from scripts.benches.machine import vtest, vtest_truth
from tests.scoring.events import TrueCrossing
from tests.sim import scenarios
from tests.sim.simulation import Scene, Simulation, Timing

Frames = Sequence[tuple[float, Detections]]
"""Times in seconds and what was found."""
DOORS: Final[dict[str, Callable[..., Simulation]]] = {
    "overhead": scenarios.door_overhead,
    "steep": scenarios.door_steep,
    "oblique": scenarios.door_oblique,
}
MIDDLE_M: Final = 0.85
"""Half the height of a person."""
CLEAR: Final = 0.5
"""Boxes with this score show how tall people are in the picture."""


@dataclass(frozen=True, slots=True)
class Footage:
    """One camera at one frame rate."""

    name: str
    fps: float
    size: tuple[int, int]
    """Width and height in pixels."""
    frames: Frames
    truth: Sequence[TrueCrossing]
    layouts: dict[str, CameraLayout]
    """What is known of the floor, by name; each with the gates as they lie on it."""
    raised: tuple[Gate, ...]
    """The same gates, drawn where the middle of a box is when its feet are on the line."""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates on the floor."""
        return next(iter(self.layouts.values())).gates


def simulated(door: str, rates: Sequence[float], persons: int) -> Iterator[Footage]:
    """The same people through one door, at each frame rate."""
    run: Simulation | None = None
    for fps in rates:
        run = DOORS[door](persons=persons, fps=fps) if run is None else run.again(timing=Timing(fps))
        camera = run.scene.camera
        yield Footage(
            door,
            fps,
            (camera.width, camera.height),
            list(run.frames()),
            run.truth.crossings,
            {"floor measured": run.layout, "floor unknown": run.uncalibrated},
            _raised_by_camera(run.scene),
        )


def surveillance(fps: float) -> Footage:
    """vtest.avi as the default model sees it, every frame of it (no motion gate)."""
    truth = vtest_truth()
    events = [TrueCrossing.at(e["gate"], e["direction"], e["t"]) for e in truth["crossings"]]
    # What the eye could not decide is neither missed when absent nor false when reported.
    events += [
        TrueCrossing(e["gate"], e["direction"], e["t"], e["t"], e["t"], unseen=True)
        for e in truth["doubtful"]
    ]
    with Clip(vtest()) as clip:
        detector = load_detector("default", frame_size=clip.size)
        frames = [(t, detector.detect(image)) for t, image in clip.frames(fps)]
        size = clip.size
    layout = vtest_layout()
    raised = raised_by_heights(layout.gates, frames)
    return Footage("vtest.avi", fps, size, frames, events, {"floor unknown": layout}, raised)


def raised_by_heights(gates: Sequence[Gate], frames: Frames) -> tuple[Gate, ...]:
    """Lift each end of each gate by half the height that boxes have there: on a flat floor the height grows
    in a straight line with the place of the feet down the picture."""
    boxes = np.concatenate(
        [found.boxes[(found.classes == PERSON) & (found.scores >= CLEAR)] for _, found in frames]
    )
    slope, base = np.polyfit(boxes[:, 3], boxes[:, 3] - boxes[:, 1], 1)

    def lifted(at: Point) -> Point:
        return at[0], float(at[1] - max(base + slope * at[1], 0.0) / 2)

    return tuple(replace(gate, a=lifted(gate.a), b=lifted(gate.b)) for gate in gates)


def _raised_by_camera(scene: Scene) -> tuple[Gate, ...]:
    return tuple(
        replace(seen, a=_above(scene, floor.a), b=_above(scene, floor.b))
        for seen, floor in zip(scene.layout.gates, scene.gates, strict=True)
    )


def _above(scene: Scene, at: Point) -> Point:
    picture, _ = scene.camera.project([at[0], at[1], MIDDLE_M])
    return float(picture[0]), float(picture[1])
