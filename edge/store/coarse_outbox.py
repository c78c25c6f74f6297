"""Minutes that wait for the centre made into hours, in the outbox itself, when there is no room for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pydantic import ValidationError

from edge.store import outbox
from edge.store.coarse import HOUR_S, hour_of, is_known
from pipelines.records import MINUTE_S
from sync.bodies import hour_bodies
from sync.payloads import HOUR, Minute

SETTLED_S: Final = HOUR_S
"""An hour may still get a minute for this long after its end: one that two runs of the box share."""
MOST_BYTES: Final = 768 * 1024
"""Of bodies read at a time, so that a step takes less than 0.1 s: a box with many heat maps makes several
messages of an hour."""
MOST_MESSAGES: Final = 500
"""So that `stands_for` has room for all of them, whatever their numbers."""

_WAITING: Final = (
    "SELECT seq, substr(body, 11, 13), substr(body, 11, 16), length(body) FROM outbox "
    "INDEXED BY outbox_minute WHERE stream = 'data' AND \"schema\" = 'storeedge/minute/1' "
    "ORDER BY substr(body, 11, 16), seq"
)
"""The hour and the minute of each, oldest first, one that was told twice side by side."""


@dataclass(frozen=True, slots=True)
class Coarsened:
    """What became one hour."""

    minutes: int
    messages: int
    """That stood in the outbox before."""
    first: int
    """UTC seconds of the first minute."""
    last: int
    """And of the end of the last."""


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    hour: str
    minute: str
    length: int


def coarsen_oldest(connection: sqlite3.Connection, newest: int) -> Coarsened | None:
    """Put the oldest minutes of one hour that wait into a message of that hour, within the caller's
    transaction; None, and nothing changed, where there are none. newest: UTC seconds of the newest minute.

    The hour gets a new number; the minutes' own are never given again. What is no minute stays where it is.
    """
    with closing(_groups(connection)) as groups:
        found = next((whole for rows in groups if (whole := _read(connection, rows, newest))), None)
    if found is None:
        return None
    starts = sorted({int(minute.start.timestamp()) for minute in found.values()})
    _replace(connection, found, starts)
    return Coarsened(len(starts), len(found), starts[0], starts[-1] + MINUTE_S)


def _groups(connection: sqlite3.Connection) -> Generator[list[_Row]]:
    """Messages of the minutes of one hour, the oldest hour first, cut to whole minutes that may be read at
    once."""
    acked = outbox.state(connection, "data").acked_seq
    cursor = connection.execute(_WAITING)
    waiting = (_Row(*row) for row in cursor)
    try:
        for _, hour in groupby(waiting, key=lambda row: row.hour):
            taken: list[_Row] = []
            size = 0
            for _, minute in groupby(hour, key=lambda row: row.minute):
                rows = list(minute)
                size += sum(row.length for row in rows)
                if taken and (size > MOST_BYTES or len(taken) >= MOST_MESSAGES):
                    yield taken
                    taken, size = [], sum(row.length for row in rows)
                # A minute of several messages, the first of which the centre may have acknowledged, must not
                # be replaced there by what is left of it.
                if not acked or all(row.seq != acked + 1 for row in rows):
                    taken += rows
            if taken:
                yield taken
    finally:
        cursor.close()


def _read(connection: sqlite3.Connection, rows: Sequence[_Row], newest: int) -> dict[int, Minute]:
    """By seq, where there are two minutes at least and no more are to come; without those that a newer
    version made, whose scopes we could not add up."""
    found: dict[int, Minute] = {}
    strange: set[str] = set()
    for row in rows:
        (body,) = connection.execute(
            "SELECT body FROM outbox WHERE stream = 'data' AND seq = ?", (row.seq,)
        ).fetchone()
        try:
            minute = Minute.model_validate_json(body)
        except ValidationError:
            strange.add(row.minute)
            continue
        start = int(minute.start.timestamp())
        if start - start % HOUR_S + HOUR_S + SETTLED_S > newest:
            return {}
        if is_known(minute):
            found[row.seq] = minute
        else:
            strange.add(row.minute)
    whole = {row.seq: found[row.seq] for row in rows if row.seq in found and row.minute not in strange}
    return whole if len({minute.start for minute in whole.values()}) > 1 else {}


def _replace(connection: sqlite3.Connection, found: dict[int, Minute], starts: Sequence[int]) -> None:
    """Out with the minutes first: on a full disk their room is the hour's."""
    hour = starts[0] - starts[0] % HOUR_S
    ranges = ranges_of(sorted(found))
    made_at = connection.execute(
        "SELECT created_at FROM outbox WHERE stream = 'data' AND seq = ?", (min(found),)
    ).fetchone()[0]
    connection.executemany("DELETE FROM outbox WHERE stream = 'data' AND seq BETWEEN ? AND ?", ranges)
    minutes = [(start - hour) // MINUTE_S for start in starts]
    windows = hour_of(found[seq] for seq in sorted(found))
    for body in hour_bodies(hour, minutes, windows, ranges):
        outbox.put(connection, "data", HOUR, body, created_at=made_at)


def ranges_of(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """Rising numbers as ranges, first and last."""
    ranges: list[tuple[int, int]] = []
    for seq in seqs:
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return ranges
