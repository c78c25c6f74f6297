"""Letting old rows go, so that the centre's disk is bounded too."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync.errors import SyncError
from sync.hub.databases import is_postgres, open_ledger

DAY_S: Final = 86_400
PORTION: Final = 20_000
_KEY: Final = "tenant, store, box, epoch, stream"
_MESSAGES: Final = (
    f"DELETE FROM message WHERE ({_KEY}, seq) IN (SELECT {_KEY}, seq FROM message JOIN stream USING ({_KEY}) "  # noqa: S608
    "WHERE received_at < ? AND seq <= upto AND substr(\"schema\", 1, 6) <> 'aside:' LIMIT ?)"
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    messages: int
    minutes: int


def prune(
    where: str | Path, now: float, *, messages_days: int | None = None, minutes_days: int | None = None
) -> Pruned:
    """Delete messages that came more than so many days ago (acknowledged ones that were understood; a repeat
    of one changes no figure), and minutes older than so many days; hours, boxes and streams stay. `now`: UTC
    seconds. May be done while hubs run. Raises SyncError."""
    messages_before = None if messages_days is None else now - DAY_S * messages_days
    minutes_before = None if minutes_days is None else now - DAY_S * minutes_days
    if is_postgres(where):
        from sync.hub import postgres_prune  # noqa: PLC0415  (an optional dependency)

        return Pruned(*postgres_prune.prune(str(where), messages_before, minutes_before))
    if minutes_before is not None:
        raise SyncError("a hub's SQLite file keeps its hours as minutes: only messages can go")
    return Pruned(0 if messages_before is None else _sqlite_messages(Path(where), messages_before), 0)


def _sqlite_messages(path: Path, before: float) -> int:
    open_ledger(path).close()  # that it is one
    done = 0
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=5)
        try:
            while gone := db.execute(_MESSAGES, (before, PORTION)).rowcount:
                done += gone
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SyncError(f"cannot prune the hub's database {path}: {error}") from error
    return done
