"""Old rows out of PostgreSQL, in portions, while hubs run."""

# ruff: noqa: S608  (the names in it are our own)
from __future__ import annotations

from typing import Final

import psycopg

from pipelines.as_json import FIGURES
from sync.errors import SyncError
from sync.hub.hours import HOUR_S
from sync.hub.postgres_hours import ADDING
from sync.hub.postgres_session import Connection, connect, in_a_line, open_connection, shown

PORTION: Final = 20_000
"""Rows of one transaction."""
_MESSAGES: Final = (
    b"DELETE FROM message WHERE ctid = ANY (ARRAY(SELECT m.ctid FROM message AS m "
    b"JOIN stream AS s USING (tenant, store, box, epoch, stream) WHERE m.received_at < to_timestamp(%s) "
    b"AND m.seq <= s.upto AND substr(m.\"schema\", 1, 6) <> 'aside:' LIMIT %s))"
)
"""Acknowledged, and understood."""


def prune(url: str, messages_before: float | None, minutes_before: float | None) -> tuple[int, int]:
    """Delete messages that came, and minutes that were, before these UTC seconds, no hour; how many of each.

    Raises SyncError.
    """
    connect(url).close()  # an older hub's tables lack the horizon
    try:
        db = open_connection(url)
        try:
            messages = 0 if messages_before is None else _all(db, _MESSAGES, messages_before)
            minutes = 0 if minutes_before is None else _minutes(db, int(minutes_before) // HOUR_S * HOUR_S)
        finally:
            db.close()
    except psycopg.Error as error:
        raise SyncError(f"cannot prune the hub's database {shown(url)}: {in_a_line(error)}") from error
    return messages, minutes


def _minutes(db: Connection, before: int) -> int:
    """Hours before this are added up no more: what comes late would be taken for the whole hour."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (ADDING,))
        db.execute("INSERT INTO horizon (minutes_from) VALUES (%s)", (before,))
        db.execute("DELETE FROM horizon WHERE minutes_from < (SELECT max(minutes_from) FROM horizon)")
    return sum(
        _all(
            db,
            f"DELETE FROM {scope}_{kind} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {scope}_{kind} "
            "WHERE start < %s LIMIT %s))".encode(),
            before,
        )
        for scope in FIGURES
        for kind in ("minute", "merged")
    )


def _all(db: Connection, portion: bytes, before: float) -> int:
    done = 0
    while gone := db.execute(portion, (before, PORTION)).rowcount:
        done += gone
    return done
