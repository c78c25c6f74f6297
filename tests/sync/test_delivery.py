"""From the outbox through a real broker into the hub's database, whatever is killed on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.demo_broker import DemoBroker
from edge.errors import EdgeError
from sync.hub.intake import Intake
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.hub.totals import BoxTotals, totals
from sync.mqtt import Broker
from sync.payloads import TRIGGER, Ack, State
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.broker import Mosquitto, free_port
from tests.sync.fakes import BACKOFF, FACTS, QUICK, Listener, MemoryOutbox, trigger, wait_for

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


@contextmanager
def running_hub(url: str, db: Path, ledger: SqliteLedger | None = None, name: str = "hub") -> Iterator[Hub]:
    kept = ledger or SqliteLedger(db)
    ready = threading.Event()
    hub = Hub(Broker.parse(url), kept, name, backoff_s=BACKOFF, on_ready=ready.set)
    thread = threading.Thread(target=hub.run)
    thread.start()
    try:
        assert ready.wait(10), "the hub did not get ready"
        yield hub
    finally:
        hub.stop()
        thread.join(10)
        assert not thread.is_alive()
        kept.close()


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
    assert len(boxes) == 1, boxes
    return boxes[0]


def test_every_minute_reaches_the_hub_and_leaves_the_box(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(500)
    with running_hub(mosquitto.url, db), running_box(outbox, mosquitto.url) as box:
        wait_for(outbox.empty, why=box.status)
        outbox.put_minutes(3)
        box.nudge()
        wait_for(lambda: box.status().acknowledged == 503, why=box.status)
        status = box.status()
        assert (status.connected, status.protocol, status.last_error) == (True, "5", None)
        assert outbox.empty()
        assert only(db).online is True
    held = only(db)
    assert (held.minutes, held.windows, held.set_aside, held.given_up) == (503, 1006, 0, 0)
    assert [(g.gate, g.entries, g.exits) for g in held.gates] == [("door", 503, 1006)]
    assert held.online is False


def test_a_nudge_brings_a_row_to_the_hub_within_moments(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    slow = replace(QUICK, look_s=30, retry_s=30)
    box = Publisher(outbox, BOX, Broker.parse(mosquitto.url), lambda: FACTS, pacing=slow)
    with running_hub(mosquitto.url, tmp_path / "hub.db"):
        box.start()
        try:
            wait_for(lambda: box.status().connected, why=box.status)
            took = []
            for _ in range(20):
                began = time.monotonic()
                outbox.put_minutes(1)
                box.nudge()
                wait_for(outbox.empty, why=box.status)
                took.append(time.monotonic() - began)
        finally:
            box.stop()
    assert sorted(took)[10] < 0.1, took


def test_nothing_leaves_the_box_while_no_hub_is_there(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(20)
    with running_box(outbox, mosquitto.url) as box:
        wait_for(lambda: "no centre listens" in (box.status().last_error or ""), why=box.status)
        wait_for(lambda: box.status().oldest_age_s("data", time.time()) is not None)
        assert outbox.backlog("data").rows == 20
        with running_hub(mosquitto.url, tmp_path / "hub.db"):
            wait_for(lambda: box.status().acknowledged == 20, why=box.status)
            assert box.status().last_error is None
    assert only(tmp_path / "hub.db").minutes == 20


class StubbornLedger(SqliteLedger):
    """A database that refuses for a while, like a full disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.refusing = True
        self.refused = 0

    def commit(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        if self.refusing:
            self.refused += 1
            raise LedgerError("database or disk is full")
        return super().commit(batch, received_at)


def test_nothing_is_acknowledged_that_was_not_committed(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(30)
    ledger = StubbornLedger(db)
    with running_hub(mosquitto.url, db, ledger), running_box(outbox, mosquitto.url) as box:
        wait_for(lambda: ledger.refused >= 2, why=box.status)
        assert outbox.deleted == 0
        ledger.refusing = False
        wait_for(outbox.empty, why=box.status)
    assert only(db).minutes == 30


def test_a_killed_broker_costs_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    with running_hub(mosquitto.url, db), running_box(outbox, mosquitto.url) as box:
        for _ in range(3):
            outbox.put_minutes(300)
            box.nudge()
            time.sleep(0.03)
            mosquitto.kill()
            wait_for(lambda: not box.status().connected, why=box.status)
            outbox.put_minutes(50)
            mosquitto.start()
        wait_for(outbox.empty, 20, why=box.status)
    held = only(db)
    assert (held.minutes, held.given_up, held.set_aside) == (1050, 0, 0)
    assert held.gates[0].entries == 1050


def start_hub(url: str, db: Path) -> subprocess.Popen[str]:
    """The real command, in a process of its own."""
    code = "from edge.cli.hub import app; app()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "run", "--broker", url, "--db", str(db)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "hub ready" in process.stdout.readline()
    return process


def test_a_killed_hub_costs_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    with running_box(outbox, mosquitto.url) as box:
        for _ in range(2):
            hub = start_hub(mosquitto.url, db)
            outbox.put_minutes(1000)
            box.nudge()
            before = box.status().acknowledged
            wait_for(lambda: box.status().acknowledged > before, why=box.status)  # noqa: B023
            hub.kill()
            hub.communicate()
            assert not outbox.empty(), "killed too late to prove anything"
        hub = start_hub(mosquitto.url, db)
        wait_for(outbox.empty, 20, why=box.status)
        hub.send_signal(signal.SIGTERM)
        hub.communicate(timeout=10)
        assert hub.returncode == 0
    held = only(db)
    assert (held.minutes, held.windows, held.given_up, held.set_aside) == (2000, 4000, 0, 0)
    assert held.gates[0].entries == 2000


def test_a_restarted_box_sends_again_what_was_not_acknowledged(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(400)
    with running_hub(mosquitto.url, db):
        for _ in range(4):
            with running_box(outbox, mosquitto.url) as box:
                before = outbox.deleted
                wait_for(lambda: outbox.deleted > before or outbox.empty(), why=box.status)  # noqa: B023
        with running_box(outbox, mosquitto.url) as box:
            wait_for(outbox.empty, why=box.status)
    assert only(db).minutes == 400


def test_a_rebuilt_box_is_a_new_epoch(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    with running_hub(mosquitto.url, db):
        for epoch in ("e1", "e2"):
            outbox = MemoryOutbox(epoch)
            outbox.put_minutes(10)
            with running_box(outbox, mosquitto.url) as box:
                wait_for(outbox.empty, why=box.status)
    assert only(db).minutes == 20


def test_rows_that_the_box_gave_up_do_not_hold_up_the_others(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(40)
    for seq in (1, 2, 10, 25, 26):
        outbox.give_up("data", seq)
    with running_hub(mosquitto.url, db), running_box(outbox, mosquitto.url) as box:
        wait_for(outbox.empty, 5, why=box.status)
    held = only(db)
    assert (held.minutes, held.given_up) == (35, 3)  # 1 and 2 were gone before the hub knew the box


def test_a_damaged_row_does_not_hold_up_the_others(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(3)
    outbox.put("data", "storeedge/minute/1", '{"start": damaged')
    outbox.put_minutes(3)
    with running_hub(mosquitto.url, db), running_box(outbox, mosquitto.url) as box:
        wait_for(outbox.empty, 5, why=box.status)
    held = only(db)
    assert (held.minutes, held.set_aside) == (6, 1)


def test_triggers_go_before_the_backlog_and_late_ones_are_kept_for_the_books(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(300)
    outbox.put("trigger", TRIGGER, trigger("t-1").text(), expires_at=time.time() + 60)
    outbox.put("trigger", TRIGGER, trigger("t-2").text(), expires_at=time.time() - 60)
    with Listener(mosquitto.url) as listener, running_hub(mosquitto.url, tmp_path / "hub.db"):
        with running_box(outbox, mosquitto.url) as box:
            wait_for(outbox.empty, why=box.status)
        order = [topic.rsplit("/", 1)[1] for topic, _ in listener.heard("/up/")]
        assert order[:2] == ["trigger", "trigger"]
        keys = [json.loads(payload)["body"]["key"] for _, payload in listener.heard("/up/trigger")]
        assert keys == ["t-1", "t-2"]


def test_two_hubs_share_the_work_on_one_database(mosquitto: Mosquitto, tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(600)
    with (
        running_hub(mosquitto.url, db, name="hub-1"),
        running_hub(mosquitto.url, db, name="hub-2"),
        running_box(outbox, mosquitto.url) as box,
    ):
        wait_for(outbox.empty, 20, why=box.status)
    assert only(db).minutes == 600


def test_a_box_without_a_broker_says_so_and_ends_at_once(tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(1)
    with running_box(outbox, f"mqtt://127.0.0.1:{free_port()}") as box:
        wait_for(lambda: "cannot reach" in (box.status().last_error or ""), why=box.status)
        wait_for(lambda: bool(box.status().backlog), why=box.status)
        status = box.status()
        assert (status.connected, status.protocol, status.backlog["data"].rows) == (False, None, 1)
        began = time.monotonic()
        box.stop()
        assert time.monotonic() - began < 1.0


def test_a_broken_outbox_does_not_end_the_publisher(mosquitto: Mosquitto, tmp_path: Path) -> None:
    class Broken(MemoryOutbox):
        broken = True

        def pending(self, stream, after_seq, limit):  # type: ignore[no-untyped-def]
            if self.broken:
                raise OSError("disk I/O error")
            return super().pending(stream, after_seq, limit)

    outbox = Broken()
    outbox.put_minutes(5)
    with running_hub(mosquitto.url, tmp_path / "hub.db"), running_box(outbox, mosquitto.url) as box:
        wait_for(lambda: "disk I/O error" in (box.status().last_error or ""), why=box.status)
        outbox.broken = False
        wait_for(lambda: box.status().acknowledged == 5, why=box.status)
        assert box.status().last_error is None


def test_hostile_acknowledgements_delete_nothing(mosquitto: Mosquitto) -> None:
    outbox = MemoryOutbox()
    outbox.put_minutes(200)
    with Listener(mosquitto.url) as enemy, running_box(outbox, mosquitto.url) as box:
        wait_for(lambda: len(enemy.heard("/up/data")) > 0, why=box.status)
        for payload in (
            b"", b"null", b"{", b"\xff", b'{"epoch":"e1"}', b'{"epoch":"e1","upto":"5"}',
            b'{"epoch":"e1","upto":-1}', b'{"epoch":"e1","upto":1e3}', b'{"epoch":"other","upto":5}',
        ):  # fmt: skip
            enemy.say(BOX.ack("data"), payload)
        wait_for(lambda: "cannot be read" in (box.status().last_error or ""), why=box.status)
        time.sleep(0.3)
        assert outbox.backlog("data").rows == 200
        enemy.say(BOX.ack("data"), Ack(epoch="e1", upto=10**9).text().encode())
        time.sleep(0.3)
        sent = {json.loads(payload)["seq"] for _, payload in enemy.heard("/up/data")}
        gone = outbox.deleted
        assert 0 < gone < 200
        assert gone <= max(sent)


def test_the_retained_state_tells_of_birth_goodbye_and_sudden_death(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    def state() -> State:
        with Listener(mosquitto.url) as listener:
            wait_for(lambda: len(listener.heard("/state")) > 0)
            return State.model_validate_json(listener.heard("/state")[-1][1])

    outbox = MemoryOutbox()
    outbox.put_minutes(5)
    with running_box(outbox, mosquitto.url) as box:
        wait_for(lambda: box.status().connected, why=box.status)
        birth = state()
        assert birth.online
        assert (birth.version, birth.language, birth.cameras) == ("0.1.0", "zh-CN", ("cam-1",))
        assert birth.streams["data"].model_dump() == {"first": 1, "last": 5}
        assert birth.streams["trigger"].model_dump() == {"first": None, "last": None}
    assert not state().online

    code = (
        "import sys, time\n"
        "from tests.sync.test_delivery import *\n"
        "Publisher(MemoryOutbox('e2'), BOX, Broker.parse(sys.argv[1]), lambda: FACTS).start()\n"
        "time.sleep(60)\n"
    )
    doomed = subprocess.Popen([sys.executable, "-c", code, mosquitto.url])
    wait_for(lambda: state().online, 20)
    before = state()
    doomed.kill()
    doomed.wait()
    wait_for(lambda: not state().online)
    assert (state().epoch, state().connected_at) == ("e2", before.connected_at)


def test_a_broker_of_mqtt_3_1_1_serves_as_well(tmp_path: Path) -> None:
    outbox, db = MemoryOutbox(), tmp_path / "hub.db"
    outbox.put_minutes(100)
    with (
        DemoBroker(free_port()) as broker,
        running_hub(broker.url, db),
        running_box(outbox, broker.url.removesuffix("?protocol=3.1.1")) as box,  # has to find out
    ):
        wait_for(lambda: box.status().acknowledged == 100, why=box.status)
        assert box.status().protocol == "3.1.1"
        assert box.status().last_error is None
    assert only(db).minutes == 100


def test_a_demo_broker_says_why_it_cannot_start_and_leaves_its_port_when_stopped(
    mosquitto: Mosquitto,
) -> None:
    with pytest.raises(EdgeError, match=f"port {mosquitto.port}.*in use"):
        DemoBroker(mosquitto.port).start()
    broker = DemoBroker(free_port())
    for _ in range(2):
        broker.start()
        broker.stop()
    broker.stop()


def test_the_hub_command_refuses_a_bad_address_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edge.cli import main; main()", "hub", "run", "--broker", "broker:1883",
         "--db", str(tmp_path / "hub.db")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "storeedge: the broker's address must begin with mqtt:// or mqtts://"
    ]
