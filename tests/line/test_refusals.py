"""A broker that takes our connection and refuses what we send: an alarm, never a loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.line_watch import LASTS_S, LINE_REFUSED, LineWatch
from pipelines.records import Event
from sync.hub.totals import totals
from sync.mqtt import Broker
from sync.payloads import TRIGGER
from sync.publisher import Publisher
from tests.broker import OPEN, Mosquitto
from tests.line.brokers import Nats
from tests.sync.fakes import BACKOFF, FACTS, QUICK, MemoryOutbox, trigger, wait_for
from tests.sync.test_delivery import BOX, running_hub

NO_DATA = """pattern readwrite storeedge/1/#
user box
topic write storeedge/1/+/+/+/state
topic write storeedge/1/+/+/+/up/trigger
topic read storeedge/1/+/+/+/down/#
"""


def rules(folder: Path) -> str:
    (folder / "acl").write_text(NO_DATA.replace("pattern readwrite", "user hub\ntopic readwrite"))
    return OPEN + f"acl_file {folder}/acl\n"


REFUSALS: dict[str, tuple[Callable[[Path], str], str, str]] = {
    "a rule against it": (rules, "refused", "Not authorized"),
    "too large, told beforehand": (
        lambda _: OPEN + "max_packet_size 500\n", "refused", "more than the broker takes; raise its limit"
    ),
    "too large, told afterwards": (
        lambda _: OPEN + "message_size_limit 450\n", "refused", "Packet too large"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("conf", "kind", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_row_waits_makes_an_alarm_and_is_sent_when_the_refusal_is_over(
    tmp_path: Path, conf: Callable[[Path], str], kind: str, words: str
) -> None:
    db, outbox = tmp_path / "hub.db", MemoryOutbox()
    outbox.put_minutes(3)
    outbox.put("trigger", TRIGGER, trigger("t-1").text(), expires_at=time.time() + 60)
    broker = Mosquitto(tmp_path, conf(tmp_path))
    broker.start()
    try:
        with running_hub(broker.url.replace("mqtt://", "mqtt://hub@"), db):
            url = broker.url.replace("mqtt://", "mqtt://box@")
            box = Publisher(outbox, BOX, Broker.parse(url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
            told: list[Event] = []
            watch, now = LineWatch(box.status, None, 1e9), 1e9
            box.start()
            wait_for(lambda: box.status().trouble == kind, why=box.status)
            for _ in range(int(LASTS_S) * 2):  # a second of the watch is a tenth of ours
                now += 1
                time.sleep(0.1)
                told += watch.look(now)
            status = box.status()
            assert [event.name for event in told] == [LINE_REFUSED], (told, status)
            assert words in str(told[0].detail["words"])
            assert outbox.backlog("data").rows == 3
            broker.kill()
            broker = Mosquitto(tmp_path, OPEN, broker.port)
            broker.start()
            wait_for(outbox.empty, why=box.status)
            told += watch.look(now + 1)
            box.stop()
    finally:
        broker.kill()
    assert [event.detail.get("reason") for event in told] == [None, "accepted"]
    assert [(held.minutes, held.set_aside, held.given_up) for held in totals(db)] == [(3, 0, 0)]


def test_a_broker_of_3_1_1_that_drops_what_it_does_not_allow_costs_nothing(tmp_path: Path) -> None:
    """NATS confirms a publish that it has thrown away. Only the missing acknowledgement tells."""
    db, outbox = tmp_path / "hub.db", MemoryOutbox()
    outbox.put_minutes(5)
    topic = BOX.up("data").replace("/", ".")
    denied = f'{{user: box, password: p, permissions: {{publish: {{deny: ["{topic}"]}}}}}}'
    broker = Nats(tmp_path, f"authorization {{ users: [{denied}, {{user: hub, password: p}}] }}")
    broker.start()
    try:
        with running_hub(broker.url.replace("mqtt://", "mqtt://hub:p@"), db):
            url = broker.url.replace("mqtt://", "mqtt://box:p@")
            box = Publisher(outbox, BOX, Broker.parse(url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
            box.start()
            wait_for(lambda: box.status().trouble == "silent", why=box.status)
            time.sleep(1)
            assert box.status().trouble == "silent"
            assert outbox.backlog("data").rows == 5
            box.stop()
    finally:
        broker.kill()
