"""A simulation through the box's own pipeline."""

from __future__ import annotations

from pipelines.camera import CameraPipeline
from pipelines.layout import CameraLayout
from pipelines.records import Crossing, Fact, Visit
from tests.sim.simulation import Simulation


def facts(sim: Simulation, layout: CameraLayout | None = None) -> list[Fact]:
    """Everything that `CameraPipeline` makes of a run; by default with the floor calibration."""
    pipeline = CameraPipeline(layout or sim.layout, sim.scene.camera.aspect)
    made: list[Fact] = []
    for t, detections in sim.frames():
        made += pipeline.step(t, detections)
    return made + pipeline.close(sim.duration_s)


def crossings(sim: Simulation, layout: CameraLayout | None = None) -> list[Crossing]:
    """The crossings that were counted."""
    return [fact for fact in facts(sim, layout) if isinstance(fact, Crossing)]


def visits(sim: Simulation, layout: CameraLayout | None = None) -> list[Visit]:
    """The visits that were noted."""
    return [fact for fact in facts(sim, layout) if isinstance(fact, Visit)]
