"""Nothing lost, nothing counted twice: power cuts, failing disks, and kills with -9 of everything real.

`cuts`: the power fails at a random operation of the disk in the life of a real store; `disk_errors`: each
operation in turn is refused; `kills`: main, engine, captures, hub, broker and database are killed while they
run on real footage, and in the end truth, box and centre are compared row by row.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np

from models import cache
from models.manifest import DEFAULT, card
from scripts.benches.machine import UnmeasurableError, shared_footage, vtest
from tests.faults import io_errors, power_cuts
from tests.faults.recording_vfs import library
from tests.faults.soak import Soak, soaked
from tests.faults.soak_site import cameras_of
from tests.faults.whole import Recovery
from tests.postgres import programs

LIVES: Final = 4
CUTS: Final = 500
"""Of each life."""
MINUTES: Final = 60
STRIDE: Final = 1
"""The disk refuses every operation in turn."""
KILLS: Final = 210


def measure() -> dict[str, Any]:
    """All three; lost and doubled are sums over all. Raises UnmeasurableError where a part is missing."""
    _check()
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="storeedge-faults-") as folder:
            cuts = _cuts(Path(folder) / "cuts")
            errors = _errors(Path(folder) / "errors")
            kills = _kills(Path(folder) / "kills")
    finally:
        signal.signal(signal.SIGTERM, before)
    return {
        "cuts": cuts["cuts"],
        "kills": kills["kills"],
        "lost": cuts["lost"] + kills["lost"],
        "doubled": cuts["doubled"] + kills["doubled"],
        "unopened": cuts["unopened"],
        "disk_errors": sum(kind["refused"] for kind in errors["by_kind"].values()),
        "faults": [*cuts.pop("faults"), *errors.pop("faults"), *kills.pop("faults")][:20],
        "power_cuts": cuts,
        "failing_disk": errors,
        "killed": kills,
    }


def _check() -> None:
    if library() is None:
        raise UnmeasurableError("this Python has SQLite built in: use Debian's python3")
    if programs() is None:
        raise UnmeasurableError("no PostgreSQL: apt-get install postgresql")
    if cache.faults(card(DEFAULT)):
        raise UnmeasurableError("the default model is not here: storeedge models pull")
    vtest()


def _leave(number: int, _: FrameType | None) -> None:
    """So that an interrupted bench leaves nothing running."""
    sys.exit(128 + number)


def _say(began: float) -> Callable[[str], None]:
    return lambda text: print(f"  {time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)


# -- power cuts ----------------------------------------------------------------------------------------


def _cuts(folder: Path) -> dict[str, Any]:
    began, total = time.monotonic(), power_cuts.Outcome()
    for seed in range(LIVES):
        total += power_cuts.many_cuts(
            folder / str(seed), CUTS, minutes=MINUTES, seed=20261122 + seed, say=_say(began)
        )
    return {
        "cuts": total.cuts,
        "cut_again_while_recovering": total.again,
        "lost": total.lost, "doubled": total.doubled, "unopened": total.unopened,
        "found_as_promised": total.kept_exactly,
        "found_with_what_was_under_way": total.kept_more,
        "by_phase": dict(total.by_phase.most_common()),
        "by_call": dict(total.by_call.most_common()),
        "unsynced_writes": dict(total.writes),
        "seconds": round(time.monotonic() - began, 1),
        "faults": total.faults,
    }  # fmt: skip


# -- failing disks -------------------------------------------------------------------------------------


def _errors(folder: Path) -> dict[str, Any]:
    began = time.monotonic()
    found = io_errors.every_failure(folder, stride=STRIDE, say=_say(began))
    return {
        "by_kind": {
            name: {
                "refused": outcome.failures, "told": dict(outcome.told), "unnoticed": outcome.unnoticed,
                "faults": len(outcome.faults),
            }
            for name, outcome in found.items()
        },
        "seconds": round(time.monotonic() - began, 1),
        "faults": [fault for outcome in found.values() for fault in outcome.faults],
    }  # fmt: skip


# -- kills ---------------------------------------------------------------------------------------------


def _kills(folder: Path) -> dict[str, Any]:
    folder.mkdir()
    shared = shared_footage()
    cameras = cameras_of(vtest(), shared / "car-detection.mp4" if shared else None)
    with soaked(folder, KILLS, cameras, seed=20261122, say=_say(time.monotonic())) as soak:
        return _told(soak)


def _told(soak: Soak) -> dict[str, Any]:
    found, whole = soak.compare(), soak.whole
    first, again = soak.redeem_twice()
    return {
        "kills": whole.kills,
        "lost": found.lost, "doubled": found.doubled + again,
        "by_part": {name: _recovery(part) for name, part in whole.recovery.items()},
        "ended_by_themselves": whole.gave_up,
        "truth": found.sums,
        "windows_compared": found.rows_compared,
        "committed_rows_seen_on_the_way": sum(map(len, whole.witness.seen.values())),
        "looks": whole.witness.looks,
        "coupons_redeemed": first,
        "coupons_redeemed_twice": again,
        "requests_of_the_parking_system": soak.lot.tries,
        "drained_s": round(soak.drained_s, 1),
        "observed_share": {
            camera: round(seconds / soak.seconds, 3) for camera, seconds in soak.observed_s().items()
        },
        "windows_missing_not_zero": found.missing_minutes,
        "not_counted_as_committed": "tracks in the engine, and facts on their way to the main process",
        "seconds": round(soak.seconds, 1),
        "faults": found.faults,
    }  # fmt: skip


def _recovery(part: Recovery) -> dict[str, Any]:
    return {
        "kills": part.kills,
        "killed_again_before_it_was_back": part.again,
        "back_p50_s": round(float(np.median(part.seconds)), 2) if part.seconds else None,
        "back_p95_s": round(float(np.percentile(part.seconds, 95)), 2) if part.seconds else None,
    }
