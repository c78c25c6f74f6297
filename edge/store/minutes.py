"""A minute into its tables, its quarter-hours and the outbox, also where two runs of the box share it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge.store import budget_steps, outbox, records, windows
from edge.store.coarse import HOUR_S
from edge.store.merge import key, together
from pipelines.as_json import is_unseen
from pipelines.records import Window
from pipelines.window_quality import clock_trusted, judged
from sync.bodies import hour_bodies, minute_bodies, minute_body
from sync.payloads import HOUR, MINUTE, Minute


def commit(
    connection: sqlite3.Connection, ours: Sequence[str], start: int, made: Sequence[Window], now: float
) -> bool:
    """Keep a run's windows of the minute `start`, within the caller's transaction. False, and nothing
    changed, when this run has kept the minute before, or when it adds nothing to another run's part. ours:
    the names of this run, the newest first: it has a new one after each recovery of the store."""
    runs = runs_of(connection, start)
    if runs.keys() & ours or (runs and all(map(is_unseen, made))):
        return False
    if runs:
        whole = _add(connection, start, made)
    else:
        whole = list(made)
        for window in made:
            windows.put(connection, window)
            windows.add_to_quarter(connection, window)
    connection.execute("INSERT INTO minute VALUES (?, ?, ?)", (start, ours[0], now))
    records.mark_counted(connection, start)
    tell(connection, start, made, whole, before=runs, now=now)
    return True


def runs_of(connection: sqlite3.Connection, start: int) -> dict[str, bool]:
    """Who has made a minute so far, and whether it was told under an earlier epoch."""
    found = connection.execute(
        "SELECT run, run IN (SELECT run FROM former_run) FROM minute WHERE start = ?", (start,)
    ).fetchall()
    return {run: bool(former) for run, former in found}


def tell(
    connection: sqlite3.Connection,
    start: int,
    made: Sequence[Window],
    whole: Sequence[Window],
    *,
    before: Mapping[str, bool],
    now: float,
) -> None:
    """Send a minute to which `made` was added. whole: it, with that. before: who had made it until then."""
    former = any(before.values())
    if budget_steps.is_coarse(connection, start) or (former and not all(before.values())):
        # What was told of this minute is not there any more, or not alone, to be told again.
        tell_part(connection, start, made, now)
        return
    # To what was told under an earlier epoch the centre adds what another one tells.
    for body in minute_bodies(start, made if former else whole):
        outbox.put(connection, "data", MINUTE, body, created_at=now)


def tell_part(connection: sqlite3.Connection, start: int, made: Sequence[Window], now: float) -> None:
    """Send a part of a minute as an hour that replaces no minute, for the centre to add."""
    minute = Minute.model_validate_json(minute_body(start, made))
    for body in hour_bodies(start - start % HOUR_S, (), minute.windows):
        outbox.put(connection, "data", HOUR, body, created_at=now)


def _add(connection: sqlite3.Connection, start: int, made: Sequence[Window]) -> list[Window]:
    """Add another run's part of a minute to what is stored; the whole minute, judged anew."""
    stored = {
        key(window): window
        for scope in windows.KINDS
        for window in windows.select(connection, scope, start, start + 1)
    }
    for part in made:
        before = stored.get(key(part))
        whole = together(before, part) if before else part
        fresh = whole.observed_seconds - (before.observed_seconds if before else 0)
        windows.put(connection, whole)
        windows.add_to_quarter(connection, replace(part, observed_seconds=fresh))
        stored[key(part)] = whole
    return judged(list(stored.values()), clock_trusted=all(map(clock_trusted, made)))
