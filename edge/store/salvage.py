"""What can be read of a damaged database into the new one: first what the box needs to go on, then the rest.

First, before anything is counted: the messages that wait, records, events, parking, documents and the newest
days. The older days follow while the box runs, a few thousand rows at a time; how far they have come is kept
in the new database, so that a restart goes on there. Every row is checked by the new tables' own rules.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from edge.store import inherited
from edge.store.salvage_messages import Messages
from edge.store.salvage_reader import LATEST, Row, Way, Wreck, way_through

AT_ONCE_S: Final = 2 * 86_400
"""So much of every table is brought over before the box goes on: the page's today and yesterday."""
LOT: Final = 2_000
"""Rows of older days that are brought over in one transaction: some 20 ms."""
_OF_THE_FILE: Final = frozenset({"epoch", "needs", "closed", "tenant", "store", "box", "made_at"})
"""Facts about a database itself, which do not pass to another."""
_BY_HAND: Final = frozenset({"meta", "outbox", "outbox_stream", "inherited", "former_run"})
SALVAGE: Final = "salvage:"
"""Keys of `meta` that say what is still to be brought over, from which file."""


@dataclass(slots=True)
class Found:
    """What came of it, for a person."""

    rows: Counter[str] = field(default_factory=Counter)
    """Brought over, by table."""
    unfit: int = 0
    """Left out: the table's rules refuse them."""
    unread: int = 0
    """Stretches of tables that cannot be read."""
    waiting: int = 0
    """Messages that waited for the centre, and go to it as what they were."""
    again: int = 0
    """Messages made again of what the tables still tell of minutes and events, in place of lost ones."""
    missing: int = 0
    """Messages that are lost as such."""

    def detail(self) -> dict[str, int]:
        """For the event."""
        kinds = {
            "minutes": self.rows["minute"],
            "rows": sum(self.rows.values()),
            "unfit": self.unfit,
            "unread": self.unread,
            "messages": self.waiting,
            "messages_again": self.again,
            "messages_lost": self.missing,
        }
        return {name: number for name, number in kinds.items() if number or name == "rows"}


@dataclass(frozen=True, slots=True)
class Rest:
    """Older days that are still to be brought over. Kept in `meta` as JSON."""

    file: str
    """Name of the set-aside database."""
    table: str
    behind: int
    """Of `table` what is older than this is still missing, of those after it what is older than `cut`."""
    cut: int

    def text(self) -> str:
        """As a value of `meta`."""
        return json.dumps([self.file, self.table, self.behind, self.cut], separators=(",", ":"))

    @staticmethod
    def parse(text: str) -> Rest | None:
        """From such a value."""
        with suppress(ValueError, TypeError):
            file, table, behind, cut = json.loads(text)
            return Rest(str(file), str(table), int(behind), int(cut))
        return None


def rests(connection: sqlite3.Connection) -> dict[str, Rest]:
    """What is still to be brought over, by its key in `meta`; the newest file first."""
    rows = connection.execute(
        "SELECT key, value FROM meta WHERE key GLOB ? ORDER BY key", (f"{SALVAGE}*",)
    ).fetchall()
    parsed = {str(key): Rest.parse(value) for key, value in rows}
    return {key: rest for key, rest in parsed.items() if rest is not None}


def ways(connection: sqlite3.Connection) -> dict[str, Way | None]:
    """Every table of the new database that rows are brought over to, and the way through it."""
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' "
        "AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_sqlite_*' ORDER BY name"
    ).fetchall()
    return {str(name): way_through(connection, name) for (name,) in names if name not in _BY_HAND}


def first_of_all(connection: sqlite3.Connection, wreck: Wreck, file: str, now: float) -> Found:
    """Bring over what the box needs to go on, within the caller's transaction. file: the wreck's name, from
    which the rest is brought over later."""
    found = Found()
    meta = wreck.meta()
    _facts(connection, meta)
    _runs(connection, wreck.few("former_run", ["run"]))
    messages = Messages(connection, wreck, meta.get("epoch", ""))
    messages.bring()
    cut = int(_newest(wreck, connection, now)) - max(AT_ONCE_S, messages.needs_s)
    for table, way in ways(connection).items():
        columns = _shared(connection, wreck, table)
        if not columns:
            continue
        if way is None:
            _keep(connection, table, columns, wreck.few(table, columns), found, replace=True)
            continue
        span = wreck.span(way)
        whole = not _later(table, way)
        if span is not None:
            for rows in wreck.read(way, columns, span[0] if whole else max(span[0], cut), span[1]):
                _keep(connection, table, columns, rows, found)
    inherited.keep_times(connection)
    messages.tell_again()
    found.waiting, found.again, found.missing = messages.waiting, messages.again, messages.missing
    found.unfit += messages.unfit
    first = next(table for table, way in ways(connection).items() if _later(table, way))
    pending = {f"{SALVAGE}0": Rest(file, first, cut, cut).text()} | {
        f"{SALVAGE}{number}": meta[key]
        for number, key in enumerate(sorted(k for k in meta if k.startswith(SALVAGE)), 1)
    }
    for key, text in pending.items():
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))
    found.unread = sum(wreck.unread.values())
    return found


def _later(table: str, way: Way | None) -> bool:
    """Whether the older rows of a table may come while the box runs."""
    return way is not None and way.in_time and table not in {"event", "coupon_count"}


def _newest(wreck: Wreck, connection: sqlite3.Connection, now: float) -> float:
    """The end of what the wreck holds: the clock of this start may be wrong."""
    for table in ("minute", "camera_window", "crossing"):
        way = way_through(connection, table)
        span = wreck.span(way) if way is not None else None
        if span is not None and span[1] < LATEST:
            return span[1]
    return now


def _facts(connection: sqlite3.Connection, meta: dict[str, str]) -> None:
    for key, value in meta.items():
        if key not in _OF_THE_FILE and not key.startswith(SALVAGE):
            with suppress(sqlite3.IntegrityError):
                connection.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))


def _shared(connection: sqlite3.Connection, wreck: Wreck, table: str) -> list[str]:
    ours = _columns(connection, table)
    return [name for name in wreck.columns(table) if name in ours]


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}


def _keep(
    connection: sqlite3.Connection,
    table: str,
    columns: list[str],
    rows: Iterable[Row],
    found: Found,
    *,
    replace: bool = False,
) -> None:
    """Add rows that the table's rules let in; those already there stay."""
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" for _ in columns)
    how = ("INSERT OR REPLACE", "") if replace else ("INSERT", " ON CONFLICT DO NOTHING")
    sql = f"{how[0]} INTO {table} ({names}) VALUES ({marks}){how[1]}"
    rows = list(rows)
    before = connection.total_changes
    connection.execute("SAVEPOINT lot")
    try:
        connection.executemany(sql, rows)
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, ValueError):
        connection.execute("ROLLBACK TO lot")
        before = connection.total_changes
        for row in rows:
            try:
                connection.execute(sql, row)
            except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, ValueError):
                found.unfit += 1
    connection.execute("RELEASE lot")
    found.rows[table] += connection.total_changes - before
    if table == "minute":
        at = columns.index("run")
        _runs(connection, {(row[at],) for row in rows})


def _runs(connection: sqlite3.Connection, runs: Iterable[Row]) -> None:
    for run in runs:
        with suppress(sqlite3.IntegrityError):
            connection.execute("INSERT INTO former_run VALUES (?) ON CONFLICT DO NOTHING", run)


def older(
    known: Mapping[str, Way | None], wreck: Wreck, rest: Rest
) -> Iterator[tuple[Rest, list[str], list[Row]]]:
    """What is still to be brought over, the newest of each table first: rows with their columns, of the table
    that the new `Rest` names, which also says how far they go."""
    for table, way in known.items():
        if way is None or not _later(table, way) or table < rest.table:
            continue
        columns, span = wreck.columns(table), wreck.span(way)
        if not columns or span is None:
            continue
        behind = rest.behind if table == rest.table else rest.cut
        at = columns.index(way.key)
        lot: list[Row] = []
        for rows in wreck.read(way, columns, span[0], min(behind, span[1])):
            lot += [row for row in rows if isinstance(row[at], int | float)]
            if len(lot) >= LOT:
                yield _upto(rest, table, lot, at), columns, lot
                lot = []
        if lot:
            yield _upto(rest, table, lot, at), columns, lot


def _upto(rest: Rest, table: str, lot: list[Row], at: int) -> Rest:
    return replace(rest, table=table, behind=int(min(row[at] for row in lot)))


def keep_older(
    connection: sqlite3.Connection, key: str, rest: Rest, columns: list[str], rows: list[Row]
) -> Found:
    """Keep a lot of `older` and how far it goes, within the caller's transaction. key: `rest`'s in `meta`."""
    found = Found()
    ours = _columns(connection, rest.table)
    shared = [i for i, name in enumerate(columns) if name in ours]
    lot = [tuple(row[i] for i in shared) for row in rows]
    _keep(connection, rest.table, [columns[i] for i in shared], lot, found)
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, rest.text()))
    return found
