"""What PostgreSQL adds: a server that goes away, rows that it refuses, and several hubs on one database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pipelines.as_json import FIGURES
from pipelines.records import GateWindow, HeatWindow, Quality
from sync.bodies import minute_body, utc
from sync.envelope import envelope
from sync.errors import SyncError
from sync.hub.databases import reading
from sync.hub.intake import Intake, judge
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.postgres import PostgresLedger
from sync.hub.totals import totals
from sync.outbox import OutboxRow
from sync.payloads import MINUTE
from sync.topics import BoxIdentity
from tests.postgres import Postgres, running
from tests.sync import records
from tests.sync.fakes import START

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


def minute(seq: int, box: BoxIdentity = BOX, gate: str = "door", entries: int = 1) -> Intake:
    """The box's minute number `seq`."""
    start = START + 60 * seq
    body = minute_body(start, [GateWindow("cam-1", gate, start, 60.0, entries, 0, 0)])
    return judge(box.up("data"), envelope(box, OutboxRow("data", "e1", seq, MINUTE, body, 0.0), utc(START)))


def birth(box: BoxIdentity = BOX, version: str = "1") -> Intake:
    """Its first minute is number 1."""
    state = {
        "schema": "storeedge/state/1", "box": box.box, "epoch": "e1", "online": True, "version": version,
        "connected_at": "2026-03-01T10:00:00Z", "streams": {"data": {"first": 1, "last": 1}},
    }  # fmt: skip
    return judge(box.state, json.dumps(state).encode())


def upto(receipts: list[Receipt]) -> int | None:
    assert len(receipts) <= 1
    return receipts[0].upto if receipts else None


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
def ledger(url: str) -> Iterator[PostgresLedger]:
    made = PostgresLedger(url)
    yield made
    made.close()


def aside(url: str) -> list[tuple[str, str]]:
    with reading(url) as ask:
        return [
            (topic, reason) for topic, reason in ask("SELECT topic, reason FROM set_aside ORDER BY id", ())
        ]


# -- rows that it refuses ------------------------------------------------------------------------------


def test_a_character_that_it_cannot_hold_holds_up_no_other_row(ledger: PostgresLedger, url: str) -> None:
    batch = [birth(), minute(1), minute(2, gate="do\0or"), birth(version="1\0"), minute(3)]
    assert upto(ledger.commit(batch, 1000.0)) == 3
    (held,) = totals(url)
    assert (held.minutes, held.set_aside, [gate.entries for gate in held.gates]) == (2, 1, [2])
    assert [(topic, "U+0000" in reason) for topic, reason in sorted(aside(url))] == [
        (BOX.state, True), (BOX.up("data"), True),
    ]  # fmt: skip
    assert upto(ledger.commit([minute(2, gate="do\0or"), minute(4)], 1001.0)) == 4


def test_the_words_for_that_character_are_no_such_character(ledger: PostgresLedger, url: str) -> None:
    assert upto(ledger.commit([birth(), minute(1, gate=r"door \u0000")], 1000.0)) == 1
    assert [gate.gate for gate in totals(url)[0].gates] == [r"door \u0000"]
    assert aside(url) == []


def test_what_it_refuses_for_another_reason_is_found_among_a_thousand_rows(
    ledger: PostgresLedger, url: str
) -> None:
    with psycopg.connect(url) as db:
        db.execute("ALTER TABLE gate_minute ADD CHECK (entries < 1000)")
    batch = [minute(seq, entries=1000 if seq in {7, 500} else 1) for seq in range(1, 1001)]
    assert upto(ledger.commit([birth(), *batch], 1000.0)) == 1000
    (held,) = totals(url)
    assert (held.minutes, held.set_aside, [gate.entries for gate in held.gates]) == (998, 2, [998])
    assert ["violates check constraint" in reason for _, reason in aside(url)] == [True, True]


ODD: Final = 'a\tb\nc\\d"e\r\\N üé' + "x"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.tuples(records.names, records.names).filter(lambda pair: "\0" not in "".join(pair)),
    quality=records.qualities,
    cells=records.cells,
)
@example(
    names=(ODD, ODD), quality=Quality(None, 0.5, None, 1e-07, "poor", (ODD, "\\.")), cells=((1, -2, 1e-3),)
)
def test_whatever_a_box_calls_its_things_and_says_of_them_is_kept_as_it_was(
    ledger: PostgresLedger, url: str, names: tuple[str, str], quality: Quality | None, cells: Any
) -> None:
    assume(quality is None or "\0" not in "".join(quality.reasons))
    ledger.commit([birth()], 1000.0)
    camera, gate = names
    body = minute_body(
        START,
        [
            GateWindow(camera, gate, START, 60.0, 1, 2, 3, quality=quality),
            HeatWindow(camera, gate, START, 60.0, "m", cells),
        ],
    )
    with psycopg.connect(url) as db:
        db.execute("TRUNCATE message, gate_minute, heat_minute")
    row = OutboxRow("data", "e1", 1, MINUTE, body, 0.0)
    ledger.commit([judge(BOX.up("data"), envelope(BOX, row, utc(START)))], 1000.0)
    with reading(url) as ask:
        assert ask("SELECT camera, id FROM gate_minute", ()) == [names]
        ((kept,),) = ask("SELECT quality FROM gate_minute", ())
        ((held,),) = ask("SELECT cells FROM heat_minute", ())
        ((text,),) = ask("SELECT body::text FROM message", ())
    told = {window["scope"]: window for window in json.loads(body)["windows"]}
    assert (kept, held, text) == (told["gate"]["quality"], told["heat"]["cells"], body)


# -- a server that goes away ---------------------------------------------------------------------------


@pytest.fixture
def mortal() -> Iterator[Postgres]:
    """A server of its own, to be killed."""
    yield from running()


@dataclass
class Feeding:
    """A hub's turns: what was not acknowledged comes again, as from a broker."""

    url: str
    boxes: list[BoxIdentity]
    last: int
    acknowledged: dict[BoxIdentity, int] = field(default_factory=dict)
    refused: int = 0
    stop_at: float = field(default_factory=lambda: time.monotonic() + 90)

    def run(self, ledger: PostgresLedger, random: Random) -> None:
        while any(self.acknowledged.get(box, 0) < self.last for box in self.boxes):
            assert time.monotonic() < self.stop_at, self.acknowledged
            batch: list[Intake] = []
            for box in self.boxes:
                done = self.acknowledged.get(box, 0)
                batch += [birth(box)] if not done else []
                batch += [
                    minute(seq, box)
                    for seq in range(done + 1, min(done + 1 + random.randint(1, 20), self.last + 1))
                ]
            random.shuffle(batch)
            try:
                receipts = ledger.commit(batch, 1000.0)
            except LedgerError:
                self.refused += 1
                time.sleep(0.05)
                continue
            for receipt in receipts:
                self.acknowledged[receipt.box] = max(self.acknowledged.get(receipt.box, 0), receipt.upto)


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_commits_loses_and_doubles_nothing(mortal: Postgres) -> None:
    url, boxes, last = mortal.database(), [BoxIdentity("rainbow", "sz", f"box-{n}") for n in range(4)], 400
    ledger = PostgresLedger(url)
    feeding = Feeding(url, boxes, last)
    thread = threading.Thread(target=feeding.run, args=(ledger, Random(7)))
    thread.start()
    kills, promised = 0, []
    random = Random(8)
    while thread.is_alive() and kills < 6:
        time.sleep(random.uniform(0.1, 0.5))
        mortal.kill()
        promised.append(sum(feeding.acknowledged.values()))
        kills += 1
        mortal.start()
        with reading(url) as ask:
            ((kept,),) = ask("SELECT count(*) FROM message", ())
        assert kept >= promised[-1], f"{promised[-1]} were acknowledged, {kept} are there"
    thread.join(90)
    assert not thread.is_alive()
    ledger.roll_up()
    ledger.close()
    assert feeding.refused >= 3, "the kills came too late to matter"
    held = totals(url)
    assert [(box.minutes, box.given_up, [gate.entries for gate in box.gates]) for box in held] == [
        (last, 0, [last])
    ] * len(boxes)
    with reading(url) as ask:
        assert ask(
            "SELECT CAST(sum(entries) AS BIGINT), CAST(sum(minutes) AS BIGINT) FROM gate_hour", ()
        ) == [(last * len(boxes), last * len(boxes))]


def test_it_comes_back_by_itself_and_says_meanwhile_where_the_trouble_is(mortal: Postgres) -> None:
    url = mortal.database().replace("hub@", "hub:secret@")
    ledger = PostgresLedger(url)
    assert upto(ledger.commit([birth(), minute(1)], 1000.0)) == 1
    mortal.kill()
    with pytest.raises(LedgerError, match="did not take a batch"):
        ledger.commit([minute(2)], 1001.0)
    with pytest.raises(
        LedgerError, match=r"cannot use the hub's database postgresql://hub@127\.0\.0\.1"
    ) as fault:
        ledger.commit([minute(2)], 1001.0)
    assert "secret" not in str(fault.value)
    with pytest.raises(LedgerError):
        ledger.trigger_streams()
    mortal.start()
    assert upto(ledger.commit([minute(2)], 1002.0)) == 2
    ledger.close()


def test_a_server_that_is_not_there_is_named_at_the_start() -> None:
    for attempt in (PostgresLedger, totals):
        with pytest.raises(SyncError, match=r"postgresql://hub@127\.0\.0\.1:1/none: .*refused") as fault:
            attempt("postgresql://hub:secret@127.0.0.1:1/none")
        assert "secret" not in str(fault.value)


# -- several hubs --------------------------------------------------------------------------------------


def test_hubs_that_start_at_once_make_the_tables_once(url: str) -> None:
    faults: list[BaseException] = []

    def start() -> None:
        try:
            PostgresLedger(url).close()
        except SyncError as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_long_query_or_backup_keeps_no_hub_from_starting(ledger: PostgresLedger, url: str) -> None:
    with reading(url) as ask:
        ask("SELECT count(*) FROM gate_minute", ())
        second = PostgresLedger(url)
        assert upto(second.commit([birth(), minute(1)], 1000.0)) == 1
        second.close()


def test_two_hubs_that_share_the_messages_of_all_boxes_agree_on_how_far_each_is(url: str) -> None:
    """As a broker shares them: each message to one of the two, some to both, every state to both."""
    boxes, last = [BoxIdentity("rainbow", "sz", f"box-{n}") for n in range(5)], 200
    random = Random(3)
    shares: list[list[Intake]] = [[birth(box) for box in boxes] for _ in range(2)]
    for box in boxes:
        for seq in range(1, last + 1):
            for share in random.choice([shares[:1], shares[1:], shares]):
                share.append(minute(seq, box))
    told: list[list[Receipt]] = [[], []]
    faults: list[BaseException] = []

    def work(which: int) -> None:
        ledger, mine, size = PostgresLedger(url), shares[which], Random(which)
        mine[len(boxes) :] = size.sample(mine[len(boxes) :], len(mine) - len(boxes))
        while mine:
            batch = [mine.pop(0) for _ in range(min(len(mine), size.randint(1, 60)))]
            try:
                told[which] += ledger.commit(batch, 1000.0)
            except LedgerError as error:
                faults.append(error)
        ledger.roll_up()
        ledger.close()

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    furthest = {box: max(r.upto for r in told[0] + told[1] if r.box == box) for box in boxes}
    assert furthest == dict.fromkeys(boxes, last)
    held = totals(url)
    assert [(box.minutes, box.given_up, box.gates[0].entries) for box in held] == [(last, 0, last)] * len(
        boxes
    )
    with reading(url) as ask:
        assert ask(
            "SELECT box, CAST(sum(minutes) AS BIGINT) FROM gate_hour GROUP BY box ORDER BY box", ()
        ) == [(box.box, last) for box in boxes]


# -- tables --------------------------------------------------------------------------------------------


def test_its_tables_hold_the_same_figures_as_sqlite_s(ledger: PostgresLedger, url: str) -> None:
    with reading(url) as ask:
        held = ask("SELECT table_name, column_name FROM information_schema.columns", ())
    for scope, figures in FIGURES.items():
        columns = {column for table, column in held if table == f"{scope}_minute"}
        assert set(figures) < columns
        assert ("quality" in columns) == (scope != "heat")


def test_a_database_that_does_not_wait_for_its_disk_is_made_to(postgres: Postgres) -> None:
    url = postgres.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off".encode())
    ledger = PostgresLedger(url)
    assert ledger._ask("SHOW synchronous_commit") == [("on",)]
    ledger.close()


def test_minutes_in_partitions_by_month_are_used_as_they_are(postgres: Postgres) -> None:
    pattern, url = postgres.database(), postgres.database()
    PostgresLedger(pattern).close()
    with reading(pattern) as ask:
        columns = ask(
            "SELECT column_name, data_type, collation_name FROM information_schema.columns "
            "WHERE table_name = 'gate_minute' ORDER BY ordinal_position",
            (),
        )
    made = ", ".join(
        f"{name} {kind}{' COLLATE ' + chr(34) + c + chr(34) if c else ''}" for name, kind, c in columns
    )
    key = "PRIMARY KEY (tenant, store, box, camera, id, start, epoch)"
    with psycopg.connect(url) as db:
        db.execute(f"CREATE TABLE gate_minute ({made}, {key}) PARTITION BY RANGE (start)".encode())
        for name, begin, end in (("may", 0, START + 120), ("june", START + 120, 2**40)):
            values = f"FOR VALUES FROM ({begin}) TO ({end})"
            db.execute(f"CREATE TABLE gate_{name} PARTITION OF gate_minute {values}".encode())
    ledger = PostgresLedger(url)
    assert upto(ledger.commit([birth(), *(minute(seq) for seq in range(1, 5))], 1000.0)) == 4
    assert upto(ledger.commit([minute(2), minute(5)], 1001.0)) == 5
    ledger.close()
    assert [gate.entries for gate in totals(url)[0].gates] == [5]
    with reading(url) as ask:
        assert ask("SELECT (SELECT count(*) FROM gate_may), (SELECT count(*) FROM gate_june)", ()) == [(1, 4)]


def test_a_message_that_was_let_go_changes_nothing_when_it_comes_again(
    ledger: PostgresLedger, url: str
) -> None:
    assert upto(ledger.commit([birth(), minute(1), minute(2)], 1000.0)) == 2
    with psycopg.connect(url) as db:
        db.execute("DELETE FROM message")
    assert upto(ledger.commit([birth(), minute(1), minute(2), minute(3)], 1001.0)) == 3
    (held,) = totals(url)
    assert (held.given_up, [gate.entries for gate in held.gates]) == (0, [3])
    assert ledger.roll_up() == 1
    with reading(url) as ask:
        assert ask("SELECT minutes, entries FROM gate_hour", ()) == [(3, 3)]
