"""A crowd before a camera and a detector: frames of detections with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.types import PERSON, Detections
from pipelines.layout import CameraLayout, Gate, Point, Side, Zone
from tests.scoring.events import TrueCrossing
from tests.sim.camera import Camera
from tests.sim.crowd import Block, Floats, Ints, Paths, Plan, walk
from tests.sim.noise import DEFAULT, DetectorNoise, Found, detect
from tests.sim.sight import Sight, look
from tests.sim.truth import FloorGate, FloorZone, Truth, crossings, visits, waits

SEEN_SHARE: Final = 0.3
SEEN_BEFORE_S: Final = 3.0
CHECK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Timing:
    """When frames come. A box that is busy drops frames; the times of the others wobble."""

    fps: float = 10.0
    dropped: float = 0.02
    """Frames lost one by one."""
    gaps_per_minute: float = 1.0
    gap_s: tuple[float, float] = (0.2, 0.5)
    """Stretches with no frame at all."""
    wobble: float = 0.08
    """Standard deviation of a frame's time, in frame periods."""

    def times(self, until: float, rng: np.random.Generator) -> Floats:
        """(frames,) rising seconds from 0 to `until`."""
        period = 1 / self.fps
        nominal = np.arange(0, until, period)
        lost = rng.random(len(nominal)) < self.dropped
        for start in rng.uniform(0, until, rng.poisson(self.gaps_per_minute * until / 60)):
            lost |= (nominal >= start) & (nominal < start + rng.uniform(*self.gap_s))
        late = np.clip(rng.normal(0, self.wobble, len(nominal)), -0.4, 0.4) * period
        return np.maximum(nominal + late, 0.0)[~lost]


@dataclass(frozen=True, slots=True)
class Scene:
    """A place with its camera, before anybody comes; floor metres."""

    name: str
    camera: Camera
    corners: tuple[Point, Point, Point, Point]
    """The four calibration points on the floor."""
    gates: tuple[FloorGate, ...] = ()
    zones: tuple[FloorZone, ...] = ()
    blocks: tuple[Block, ...] = ()

    @property
    def layout(self) -> CameraLayout:
        """What an installer would have drawn and entered."""
        see = self.camera.picture_of
        return CameraLayout(
            camera=self.name,
            gates=tuple(
                Gate(
                    gate.id, see(*gate.a), see(*gate.b), _side(see(*gate.a), see(*gate.b), see(*gate.inside))
                )
                for gate in self.gates
            ),
            zones=tuple(
                Zone(zone.id, zone.role, tuple(see(*corner) for corner in zone.polygon), zone.min_stay_s)
                for zone in self.zones
            ),
            floor=self.camera.calibration(self.corners),
        )


@dataclass(frozen=True, slots=True)
class Simulation:
    """One run: iterate over `frames()`, then compare with `truth`."""

    scene: Scene
    plans: Sequence[Plan]
    paths: Paths
    truth: Truth
    times: Floats
    sight: Sight
    found: Found
    seed: int

    @property
    def layout(self) -> CameraLayout:
        """The layout with floor calibration."""
        return self.scene.layout

    @property
    def uncalibrated(self) -> CameraLayout:
        """The same layout without floor calibration."""
        return replace(self.scene.layout, floor=None)

    @property
    def duration_s(self) -> float:
        """From 0 to the last frame."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def again(self, *, timing: Timing | None = None, noise: DetectorNoise | None = None) -> Simulation:
        """The same people on the same ways, watched at other times or by another detector (10 fps and the
        default noise unless given); exactly what a new simulation would give, but sooner."""
        times, sight, found = _watch(
            self.scene,
            self.plans,
            self.paths,
            seed=self.seed,
            timing=timing or Timing(),
            noise=noise or DEFAULT,
        )
        return replace(self, times=times, sight=sight, found=found)

    def frames(self) -> Iterator[tuple[float, Detections]]:
        """Every frame's time in seconds and its detections, best first; quiet frames too."""
        for t, _, found in self.owned_frames():
            yield t, found

    def owned_frames(self) -> Iterator[tuple[float, Ints, Detections]]:
        """As `frames`, with the person behind each detection (-1: nobody), for judging identities."""
        boxes, scores = self.found.boxes.astype(np.float32), self.found.scores.astype(np.float32)
        bounds = np.searchsorted(self.found.frame, np.arange(len(self.times) + 1))
        for k, t in enumerate(self.times):
            rows = slice(bounds[k], bounds[k + 1])
            count = bounds[k + 1] - bounds[k]
            classes = np.full(count, PERSON, np.int16)
            yield float(t), self.found.person[rows], Detections(boxes[rows], scores[rows], classes)


def simulate(
    scene: Scene,
    plans: Sequence[Plan],
    *,
    seed: int,
    timing: Timing | None = None,
    noise: DetectorNoise = DEFAULT,
) -> Simulation:
    """Let the crowd walk and the camera watch. The same seed gives the same crowd and truth at every frame
    rate and with every noise."""
    paths = walk(plans, scene.blocks, np.random.default_rng([seed, 1]))
    stays = visits(paths, plans, scene.zones)
    events = _with_sight(scene, plans, paths, crossings(paths, plans, scene.gates))
    truth = Truth(tuple(events), tuple(stays), tuple(waits(paths, stays)))
    times, sight, found = _watch(scene, plans, paths, seed=seed, timing=timing or Timing(), noise=noise)
    return Simulation(scene, plans, paths, truth, times, sight, found, seed)


def _watch(
    scene: Scene, plans: Sequence[Plan], paths: Paths, *, seed: int, timing: Timing, noise: DetectorNoise
) -> tuple[Floats, Sight, Found]:
    times = timing.times(paths.end + 2.0, np.random.default_rng([seed, 2]))
    sight = look(scene.camera, scene.blocks, [plan.body for plan in plans], paths.at(times))
    return times, sight, detect(sight, times, noise, scene.camera.aspect, np.random.default_rng([seed, 3]))


def _with_sight(
    scene: Scene, plans: Sequence[Plan], paths: Paths, events: Sequence[TrueCrossing]
) -> list[TrueCrossing]:
    """Mark the crossings of which no camera could see both sides: within `SEEN_BEFORE_S` before and after,
    never so much as `SEEN_SHARE` of the body was in sight, checked every `CHECK_S` at any frame rate."""
    when = np.arange(0, paths.end + CHECK_S, CHECK_S)
    wanted = np.zeros(len(when), np.bool_)
    for event in events:
        span = np.searchsorted(when, [event.t_from - SEEN_BEFORE_S, event.t_to + SEEN_BEFORE_S])
        wanted[span[0] : span[1]] = True
    samples = paths.at(when[wanted])
    at = when[wanted][samples.frame]
    sight = look(scene.camera, scene.blocks, [plan.body for plan in plans], samples)
    order = np.lexsort((at, sight.person))
    person, at, visible = sight.person[order], at[order], sight.visible[order]
    first = np.searchsorted(person, np.arange(len(plans) + 1))
    checked = []
    for event in events:
        rows = slice(first[event.person], first[event.person + 1])
        t, seen = at[rows], visible[rows] >= SEEN_SHARE
        before = seen[(t >= event.t_from - SEEN_BEFORE_S) & (t <= event.t_from)]
        after = seen[(t >= event.t_to) & (t <= event.t_to + SEEN_BEFORE_S)]
        checked.append(replace(event, unseen=not (before.any() and after.any())))
    return checked


def _side(a: Point, b: Point, inside: Point) -> Side:
    """On which hand of somebody walking from a to b in the picture (y down) the inside lies."""
    cross = (b[0] - a[0]) * (inside[1] - a[1]) - (b[1] - a[1]) * (inside[0] - a[0])
    return "right" if cross > 0 else "left"
