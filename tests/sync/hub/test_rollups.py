"""Hours, days, stores and tenants: sums of the minutes, corrected by whatever comes late."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.records import GateWindow, OccupancyWindow, QueueWindow, Window, ZoneWindow
from sync.bodies import minute_body, utc
from sync.envelope import envelope
from sync.hub.databases import reading
from sync.hub.intake import judge
from sync.hub.postgres import PostgresLedger
from sync.outbox import OutboxRow
from sync.payloads import MINUTE
from sync.topics import BoxIdentity
from tests.postgres import Postgres
from tests.sync.fakes import START
from tests.sync.test_payloads import ONE_OF_EACH

HOUR = START // 3600 * 3600
GATE = GateWindow("cam-1", "door", HOUR, 60.0, 10, 9, 1, 2, 1, 3, 4)


class Desk:
    """A ledger to be fed with windows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = PostgresLedger(url)
        self._seqs: dict[tuple[BoxIdentity, str], int] = {}

    def put(
        self, *windows: Window, box: str = "box-01", store: str = "s1", tenant: str = "t1", epoch: str = "e1",
        without: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """One message for each minute; `without` the fields that an older box does not know."""
        identity = BoxIdentity(tenant, store, box)
        for start in sorted({window.start for window in windows}):
            self._seqs[identity, epoch] = seq = self._seqs.get((identity, epoch), 0) + 1
            body = json.loads(minute_body(start, [w for w in windows if w.start == start]))
            for window in body["windows"]:
                for name in without:
                    window.pop(name, None)
            row = OutboxRow("data", epoch, seq, MINUTE, json.dumps(body), 0.0)
            self.ledger.commit([judge(identity.up("data"), envelope(identity, row, utc(START)))], 1000.0)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """After the hours that were due were added up."""
        self.ledger.roll_up()
        with reading(self.url) as ask:
            return ask(sql, ())


@pytest.fixture
def desk(postgres: Postgres) -> Iterator[Desk]:
    made = Desk(postgres.database())
    yield made
    made.ledger.close()


def test_an_hour_is_the_sum_of_its_minutes_and_a_late_one_corrects_it(desk: Desk) -> None:
    desk.put(*(replace(GATE, start=HOUR + 60 * n) for n in range(3)))
    desk.put(replace(GATE, start=HOUR + 3600))
    hours = "SELECT start, minutes, observed_seconds, entries, u_turns FROM gate_hour ORDER BY start"
    assert desk.ask(hours) == [(HOUR, 3, 180.0, 30, 9), (HOUR + 3600, 1, 60.0, 10, 3)]
    desk.put(replace(GATE, start=HOUR + 59 * 60, entries=1))
    desk.put(replace(GATE, entries=100))  # the first minute once more
    assert desk.ask(hours) == [(HOUR, 4, 240.0, 121, 12), (HOUR + 3600, 1, 60.0, 10, 3)]


def test_histograms_add_up_bin_by_bin_and_peaks_are_the_highest(desk: Desk) -> None:
    zone = next(w for w in ONE_OF_EACH if isinstance(w, ZoneWindow))
    queue = next(w for w in ONE_OF_EACH if isinstance(w, QueueWindow))
    area = next(w for w in ONE_OF_EACH if isinstance(w, OccupancyWindow))
    later = {"start": START + 60, "peak": 7}
    desk.put(
        zone, queue, area, replace(zone, **later), replace(queue, **later), replace(area, **later, now=5)
    )
    assert desk.ask("SELECT visits, peak, dwell, dwell_seconds FROM zone_hour") == [
        (4, 7, [2 * n for n in zone.dwell], 29.0)
    ]
    assert desk.ask("SELECT peak, lengths, wait_censored FROM queue_hour") == [
        (7, [2 * n for n in queue.lengths], [2 * n for n in queue.wait_censored])
    ]
    assert desk.ask("SELECT peak, now, drift, anchored FROM occupancy_hour") == [(9, 5, -2, True)]


def test_an_hour_that_nobody_observed_has_no_numbers(desk: Desk) -> None:
    blind = GateWindow("cam-1", "door", HOUR, 0.0, 0, 0, 0)
    desk.put(blind)
    assert desk.ask("SELECT minutes, observed_seconds, entries, parties FROM gate_hour") == [
        (1, 0.0, None, None)
    ]
    desk.put(replace(GATE, start=HOUR + 60))
    assert desk.ask("SELECT minutes, observed_seconds, entries, parties FROM gate_hour") == [(2, 60.0, 10, 4)]


def test_a_figure_that_some_minute_does_not_know_is_unknown_in_its_hour_and_day_only(desk: Desk) -> None:
    desk.put(GATE)
    desk.put(replace(GATE, start=HOUR + 60), without=["u_turns"])
    desk.put(replace(GATE, start=HOUR + 86_400))
    assert desk.ask("SELECT entries, u_turns, parties FROM gate_hour ORDER BY start") == [
        (20, None, 8), (10, 3, 4),
    ]  # fmt: skip
    days = "SELECT entries, u_turns FROM gate_day('UTC', '2026-05-28', '2026-05-29') ORDER BY day"
    assert desk.ask(days) == [(20, None), (10, 3)]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin"])
def test_a_day_begins_and_ends_at_midnight_of_the_zone_that_is_asked_for(desk: Desk, zone: str) -> None:
    day = date(2026, 3, 29)  # Berlin's has 23 hours
    midnight = datetime(2026, 3, 29, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    after = datetime(2026, 3, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    inside = [midnight, midnight + timedelta(minutes=61), after - timedelta(minutes=1)]
    outside = [midnight - timedelta(minutes=1), after]
    for at in inside + outside:
        desk.put(replace(GATE, start=int(at.timestamp())))
    each = f"SELECT day, minutes, entries FROM gate_day('{zone}', '2026-03-29', '2026-03-29')"
    assert desk.ask(each) == [(day, 3, 30)]
    whole = f"SELECT day, entries FROM gate_day('{zone}', '2026-03-01', '2026-04-30') ORDER BY day"
    assert desk.ask(whole) == [
        (day - timedelta(days=1), 10), (day, 30), (day + timedelta(days=1), 10)
    ]  # fmt: skip


def test_stores_and_tenants_add_up_their_own_boxes_and_nobody_else_s(desk: Desk) -> None:
    desk.put(GATE)
    desk.put(GATE, epoch="e2")
    desk.put(replace(GATE, id="back"), box="box-02")
    desk.put(replace(GATE, entries=1), store="s2")
    desk.put(replace(GATE, entries=5), tenant="t2")
    within = "('UTC', '2026-05-28', '2026-05-28')"
    of_one = f"SELECT box, id, entries FROM gate_day{within} WHERE tenant = 't1' AND store = 's1' ORDER BY id"
    assert desk.ask(of_one) == [
        ("box-02", "back", 10), ("box-01", "door", 20),
    ]  # fmt: skip
    assert desk.ask(f"SELECT tenant, store, entries FROM gate_store_day{within} ORDER BY 1, 2") == [
        ("t1", "s1", 30), ("t1", "s2", 1), ("t2", "s1", 5),
    ]  # fmt: skip
    assert desk.ask(f"SELECT tenant, day, entries FROM gate_tenant_day{within} ORDER BY 1") == [
        ("t1", date(2026, 5, 28), 31), ("t2", date(2026, 5, 28), 5),
    ]  # fmt: skip


def test_what_would_mean_nothing_is_not_added_up_over_a_store(desk: Desk) -> None:
    columns = """SELECT column_name FROM information_schema.routines AS r
        JOIN information_schema.parameters AS p USING (specific_name)
        CROSS JOIN LATERAL (SELECT p.parameter_name AS column_name) AS c WHERE r.routine_name = """
    of_area = {name for (name,) in desk.ask(columns + "'occupancy_day'")}
    of_store = {name for (name,) in desk.ask(columns + "'occupancy_store_day'")}
    assert {"peak", "now", "drift"} <= of_area
    assert of_store & {"peak", "now", "drift"} == {"drift"}


def test_a_function_of_an_older_hub_that_told_less_is_replaced(desk: Desk) -> None:
    desk.put(GATE)
    with psycopg.connect(desk.url) as db:
        db.execute("DELETE FROM made")
        db.execute("DROP FUNCTION gate_day(TEXT, DATE, DATE)")
        db.execute(
            "CREATE FUNCTION gate_day(zone TEXT, first DATE, last DATE) RETURNS TABLE (entries BIGINT) "
            "LANGUAGE sql AS $$ SELECT 1::bigint $$"
        )
    PostgresLedger(desk.url).close()
    assert desk.ask("SELECT entries, exits FROM gate_day('UTC', '2026-05-28', '2026-05-28')") == [(10, 9)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50), st.booleans()), min_size=1, max_size=30)
)
def test_hours_always_equal_the_minutes_in_whatever_order_they_came(
    desk: Desk, told: list[tuple[int, int, bool]]
) -> None:
    for minute, entries, observed in told:
        counted = (entries, 0, 0) if observed else (0, 0, 0)
        desk.put(GateWindow("cam-1", "door", HOUR + 60 * minute, 60.0 * observed, *counted))
    sums = "count(*), sum(observed_seconds), CAST(sum(entries) AS BIGINT)"
    assert desk.ask(
        "SELECT start, minutes, observed_seconds, entries FROM gate_hour ORDER BY start"
    ) == desk.ask(f"SELECT start / 3600 * 3600, {sums} FROM gate_minute GROUP BY 1 ORDER BY 1")
