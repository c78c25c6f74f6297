"""What is given up first when the room runs out, a small step at a time, and the books about it.

In this order, each step the oldest there is of its kind:

1. detail that the page no longer needs: minutes older than two days, whose figures stay in the quarter-hours,
   and records one by one that are counted. The centre has had the oldest of it; of what it has not had, the
   messages still wait in the outbox.
2. quarter-hours older than a year and its comparison.
3. minutes that wait for the centre become hours (`coarse_outbox.py`). Nothing is lost but the minute.
4. the last two days' minutes but for the last two hours, quarter-hours and events of more than five weeks.
5. messages that wait, the oldest first: the only step that loses a figure. It is counted.

On a box that works alone nobody waits for the messages: they become hours before anything else goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from edge.clock_trust import DARK_END, is_dark
from edge.store import inherited
from edge.store.coarse import HOUR_S
from edge.store.coarse_outbox import coarsen_oldest
from edge.store.retention import DAY_S, TIME
from edge.store.windows import QUARTER_S
from pipelines.records import MINUTE_S
from sync.outbox import Stream

Kind = Literal["detail", "quarters", "waiting", "given_up"]

DETAIL: Final = (
    "gate_window",
    "zone_window",
    "queue_window",
    "counter_window",
    "camera_window",
    "lane_window",
    "occupancy_window",
    "heat_window",
    "heat_hour",  # the days of heat maps keep theirs
    "minute",
)
ONE_BY_ONE: Final = ("crossing", "visit", "wait", "vehicle_passage")
QUARTERS: Final = (
    "gate_quarter",
    "zone_quarter",
    "dwell_quarter",
    "queue_quarter",
    "counter_quarter",
    "wait_quarter",
    "length_quarter",
    "camera_quarter",
    "lane_quarter",
    "occupancy_quarter",
)
_QUARTERS: Final = tuple((table, "start", "") for table in QUARTERS)
_TELLING: Final = frozenset({"minute", *QUARTERS})
"""Tables whose rows say which minutes are concerned."""
PAGE_S: Final = 2 * DAY_S
"""The page shows minutes of so long ago."""
OPEN_S: Final = 2 * HOUR_S
"""A minute may be put together from two runs of the box for so long."""
YEAR_S: Final = 400 * DAY_S
MONTH_S: Final = 35 * DAY_S
MESSAGES: Final = 20
"""Given up at a time."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """What one step took."""

    kind: Kind
    minutes: int
    """That are now told more coarsely or, of `given_up`, not at all."""
    rows: int
    first: int | None = None
    """UTC seconds of the first of the minutes."""
    last: int | None = None
    """And of the end of the last."""


Step = Callable[[sqlite3.Connection, float], Thinned | None]


def thin(
    connection: sqlite3.Connection, now: float, *, alone: bool = False, spare_messages: bool = False
) -> Thinned | None:
    """One step within the caller's transaction, and its note in the books; None: there is nothing left to
    give up. now: UTC seconds. alone: no centre is waiting. spare_messages: give up none that waits."""
    newest = _newest(connection, now)
    for step in _ALONE if alone else _ORDER:
        if spare_messages and step is _messages:
            continue
        taken = step(connection, newest)
        if taken is not None:
            _note(connection, taken, now)
            return taken
    return None


def _newest(connection: sqlite3.Connection, now: float) -> float:
    """The present, or the newest minute where the box was off since, for what the next run goes on from must
    stay, or where it does not know the time."""
    (last,) = connection.execute("SELECT max(start) FROM minute WHERE start >= ?", (DARK_END,)).fetchone()
    if last is None:
        return now
    return float(last + MINUTE_S if is_dark(now) else min(now, last + MINUTE_S))


def _old_detail(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    return _detail(connection, newest - PAGE_S)


def _new_detail(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    return _detail(connection, newest - OPEN_S)


def _detail(connection: sqlite3.Connection, until: float) -> Thinned | None:
    """The oldest hour of minutes and of records one by one."""
    tables = [(table, "start", "") for table in DETAIL]
    tables += [(table, TIME[table], " AND counted IS NOT NULL") for table in ONE_BY_ONE]
    return _oldest(connection, "detail", tables, HOUR_S, until)


def _old_quarters(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    return _oldest(connection, "quarters", _QUARTERS, 6 * HOUR_S, newest - YEAR_S)


def _new_quarters(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    return _oldest(connection, "quarters", _QUARTERS, 6 * HOUR_S, newest - MONTH_S)


def _events(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    return _oldest(connection, "detail", [("event", "t", "")], DAY_S, newest - MONTH_S)


def _oldest(
    connection: sqlite3.Connection,
    kind: Kind,
    tables: Iterable[tuple[str, str, str]],
    span: int,
    until: float,
) -> Thinned | None:
    """Delete the oldest span of some tables that ends by `until`. tables: name, column of the time, further
    condition. What was counted in the dark is nowhere else and stays until its time is known."""
    oldest = {
        table: found
        for table, column, more in tables
        if (
            found := connection.execute(
                f"SELECT {column} FROM {table} WHERE {column} >= ? AND {column} < ?{more} "  # noqa: S608
                f"ORDER BY {column} LIMIT 1",
                (DARK_END, until),
            ).fetchone()
        )
    }
    if not oldest:
        return None
    begin = min(found[0] for found in oldest.values()) // span * span
    end = min(begin + span, until)
    rows, starts = 0, set[int]()
    for table, column, more in tables:
        if table not in oldest:
            continue
        if table in _TELLING:
            told = connection.execute(
                f"SELECT DISTINCT start FROM {table} WHERE start >= ? AND start < ?",  # noqa: S608
                (begin, end),
            )
            starts |= {start for (start,) in told}
        rows += connection.execute(
            f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?{more}",  # noqa: S608 - our names
            (begin, end),
        ).rowcount
    minutes = len(starts) * (QUARTER_S // MINUTE_S if kind == "quarters" else 1)
    return Thinned(kind, minutes, rows, int(begin), int(end))


def _waiting(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    made = coarsen_oldest(connection, int(newest))
    if made is None:
        return None
    return Thinned("waiting", made.minutes, made.messages, made.first, made.last)


def _messages(connection: sqlite3.Connection, newest: float) -> Thinned | None:
    """The oldest messages: those of an earlier epoch, then hours, minutes, whatever waits, late triggers."""
    if (earlier := inherited.give_up(connection, MESSAGES)) is not None:
        return Thinned("given_up", *earlier)
    for stream, condition in _GIVEN_UP:
        found = connection.execute(
            "SELECT seq, CAST(strftime('%s', json_extract(body, '$.start')) AS INTEGER), "  # noqa: S608
            f"json_array_length(body, '$.minutes') FROM outbox {condition} LIMIT {MESSAGES}",
            {"now": newest},
        ).fetchall()
        if found:
            return _give_up(connection, stream, found)
    return None


def _give_up(
    connection: sqlite3.Connection, stream: Stream, found: list[tuple[int, int | None, int | None]]
) -> Thinned:
    """found: number, start of the figures, and how many minutes of that hour, None: a minute or none."""
    connection.executemany(
        "DELETE FROM outbox WHERE stream = ? AND seq = ?", [(stream, seq) for seq, _, _ in found]
    )
    connection.execute(
        "UPDATE outbox_stream SET dropped = dropped + ? WHERE stream = ?", (len(found), stream)
    )
    spans = [
        (start, MINUTE_S if minutes is None else HOUR_S, minutes) for _, start, minutes in found if start
    ]
    return Thinned(
        "given_up",
        sum(1 if minutes is None else minutes for _, _, minutes in spans),
        len(found),
        min((start for start, _, _ in spans), default=None),
        max((start + length for start, length, _ in spans), default=None),
    )


_GIVEN_UP: Final[tuple[tuple[Stream, str], ...]] = (
    ("data", "WHERE stream = 'data' AND \"schema\" = 'storeedge/hour/1' ORDER BY created_at"),
    ("data", "WHERE stream = 'data' AND \"schema\" = 'storeedge/minute/1' ORDER BY seq"),
    ("data", "WHERE stream = 'data' ORDER BY seq"),
    ("trigger", "WHERE stream = 'trigger' AND expires_at < :now ORDER BY seq"),
)
_ORDER: Final[tuple[Step, ...]] = (
    _old_detail,
    _old_quarters,
    _waiting,
    _new_detail,
    _new_quarters,
    _events,
    _messages,
)
_ALONE: Final[tuple[Step, ...]] = (_waiting, *(step for step in _ORDER if step is not _waiting))


def _note(connection: sqlite3.Connection, taken: Thinned, now: float) -> None:
    connection.execute(
        "UPDATE thinned SET minutes = minutes + :minutes, gone = gone + :rows, at = :now, "
        "since = min(coalesce(since, :first), coalesce(:first, since)), "
        "until = max(coalesce(until, :last), coalesce(:last, until)), untold = untold + :minutes, "
        "untold_gone = untold_gone + :rows, "
        "untold_first = min(coalesce(untold_first, :first), coalesce(:first, untold_first)), "
        "untold_last = max(coalesce(untold_last, :last), coalesce(:last, untold_last)) WHERE kind = :kind",
        {"kind": taken.kind, "minutes": taken.minutes, "rows": taken.rows, "now": now}
        | {"first": taken.first, "last": taken.last},
    )


@dataclass(frozen=True, slots=True)
class Books:
    """What was taken of a kind since the database was made."""

    minutes: int
    gone: int
    """Rows, or of `waiting` and `given_up` messages."""
    at: float
    """When last, UTC seconds; 0: never."""


def books(connection: sqlite3.Connection) -> dict[Kind, Books]:
    """Everything that was given up or made coarser."""
    return {
        kind: Books(minutes, gone, at)
        for kind, minutes, gone, at in connection.execute("SELECT kind, minutes, gone, at FROM thinned")
    }


def is_coarse(connection: sqlite3.Connection, start: int) -> bool:
    """Whether the minute that begins at `start` (UTC seconds) may no longer be there by itself, on the box or
    at the centre."""
    found = connection.execute(
        "SELECT 1 FROM thinned WHERE kind IN ('detail', 'waiting') AND since <= ? AND ? < until",
        (start, start),
    )
    return found.fetchone() is not None


def take_untold(connection: sqlite3.Connection, kinds: Iterable[Kind]) -> list[Thinned]:
    """What no event has told yet of some kinds; from now on it counts as told."""
    found: list[Thinned] = []
    for kind in kinds:
        row = connection.execute(
            "SELECT untold, untold_gone, untold_first, untold_last FROM thinned "
            "WHERE kind = ? AND untold_gone > 0",
            (kind,),
        ).fetchone()
        if row is not None:
            found.append(Thinned(kind, *row))
            connection.execute(
                "UPDATE thinned SET untold = 0, untold_gone = 0, untold_first = NULL, untold_last = NULL "
                "WHERE kind = ?",
                (kind,),
            )
    return found
