"""The hub's database: every message once, and an acknowledgement only over what is complete."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipelines.as_json import FIGURES
from pipelines.records import Event, GateWindow, HeatWindow, OccupancyWindow, Window
from sync.bodies import event_body, minute_body, utc
from sync.errors import SyncError
from sync.hub.databases import open_ledger, reading
from sync.hub.intake import judge
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.sqlite import SqliteLedger
from sync.hub.totals import BoxTotals, heat, totals
from sync.outbox import OutboxRow
from sync.payloads import EVENT, MINUTE, TRIGGER
from sync.publisher import envelope
from sync.topics import BoxIdentity
from tests.sync.fakes import START, MemoryOutbox, trigger
from tests.sync.test_payloads import ONE_OF_EACH

BOX = BoxIdentity("rainbow", "sz-futian", "box-01")


class Desk:
    """A ledger and short words to feed it."""

    def __init__(self, where: str | Path) -> None:
        self.where = where
        self.ledger = open_ledger(where)

    def totals(self) -> list[BoxTotals]:
        """What the hub says it holds."""
        return totals(self.where)

    def take(self, *seqs: int, epoch: str = "e1", entries: int = 1) -> int | None:
        """Minutes with these numbers in one batch; the `upto` that the box is told."""
        outbox = MemoryOutbox(epoch)
        outbox.put_minutes(max(seqs), entries)
        rows = {row.seq: row for row in outbox.pending("data", 0, max(seqs))}
        return self.upto([judge(BOX.up("data"), envelope(BOX, rows[seq], utc(START))) for seq in seqs])

    def birth(
        self, first: int | None, epoch: str = "e1", connected_at: str = "2026-03-01T10:00:00Z"
    ) -> int | None:
        state = {
            "schema": "storeedge/state/1", "box": "box-01", "epoch": epoch, "online": True,
            "connected_at": connected_at, "streams": {"data": {"first": first, "last": first}},
        }  # fmt: skip
        return self.upto([judge(BOX.state, json.dumps(state).encode())])

    def minute(self, seq: int, windows: Sequence[Window]) -> int | None:
        """One minute with these windows; the `upto` that the box is told."""
        return self.row(seq, minute_body(windows[0].start, windows))

    def row(self, seq: int, body: str) -> int | None:
        """One minute's message with this body."""
        row = OutboxRow("data", "e1", seq, MINUTE, body, 0.0)
        return self.upto([judge(BOX.up("data"), envelope(BOX, row, utc(START)))])

    def upto(self, batch: list[Any]) -> int | None:
        receipts = self.ledger.commit(batch, 1000.0)
        assert len(receipts) <= 1
        return receipts[0].upto if receipts else None

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows, with JSON text as what it says."""
        with reading(self.where) as ask:
            return [tuple(_read(value) for value in row) for row in ask(sql, ())]


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        return json.loads(value)
    return value


@pytest.fixture
def desk(where: str | Path) -> Iterator[Desk]:
    made = Desk(where)
    yield made
    made.ledger.close()


def test_nothing_is_acknowledged_before_the_birth_document(desk: Desk) -> None:
    assert desk.take(5, 6) is None
    assert desk.birth(5) == 6


def test_a_gap_holds_the_acknowledgement_back_until_it_is_filled(desk: Desk) -> None:
    assert desk.birth(1) == 0
    assert desk.take(1, 2, 4, 5) == 2
    assert desk.take(7) == 2
    assert desk.take(3) == 5
    assert desk.take(6) == 7


def test_a_repeat_changes_nothing_and_is_acknowledged_again(desk: Desk) -> None:
    desk.birth(1)
    assert desk.take(1, 2, 2, 1) == 2
    assert desk.take(1) == 2
    (held,) = desk.totals()
    assert (held.minutes, held.windows, held.gates[0].entries) == (2, 4, 2)


def test_rows_that_the_box_gave_up_are_counted_and_do_not_block(desk: Desk) -> None:
    desk.birth(1)
    assert desk.take(1, 2, 6) == 2
    assert desk.birth(5) == 4
    assert desk.totals()[0].given_up == 2
    assert desk.take(5) == 6


def test_an_old_birth_document_takes_nothing_back(desk: Desk) -> None:
    desk.birth(1)
    desk.take(1, 2, 3)
    assert desk.birth(1) == 3
    assert desk.totals()[0].given_up == 0


def test_a_last_will_of_an_older_connection_does_not_turn_the_box_off(desk: Desk) -> None:
    desk.birth(1, connected_at="2026-03-01T10:05:00Z")
    will = {
        "schema": "storeedge/state/1", "box": "box-01", "epoch": "e1", "online": False,
        "connected_at": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    desk.upto([judge(BOX.state, json.dumps(will).encode())])
    assert desk.totals()[0].online is True
    desk.upto([judge(BOX.state, json.dumps(will | {"connected_at": "2026-03-01T10:05:00Z"}).encode())])
    assert desk.totals()[0].online is False


def test_a_rebuilt_box_begins_anew_and_both_lives_add_up(desk: Desk) -> None:
    desk.birth(1)
    assert desk.take(1, 2) == 2
    assert desk.birth(1, epoch="e2") == 0
    assert desk.take(1, epoch="e2") == 1
    assert desk.totals()[0].gates[0].entries == 3


def test_another_message_under_a_known_identity_is_kept_apart(desk: Desk) -> None:
    desk.birth(1)
    desk.take(1, entries=1)
    assert desk.take(1, entries=9) == 1
    assert desk.totals()[0].gates[0].entries == 1
    ((reason, payload),) = desk.ask("SELECT reason, payload FROM set_aside")
    assert "another message is already held as e1/data/1" in reason
    assert b'"in":9' in payload


def test_a_later_message_about_the_same_minute_replaces_it(desk: Desk) -> None:
    desk.birth(1)
    for seq, entries in ((2, 9), (1, 4)):  # the earlier one arrives late
        windows = [w for w in ONE_OF_EACH if w.scope == "gate"]
        body = minute_body(START, windows).replace('"in":3', f'"in":{entries}')
        row = OutboxRow("data", "e1", seq, MINUTE, body, 0.0)
        desk.upto([judge(BOX.up("data"), envelope(BOX, row, utc(START)))])
    assert [(g.entries, g.exits) for g in desk.totals()[0].gates] == [(9, 1)]


def test_a_poisoned_row_is_set_aside_counted_and_does_not_block(desk: Desk) -> None:
    desk.birth(1)
    desk.take(1)
    row = OutboxRow("data", "e1", 2, MINUTE, '{"start":"soon"}', 0.0)
    poison = judge(BOX.up("data"), envelope(BOX, row, utc(START)))
    assert desk.upto([poison]) == 2
    assert desk.upto([poison]) == 2
    assert desk.take(3) == 3
    assert (desk.totals()[0].minutes, desk.totals()[0].set_aside) == (2, 1)
    ((reason, times),) = desk.ask("SELECT reason, times FROM set_aside")
    assert "body.start" in reason
    assert times == 2


def test_every_scope_can_be_asked_for_in_sql(desk: Desk) -> None:
    desk.birth(1)
    blind = minute_body(START + 60, [])
    event = event_body(Event("queue_long", START + 5.5, "cam-1", "lancome", None, {"people": 7}))
    rows = [
        OutboxRow("data", "e1", 1, MINUTE, minute_body(START, ONE_OF_EACH), 0.0),
        OutboxRow("data", "e1", 2, MINUTE, blind, 0.0),
        OutboxRow("data", "e1", 3, EVENT, event, 0.0),
    ]
    assert desk.upto([judge(BOX.up("data"), envelope(BOX, row, utc(START))) for row in rows]) == 3
    assert desk.ask("SELECT id, start, entries, exits, inferred, observed_seconds FROM gate_minute") == [
        ("door", START, 3, 1, 1, 58.5)
    ]
    ((*visits, dwell),) = desk.ask("SELECT id, visits, passes, peak, dwell_seconds, dwell FROM zone_minute")
    assert visits == ["lancome", 2, 1, 2, 14.5]
    assert dwell == [0, 1, *[0] * (len(dwell) - 2)]
    assert desk.ask("SELECT frames, person_seconds, peak FROM camera_minute") == [(600, 44.0, 3)]
    assert desk.ask('SELECT id, up, down, "left", "right", wrong_way FROM lane_minute') == [
        ("exit-1", 0, 4, 0, 0, 1)
    ]
    ((name, at, *rest),) = desk.ask("SELECT name, at, camera, scope, detail FROM event")
    assert (name, rest) == ("queue_long", ["cam-1", "lancome", {"people": 7}])
    assert at in {"2026-05-28T20:27:05.500Z", datetime(2026, 5, 28, 20, 27, 5, 500_000, UTC)}


def test_a_batch_that_cannot_be_kept_is_kept_not_at_all(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "hub.db")
    assert isinstance(desk.ledger, SqliteLedger)
    desk.birth(1)
    blocker = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
    blocker.execute("PRAGMA busy_timeout = 0")
    desk.ledger._db.execute("PRAGMA busy_timeout = 0")
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked"):
        desk.take(1, 2)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert desk.totals()[0].minutes == 0
    assert desk.take(1, 2) == 2


def test_what_was_committed_is_there_after_a_restart(desk: Desk) -> None:
    desk.birth(1)
    desk.take(1, 2, 3)
    desk.ledger.close()
    desk.ledger = open_ledger(desk.where)
    assert desk.take(4) == 4


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text(
        "this is no database, and long enough to be read as a header of one" * 20
    )
    with pytest.raises(SyncError, match=r"hub\.db"):
        SqliteLedger(tmp_path / "hub.db")
    with pytest.raises(SyncError, match=r"none\.db"):
        totals(tmp_path / "none.db")


def test_the_new_scopes_can_be_asked_for_in_sql_with_what_they_rest_on(desk: Desk) -> None:
    desk.birth(1)
    desk.minute(1, ONE_OF_EACH)
    ((*people, quality),) = desk.ask("SELECT staff_entries, u_turns, parties, quality FROM gate_minute")
    assert (people, quality["confidence"]) == ([1, 1, 2], "fair")
    assert desk.ask("SELECT arrivals, pass_seconds, quality FROM zone_minute") == [(3, 1.25, None)]
    assert desk.ask("SELECT identities, broken FROM camera_minute") == [(6, 1)]
    assert desk.ask("SELECT unit, cells FROM heat_minute") == [("m", [[-1, 3, 0.5], [2, 3, 12.25]])]
    ((*area, quality),) = desk.ask("SELECT camera, id, now, drift, anchored, quality FROM occupancy_minute")
    assert (area, quality["reasons"]) == (["*", "store", 8, -1, True], ["inferred"])


def test_a_gate_s_footfall_is_its_entries_less_staff_and_u_turns(desk: Desk) -> None:
    desk.birth(1)
    gate = GateWindow("cam-1", "door", START, 60.0, 10, 9, 1, 2, 1, 3, 4)
    desk.minute(1, [gate])
    desk.minute(2, [replace(gate, start=START + 60)])
    (held,) = desk.totals()[0].gates
    assert (held.entries, held.staff_entries, held.u_turns, held.parties, held.net) == (20, 4, 6, 8, 10)


def test_a_figure_that_a_box_did_not_count_in_some_minute_is_unknown_not_smaller(desk: Desk) -> None:
    desk.birth(1)
    gate = GateWindow("cam-1", "door", START, 60.0, 10, 9, 1, 2, 1, 3, 4)
    desk.minute(1, [gate])
    body = json.loads(minute_body(START + 60, [replace(gate, start=START + 60)]))
    del body["windows"][0]["u_turns"]
    desk.row(2, json.dumps(body))
    (held,) = desk.totals()[0].gates
    assert (held.entries, held.parties, held.u_turns, held.net) == (20, 8, None, None)


def test_heat_of_two_stretches_adds_up_cell_by_cell_in_any_order(desk: Desk) -> None:
    desk.birth(1)
    first = HeatWindow("cam-1", "cam-1", START, 60.0, "m", ((-1, 3, 0.5), (2, 3, 12.25)))
    second = HeatWindow("cam-1", "cam-1", START + 60, 30.0, "m", ((2, 3, 0.75), (9, 9, 1.0)))
    desk.minute(2, [second])
    desk.minute(1, [first])
    (both,) = heat(desk.where, BOX, "cam-1", START, START + 120)
    assert (both.unit, both.observed_seconds) == ("m", 90.0)
    assert both.cells == {(-1, 3): 0.5, (2, 3): 13.0, (9, 9): 1.0}
    (half,) = heat(desk.where, BOX, "cam-1", START + 60, START + 120)
    assert half.cells == {(2, 3): 0.75, (9, 9): 1.0}
    assert heat(desk.where, BOX, "cam-2", START, START + 120) == []


def test_an_area_s_totals_are_of_what_was_observed(desk: Desk) -> None:
    desk.birth(1)
    desk.minute(3, [OccupancyWindow("*", "store", START + 120, 0.0, 0.0, 6, 6, 0, False)])
    desk.minute(2, [OccupancyWindow("*", "store", START + 60, 30.0, 180.0, 7, 6, 2, False)])
    desk.minute(1, [OccupancyWindow("*", "store", START, 60.0, 240.0, 5, 4, -1, False)])
    (area,) = desk.totals()[0].areas
    assert (area.area, area.peak, area.now, area.drift) == ("store", 7, 6, 1)
    assert area.mean == pytest.approx(420 / 90)


def test_a_scope_of_a_later_box_costs_no_other_window_and_stays_in_the_message(desk: Desk) -> None:
    desk.birth(1)
    body = json.loads(minute_body(START, ONE_OF_EACH))
    table = {"scope": "table", "camera": "cam-1", "id": "table-1", "observed_seconds": 60.0, "guests": 3}
    body["windows"].insert(0, table)
    assert desk.row(1, json.dumps(body)) == 1
    (held,) = desk.totals()
    assert (held.windows, held.set_aside) == (len(ONE_OF_EACH), 0)
    ((body,),) = desk.ask("SELECT body FROM message")
    assert body["windows"][0]["guests"] == 3


MODERN = (
    ("gate_minute", "staff_entries"), ("gate_minute", "u_turns"), ("gate_minute", "quality"),
    ("zone_minute", "staff_seconds"), ("zone_minute", "arrivals"), ("camera_minute", "broken"),
    ("lane_minute", "quality"), ("queue_minute", "quality"), ("counter_minute", "quality"),
)  # fmt: skip


def age(where: str | Path) -> None:
    """Make a database what an older hub left."""
    changes = [f"DROP VIEW {scope}_told" for scope in FIGURES]
    if not isinstance(where, str):
        changes[:0] = [f"DROP VIEW {scope}_hour" for scope in FIGURES if scope != "heat"]
    changes += [f"DROP TABLE {scope}_merged" for scope in FIGURES]
    changes += [f"ALTER TABLE {table} DROP COLUMN {column}" for table, column in MODERN]
    changes += ["DROP TABLE heat_minute", "DROP TABLE occupancy_minute"]
    if isinstance(where, str):
        with psycopg.connect(where) as raw:
            for change in [*changes, "DELETE FROM made"]:
                raw.execute(change.encode())
    else:
        db = sqlite3.connect(where)
        for change in changes:
            db.execute(change)
        db.close()


def test_an_older_hub_s_database_is_brought_up_to_date_with_its_rows(where: str | Path) -> None:
    old = Desk(where)
    old.birth(1)
    old.minute(1, ONE_OF_EACH)
    old.ledger.close()
    age(where)
    open_ledger(where).close()
    new = Desk(where)
    assert new.ask("SELECT entries, u_turns, quality FROM gate_minute") == [(3, None, None)]
    assert new.totals()[0].gates[0].net is None
    later = [replace(window, start=START + 60) for window in ONE_OF_EACH]
    assert new.minute(2, later) == 2
    assert new.ask("SELECT count(*) FROM heat_minute") == [(1,)]
    new.ledger.close()


def test_triggers_come_back_as_they_were_in_order_without_those_set_aside(desk: Desk) -> None:
    bodies = [trigger(f"t-{n}").text() for n in range(1, 4)]
    rows = [OutboxRow("trigger", "e1", n, TRIGGER, body, 0.0) for n, body in enumerate(bodies, 1)]
    rows[1] = replace(rows[1], body='{"key":7}')
    assert desk.upto([judge(BOX.up("trigger"), envelope(BOX, row, utc(START))) for row in rows]) is None
    assert desk.ledger.trigger_streams() == []
    desk.birth(None)
    state = {
        "schema": "storeedge/state/1", "box": "box-01", "epoch": "e1", "online": True,
        "connected_at": "2026-03-01T10:00:00Z", "streams": {"trigger": {"first": 1, "last": 3}},
    }  # fmt: skip
    assert desk.upto([judge(BOX.state, json.dumps(state).encode())]) == 3
    assert desk.ledger.trigger_streams() == [Receipt(BOX, "e1", "trigger", 3)]
    held = desk.ledger.triggers(BOX, "e1", 0, 10)
    assert [(m.identity.seq, m.schema, m.sent_at, m.body) for m in held] == [
        (1, TRIGGER, utc(START), bodies[0]), (3, TRIGGER, utc(START), bodies[2]),
    ]  # fmt: skip
    assert [m.identity.seq for m in desk.ledger.triggers(BOX, "e1", 1, 10)] == [3]
    assert [m.identity.seq for m in desk.ledger.triggers(BOX, "e1", 0, 1)] == [1]
