"""Moving what was counted with a wrong clock to another time, within the caller's transaction.

Records move by the exact shift, minutes by whole ones: a window is at most half a minute off, and no figure
changes. Where a minute is there already, the moved one is added as another run's part. The centre is told of
a minute that it had at the wrong time once more, as one that nobody saw, and of the new one.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edge.clock_trust import is_dark
from edge.store import heat, minutes, outbox, records, windows
from edge.store.budget_steps import is_coarse
from edge.store.merge import key, together
from edge.store.windows import QUARTER_S
from pipelines.counts import heat_cells
from pipelines.records import MINUTE_S, Event, HeatWindow, Window
from pipelines.window_quality import judged
from sync.bodies import event_body, minute_bodies
from sync.payloads import EVENT, MINUTE

_TIMES: Final = {
    "crossing": ("t",),
    "visit": ("t_out", "t_in"),
    "wait": ("t_out", "t_in"),
    "vehicle_passage": ("t",),
    "event": ("t", "t_end"),
    "audit": ("begun", "ended", "made_at"),
    "parking_session": ("told_at", "entered_at", "left_at"),
}
"""The columns of each table that hold a time; the first decides which rows move."""
COUNTED: Final = ("crossing", "visit", "wait", "vehicle_passage")
_SUMS: Final = (
    "gate_quarter", "zone_quarter", "dwell_quarter", "queue_quarter", "wait_quarter", "length_quarter",
    "counter_quarter", "camera_quarter", "lane_quarter", "occupancy_quarter",
)  # fmt: skip
_APART_S: Final = 0.001
"""A record that lands on the very same moment as an equal one goes a millisecond on."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of counting by one offset. All are box seconds."""

    begun: float
    end: float
    """Records of it are in [begun, end)."""
    first_minute: int
    end_minute: float
    """And minutes that start in [first_minute, end_minute)."""


def move(
    connection: sqlite3.Connection,
    span: Span,
    by: float,
    now: float,
    *,
    sure: bool,
    tick: Callable[[], object] = lambda: None,
) -> int:
    """Move a stretch by so many seconds; the number of its minutes. sure: the new times are right, else the
    minutes say that they may be shifted. now: the time of the new messages. tick: called now and then."""
    whole = round(by / MINUTE_S) * MINUTE_S
    _move_records(connection, span, by, whole, now)
    _move_coupon_counts(connection, span, whole)
    if not whole:
        return 0
    starts = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT start FROM minute WHERE start >= ? AND start < ? ORDER BY start",
            (span.first_minute, span.end_minute),
        )
        # Out of an hour, in which the centre has some minutes together, none can be moved.
        if not is_coarse(connection, row[0])
    ]
    if not starts:
        return 0
    first = starts[0]
    # From the far end, so that a minute always moves to where the one before it has just left.
    for quarter in sorted({start - start % QUARTER_S for start in starts}, reverse=whole > 0):
        begin, end = max(quarter, first), min(float(quarter + QUARTER_S), span.end_minute)
        for start, taken in _take_out(connection, quarter, begin, end, reverse=whole > 0):
            if not is_dark(start):
                _tell(connection, start, judged([_unseen(window) for window in taken]), now)
            place(connection, start + whole, [_at(w, start + whole) for w in taken], now, sure=sure)
        tick()
    return len(starts)


def place(
    connection: sqlite3.Connection,
    start: int,
    made: Sequence[Window],
    now: float,
    *,
    sure: bool = True,
    run: str | None = None,
) -> None:
    """Keep a minute, added to what is there. On the dark scale it has no quarter-hour and no message. run:
    who made it; None: a name that nobody else has."""
    stored, runs = _stored(connection, start, start + MINUTE_S), minutes.runs_of(connection, start)
    for part in made:
        before = stored.get(key(part))
        whole = together(before, part) if before else part
        windows.put(connection, whole)
        stored[key(part)] = whole
        if not is_dark(start):
            fresh = whole.observed_seconds - (before.observed_seconds if before else 0)
            windows.add_to_quarter(connection, replace(part, observed_seconds=fresh))
    connection.execute("INSERT INTO minute VALUES (?, ?, ?)", (start, run or secrets.token_hex(8), now))
    if not is_dark(start):
        alone, whole_of = judged(made, clock_trusted=sure), judged(list(stored.values()), clock_trusted=sure)
        minutes.tell(connection, start, alone, whole_of, before=runs, now=now)


def _stored(connection: sqlite3.Connection, begin: float, end: float) -> dict[Any, Window]:
    return {
        key(window): window
        for scope in windows.KINDS
        for window in windows.select(connection, scope, int(begin), int(end))
    }


def _at(window: Window, start: int) -> Window:
    return replace(window, start=start)


def _unseen(window: Window) -> Window:
    """The same place in a minute that nobody looked at."""
    blank: dict[str, Any] = {}
    for name in windows.columns(window.scope):
        value = getattr(window, name)
        if name in {"camera", "id", "start", "unit"}:
            continue
        blank[name] = () if name == "cells" else tuple(0 for _ in value) if isinstance(value, tuple) else 0
        if isinstance(value, (bool, float)):
            blank[name] = type(value)(0)
    return (
        replace(window, **blank) if isinstance(window, HeatWindow) else replace(window, quality=None, **blank)
    )


def _tell(connection: sqlite3.Connection, start: int, whole: Sequence[Window], now: float) -> None:
    for body in minute_bodies(start, whole):
        outbox.put(connection, "data", MINUTE, body, created_at=now)


# -- minutes ---------------------------------------------------------------------------------------------


def _take_out(
    connection: sqlite3.Connection, quarter: int, begin: float, end: float, *, reverse: bool
) -> list[tuple[int, list[Window]]]:
    """The minutes of one quarter-hour in [begin, end), out of their tables and their sums."""
    taken: dict[int, list[Window]] = {}
    for scope in windows.KINDS:
        for window in windows.select(connection, scope, int(begin), int(end)):
            taken.setdefault(window.start, []).append(window)
        connection.execute(
            f"DELETE FROM {scope}_window WHERE start >= ? AND start < ?",  # noqa: S608 - our names
            (int(begin), int(end)),
        )
    connection.execute("DELETE FROM minute WHERE start >= ? AND start < ?", (int(begin), int(end)))
    if not is_dark(quarter):
        _sum_again(connection, quarter)
        for minute in taken.values():
            for window in minute:
                if isinstance(window, HeatWindow):
                    _take_heat(connection, window)
    return sorted(taken.items(), reverse=reverse)


def _sum_again(connection: sqlite3.Connection, quarter: int) -> None:
    """A quarter-hour from the minutes that are left: a peak cannot be taken back otherwise."""
    for table in _SUMS:
        connection.execute(f"DELETE FROM {table} WHERE start = ?", (quarter,))  # noqa: S608 - our names
    for scope in windows.KINDS:
        if scope != "heat":
            for window in windows.select(connection, scope, quarter, quarter + QUARTER_S):
                windows.add_to_quarter(connection, window)


def _take_heat(connection: sqlite3.Connection, window: HeatWindow) -> None:
    """Take a minute out of its hour and its day."""
    for span, table in ((heat.HOUR_S, "heat_hour"), (heat.DAY_S, "heat_day")):
        place_of = (window.start - window.start % span, window.camera, window.unit)
        row = connection.execute(
            f"SELECT observed_seconds, cells FROM {table} WHERE start = ? AND camera = ? AND unit = ?",  # noqa: S608
            place_of,
        ).fetchone()
        if row is None:
            continue
        left = {(c, r): s for c, r, s in heat.cells_from_text(row[1])}
        for c, r, seconds in window.cells:
            left[c, r] = round(left.get((c, r), 0.0) - seconds, 3)
        cells = heat_cells({cell: s for cell, s in left.items() if s > 0}, heat.CELLS_MAX)
        connection.execute(
            f"UPDATE {table} SET observed_seconds = ?, cells = ? "  # noqa: S608
            "WHERE start = ? AND camera = ? AND unit = ?",
            (max(0.0, row[0] - window.observed_seconds), heat.cells_as_text(cells), *place_of),
        )


# -- records ---------------------------------------------------------------------------------------------


def _move_records(connection: sqlite3.Connection, span: Span, by: float, whole: int, now: float) -> None:
    events = records.events(connection, span.begun, span.end, -1)
    if not is_dark(span.begun):  # the centre has those that go on under the time at which they began
        for event in events:
            if event.t_end is None:
                put_event(connection, replace(event, t_end=max(event.t, now - by)), now)
    for table, times in _TIMES.items():
        _shift(connection, table, times, span, by)
    for table in COUNTED:
        connection.execute(
            f"UPDATE {table} SET counted = counted + ? WHERE counted >= ? AND counted < ?",  # noqa: S608
            (whole, span.first_minute, span.end_minute),
        )
    if is_dark(span.begun):
        for event in reversed(events):
            end = None if event.t_end is None else event.t_end + by
            put_event(connection, replace(event, t=event.t + by, t_end=end), now)


def put_event(connection: sqlite3.Connection, event: Event, now: float) -> None:
    """Put an event's message into the outbox."""
    outbox.put(connection, "data", EVENT, event_body(event), created_at=now)


def _shift(connection: sqlite3.Connection, table: str, times: Sequence[str], span: Span, by: float) -> None:
    """Shift a table's times, over the negative ones, so that no row meets another that has not moved yet."""
    first = times[0]
    rest = "".join(f", {name} = iif({name} >= :begin, {name} + :by, {name})" for name in times[1:])
    values = {"by": by, "begin": span.begun, "end": span.end}
    connection.execute(
        f"UPDATE {table} SET {first} = -({first} + :by){rest} "  # noqa: S608 - our names
        f"WHERE {first} >= :begin AND {first} < :end",
        values,
    )
    while True:
        connection.execute(f"UPDATE OR IGNORE {table} SET {first} = -{first} WHERE {first} < 0")  # noqa: S608
        if not connection.execute(f"SELECT 1 FROM {table} WHERE {first} < 0 LIMIT 1").fetchone():  # noqa: S608
            return
        connection.execute(f"UPDATE {table} SET {first} = {first} - {_APART_S} WHERE {first} < 0")  # noqa: S608


def _move_coupon_counts(connection: sqlite3.Connection, span: Span, whole: int) -> None:
    """Only dark ones: what was counted at a real time belongs to coupons that keep theirs."""
    if not is_dark(span.begun):
        return
    rows = connection.execute(
        "SELECT start, lane, outcome, cars FROM coupon_count WHERE start >= ? AND start < ?",
        (span.begun - QUARTER_S, span.end),
    ).fetchall()
    for start, lane, outcome, cars in rows:
        there = start + whole
        connection.execute(
            "DELETE FROM coupon_count WHERE start = ? AND lane = ? AND outcome = ?", (start, lane, outcome)
        )
        connection.execute(
            "INSERT INTO coupon_count VALUES (?, ?, ?, ?) "
            "ON CONFLICT (start, lane, outcome) DO UPDATE SET cars = cars + excluded.cars",
            (there - there % QUARTER_S, lane, outcome, cars),
        )
