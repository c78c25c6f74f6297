"""A coupon that is decided on a line that has just died: how late it is at the centre."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.cursor import Pacing
from sync.mqtt import Broker
from sync.payloads import TRIGGER
from sync.publisher import Publisher
from tests.broker import Mosquitto
from tests.line.proxy import FINE, Proxy, Weather
from tests.sync.fakes import FACTS, Listener, MemoryOutbox, trigger, wait_for
from tests.sync.test_delivery import BOX, running_hub


@dataclass(frozen=True, slots=True)
class Late:
    """Seconds after the decision."""

    noticed_s: float
    arrived_s: float


@contextmanager
def real_box(outbox: MemoryOutbox, url: str) -> Iterator[Publisher]:
    """With the product's own pacing and pauses."""
    box = Publisher(outbox, BOX, Broker.parse(url), lambda: FACTS, pacing=Pacing())
    box.start()
    try:
        wait_for(lambda: box.status().connected, why=box.status)
        yield box
    finally:
        box.stop()


def put_trigger(outbox: MemoryOutbox, key: str) -> None:
    """A coupon is decided."""
    outbox.put("trigger", TRIGGER, trigger(key).text(), expires_at=time.time() + 300)


def late(mosquitto: Mosquitto, weather: Weather) -> Late:
    """The line dies in this way, a coupon is decided, and a new connection finds another way."""
    outbox = MemoryOutbox()
    with (
        tempfile.TemporaryDirectory() as folder,
        Listener(mosquitto.url) as centre,
        running_hub(mosquitto.url, Path(folder) / "hub.db"),
        Proxy(mosquitto.port) as line,
        real_box(outbox, line.url) as box,
    ):
        put_trigger(outbox, "t-1")
        box.nudge()
        wait_for(outbox.empty, 30, why=box.status)
        line.weather = weather
        began = time.monotonic()
        put_trigger(outbox, "t-2")
        box.nudge()
        at: dict[str, float] = {}

        def over() -> bool:
            now = time.monotonic() - began
            if not box.status().connected and "noticed" not in at:
                at["noticed"], line.weather = now, FINE
            if any(b"t-2" in said for _, said in centre.heard("/up/trigger")):
                at.setdefault("arrived", now)
            return len(at) == len(("noticed", "arrived"))

        wait_for(over, 30, why=box.status)
        wait_for(outbox.empty, 30, why=box.status)
    return Late(at["noticed"], at["arrived"])
