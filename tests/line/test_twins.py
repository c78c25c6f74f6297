"""Two boxes that were given the same name: they say so, do not fight at full speed, and lose nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sync.hub.totals import totals
from sync.mqtt import Broker
from sync.publisher import Publisher
from tests.broker import Mosquitto
from tests.line.proxy import Proxy
from tests.sync.fakes import FACTS, QUICK, MemoryOutbox, wait_for
from tests.sync.test_delivery import BOX, running_hub


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_two_boxes_of_one_name_say_so_and_take_turns_slowly(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    """Debian's mosquitto (2.0.11) ends the older connection without a word, with MQTT 5 too."""
    db = tmp_path / "hub.db"
    with Proxy(mosquitto.port) as line, running_hub(mosquitto.url, db):
        url = f"{line.url}?protocol={protocol}"
        outboxes = [MemoryOutbox("e1"), MemoryOutbox("e2")]
        # The pauses are the product's.
        boxes = [
            Publisher(outbox, BOX, Broker.parse(url), lambda: FACTS, pacing=QUICK) for outbox in outboxes
        ]
        began = time.monotonic()
        for box, outbox in zip(boxes, outboxes, strict=True):
            outbox.put_minutes(10)
            box.start()
        try:
            wait_for(lambda: any(box.status().trouble == "hung_up" for box in boxes), 15, why=boxes[0].status)
            words = next(b.status().last_error for b in boxes if b.status().trouble == "hung_up")
            wait_for(lambda: all(outbox.empty() for outbox in outboxes), 15, why=boxes[0].status)
            lasted = time.monotonic() - began
        finally:
            for box in boxes:
                box.stop()
        assert words is not None
        assert "another client has" in words
        assert line.accepted <= 4 + 1.5 * lasted, (line.accepted, lasted)
    assert [(held.minutes, held.set_aside) for held in totals(db)] == [(20, 0)]
