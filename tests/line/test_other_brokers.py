"""The same deliveries through other real brokers: NATS, RabbitMQ with STOREEDGE_RABBITMQ=1 (its start alone
takes 10 to 30 s), and mosquitto with MQTT 3.1.1 beside them. docs/brokers.md says what follows from it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from sync.hub.totals import totals
from sync.mqtt import Arrived, Broker, Happening, Link, Subscribed, Up
from sync.payloads import TRIGGER, State
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import OPEN, Mosquitto
from tests.line.brokers import Nats, RabbitMq
from tests.line.proxy import Proxy, Weather
from tests.sync.coupon_fakes import CAR, OFFER, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import BACKOFF, FACTS, QUICK, Listener, MemoryOutbox, trigger, wait_for
from tests.sync.test_delivery import running_hub

AnyBroker = Mosquitto | Nats | RabbitMq


class Old(Mosquitto):
    """mosquitto for clients that speak 3.1.1 only."""

    name = "mosquitto"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, OPEN)
        self.url += "?protocol=3.1.1"


@pytest.fixture(scope="module", params=[Old, Nats, RabbitMq], ids=lambda kind: kind.name)
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyBroker]:
    if request.param is RabbitMq and not os.environ.get("STOREEDGE_RABBITMQ"):
        pytest.skip("set STOREEDGE_RABBITMQ=1 to try RabbitMQ as well")
    made: AnyBroker = request.param(tmp_path_factory.mktemp(request.param.name))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def box_id(numbers: Iterator[int] = count(1)) -> BoxIdentity:  # noqa: B008 - one row of numbers for the module
    """A name for each test, as they share a broker that keeps things."""
    return BoxIdentity("rainbow", "sz-futian", f"box-{next(numbers)}")


@contextmanager
def running(outbox: MemoryOutbox, url: str, box: BoxIdentity) -> Iterator[Publisher]:
    publisher = Publisher(outbox, box, Broker.parse(url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def held(db: Path, box: BoxIdentity) -> tuple[int, int, int, bool | None]:
    [mine] = [one for one in totals(db) if one.box == box]
    return mine.minutes, mine.set_aside, mine.given_up, mine.online


def kept(broker: AnyBroker, topic: str) -> State:
    """What the broker keeps under a topic."""
    link = Link(Broker.parse(broker.url), f"look-{time.monotonic_ns()}")
    seen: list[Happening] = []
    until = time.monotonic() + 10
    while not any(isinstance(item, Arrived) for item in seen):
        assert time.monotonic() < until, seen
        new = link.poll(0.1)
        seen += new
        if any(isinstance(item, Up) for item in new):
            link.subscribe([topic])
    link.close()
    return State.model_validate_json(next(i.payload for i in seen if isinstance(i, Arrived)))


def test_every_row_arrives_once_and_the_hub_answers(
    broker: AnyBroker, tmp_path: Path, box_id: BoxIdentity
) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(150)
    outbox.put("trigger", TRIGGER, trigger("t-1").text(), expires_at=time.time() + 60)
    with running_hub(broker.url, tmp_path / "hub.db"), running(outbox, broker.url, box_id) as box:
        wait_for(outbox.empty, why=box.status)
        assert (box.status().protocol, box.status().last_error) == ("3.1.1", None)
        assert held(tmp_path / "hub.db", box_id) == (150, 0, 0, True)
        began = time.monotonic()
        outbox.put_minutes(1)
        box.nudge()
        wait_for(outbox.empty, why=box.status)
        assert time.monotonic() - began < 2
    assert held(tmp_path / "hub.db", box_id) == (151, 0, 0, False)


def test_a_hub_that_comes_after_the_box_still_learns_where_its_streams_begin(
    broker: AnyBroker, tmp_path: Path, box_id: BoxIdentity
) -> None:
    """RabbitMQ gives no retained message to a subscription with wildcards; the box says it again."""
    outbox = MemoryOutbox()
    outbox.put_minutes(40)
    with running(outbox, broker.url, box_id) as box:
        wait_for(lambda: box.status().connected, why=box.status)
        time.sleep(0.3)
        with running_hub(broker.url, tmp_path / "hub.db"):
            wait_for(outbox.empty, why=box.status)
    assert held(tmp_path / "hub.db", box_id)[:3] == (40, 0, 0)


def test_a_box_and_a_hub_that_come_and_go_lose_nothing(
    broker: AnyBroker, tmp_path: Path, box_id: BoxIdentity
) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    for _ in range(3):
        outbox.put_minutes(60)
        with running(outbox, broker.url, box_id) as box:
            with running_hub(broker.url, db):
                before = outbox.deleted
                wait_for(lambda: outbox.deleted > before or outbox.empty(), why=box.status)  # noqa: B023
            outbox.put_minutes(5)
            box.nudge()
    with running_hub(broker.url, db), running(outbox, broker.url, box_id) as box:
        wait_for(outbox.empty, why=box.status)
    assert held(db, box_id)[:3] == (195, 0, 0)


def test_a_killed_broker_costs_nothing(broker: AnyBroker, tmp_path: Path, box_id: BoxIdentity) -> None:
    if isinstance(broker, RabbitMq):
        pytest.skip("takes half a minute to come back")
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    with running_hub(broker.url, db), running(outbox, broker.url, box_id) as box:
        for _ in range(2):
            outbox.put_minutes(200)
            box.nudge()
            time.sleep(0.05)
            broker.kill()
            wait_for(lambda: not box.status().connected, why=box.status)
            broker.start()
        wait_for(outbox.empty, 20, why=box.status)
    assert held(db, box_id)[:3] == (400, 0, 0)


def test_the_kept_state_tells_of_birth_goodbye_and_sudden_death(
    broker: AnyBroker, box_id: BoxIdentity
) -> None:
    outbox = MemoryOutbox()
    with running(outbox, broker.url, box_id) as box:
        wait_for(lambda: box.status().connected, why=box.status)
        time.sleep(0.2)
        assert kept(broker, box_id.state).online
    assert not kept(broker, box_id.state).online
    with Proxy(broker.port) as line:
        url = broker.url.replace(f":{broker.port}", f":{line.port}")
        with running(outbox, url, box_id) as doomed:
            wait_for(lambda: doomed.status().connected, why=doomed.status)
            time.sleep(0.2)
            assert kept(broker, box_id.state).online
            line.weather = Weather(door="refuse")
            line.reset()
            wait_for(lambda: not kept(broker, box_id.state).online)


def test_documents_and_coupons_go_both_ways(broker: AnyBroker, tmp_path: Path) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    key = office.key("k1")
    office.members(key, {CAR: "m-1"})
    office.offers(OFFER)
    with (
        Listener(broker.url) as centre,
        coupon_hub(broker.url, tmp_path / "hub.db"),
        CouponBox(broker.url, tmp_path) as box,
    ):
        box.wait("offers", "member-keys", "members-k1")
        box.decide("t-1", **box.of_member(key))
        [answer] = box.answered(1)
        wait_for(lambda: len(centre.heard("/up/reply/")) > 0)
        assert (answer.key, answer.decision) == ("t-1", "accepted")
        assert json.loads(centre.heard("/up/reply/")[0][1])["ok"] is True


def test_a_subscription_to_all_boxes_is_confirmed(broker: AnyBroker) -> None:
    link = Link(Broker.parse(broker.url), "all")
    seen: list[Happening] = []
    until = time.monotonic() + 10
    while not any(isinstance(item, Subscribed) for item in seen):
        assert time.monotonic() < until, seen
        new = link.poll(0.1)
        seen += new
        if any(isinstance(item, Up) for item in new):
            link.subscribe(["storeedge/1/+/+/+/up/#", "storeedge/1/+/+/+/state"])
    link.close()
    assert [item.refused for item in seen if isinstance(item, Subscribed)] == [()]
