"""What the hub holds, in numbers: for the demo, a first look and the tests."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sync.errors import SyncError
from sync.topics import BoxIdentity


@dataclass(frozen=True, slots=True)
class GateTotals:
    """Everything that one gate reported; None where it never observed anything."""

    camera: str
    gate: str
    entries: int | None
    exits: int | None


@dataclass(frozen=True, slots=True)
class BoxTotals:
    """Everything that one box delivered, all epochs together."""

    box: BoxIdentity
    online: bool | None
    """None when its birth document was not seen yet."""
    minutes: int
    """Messages `storeedge/minute/1`."""
    windows: int
    """Windows in them."""
    events: int
    set_aside: int
    """Messages that counted as received but could not be used."""
    given_up: int
    """Messages that the box lost or gave up before the hub had them."""
    gates: tuple[GateTotals, ...]


def totals(path: Path) -> list[BoxTotals]:
    """Per box, in order of name. Reads only; may be called while the hub runs."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            db.execute("BEGIN")  # one moment for all the queries
            return [_box(db, *row) for row in db.execute(_BOXES).fetchall()]
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SyncError(f"cannot read the hub's database {path}: {error}") from error


_BOXES = """
SELECT tenant, store, box FROM box UNION SELECT DISTINCT tenant, store, box FROM message ORDER BY 1, 2, 3
"""
_HERE = "tenant = ? AND store = ? AND box = ?"
_MESSAGES = f"""
SELECT count(*) FILTER (WHERE "schema" = 'storeedge/minute/1'),
       count(*) FILTER (WHERE "schema" = 'storeedge/event/1'),
       count(*) FILTER (WHERE "schema" = '')
FROM message WHERE {_HERE}
"""  # noqa: S608
_SCOPES = ("gate", "zone", "queue", "counter", "camera", "lane")
_WINDOWS = " + ".join(
    f"(SELECT count(*) FROM {scope}_minute WHERE {_HERE})"  # noqa: S608
    for scope in _SCOPES
)
_GATES = f"""
SELECT camera, id, sum(entries), sum(exits) FROM gate_minute WHERE {_HERE} GROUP BY camera, id ORDER BY 1, 2
"""  # noqa: S608


def _box(db: sqlite3.Connection, *key: str) -> BoxTotals:
    minutes, events, set_aside = db.execute(_MESSAGES, key).fetchone()
    (windows,) = db.execute(f"SELECT {_WINDOWS}", key * len(_SCOPES)).fetchone()
    (given_up,) = db.execute(
        f"SELECT coalesce(sum(given_up), 0) FROM stream WHERE {_HERE}",  # noqa: S608
        key,
    ).fetchone()
    online = db.execute(f"SELECT online FROM box WHERE {_HERE}", key).fetchone()  # noqa: S608
    return BoxTotals(
        box=BoxIdentity(*key),
        online=None if online is None else bool(online[0]),
        minutes=minutes,
        windows=windows,
        events=events,
        set_aside=set_aside,
        given_up=given_up,
        gates=tuple(GateTotals(*row) for row in db.execute(_GATES, key)),
    )
