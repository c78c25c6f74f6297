"""Named scenarios: `door_steep(persons=1000, fps=10, seed=1)` and its like, each a `Simulation`.

Door cameras hang inside; the door is the x axis, outside is y < 0. Every gate has at least .8 m of floor
in sight on both sides.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.sim import counter
from tests.sim.camera import Camera
from tests.sim.counter import COUNTER
from tests.sim.crowd import Plan
from tests.sim.door import Door, traffic
from tests.sim.noise import DEFAULT, DetectorNoise
from tests.sim.simulation import Scene, Simulation, Timing, simulate
from tests.sim.truth import FloorGate, FloorZone

DOOR: Final = FloorGate("door", (-1.5, 0.0), (1.5, 0.0), inside=(0.0, 1.0))

OVERHEAD: Final = Scene(
    "door-overhead",
    Camera(0.0, 0.3, 3.6, yaw_deg=180, pitch_deg=88, hfov_deg=92),
    corners=((-1.5, -1.2), (1.5, -1.2), (1.5, 1.6), (-1.5, 1.6)),
    gates=(DOOR,),
    blocks=Door().walls,
)
STEEP: Final = Scene(
    "door-steep",
    Camera(0.4, 3.5, 3.2, yaw_deg=180, pitch_deg=48, hfov_deg=85),
    corners=((-1.5, -1.5), (1.5, -1.5), (1.2, 2.0), (-1.2, 2.0)),
    gates=(DOOR,),
    blocks=Door(opaque=True).walls,
)
OBLIQUE: Final = Scene(
    "door-oblique",
    Camera(2.2, 6.0, 2.8, yaw_deg=200, pitch_deg=24, hfov_deg=75, width=1280, height=720),
    corners=((-1.5, -1.5), (1.5, -1.5), (1.8, 2.0), (-1.5, 2.0)),
    gates=(DOOR,),
    blocks=Door().walls,
)

ISLAND: Final = Scene(
    "counter-island",
    Camera(5.0, -4.5, 3.2, yaw_deg=288, pitch_deg=30, hfov_deg=100),
    corners=((-1.6, -0.2), (1.6, -0.2), (1.6, -4.0), (-1.6, -4.5)),
    gates=(FloorGate("aisle", (-1.5, -6.2), (-1.5, -4.8), inside=(0.0, -5.5)),),
    zones=(
        FloorZone("counter", "counter", ((-1.7, -1.4), (0.5, -1.4), (0.5, 0.0), (-1.7, 0.0)), min_stay_s=3.0),
        FloorZone("service", "service", ((0.5, -1.2), (1.7, -1.2), (1.7, 0.0), (0.5, 0.0))),
        FloorZone("queue", "queue", ((0.5, -4.4), (1.7, -4.4), (1.7, -1.2), (0.5, -1.2))),
        FloorZone("staff", "staff", ((-1.7, 0.7), (1.7, 0.7), (1.7, 2.1), (-1.7, 2.1))),
        FloorZone(
            "aisle-walk", "passby", ((-3.5, -6.2), (1.2, -6.2), (1.2, -4.8), (-3.5, -4.8)), min_stay_s=1.0
        ),
    ),
    blocks=(COUNTER,),
)

SCENES: Final = (OVERHEAD, STEEP, OBLIQUE, ISLAND)


def door_overhead(
    persons: int = 1000,
    fps: float = 10.0,
    seed: int = 1,
    *,
    noise: DetectorNoise = DEFAULT,
    parties_per_minute: float = 18.0,
) -> Simulation:
    """A camera straight above a 3 m door, 3.6 m up."""
    plans = _at_door(persons, seed, parties_per_minute)
    return simulate(OVERHEAD, plans, seed=seed, timing=Timing(fps), noise=noise)


def door_steep(
    persons: int = 1000,
    fps: float = 10.0,
    seed: int = 1,
    *,
    noise: DetectorNoise = DEFAULT,
    parties_per_minute: float = 18.0,
) -> Simulation:
    """A camera 3.5 m inside, looking down at the door at 48°; solid walls beside the door."""
    plans = _at_door(persons, seed, parties_per_minute)
    return simulate(STEEP, plans, seed=seed, timing=Timing(fps), noise=noise)


def door_oblique(
    persons: int = 1000,
    fps: float = 10.0,
    seed: int = 1,
    *,
    noise: DetectorNoise = DEFAULT,
    parties_per_minute: float = 18.0,
) -> Simulation:
    """A camera 6 m inside, 2.8 m up, looking at the door aslant; people hide each other."""
    plans = _at_door(persons, seed, parties_per_minute)
    return simulate(OBLIQUE, plans, seed=seed, timing=Timing(fps), noise=noise)


def counter_island(
    persons: int = 300,
    fps: float = 10.0,
    seed: int = 1,
    *,
    noise: DetectorNoise = DEFAULT,
    persons_per_minute: float = 8.0,
) -> Simulation:
    """A counter with two members of staff, a queue of up to four and an aisle; `persons` are customers."""
    plans = counter.traffic(persons, persons_per_minute, np.random.default_rng([seed, 0]))
    return simulate(ISLAND, plans, seed=seed, timing=Timing(fps), noise=noise)


def _at_door(persons: int, seed: int, parties_per_minute: float) -> list[Plan]:
    return traffic(Door(), persons, parties_per_minute, np.random.default_rng([seed, 0]))
