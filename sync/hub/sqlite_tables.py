"""The hub's tables in SQLite, beside `schema.sql`: what is made from the records' own fields, and what is
added to the file of an older hub."""

# ruff: noqa: S608  (the names in it are our own)
from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from importlib.resources import files
from typing import Final

from pipelines.as_json import FIGURES
from sync.hub.hours import HOUR_S
from sync.hub.postgres_tables import COUNTED, ROLLED

KEYS: Final = ("tenant", "store", "box", "epoch", "camera", "id", "start")
"""What a window is about."""
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    scope: (*figures, *(() if scope == "heat" else ("quality",))) for scope, figures in FIGURES.items()
}
"""What a scope's table holds besides the key, by the names of the body's fields."""
_ADDED: Final = (
    ("gate", "staff_entries", "INTEGER"),
    ("gate", "staff_exits", "INTEGER"),
    ("gate", "u_turns", "INTEGER"),
    ("gate", "parties", "INTEGER"),
    ("zone", "staff_visits", "INTEGER"),
    ("zone", "staff_seconds", "REAL"),
    ("zone", "arrivals", "INTEGER"),
    ("zone", "pass_seconds", "REAL"),
    ("camera", "identities", "INTEGER"),
    ("camera", "broken", "INTEGER"),
    *((scope, "quality", "TEXT") for scope in ("gate", "zone", "queue", "counter", "camera", "lane")),
)
"""Columns that are not in the first hubs' tables: scope, name, type."""


def _upsert(scope: str, columns: tuple[str, ...]) -> str:
    """SQL from our own words only."""
    table = f"{scope}_minute"
    named = ("seq", "observed_seconds", *columns)
    return (
        f"INSERT INTO {table} ({', '.join(_quoted((*KEYS, *named)))}) "
        f"VALUES ({', '.join('?' * (len(KEYS) + len(named)))}) "
        f"ON CONFLICT DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in _quoted(named))} "
        f"WHERE excluded.seq > {table}.seq"
    )


def _quoted(columns: Iterable[str]) -> list[str]:
    return [f'"{column}"' for column in columns]


UPSERT: Final = {scope: _upsert(scope, columns) for scope, columns in COLUMNS.items()}
INSERT_MERGED: Final = {
    scope: f"INSERT OR REPLACE INTO {scope}_merged ({', '.join(_quoted(named))}) "
    f"VALUES ({', '.join('?' * len(named))})"
    for scope, columns in COLUMNS.items()
    for named in [(*KEYS, "seq", "minutes", "which", "latest", "observed_seconds", *columns)]
}
_SAME: Final = "tenant = ? AND store = ? AND box = ? AND epoch = ? AND camera = ? AND id = ?"
DELETE_REPLACED: Final = {
    scope: f"DELETE FROM {scope}_minute WHERE {_SAME} AND start >= ? AND start < ? + {HOUR_S} AND seq < ? "
    f"AND (? >> start % {HOUR_S} / 60) & 1"
    for scope in FIGURES
}
"""The minutes that an hour names: key and twice the hour's start, seq, which minutes."""
IS_REPLACED: Final = {
    scope: f"SELECT 1 FROM {scope}_merged WHERE {_SAME} AND start = ? AND seq > ? AND (which >> ?) & 1"
    for scope in FIGURES
}
"""Whether an hour has told this minute: key and the hour's start, seq, which minute."""


def make_tables(db: sqlite3.Connection) -> None:
    """Make what is missing; what the tables of an older hub hold of a new column stays NULL: unknown."""
    db.executescript(files("sync.hub").joinpath("schema.sql").read_text("utf-8"))
    for scope, column, kind in _ADDED:
        _add(db, f"{scope}_minute", column, kind)
    _add(db, "stream", "begun", "INTEGER")
    for scope in FIGURES:
        _make_merged(db, scope)
        names = ", ".join(_quoted((*KEYS, "seq", "observed_seconds", *COLUMNS[scope])))
        db.execute(f"DROP VIEW IF EXISTS {scope}_told")
        db.execute(
            f"CREATE VIEW {scope}_told AS SELECT {names}, 1 AS minutes, start AS latest FROM {scope}_minute "
            f"UNION ALL SELECT {names}, minutes, latest FROM {scope}_merged"
        )
    for scope in ROLLED:
        db.execute(f"DROP VIEW IF EXISTS {scope}_hour")
        db.execute(_hours(scope))


def _hours(scope: str) -> str:
    """SQL that makes the view of a scope's hours: the plain figures, as PostgreSQL's tables of hours have;
    histograms and the number of people now are only there."""
    keys = [key for key in KEYS if key != "start"]
    counted = COUNTED[scope]
    plain = [figure for figure in counted if not figure.bins and figure.name != "now"]
    sums = []
    for figure in plain:
        of = "max" if figure.name == "peak" or figure.type == "BOOLEAN" else "sum"
        total = f"{of}({figure.quoted})"
        if figure.later:  # NULL where an observed minute is of a box that did not count it yet
            total = f"CASE WHEN count({figure.quoted}) = count({counted[0].quoted}) THEN {total} END"
        sums.append(f"{total} AS {figure.quoted}")
    return (
        f"CREATE VIEW {scope}_hour AS SELECT {', '.join(keys)}, start / {HOUR_S} * {HOUR_S} AS start, "
        f"sum(minutes) AS minutes, sum(observed_seconds) AS observed_seconds, {', '.join(sums)} "
        f"FROM {scope}_told GROUP BY {', '.join(keys)}, start / {HOUR_S}"
    )


def _make_merged(db: sqlite3.Connection, scope: str) -> None:
    """With the columns and types of the minutes."""
    held = [(row[1], row[2]) for row in db.execute(f"PRAGMA table_info({scope}_minute)")]
    key = ", ".join(f"{name} {kind} NOT NULL" for name, kind in held if name in KEYS or name == "seq")
    db.execute(
        f"CREATE TABLE IF NOT EXISTS {scope}_merged ({key}, minutes INTEGER NOT NULL, "
        "which INTEGER NOT NULL, "
        f"latest INTEGER NOT NULL, PRIMARY KEY ({', '.join((*KEYS, 'seq'))})) STRICT, WITHOUT ROWID"
    )
    for name, kind in held:
        if name not in KEYS:
            _add(db, f"{scope}_merged", name, kind)


def _add(db: sqlite3.Connection, table: str, column: str, kind: str) -> None:
    known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    if column not in known:
        db.execute(f'ALTER TABLE {table} ADD COLUMN "{column}" {kind}')
