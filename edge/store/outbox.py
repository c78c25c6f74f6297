"""The outbox's rows: numbered when put in, gone only when the centre has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sync.outbox import Backlog, OutboxRow, Stream

_OLDEST_HOUR: Final = (
    "SELECT created_at FROM outbox INDEXED BY outbox_hour "
    "WHERE stream = 'data' AND \"schema\" = 'storeedge/hour/1' ORDER BY created_at LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class StreamState:
    """How far a stream has come."""

    last_seq: int
    """The last number given; 0: none yet."""
    acked_seq: int
    acked_at: float | None
    """UTC seconds of the centre's last acknowledgement."""
    dropped: int
    """Rows given up because the disk was full."""


def put(
    connection: sqlite3.Connection,
    stream: Stream,
    schema: str,
    body: str,
    *,
    created_at: float,
    expires_at: float | None = None,
) -> int:
    """Add a row under the stream's next number, which is never given again; that number."""
    seq: int = connection.execute(
        "UPDATE outbox_stream SET last_seq = last_seq + 1 WHERE stream = ? RETURNING last_seq", (stream,)
    ).fetchone()[0]
    connection.execute(
        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", (stream, seq, schema, body, created_at, expires_at)
    )
    return seq


def pending(
    connection: sqlite3.Connection, epoch: str, stream: Stream, after_seq: int, limit: int
) -> Sequence[OutboxRow]:
    """The oldest waiting rows above `after_seq`, in order."""
    rows = connection.execute(
        'SELECT seq, CAST("schema" AS BLOB), CAST(body AS BLOB), created_at, expires_at FROM outbox '
        "WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
        (stream, after_seq, limit),
    ).fetchall()
    return [
        OutboxRow(stream, epoch, seq, _text(schema), _text(body), created_at, expires_at)
        for seq, schema, body, created_at, expires_at in rows
    ]


def _text(kept: bytes) -> str:
    """Empty where the disk has damaged it: one row must not hold up all that follow."""
    try:
        return kept.decode()
    except UnicodeDecodeError:
        return ""


def backlog(connection: sqlite3.Connection, stream: Stream) -> Backlog:
    """How much of a stream waits. The oldest is the first, or an hour of older minutes: it came later."""
    rows, first, last = connection.execute(
        "SELECT count(*), (SELECT min(seq) FROM outbox WHERE stream = ?1), "
        "(SELECT max(seq) FROM outbox WHERE stream = ?1) FROM outbox WHERE stream = ?1",
        (stream,),
    ).fetchone()
    oldest = None
    if rows:
        (oldest,) = connection.execute(
            "SELECT created_at FROM outbox WHERE stream = ? AND seq = ?", (stream, first)
        ).fetchone()
        if stream == "data" and (hour := connection.execute(_OLDEST_HOUR).fetchone()):
            oldest = min(oldest, hour[0])
    return Backlog(rows, first, last, oldest)


def acknowledge(connection: sqlite3.Connection, stream: Stream, upto: int, now: float) -> int:
    """Delete rows up to and including `upto`; how many. A number never given is cut to the last given."""
    gone = connection.execute("DELETE FROM outbox WHERE stream = ? AND seq <= ?", (stream, upto)).rowcount
    connection.execute(
        "UPDATE outbox_stream SET acked_seq = max(acked_seq, min(?, last_seq)), acked_at = ? "
        "WHERE stream = ?",
        (upto, now, stream),
    )
    return gone


def state(connection: sqlite3.Connection, stream: Stream) -> StreamState:
    """How far a stream has come."""
    row = connection.execute(
        "SELECT last_seq, acked_seq, acked_at, dropped FROM outbox_stream WHERE stream = ?", (stream,)
    ).fetchone()
    return StreamState(*row)
