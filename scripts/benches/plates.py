"""How many plates are read exactly, wrongly or not at all: the tables of docs/plates.md.

Drawn plates of every kind and cut-outs of the real ones, photographed by a virtual camera under a car park's
conditions; once each, as `storeedge plates read` reads them, and on cars that drive through a lane.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.demo.plate_drawing import draw_plate
from edge.plate_stills import StillReader
from models.plates.crop import straighten
from models.plates.read import PlateReader
from models.types import Image
from scripts.benches.machine import UnmeasurableError
from tests.plates import picture, real_plates, road
from tests.sim.plates.camera import any_conditions, photograph
from tests.sim.plates.lane import run
from tests.sim.plates.texts import plate

WIDTHS: Final = (60, 75, 90, 120, 160)
"""Pixels of a plate in a still picture."""
DRAWN: Final = 30
"""Drawn plates for each width."""
REPEATS: Final = 2
"""Photographs of each real plate for each width."""
CARS: Final = 20
HARD: Final = 0.7
"""How far the conditions go: 1 is as bad as it gets in a car park."""
SEED: Final = 2026
RIM: Final = 0.12
"""Share of a real plate's cut-out on each side that is its surroundings."""
RESULTS: Final = ("exact", "wrong", "unread")
Cut = tuple[str, Image, float]
"""Truth, picture and rim of one plate."""


def measure() -> dict[str, Any]:
    """Stills by width, and cars in a lane. Raises ModelsError where models are missing."""
    shared = Path(os.environ.get("STOREEDGE_SHARED", "../shared"))
    if not (shared / "plates" / "truth.json").is_file():
        raise UnmeasurableError(f"no pictures of plates in {shared / 'plates'}: set STOREEDGE_SHARED")
    reader = PlateReader()
    real = cut_out(shared, reader)
    return {
        "stills": {"drawn": stills(drawn(DRAWN, SEED), reader), "real": stills(real * REPEATS, reader)},
        "lane": {
            "drawn": lane(drawn(CARS, SEED + 1), shared, reader), "real": lane(real, shared, reader)
        },
    }  # fmt: skip


def drawn(count: int, seed: int) -> list[Cut]:
    """Invented plates of every kind."""
    dice = random.Random(seed)
    wanted = [plate(dice) for _ in range(count)]
    return [(one.text, draw_plate(one.text, one.colour, rows=one.rows), 0.0) for one in wanted]


def cut_out(shared: Path, reader: PlateReader) -> list[Cut]:
    """The real plates, straightened with some of their surroundings."""
    cuts = []
    for path, (text, *_) in real_plates(shared).items():
        image = picture(path)
        found = reader.detector.find(image, 1080)[0]
        width = round(max(found.width, 60) * (1 + 2 * RIM))
        size = (width, round(width * found.height / found.width))
        cuts.append((text, straighten(image, found.corners, size, padding=(RIM, RIM)), RIM))
    return cuts


def stills(cuts: Sequence[Cut], reader: PlateReader) -> dict[str, dict[str, int]]:
    """How many came out how, by width in pixels."""
    still = StillReader(reader)
    return {
        str(width): _counted(Counter(_results(cuts, width, still))) for width in WIDTHS
    }  # fmt: skip


def _results(cuts: Sequence[Cut], width: float, still: StillReader) -> Iterator[str]:
    dice = np.random.default_rng(SEED + round(width))
    for number, (truth, flat, rim) in enumerate(cuts):
        seen = any_conditions(dice, width, HARD)
        shot = photograph(flat, road(720, 405, number), seen, (360, 200), dice, rim=rim)
        texts = [one.text for one in still.read(shot) if one.text]
        yield "exact" if texts == [truth] else "wrong" if texts else "unread"


def lane(cuts: Sequence[Cut], shared: Path, reader: PlateReader) -> dict[str, Any]:
    """One car after the other, its plate 70 to 170 pixels wide on its way."""
    outcome = run(shared / "footage" / "car-detection.mp4", cuts, reader, seed=SEED, hard=HARD)
    spent = [1000 * lag for lag in outcome.lags] or [float("nan")]
    return {
        **_counted(outcome.told),
        "silent": outcome.told["silent"],
        "twice": outcome.told["twice"],
        "passed_once": outcome.passages[1],
        "passed_never": outcome.passages[0],
        "deciding_frame_cpu_ms": {"p50": round(float(np.median(spent))), "max": round(max(spent))},
    }


def _counted(told: Counter[str]) -> dict[str, int]:
    return {result: told[result] for result in RESULTS}
