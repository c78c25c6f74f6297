"""A bad line: how late a coupon is that is decided on a line that has just died, and what storms of cuts,
dead and slow lines, kills and freezes of broker and hub cost."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from scripts.benches.machine import UnmeasurableError
from tests.broker import Mosquitto
from tests.line.dead_line import late
from tests.line.proxy import HALF_OPEN, Way, Weather
from tests.line.storm import storm

DEAD: Final = {
    "both_ways": HALF_OPEN,
    "what_goes_up": Weather(up=Way(dead=True)),
    "what_comes_down": Weather(down=Way(dead=True)),
}
TIMES: Final = 5
STORMS: Final = ((21, "5"), (22, "3.1.1"), (23, "5"))
STORM_S: Final = 60.0


def measure() -> dict[str, Any]:
    """Seconds until the trigger is at the centre, the worst of some; lost and doubled rows of all storms.

    Raises UnmeasurableError without mosquitto.
    """
    if shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None:
        raise UnmeasurableError("no mosquitto: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as folder:
        dead = _dead(Path(folder))
    storms = [_storm(seed, protocol) for seed, protocol in STORMS]
    return {
        "dead_line": dead,
        "lost": sum(one["lost"] + one["left_on_the_box"] for one in storms),
        "doubled": sum(one["doubled"] for one in storms),
        "faults": sum(sum(one["faults"].values()) for one in storms),
        "rows": sum(one["made"] for one in storms),
        "storms": storms,
    }


def _dead(folder: Path) -> dict[str, dict[str, float]]:
    broker = Mosquitto(folder)
    broker.start()
    try:
        taken = {name: [late(broker, weather) for _ in range(TIMES)] for name, weather in DEAD.items()}
    finally:
        broker.kill()
    return {
        name: {
            "noticed_s": round(max(one.noticed_s for one in times), 2),
            "arrived_s": round(max(one.arrived_s for one in times), 2),
        }
        for name, times in taken.items()
    }


def _storm(seed: int, protocol: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return asdict(storm(Path(folder), seed=seed, seconds=STORM_S, protocol=protocol))
