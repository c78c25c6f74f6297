"""Everything that is real runs, and is killed with -9 at random, again and again; in the end the sums agree.

`storeedge run` with its engine and capture children on real footage, a parking system beside it, a mosquitto
that keeps nothing, `storeedge hub run` on PostgreSQL. Main, hub, broker and database are started again as
systemd would; the engine and the captures by the box itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from sync.hub.coupon_books import open_books
from tests.faults.agreement import Agreement, compare
from tests.faults.parking_system import ParkingSystem
from tests.faults.parts import Database
from tests.faults.soak_site import SECRET
from tests.faults.whole import Say, Whole
from tests.postgres import programs

AT_STAKE: Final = 3
"""So many people at least walk by before the first kill, and after the last."""


@dataclass(slots=True)
class Soak:
    """What came of it."""

    whole: Whole
    lot: ParkingSystem
    seconds: float
    drained_s: float
    """From the start of the run that only sends until the centre had everything."""

    def compare(self) -> Agreement:
        """Truth, box and centre side by side."""
        whole = self.whole
        return compare(whole.witness, whole.url, self.lot.driven)

    def observed_s(self) -> dict[str, float]:
        """Seconds that each camera's windows call observed."""
        with self.whole.reading() as box:
            rows = box.execute("SELECT camera, total(observed_seconds) FROM camera_window GROUP BY camera")
            return {camera: round(seconds, 1) for camera, seconds in rows}

    def redeem_twice(self) -> tuple[int, int]:
        """Use every coupon at the desk, twice: how many were taken at first, and how many once more."""
        with psycopg.connect(self.whole.url) as centre:
            rows = centre.execute("SELECT code FROM coupons.decision WHERE code IS NOT NULL").fetchall()
        with closing(open_books(self.whole.url)) as books:
            first, second = (
                sum(
                    books.redeem(code, at=time.time(), by="desk", key=f"{code}-{attempt}").refusal is None
                    for (code,) in rows
                )
                for attempt in (1, 2)
            )
        return first, second


@contextmanager
def soaked(
    folder: Path, kills: int, cameras: list[dict[str, Any]], *, seed: int = 1, say: Say
) -> Iterator[Soak]:
    """Run it; inside the block the hub still runs and the box has nothing left to send.

    Raises AssertionError when something does not come back by itself.
    """
    with ExitStack() as parts:
        bin_ = programs()
        assert bin_ is not None, "no PostgreSQL"
        server = Database(bin_)
        parts.callback(server.stop)
        server.start()
        whole = Whole(folder, server, cameras, chance=random.Random(seed), say=say)
        parts.callback(whole.close)
        whole.begin()
        began = time.monotonic()
        lot = ParkingSystem(whole.main.port, SECRET, whole.cars)
        parts.callback(lot.abandon)
        lot.start()
        whole.crossed(AT_STAKE)
        whole.storm(kills - whole.kills)
        whole.wait(lambda: whole.well and whole.main.looking(), "everything to come back")
        whole.crossed(AT_STAKE)
        lot.finish()
        took = time.monotonic() - began
        say(f"{whole.kills} kills in {took:.0f} s; the box is stopped in order and sends what waits")
        yield Soak(whole, lot, took, drained_s=_end(whole))


def _end(whole: Whole) -> float:
    """Stop the box in order, let another run of it send what waits; the seconds that took."""
    code = whole.main.stop()
    assert code == 0, f"the box ended with {code}:\n{whole.main.words()[-2000:]}"
    whole.replace_main(whole.quiet)
    began = time.monotonic()
    whole.quiet.start()
    whole.wait(lambda: whole.waiting() == 0, "the outbox to drain")
    return time.monotonic() - began
