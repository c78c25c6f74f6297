"""From the outbox through a real broker into the hub's database, whatever is killed on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.hub.totals import BoxTotals, totals
from sync.mqtt import Broker
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, wait_for

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


@contextmanager
def running_hub(url: str, db: Path, name: str = "hub") -> Iterator[Hub]:
    ledger = SqliteLedger(db)
    ready = threading.Event()
    hub = Hub(Broker.parse(url), ledger, name, backoff_s=BACKOFF, on_ready=ready.set)
    thread = threading.Thread(target=hub.run)
    thread.start()
    try:
        assert ready.wait(10), "the hub did not get ready"
        yield hub
    finally:
        hub.stop()
        thread.join(10)
        assert not thread.is_alive()
        ledger.close()


@contextmanager
def running_box(outbox: MemoryOutbox, url: str, box: BoxIdentity = BOX) -> Iterator[Publisher]:
    publisher = Publisher(outbox, box, Broker.parse(url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def only(db: Path) -> BoxTotals:
    boxes = totals(db)
    assert len(boxes) == 1
    return boxes[0]


def test_every_minute_reaches_the_hub_and_leaves_the_box(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(500)
    with running_hub(mosquitto.url, db), running_box(outbox, mosquitto.url) as box:
        wait_for(outbox.empty, why=box.status)
        outbox.put_minutes(3)
        box.nudge()
        wait_for(outbox.empty, why=box.status)
        status = box.status()
        assert (status.connected, status.protocol, status.last_error) == (True, "5", None)
        assert status.acknowledged == 503
    held = only(db)
    assert (held.minutes, held.windows, held.set_aside, held.given_up) == (503, 1006, 0, 0)
    assert [(g.gate, g.entries, g.exits) for g in held.gates] == [("door", 503, 1006)]
