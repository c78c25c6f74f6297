"""Messages of earlier epochs: what waited in a database that was damaged, or older than this one.

The centre adds up what it is told of a minute under two epochs, and replaces it under the same. So a message
that may have arrived before is sent again as what it was, under its old epoch and number, and never under a
new one. While any waits, the box shows the oldest such epoch to its publisher, which then tells a birth
document of that epoch, has all of it acknowledged, and goes on with the next and at last with the box's own.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from edge.store import outbox
from sync.outbox import STREAMS, Backlog, OutboxRow, Stream

_COLUMNS: Final = 'seq, "schema", body, created_at, expires_at'


def oldest_epoch(connection: sqlite3.Connection) -> str | None:
    """The epoch whose turn it is; None when nothing inherited waits."""
    row = connection.execute("SELECT epoch FROM inherited ORDER BY place LIMIT 1").fetchone()
    return None if row is None else str(row[0])


def put(connection: sqlite3.Connection, rows: Iterable[OutboxRow]) -> int:
    """Add messages behind those that wait; how many. One that is there already is left as it is."""
    return sum(
        connection.execute(
            f"INSERT INTO inherited (epoch, stream, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
            "ON CONFLICT DO NOTHING",
            (row.epoch, row.stream, row.seq, row.schema, row.body, row.created_at, row.expires_at),
        ).rowcount
        for row in rows
    )


def pending(
    connection: sqlite3.Connection, epoch: str, stream: Stream, after_seq: int, limit: int
) -> Sequence[OutboxRow]:
    """The oldest waiting rows of an epoch above `after_seq`, in order."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM inherited WHERE epoch = ? AND stream = ? AND seq > ? "  # noqa: S608
        "ORDER BY seq LIMIT ?",
        (epoch, stream, after_seq, limit),
    ).fetchall()
    return [OutboxRow(stream, epoch, *row) for row in rows]


def backlog(connection: sqlite3.Connection, stream: Stream) -> Backlog:
    """How much of a stream waits, inherited and own together; the numbers are those of the epoch whose turn
    it is."""
    own, epoch = outbox.backlog(connection, stream), oldest_epoch(connection)
    if epoch is None:
        return own
    rows, oldest = connection.execute(
        "SELECT count(*), min(created_at) FROM inherited WHERE stream = ?", (stream,)
    ).fetchone()
    first, last = connection.execute(
        "SELECT min(seq), max(seq) FROM inherited WHERE epoch = ? AND stream = ?", (epoch, stream)
    ).fetchone()
    since = [at for at in (oldest, own.oldest_at) if at is not None]
    return Backlog(rows + own.rows, first, last, min(since, default=None))


def acknowledge(connection: sqlite3.Connection, epoch: str, stream: Stream, upto: int, now: float) -> int:
    """Delete an epoch's rows up to and including `upto`; how many."""
    gone = connection.execute(
        "DELETE FROM inherited WHERE epoch = ? AND stream = ? AND seq <= ?", (epoch, stream, upto)
    ).rowcount
    if gone:
        connection.execute("UPDATE outbox_stream SET acked_at = ? WHERE stream = ?", (now, stream))
    return gone


def give_up(connection: sqlite3.Connection, limit: int) -> tuple[int, int, int | None, int | None] | None:
    """Delete the oldest messages for want of room: minutes, messages, the first minute's start and the
    last one's end; None when there are none. A coupon's goes only when no other is left."""
    found = connection.execute(
        "SELECT place, stream, CAST(strftime('%s', json_extract(body, '$.start')) AS INTEGER), "
        "coalesce(json_array_length(body, '$.minutes'), 1) FROM inherited "
        "ORDER BY stream, place LIMIT ?",
        (limit,),
    ).fetchall()
    connection.executemany("DELETE FROM inherited WHERE place = ?", [(row[0],) for row in found])
    connection.executemany(
        "UPDATE outbox_stream SET dropped = dropped + 1 WHERE stream = ?", [(row[1],) for row in found]
    )
    starts = [start for _, _, start, _ in found if start is not None]
    minutes = sum(number for _, _, start, number in found if start is not None)
    if not found:
        return None
    return minutes, len(found), min(starts, default=None), max((s + 60 for s in starts), default=None)


def begin_epoch(connection: sqlite3.Connection) -> int:
    """Turn a sound database that is older than what the centre may have heard into the beginning of a new
    epoch, within the caller's transaction: what waited is inherited, what was told counts as another's, and
    records that no minute holds are kept and counted no more, for the box may have counted them after this
    state. The number of those records."""
    (before,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    for stream in STREAMS:
        connection.execute(
            f"INSERT INTO inherited (epoch, stream, {_COLUMNS}) "  # noqa: S608
            f"SELECT ?, stream, {_COLUMNS} FROM outbox WHERE stream = ? ORDER BY seq ON CONFLICT DO NOTHING",
            (before, stream),
        )
    connection.execute("DELETE FROM outbox")
    connection.execute("UPDATE outbox_stream SET last_seq = 0, acked_seq = 0")
    connection.execute("INSERT OR IGNORE INTO former_run SELECT DISTINCT run FROM minute")
    keep_times(connection)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (secrets.token_hex(8),))
    return close_records(connection)


def keep_times(connection: sqlite3.Connection) -> None:
    """Let times that were told under another epoch be moved no more: it could not be taken back there. Those
    that were never told, since the time of day was not known, still may."""
    connection.execute("DELETE FROM clock_stretch WHERE trust = 'plausible'")


def close_records(connection: sqlite3.Connection) -> int:
    """Let records that no minute holds be counted no more; how many."""
    return sum(
        connection.execute(
            f"UPDATE {table} SET counted = CAST({t} / 60 AS INTEGER) * 60 WHERE counted IS NULL"  # noqa: S608
        ).rowcount
        for table, t in (("crossing", "t"), ("visit", "t_out"), ("wait", "t_out"), ("vehicle_passage", "t"))
    )
