"""A hub takes no more at once than it can commit soon, whatever the broker throws at it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from scripts.fleet import packets
from scripts.fleet.messages import minute_row
from sync.bodies import utc
from sync.broker import Broker
from sync.envelope import envelope
from sync.hub.intake import Intake, Message
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.receiver import AT_ONCE, Hub
from sync.topics import BoxIdentity
from tests.broker import OPEN, Mosquitto
from tests.sync.fakes import BACKOFF, wait_for

MESSAGES = 6_000


class Slow:
    """Keeps what it gets, after a while; refuses two full batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.refusals = 2
        self.held: set[tuple[str, int]] = set()

    def commit(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        time.sleep(0.05)
        self.sizes.append(len(batch))
        if len(batch) == AT_ONCE and self.refusals:
            self.refusals -= 1
            raise LedgerError("not now")
        found = [item.identity for item in batch if isinstance(item, Message)]
        self.held |= {(str(one.box), one.seq) for one in found}
        return [Receipt(one.box, one.epoch, "data", one.seq) for one in found]

    def trigger_streams(self) -> list[Receipt]:
        return []

    def triggers(self, box: BoxIdentity, epoch: str, after: int, limit: int) -> list[Message]:
        return []

    def roll_up(self) -> int:
        return 0

    def close(self) -> None:
        pass


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path, OPEN + "max_queued_messages 0\n")
    made.start()
    yield made
    made.kill()


def test_a_hub_commits_a_bounded_number_at_once_and_outlives_a_refusal(broker: Mosquitto) -> None:
    """mosquitto 2.0.11 sends thousands more than it was asked for as soon as the first are confirmed."""
    ledger, ready = Slow(), threading.Event()
    hub = Hub(Broker.parse(broker.url), ledger, backoff_s=BACKOFF, on_ready=ready.set)
    thread = threading.Thread(target=hub.run)
    thread.start()
    try:
        assert ready.wait(10)
        with socket.create_connection(("127.0.0.1", broker.port)) as line:
            line.sendall(
                packets.connect("boxes", ("gone", b""), keepalive_s=60, most_unread=10, most_bytes=10**6)
            )
            for number in range(MESSAGES):
                box = BoxIdentity("rainbow", "sz-futian", f"box-{number % 40}")
                message = envelope(box, minute_row(1 + number // 40), utc(1.78e9))
                line.sendall(packets.publish(box.up("data"), message, 1))
            wait_for(lambda: len(ledger.held) == MESSAGES, 30, why=lambda: (len(ledger.held), ledger.sizes))
    finally:
        hub.stop()
        thread.join(10)
    assert not thread.is_alive()
    assert max(ledger.sizes) <= AT_ONCE, ledger.sizes
    assert ledger.refusals == 0, f"no batch was large enough to be refused: {ledger.sizes}"
