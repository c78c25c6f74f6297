"""After a long outage: the backlog drains, live triggers overtake it, and nothing in it holds up the rest.

The real store, publisher, mosquitto and hub; a whole week is `scripts/bench sync`.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from edge.store import Store
from edge.store import outbox as rows
from sync.bodies import utc
from sync.broker import Broker
from sync.cursor import Pacing
from sync.payloads import TRIGGER
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto
from tests.sync.coupon_fakes import FOR_ALL, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import BACKOFF, FACTS, START, Listener, MemoryOutbox, trigger, wait_for
from tests.sync.test_delivery import only, running_hub

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
PACING = Pacing(spread_s=0.2, look_s=0.2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "box.db", tenant=BOX.tenant, store=BOX.store, box=BOX.box) as opened:
        yield opened


def put_minutes(store: Store, count: int, body: str | None = None) -> None:
    """Rows as the minutes leave them, in one transaction."""
    source = MemoryOutbox()
    source.put_minutes(count)
    wait = source.pending("data", 0, count)

    def put(connection) -> None:  # type: ignore[no-untyped-def]
        for row in wait:
            rows.put(connection, "data", row.schema, body or row.body, created_at=START)

    store.write(put)


def put_trigger(store: Store, key: str, lasts_s: float = 60.0) -> None:
    body = trigger(key).text()
    now = time.time()
    store.write(lambda c: rows.put(c, "trigger", TRIGGER, body, created_at=now, expires_at=now + lasts_s))


def publisher(store: Store, url: str, pacing: Pacing = PACING) -> Publisher:
    return Publisher(store, BOX, Broker.parse(url), lambda: FACTS, pacing=pacing, backoff_s=BACKOFF)


def test_live_triggers_overtake_a_backlog_that_drains(
    mosquitto: Mosquitto, store: Store, tmp_path: Path
) -> None:
    put_minutes(store, 2000)
    took: list[float] = []
    with Listener(mosquitto.url) as listener, running_hub(mosquitto.url, tmp_path / "hub.db"):
        box = publisher(store, mosquitto.url)
        box.start()
        try:
            wait_for(lambda: box.status().acknowledged > 0, why=box.status)
            while store.backlog("data").rows:
                key, began = f"t-{len(took)}", time.monotonic()
                put_trigger(store, key)
                box.nudge()
                wait_for(lambda: any(key.encode() in p for _, p in listener.heard("/up/trigger")))  # noqa: B023
                took.append(time.monotonic() - began)
            wait_for(lambda: store.backlog("trigger").rows + store.backlog("data").rows == 0, why=box.status)
        finally:
            box.stop()
    assert len(took) >= 5, "too fast to prove anything"
    assert median(took) < 0.3, took
    assert only(tmp_path / "hub.db").minutes == 2000


def test_minutes_begin_at_random_after_a_connection_and_triggers_at_once(
    mosquitto: Mosquitto, store: Store, tmp_path: Path
) -> None:
    begins = []
    with Listener(mosquitto.url) as listener, running_hub(mosquitto.url, tmp_path / "hub.db"):
        for number in range(4):
            put_minutes(store, 1)
            put_trigger(store, f"t-{number}")
            box = publisher(store, mosquitto.url, replace(PACING, spread_s=1.0))
            began = time.monotonic()
            box.start()
            try:
                wait_for(lambda: len(listener.heard("/up/trigger")) > number)  # noqa: B023
                assert time.monotonic() - began < 0.6, "the trigger waited too"
                wait_for(lambda: len(listener.heard("/up/data")) > number)  # noqa: B023
                begins.append(time.monotonic() - began)
                wait_for(lambda: store.backlog("data").rows + store.backlog("trigger").rows == 0)
            finally:
                box.stop()
    assert max(begins) < 1.6, begins
    assert max(begins) - min(begins) > 0.02, begins


def test_thousands_of_expired_triggers_delay_no_live_one_and_issue_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A car park whose line was down for days: 2,000 decisions wait, all expired, when a driver comes."""
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    box = CouponBox(mosquitto.url, tmp_path)
    late = time.time() - 3600
    for number in range(2000):
        box.decide(f"old-{number}", "parking", at=utc(late - 300), expires_at=utc(late))
    with Listener(mosquitto.url) as listener, coupon_hub(mosquitto.url, tmp_path / "hub.db"), box:
        wait_for(lambda: len(listener.heard("/up/trigger")) > 50)
        began = time.monotonic()
        box.decide("live", "parking")
        wait_for(lambda: any(answer.key == "live" for _, answer in box.answers))
        took = time.monotonic() - began
        left = box.outbox.backlog("trigger").rows
        wait_for(box.outbox.empty, 60.0, box.line.status)
    verdicts = {key: verdict for key, verdict, _ in office.verdicts()}
    assert left > 500, "the live one did not overtake"
    assert took < 1.0, took
    assert verdicts.pop("live") == "accepted"
    assert set(verdicts.values()) == {"late"}
    assert [answer.key for _, answer in box.answers] == ["live"]


def test_a_row_that_the_disk_has_damaged_holds_up_no_other(
    mosquitto: Mosquitto, store: Store, tmp_path: Path
) -> None:
    put_minutes(store, 200)

    def damage(connection) -> None:  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for seq, body in ((50, b'{"start":"\xff\xfe"}'), (90, b""), (120, b'{"start":'), (150, b"[1]")):
            connection.execute("UPDATE outbox SET body = CAST(? AS TEXT) WHERE seq = ?", (body, seq))

    store.write(damage)
    with running_hub(mosquitto.url, tmp_path / "hub.db"):
        box = publisher(store, mosquitto.url)
        box.start()
        try:
            wait_for(lambda: store.backlog("data").rows == 0, why=box.status)
        finally:
            box.stop()
    held = only(tmp_path / "hub.db")
    assert (held.minutes, held.set_aside, held.given_up) == (196, 4, 0)


def test_a_centre_that_acknowledges_one_by_one_is_served_too(mosquitto: Mosquitto, store: Store) -> None:
    put_minutes(store, 300)
    said = 0
    with Listener(mosquitto.url) as centre:
        box = publisher(store, mosquitto.url)
        box.start()
        try:
            while said < 300:
                heard = {json.loads(payload)["seq"] for _, payload in centre.heard("/up/data")}
                wait_for(lambda: len(centre.heard("/up/data")) > said, why=box.status)  # noqa: B023
                while said + 1 in heard:
                    said += 1
                    text = json.dumps({"epoch": store.epoch, "upto": said})
                    centre.say(BOX.ack("data"), text.encode())
            wait_for(lambda: box.status().acknowledged == 300, why=box.status)
        finally:
            box.stop()
        sent = len(centre.heard("/up/data"))
    assert store.backlog("data").rows == 0
    assert sent == 300, "sent more than once"


def test_seventy_days_of_backlog_are_opened_counted_and_read_in_moments(tmp_path: Path) -> None:
    def opened() -> Store:
        return Store.open(tmp_path / "box.db", tenant=BOX.tenant, store=BOX.store, box=BOX.box)

    body = json.dumps({"start": "2026-06-01T10:00:00Z", "windows": [], "filler": "x" * 500})
    with opened() as store:
        put_minutes(store, 1)
        store.write(
            lambda c: c.execute(
                "WITH RECURSIVE n(seq) AS (SELECT 2 UNION ALL SELECT seq + 1 FROM n WHERE seq < 100800) "
                "INSERT INTO outbox SELECT 'data', seq, 'storeedge/minute/1', ?, 1.0, NULL FROM n",
                (body,),
            )
        )
        store.write(lambda c: c.execute("UPDATE outbox_stream SET last_seq = 100800 WHERE stream = 'data'"))
    began = time.process_time()
    with opened() as store:
        opening = time.process_time() - began
        tracemalloc.start()
        began = time.process_time()
        assert store.backlog("data").rows == 100_800
        counting = time.process_time() - began
        began = time.process_time()
        assert len(store.pending("data", 50_000, 256)) == 256
        reading = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert opening < 1.0, opening
    assert counting < 0.1, counting
    assert reading < 0.1, reading
    assert peak < 2_000_000, peak
