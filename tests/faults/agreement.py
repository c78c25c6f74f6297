"""Truth, the box's books and the centre's books side by side: what is lost, and what is there twice."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg

from edge.store.windows import KINDS, select
from pipelines.as_json import FIGURES, is_unseen
from sync.bodies import utc
from sync.hub.postgres_hours import HourBook
from sync.hub.totals import totals
from tests.faults.parking_system import Car
from tests.faults.witness import Witness, committed

FOREVER: Final = 2**40
_TRUTH: Final = {
    "entries": ("SELECT count(*) FROM crossing WHERE direction = 'in'", "gate", "entries"),
    "exits": ("SELECT count(*) FROM crossing WHERE direction = 'out'", "gate", "exits"),
    "visits": ("SELECT count(*) FROM visit", "zone", "visits"),
    "waits": ("SELECT count(*) FROM wait WHERE outcome != 'balked'", "queue", "waits"),
    **{
        way: (f"SELECT count(*) FROM vehicle_passage WHERE direction = '{way}'", "lane", way)
        for way in ("up", "down", "left", "right")
    },
}
"""What is counted: its records, and the scope and figure of the windows that count them."""


@dataclass(slots=True)
class Agreement:
    """What was compared, and what did not agree."""

    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    """The truth by kind of record."""
    rows_compared: int = 0
    missing_minutes: int = 0
    """Windows that nobody observed, which the centre holds as missing (NULL), not as zero."""

    def differ(self, what: str, truth: int, told: int | None) -> None:
        """Note a number that is not the truth."""
        told = told or 0
        if told != truth:
            self.lost += max(0, truth - told)
            self.doubled += max(0, told - truth)
            self.faults.append(f"{what}: {truth} in truth, {told} told")

    def sets(self, what: str, truth: Iterable[Any], told: Iterable[Any]) -> None:
        """Each of the truth must be told exactly once, and nothing else."""
        wanted, found = Counter(truth), Counter(told)
        missing, more = wanted - found, found - wanted
        self.lost += missing.total()
        self.doubled += more.total()
        if missing or more:
            one = next(iter(missing or more))
            self.faults.append(f"{what}: {missing.total()} missing, {more.total()} too many, such as {one}")


def compare(witness: Witness, hub: str, cars: list[Car]) -> Agreement:
    """Everything, once the box has nothing left to send. hub: the address of its PostgreSQL."""
    found, database = Agreement(), witness.database
    now = committed(database)
    assert now is not None, f"{database} cannot be read"
    for table, gone in witness.vanished(now).items():
        found.lost += gone
        found.faults.append(f"{gone} rows of {table} were seen committed and are gone")
    hours = HourBook(hub)  # what a killed hub had left to add up
    hours.roll_up()
    hours.close()
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as box,
        psycopg.connect(hub) as centre,
    ):
        box.row_factory = sqlite3.Row
        _sums(found, box, centre)
        for scope in KINDS:
            _windows(found, scope, box, centre)
            if scope != "heat":
                _hours(found, scope, centre)
        _events(found, box, centre)
        _messages(found, box, centre)
        _coupons(found, box, centre, cars)
    for one in totals(hub):
        found.differ("messages set aside", 0, one.set_aside)
        found.differ("messages given up", 0, one.given_up)
    return found


def _sums(found: Agreement, box: sqlite3.Connection, centre: psycopg.Connection[Any]) -> None:
    for name, (records, scope, figure) in _TRUTH.items():
        (truth,) = box.execute(records).fetchone()
        found.sums[name] = truth
        here = box.execute(f'SELECT sum("{figure}") FROM {scope}_window').fetchone()[0]
        found.differ(f"{name} in the box's minutes", truth, here)
        for kind in ("minute", "hour"):
            told = centre.execute(f'SELECT sum("{figure}") FROM {scope}_{kind}'.encode()).fetchone()
            assert told is not None
            found.differ(f"{name} in the centre's {kind}s", truth, told[0])
    uncounted = sum(
        box.execute(f"SELECT count(*) FROM {table} WHERE counted IS NULL").fetchone()[0]
        for table in ("crossing", "visit", "wait", "vehicle_passage")
    )
    found.differ("records that no minute holds", 0, uncounted)


def _windows(found: Agreement, scope: str, box: sqlite3.Connection, centre: psycopg.Connection[Any]) -> None:
    """Each minute of the box is the same minute at the centre, to the last figure."""
    figures = list(FIGURES[scope])
    columns = ", ".join(f'"{name}"' for name in figures)
    here = {}
    for window in select(box, scope, 0, FOREVER):
        unseen = is_unseen(window)
        found.missing_minutes += unseen
        values = [None if unseen and name != "unit" else _plain(getattr(window, name)) for name in figures]
        here[window.camera, window.id, window.start] = (window.observed_seconds, *values)
    there = {
        tuple(row[:3]): tuple(map(_plain, row[3:]))
        for row in centre.execute(
            f"SELECT camera, id, start, observed_seconds, {columns} FROM {scope}_minute".encode()
        )
    }
    found.rows_compared += len(here)
    found.sets(f"windows of {scope}", list(here), list(there))
    for key in here.keys() & there.keys():
        if here[key] != there[key]:
            found.lost += 1
            found.faults.append(f"{scope} {key}: {here[key]} on the box, {there[key]} at the centre")


def _plain(value: Any) -> Any:
    """Lists and tuples are the same, and so are their zeros at the end."""
    if not isinstance(value, list | tuple):
        return value
    items = [_plain(item) for item in value]
    while items and items[-1] == 0:
        items.pop()
    return tuple(items)


def _hours(found: Agreement, scope: str, centre: psycopg.Connection[Any]) -> None:
    """The roll-ups are the sums of the minutes."""
    sums = "count(*)::bigint, round(sum(observed_seconds)::numeric, 3)"
    minutes = centre.execute(
        f"SELECT camera, id, start / 3600 * 3600, {sums} FROM {scope}_minute GROUP BY 1, 2, 3".encode()
    ).fetchall()
    hours = centre.execute(
        f"SELECT camera, id, start, minutes, round(observed_seconds::numeric, 3) FROM {scope}_hour".encode()
    ).fetchall()
    found.sets(f"hours of {scope}", minutes, hours)


def _events(found: Agreement, box: sqlite3.Connection, centre: psycopg.Connection[Any]) -> None:
    """Every event is told, and none that was not."""
    here = {
        (row["name"], row["camera"] or None, row["scope"] or None, utc(row["t"]))
        for row in box.execute("SELECT name, camera, scope, t FROM event")
    }
    there = set()
    for (body,) in centre.execute("SELECT body::text FROM message WHERE \"schema\" = 'storeedge/event/1'"):
        event = json.loads(body)
        there.add(
            (event["name"], event.get("camera"), event.get("scope"), datetime.fromisoformat(event["at"]))
        )
    found.sums["events"] = len(here)
    found.sets("events", here, there)


def _messages(found: Agreement, box: sqlite3.Connection, centre: psycopg.Connection[Any]) -> None:
    """Every number that the box ever gave is held once: none was skipped, none given twice."""
    for stream, last in box.execute("SELECT stream, last_seq FROM outbox_stream").fetchall():
        held = centre.execute("SELECT seq FROM message WHERE stream = %s", (stream,)).fetchall()
        found.sums[f"messages, {stream}"] = last
        found.sets(f"messages of {stream}", range(1, last + 1), (seq for (seq,) in held))
    epochs = centre.execute("SELECT count(DISTINCT epoch) FROM message").fetchone()
    assert epochs is not None
    found.differ("epochs", 1, epochs[0])


def _coupons(
    found: Agreement, box: sqlite3.Connection, centre: psycopg.Connection[Any], cars: list[Car]
) -> None:
    """What the box answered to the parking system is decided at the centre, once, and used once."""
    here = [row[0] for row in box.execute('SELECT "key" FROM coupon_trigger')]
    decided = centre.execute('SELECT "key", verdict, code FROM coupons.decision').fetchall()
    there = [key for key, *_ in decided]
    found.sets("coupon decisions", here, there)
    accepted = {key: code for key, verdict, code in decided if verdict == "accepted"}
    named = {key for car in cars for key in car.coupons}
    found.sets("coupons that a driver was given", named, named & accepted.keys())
    found.differ("coupons with a code of their own", len(accepted), len(set(accepted.values())))
    # One for coming in, where the car is no member's, and one for leaving: the rules of this car park.
    due = sum(("entry" in car.answered and not car.member) + ("exit" in car.answered) for car in cars)
    found.differ("coupons due by the parking system's own books", due, len(accepted))
    (counted,) = box.execute("SELECT total(cars) FROM coupon_count WHERE outcome = 'issued'").fetchone()
    found.differ("cars that the caps have counted", len(here), int(counted))
    found.sums["cars"], found.sums["coupons"] = len(cars), len(accepted)
