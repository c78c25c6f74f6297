"""Windows in their tables: the minutes as they were made, and the quarter-hours that sum them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from edge.store import heat
from pipelines.as_json import KINDS
from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    MINUTE_S,
    HeatWindow,
    OccupancyWindow,
    QueueWindow,
    Window,
    ZoneWindow,
)

__all__ = ["KINDS", "QUARTER_S", "add_to_quarter", "columns", "cut", "put", "select"]

QUARTER_S: Final = 900

_KEY: Final = ("start", "camera", "id")
_HISTOGRAMS: Final = {
    "dwell": len(DWELL_EDGES_S),
    "dwell_censored": len(DWELL_EDGES_S),
    "lengths": len(LENGTH_EDGES),
    "wait": len(DWELL_EDGES_S),
    "wait_censored": len(DWELL_EDGES_S),
}
"""The number of bins of each column that holds a histogram."""
_JUDGED: Final = "quality"
"""The field of a window that is no column: it follows from the others."""
_JOINED: Final = {"peak": "max({0}, {1})", "anchored": "max({0}, {1})", "now": "{1}"}
"""How a column of a quarter-hour takes up a further minute; every other one is a sum."""


def columns(scope: str) -> list[str]:
    """The columns of a scope's minute table, which are the fields of its window but for the quality."""
    return [field.name for field in fields(KINDS[scope]) if field.name != _JUDGED]


def _summed(scope: str) -> list[str]:
    """The columns of a scope's quarter-hours."""
    names = [name for name in columns(scope) if name not in _HISTOGRAMS]
    return [*names, "drifted"] if scope == "occupancy" else names


def bins_as_text(bins: tuple[int, ...]) -> str:
    """A histogram as a JSON list, the zeros at its end left out: an empty one is `[]`."""
    used = max((i + 1 for i, n in enumerate(bins) if n), default=0)
    return json.dumps(bins[:used], separators=(",", ":"))


def bins_from_text(text: str, count: int = len(DWELL_EDGES_S)) -> tuple[int, ...]:
    """The whole histogram again, `count` bins."""
    bins = json.loads(text)
    return (*bins, *[0] * (count - len(bins)))


def _names(scope: str) -> str:
    return ", ".join(f'"{name}"' for name in columns(scope))


def _insert(scope: str) -> str:
    marks = ", ".join("?" for _ in columns(scope))
    return f"INSERT OR REPLACE INTO {scope}_window ({_names(scope)}) VALUES ({marks})"  # noqa: S608 - our names


def _add(scope: str) -> str:
    """Adding a window to its quarter-hour."""
    names = _summed(scope)
    sums = ", ".join(
        f'"{name}" = ' + _JOINED.get(name, "{0} + {1}").format(f'"{name}"', f'excluded."{name}"')
        for name in names
        if name not in _KEY
    )
    quoted, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    return (
        f"INSERT INTO {scope}_quarter ({quoted}) VALUES ({marks}) "  # noqa: S608 - our names
        f"ON CONFLICT (start, camera, id) DO UPDATE SET {sums}"
    )


_INSERT: Final = {scope: _insert(scope) for scope in KINDS}
_ADD: Final = {scope: _add(scope) for scope in KINDS if scope != "heat"}
_ADD_STAYS: Final = {
    table: f"INSERT INTO {table} (start, camera, id, bin, complete, censored) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
    "ON CONFLICT (start, camera, id, bin) DO UPDATE SET "
    "complete = complete + excluded.complete, censored = censored + excluded.censored"
    for table in ("dwell_quarter", "wait_quarter")
}
_ADD_LENGTHS: Final = (
    "INSERT INTO length_quarter (start, camera, id, bin, seconds) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (start, camera, id, bin) DO UPDATE SET seconds = seconds + excluded.seconds"
)


def put(connection: sqlite3.Connection, window: Window) -> None:
    """Write a minute, in place of what stood there."""
    row = [_as_column(name, getattr(window, name)) for name in columns(window.scope)]
    connection.execute(_INSERT[window.scope], row)


def _as_column(name: str, value: Any) -> Any:
    if name == "cells":
        return heat.cells_as_text(value)
    return bins_as_text(value) if isinstance(value, tuple) else value


def add_to_quarter(connection: sqlite3.Connection, window: Window) -> None:
    """Add a minute, or the part of one that is new, to its quarter-hour; a heat map to its hour."""
    if isinstance(window, HeatWindow):
        heat.add(connection, window)
        return
    quarter = window.start - window.start % QUARTER_S
    values = {"start": quarter}
    if isinstance(window, OccupancyWindow):
        values["drifted"] = abs(window.drift)
    row = [values[name] if name in values else getattr(window, name) for name in _summed(window.scope)]
    connection.execute(_ADD[window.scope], row)
    place = (quarter, window.camera, window.id)
    match window:
        case ZoneWindow():
            _add_stays(connection, "dwell_quarter", place, window.dwell, window.dwell_censored)
        case QueueWindow():
            _add_stays(connection, "wait_quarter", place, window.wait, window.wait_censored)
            for i, seconds in enumerate(window.lengths):
                if seconds:
                    connection.execute(_ADD_LENGTHS, (*place, i, seconds))


def _add_stays(
    connection: sqlite3.Connection,
    table: str,
    place: tuple[int, str, str],
    complete: tuple[int, ...],
    censored: tuple[int, ...],
) -> None:
    """Add a pair of histograms to its quarter-hour."""
    for i, counts in enumerate(zip(complete, censored, strict=True)):
        if any(counts):
            connection.execute(_ADD_STAYS[table], (*place, i, *counts))


def select(connection: sqlite3.Connection, scope: str, begin: int, end: int) -> list[Window]:
    """The minutes of one scope that start in [begin, end), oldest first."""
    rows = connection.execute(
        f"SELECT {_names(scope)} FROM {scope}_window WHERE start >= ? AND start < ? "  # noqa: S608 - our names
        "ORDER BY start, camera, id",
        (begin, end),
    )
    return [_window(scope, row) for row in rows]


def cut(connection: sqlite3.Connection, scopes: Sequence[str], begin: int, end: int, limit: int) -> int:
    """Where to stop so that [begin, there) holds about `limit` windows in whole minutes, one at least."""
    starts: list[int] = []
    for scope in scopes:
        starts += [
            row[0]
            for row in connection.execute(
                f"SELECT start FROM {scope}_window WHERE start >= ? AND start < ? "  # noqa: S608 - our names
                "ORDER BY start LIMIT ?",
                (begin, end, limit + 1),
            )
        ]
    if len(starts) <= limit:
        return end
    starts.sort()
    return max(starts[limit], starts[0] + MINUTE_S)


def _window(scope: str, row: sqlite3.Row) -> Window:
    """A row as its window. What was not yet measured when it was made has the field's default."""
    found = zip(columns(scope), row, strict=True)
    values: dict[str, Any] = {name: value for name, value in found if value is not None}
    for name, count in _HISTOGRAMS.items():
        if name in values:
            values[name] = bins_from_text(values[name], count)
    if scope == "heat":
        values["cells"] = heat.cells_from_text(values["cells"])
    if scope == "occupancy":
        values["anchored"] = bool(values["anchored"])
    return KINDS[scope](**values)
