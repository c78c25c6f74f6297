"""A box's main process as far as sync goes, while its backlog drains: `python -m scripts.benches.sync_box`.

The real store, line and publisher, as `edge/run.py` puts them together, and a main thread that works
meanwhile: it commits a minute now and then, and coupons as a driver at the barrier would see them.
Prints one line of JSON at the end. Times are monotonic seconds, the same for every process of a machine.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.centre import Centre
from edge.clock import SteadyClock
from edge.config import SiteConfig
from edge.run import DATABASE
from edge.store import Store, outbox
from scripts.benches.hub import windows
from scripts.benches.seven_days import BOX
from sync.bodies import utc
from sync.outbox import Stream
from sync.payloads import TRIGGER, TriggerBody

EVERY_S: Final = 0.06
"""A coupon about so often."""
MINUTE_EVERY: Final = 8
"""And a minute with every eighth of them: a hundred times as often as on a box."""
PATIENCE_S: Final = 300.0
EXPIRES_S: Final = 600.0


class WatchedStore(Store):
    """Counts the deletions; on a slow disk if wanted."""

    deletions = 0
    sync_s = 0.0
    """The disk takes so much longer for each commit."""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with super()._transaction() as connection:
            yield connection
            time.sleep(self.sync_s)

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        """As `Store`'s."""
        self.deletions += 1
        return super().acknowledge(stream, epoch, upto)


@dataclass(slots=True)
class Work:
    """What the main thread did."""

    store: WatchedStore
    centre: Centre
    coupons: list[dict[str, float]] = field(default_factory=list)
    """When each was decided (`began`) and `committed`, and its `seq`."""
    minute_s: list[float] = field(default_factory=list)
    minutes: int = 0

    def coupon(self) -> None:
        """Decide, sign, commit, nudge."""
        now = time.time()
        body = self.centre.line.sign(
            TriggerBody(
                key=f"c-{len(self.coupons)}", lane="exit-1", direction="exit", decision="issued",
                offer="coffee", at=utc(now), expires_at=utc(now + EXPIRES_S), token="ab" * 32, member=True,
                minutes_parked=42.0,
            )
        )  # fmt: skip
        began = time.monotonic()
        seq = self.store.write(lambda connection: _put(connection, body, now))
        self.coupons.append({"began": began, "committed": time.monotonic(), "seq": seq})
        self.centre.nudge()

    def gone(self) -> int:
        """Coupons that have left the outbox."""
        return len(self.coupons) - self.store.backlog("trigger").rows

    def minute(self, start: int) -> None:
        """What the recorder does once a minute."""
        began = time.monotonic()
        self.minutes += self.store.commit_minute(start, windows(start))
        self.minute_s.append(time.monotonic() - began)
        self.centre.nudge()


def _put(connection: sqlite3.Connection, body: str, now: float) -> int:
    return outbox.put(connection, "trigger", TRIGGER, body, created_at=now, expires_at=now + EXPIRES_S)


def site(url: str) -> SiteConfig:
    """No cameras: they are not what is measured."""
    return SiteConfig.model_validate({"site": BOX, "sync": {"url": url}})


def main(folder: Path, url: str, sync_s: float) -> dict[str, Any]:
    """Drain."""
    opened_at = time.monotonic()
    clock = SteadyClock.start()
    with WatchedStore.open(folder / DATABASE, **BOX, clock=clock.now) as store:
        store.sync_s = sync_s
        opened_s = time.monotonic() - opened_at
        waiting = store.backlog("data").rows
        centre = Centre(site(url), store, folder, clock)
        publisher = centre.publisher
        assert publisher is not None
        work = Work(store, centre)
        newest = int(clock.now()) // 60 * 60
        marks: dict[str, float] = {"start": time.monotonic()}
        cpu = time.process_time()
        centre.start()
        turn = 0
        wal = 0
        while (done := publisher.status().acknowledged - work.gone()) < waiting:
            now = time.monotonic()
            if now - marks["start"] > PATIENCE_S:
                sys.exit(f"not drained: {publisher.status()}")
            if done > 0:
                marks.setdefault("first", now)
            if done > waiting // 10:
                marks.setdefault("tenth", now)
            if "first" in marks:
                turn += 1
                work.coupon()
                if turn % MINUTE_EVERY == 0:
                    work.minute(newest + 60 * turn)
            wal = max(wal, (folder / f"{DATABASE}-wal").stat().st_size)
            time.sleep(random.uniform(0.5, 1.5) * EVERY_S)
        marks["end"] = time.monotonic()
        cpu = time.process_time() - cpu
        while store.backlog("trigger").rows or store.backlog("data").rows:
            time.sleep(0.01)
        centre.stop()
    return {
        "opened_s": opened_s, "rows": waiting, "marks": marks, "cpu_s": cpu, "wal": wal,
        "deletions": store.deletions, "minutes": work.minutes, "minute_s": work.minute_s,
        "coupons": work.coupons,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
