"""An outbox in memory with the exact meaning of the real one, and minutes to put in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from pipelines.records import CameraWindow, GateWindow
from sync.bodies import minute_body
from sync.cursor import Pacing
from sync.outbox import Backlog, OutboxRow, Stream
from sync.payloads import MINUTE
from sync.publisher import BirthFacts

START = 1_780_000_020
"""A UTC minute."""

QUICK = Pacing(retry_s=0.5, retry_max_s=1.0, look_s=0.1)
BACKOFF = (0.05, 0.2)
"""Reconnect within moments."""

FACTS = BirthFacts(
    version="0.1.0",
    language="zh-CN",
    cameras=("cam-1",),
    model="nanodet-g",
    clock="synced",
    started_at=1_780_000_000.5,
)


class MemoryOutbox:
    """Rows by stream in order of seq; a seq is never given twice."""

    def __init__(self, epoch: str = "e1") -> None:
        self.epoch = epoch
        self._rows: dict[Stream, dict[int, OutboxRow]] = {"data": {}, "trigger": {}}
        self._last: dict[Stream, int] = {"data": 0, "trigger": 0}
        self._lock = threading.Lock()
        self.deleted = 0

    def put(self, stream: Stream, schema: str, body: str, expires_at: float | None = None) -> int:
        with self._lock:
            self._last[stream] += 1
            seq = self._last[stream]
            self._rows[stream][seq] = OutboxRow(
                stream, self.epoch, seq, schema, body, time.time(), expires_at
            )
            return seq

    def put_minutes(self, count: int, entries: int = 1) -> None:
        """`count` minutes of one gate and one camera, one after the other."""
        for _ in range(count):
            start = START + 60 * self._last["data"]
            gate = GateWindow("cam-1", "door", start, 60.0, entries, 2, 0)
            camera = CameraWindow("cam-1", "cam-1", start, 60.0, 600, 12.5, 3)
            self.put("data", MINUTE, minute_body(start, [gate, camera]))

    def give_up(self, stream: Stream, seq: int) -> None:
        """What a full disk does to a row."""
        with self._lock:
            del self._rows[stream][seq]

    def pending(self, stream: Stream, after_seq: int, limit: int) -> Sequence[OutboxRow]:
        with self._lock:
            return [row for seq, row in sorted(self._rows[stream].items()) if seq > after_seq][:limit]

    def backlog(self, stream: Stream) -> Backlog:
        with self._lock:
            rows = self._rows[stream]
            if not rows:
                return Backlog(0, None, None, None)
            return Backlog(len(rows), min(rows), max(rows), rows[min(rows)].created_at)

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        with self._lock:
            if epoch != self.epoch:
                return 0
            gone = [seq for seq in self._rows[stream] if seq <= upto]
            for seq in gone:
                del self._rows[stream][seq]
            self.deleted += len(gone)
            return len(gone)

    def empty(self) -> bool:
        return not self._rows["data"] and not self._rows["trigger"]


def wait_for(what: Callable[[], bool], seconds: float = 10.0, why: Callable[[], object] = lambda: "") -> None:
    """Until it is true; fails with `why` when it takes too long."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"not within {seconds} s: {why()}"
        time.sleep(0.01)
