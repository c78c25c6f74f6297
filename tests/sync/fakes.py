"""An outbox in memory with the exact meaning of the real one, and minutes to put in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Self

from pipelines.records import CameraWindow, GateWindow
from sync.bodies import minute_body, utc
from sync.cursor import Pacing
from sync.mqtt import Arrived, Broker, Link, Subscribed, Up
from sync.outbox import Backlog, OutboxRow, Stream
from sync.payloads import MINUTE, TriggerBody
from sync.publisher import BirthFacts

START = 1_780_000_020
"""A UTC minute."""

QUICK = Pacing(spread_s=0.1, retry_s=0.5, retry_max_s=1.0, look_s=0.1)
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
            rows = self._rows[stream]  # in order, because put so
            return list(islice((row for seq, row in rows.items() if seq > after_seq), limit))

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

    def made(self, stream: Stream) -> int:
        """Rows that were ever put in."""
        return self._last[stream]

    def empty(self) -> bool:
        return not self._rows["data"] and not self._rows["trigger"]


def wait_for(what: Callable[[], bool], seconds: float = 10.0, why: Callable[[], object] = lambda: "") -> None:
    """Until it is true; fails with `why` when it takes too long."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"not within {seconds} s: {why()}"
        time.sleep(0.01)


def trigger(key: str) -> TriggerBody:
    """A coupon that was issued at an exit."""
    return TriggerBody(
        key=key,
        lane="exit-1",
        direction="exit",
        decision="issued",
        offer="coffee",
        at=utc(START),
        expires_at=utc(START + 300),
        token="ab" * 32,
        member=True,
        minutes_parked=95.5,
    )


class Listener:
    """Hears everything below `storeedge/` and can say anything, like an engineer's own client."""

    def __init__(self, url: str) -> None:
        self._link = Link(Broker.parse(url), f"listener:{id(self)}")
        self._heard: list[tuple[str, bytes]] = []
        self._say: list[tuple[str, bytes]] = []
        self._ready, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.is_set():
            for happening in self._link.poll(0.05):
                match happening:
                    case Up():
                        self._link.subscribe(["storeedge/#"])
                    case Subscribed():
                        self._ready.set()
                    case Arrived(topic, payload, receipt):
                        self._link.confirm(receipt)
                        self._heard.append((topic, payload))
            while self._say:
                self._link.publish(*self._say.pop(0))
        self._link.close()

    def heard(self, part: str = "") -> list[tuple[str, bytes]]:
        """Topics and payloads so far, of topics that contain this."""
        return [(topic, payload) for topic, payload in list(self._heard) if part in topic]

    def say(self, topic: str, payload: bytes) -> None:
        """Publish."""
        self._say.append((topic, payload))
        self._link.wake()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the listener did not get ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._link.wake()
        self._thread.join(10)
