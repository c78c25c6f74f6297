"""Hours that take the place of their minutes: the same sums in whatever order all comes, on both ledgers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.records import GateWindow
from sync.bodies import BODIES, hour_bodies, minute_body, utc
from sync.envelope import envelope
from sync.hub.databases import open_ledger, reading
from sync.hub.hours import stood_for
from sync.hub.intake import Intake, Message, SetAside, judge
from sync.hub.ledger import Ledger
from sync.hub.postgres import PostgresLedger
from sync.hub.totals import BoxTotals, totals
from sync.outbox import OutboxRow
from sync.payloads import HOUR, MINUTE
from sync.topics import BoxIdentity
from tests.postgres import Postgres
from tests.sync.fakes import START

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")
AT = START // 3600 * 3600
"""The hour of which all tell."""


def minute(seq: int, entries: int, box: BoxIdentity = BOX, of: int | None = None) -> Intake:
    """The hour's minute `of`, that of its seq if not said."""
    start = AT + 60 * (seq - 1 if of is None else of)
    body = minute_body(start, [GateWindow("cam-1", "door", start, 60.0, entries, 0, 0)])
    return judge(box.up("data"), envelope(box, OutboxRow("data", "e1", seq, MINUTE, body, 0.0), utc(START)))


def hour(
    seq: int, minutes: Sequence[int], entries: int, stands_for: Sequence[int] = (), *,
    box: BoxIdentity = BOX, gate: str = "door",
) -> Intake:  # fmt: skip
    """These minutes together."""
    window = BODIES["gate"].model_validate(
        {"scope": "gate", "camera": "cam-1", "id": gate, "observed_seconds": 60.0 * len(minutes),
         "in": entries, "out": 0, "inferred": 0}
    )  # fmt: skip
    (body,) = hour_bodies(AT, minutes, [window], [(one, one) for one in stands_for])
    return judge(box.up("data"), envelope(box, OutboxRow("data", "e1", seq, HOUR, body, 0.0), utc(START)))


def birth(first: int, box: BoxIdentity = BOX) -> Intake:
    state = {
        "schema": "storeedge/state/1", "box": box.box, "epoch": "e1", "online": True,
        "connected_at": "2026-03-01T10:00:00Z", "streams": {"data": {"first": first, "last": first}},
    }  # fmt: skip
    return judge(box.state, json.dumps(state).encode())


class Desk:
    """Two hubs on one PostgreSQL, or one on SQLite, fed in turn."""

    def __init__(self, where: str | Path) -> None:
        self.where = where
        self._ledgers: list[Ledger] = [open_ledger(where)]
        if isinstance(where, str):
            self._ledgers.append(open_ledger(where))
        self._turn = 0

    def take(self, *batch: Intake) -> int | None:
        """The `upto` that the box is told."""
        self._turn += 1
        receipts = self._ledgers[self._turn % len(self._ledgers)].commit(batch, 1000.0)
        return max((receipt.upto for receipt in receipts), default=None)

    def held(self) -> BoxTotals:
        (box,) = totals(self.where)
        return box

    def hour(self) -> list[tuple[int, float, int]]:
        """Minutes, observed seconds and entries of the hour, as it is added up."""
        self._ledgers[0].roll_up()
        with reading(self.where) as ask:
            rows = ask("SELECT minutes, observed_seconds, entries FROM gate_hour", ())
        return [(int(minutes), seconds, int(entries)) for minutes, seconds, entries in rows]

    def close(self) -> None:
        for ledger in self._ledgers:
            ledger.close()


@pytest.fixture
def desk(where: str | Path) -> Iterator[Desk]:
    made = Desk(where)
    yield made
    made.close()


def test_an_hour_replaces_the_minutes_that_are_held_and_those_that_come_late(desk: Desk) -> None:
    desk.take(birth(1), minute(1, 10), minute(2, 20))
    assert desk.take(hour(5, [0, 1, 2], 60, stands_for=[1, 2, 3]), minute(4, 7)) == 5
    assert desk.take(minute(3, 30), minute(2, 20)) == 5
    held = desk.held()
    assert (held.minutes, held.hours, held.given_up, held.set_aside) == (3, 1, 0, 0)
    assert [gate.entries for gate in held.gates] == [67]
    assert desk.hour() == [(4, 240.0, 67)]


def test_a_late_minute_that_an_hour_names_but_does_not_stand_for_changes_nothing_either(desk: Desk) -> None:
    desk.take(birth(1), hour(5, [0, 1], 30))
    assert desk.take(minute(1, 10), minute(2, 20), minute(3, 7), minute(4, 8)) == 5
    assert desk.hour() == [(4, 240.0, 45)]


def test_a_minute_that_is_told_again_after_the_hour_adds(desk: Desk) -> None:
    desk.take(birth(1), minute(1, 10), hour(2, [0], 10, stands_for=[1]), minute(3, 4, of=0))
    assert desk.hour() == [(2, 120.0, 14)]


def test_hours_of_one_hour_add_up_and_one_without_minutes_only_adds(desk: Desk) -> None:
    desk.take(birth(1), hour(1, [0, 1], 30), hour(2, [2], 5), hour(3, [], 2))
    desk.take(hour(2, [2], 5), hour(4, [0, 1], 9, gate="back"))
    assert sorted(desk.hour()) == [(2, 120.0, 9), (3, 180.0, 37)]
    assert {gate.gate: gate.entries for gate in desk.held().gates} == {"door": 37, "back": 9}


def test_what_an_hour_stands_for_seems_lost_until_it_comes(desk: Desk) -> None:
    assert desk.take(birth(1), minute(1, 1)) == 1
    assert desk.take(birth(6)) == 5
    assert desk.held().given_up == 4
    assert desk.take(hour(6, [1, 2, 3], 9, stands_for=[2, 3, 4])) == 6
    assert desk.held().given_up == 1  # the fifth is lost indeed


def test_what_a_box_gave_up_before_we_knew_it_is_not_counted_back(desk: Desk) -> None:
    desk.take(birth(4))
    desk.take(birth(6))
    assert desk.take(hour(6, [1, 2], 3, stands_for=[2, 3])) == 6
    assert desk.held().given_up == 2  # the fourth and the fifth


def test_an_hour_stands_for_no_more_messages_than_there_can_have_been(desk: Desk) -> None:
    body = {"start": "2026-05-28T20:00:00Z", "minutes": [0], "windows": [], "stands_for": [[1, 2**53 - 2]]}
    row = OutboxRow("data", "e1", 1, HOUR, json.dumps(body), 0.0)
    taken = judge(BOX.up("data"), envelope(BOX, row, utc(START)))
    assert isinstance(taken, SetAside)
    assert "stands_for" in taken.reason
    assert desk.take(birth(1), taken) == 1


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Intake], int, int]:
    """What arrives of a box's hour in any order, some of it twice; its entries, and the last seq."""
    entries = draw(st.lists(st.integers(0, 50), min_size=1, max_size=8))
    seqs = range(1, len(entries) + 1)
    merged = draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=len(seqs), max_size=len(seqs)))
    arriving = [
        minute(seq, count) for seq, count, which in zip(seqs, entries, merged, strict=True) if not which
    ]
    last = len(entries)
    for which in sorted(set(merged) - {0}):
        of = [seq for seq in seqs if merged[seq - 1] == which]
        arriving += [minute(seq, entries[seq - 1]) for seq in of if draw(st.booleans())]
        last += 1
        arriving.append(hour(last, [seq - 1 for seq in of], sum(entries[seq - 1] for seq in of), of))
    waiting = [seq for seq in seqs if not merged[seq - 1]] + list(range(len(entries) + 1, last + 1))
    arriving += [birth(1)] if draw(st.booleans()) else []
    arriving.append(birth(waiting[0]))
    arriving += draw(st.lists(st.sampled_from(arriving), max_size=4))
    return draw(st.permutations(arriving)), sum(entries), last


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives(), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_in_whatever_order_and_however_often_all_arrives_each_minute_counts_once(
    tmp_path_factory: pytest.TempPathFactory, life: tuple[list[Intake], int, int], sizes: list[int]
) -> None:
    where = tmp_path_factory.mktemp("hub") / "hub.db"
    _lives_once(Desk(where), life, sizes)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives(), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_two_hubs_on_one_database_count_each_minute_once_too(
    whole: str, life: tuple[list[Intake], int, int], sizes: list[int]
) -> None:
    with psycopg.connect(whole) as db:
        db.execute("TRUNCATE box, stream, message, set_aside, gate_minute, gate_merged, gate_hour, due_hour")
    _lives_once(Desk(whole), life, sizes)


@pytest.fixture(scope="module")
def whole(postgres: Postgres) -> str:
    """A database whose tables are made."""
    url = postgres.database()
    PostgresLedger(url).close()
    return url


def _lives_once(desk: Desk, life: tuple[list[Intake], int, int], sizes: list[int]) -> None:
    arriving, entries, last = life
    messages = [item for item in arriving if isinstance(item, Message)]
    stood = {seq for message in messages if message.hour for seq in stood_for(message.hour)}
    late = {message.identity.seq for message in messages if message.minute} & stood
    upto, turn = None, 0
    while arriving:
        size = sizes[turn % len(sizes)]
        told = desk.take(*arriving[:size])
        arriving, upto, turn = arriving[size:], told if told is not None else upto, turn + 1
    held = desk.held()
    desk_hour = desk.hour()
    desk.close()
    assert (sum(gate.entries or 0 for gate in held.gates), held.set_aside) == (entries, 0)
    assert held.given_up <= len(late)  # one that seemed lost and comes after all stays counted as given up
    assert upto == last
    assert sum(row[2] for row in desk_hour) == entries


def test_hubs_at_the_same_time_count_each_minute_once(postgres: Postgres) -> None:
    """Each message to one of the two hubs, or to both; minutes of an hour against the hour itself."""
    url, random = postgres.database(), Random(5)
    boxes = [BoxIdentity("rainbow", "sz", f"box-{n}") for n in range(20)]
    shares: list[list[Intake]] = [[], []]
    for box in boxes:
        items = [birth(1, box), *(minute(seq, 1, box) for seq in range(1, 31))]
        items.append(hour(31, range(20), 20, range(1, 21), box=box))
        for item in items:
            for share in random.choice([shares[:1], shares[1:], shares]):
                share.append(item)
    faults: list[BaseException] = []

    def work(which: int) -> None:
        ledger, mine, size = PostgresLedger(url), shares[which], Random(which)
        size.shuffle(mine)
        try:
            while mine:
                batch = [mine.pop() for _ in range(min(len(mine), size.randint(1, 40)))]
                ledger.commit(batch, 1000.0)
        except Exception as error:  # noqa: BLE001  (told below)
            faults.append(error)
        ledger.close()

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    held = totals(url)
    assert [(box.gates[0].entries, box.given_up) for box in held] == [(30, 0)] * len(boxes)
