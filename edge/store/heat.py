"""Heat maps in their tables: minutes for two days, hours for three months, days for more than a year.

A map is one short JSON text; adding a minute changes its hour and its day. A stretch of time is read from
whole days, the hours around them and the minutes at its ends. What is no longer kept there is missing in
`observed_seconds` too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipelines.counts import heat_cells
from pipelines.heat import Cell, merge
from pipelines.records import HEAT_CELL_FRAME, HEAT_CELL_M, MINUTE_S, HeatWindow

HOUR_S: Final = 3600
DAY_S: Final = 86_400
_LEVELS: Final = ((DAY_S, "heat_day"), (HOUR_S, "heat_hour"), (MINUTE_S, "heat_window"))
_SUMS: Final = _LEVELS[:2]
CELLS_MAX: Final = 20_000
"""Cells in the map of an hour or a day: 5,000 m². The coldest go first."""

Unit = Literal["m", "frame"]
Triples = tuple[tuple[int, int, float], ...]


@dataclass(slots=True)
class HeatSum:
    """A camera's map over a stretch of time."""

    unit: Unit
    observed_seconds: float = 0.0
    cells: dict[Cell, float] = field(default_factory=dict)
    """Seconds of presence by (column, row); nobody was in the others."""

    @property
    def side(self) -> float:
        """Of a cell: metres of the floor, or frame heights."""
        return HEAT_CELL_M if self.unit == "m" else HEAT_CELL_FRAME


def cells_as_text(cells: Triples) -> str:
    """Cells as a JSON list of [column, row, seconds]."""
    return json.dumps(cells, separators=(",", ":"))


def cells_from_text(text: str) -> Triples:
    """The cells again."""
    return tuple((column, row, seconds) for column, row, seconds in json.loads(text))


def add(connection: sqlite3.Connection, window: HeatWindow) -> None:
    """Add a minute, or the part of one that is new, to its hour and its day."""
    if not window.cells and window.observed_seconds == 0:
        return
    for span, table in _SUMS:
        key = (window.start - window.start % span, window.camera, window.unit)
        row = connection.execute(
            f"SELECT observed_seconds, cells FROM {table} WHERE start = ? AND camera = ? AND unit = ?",  # noqa: S608
            key,
        ).fetchone()
        observed, cells = (row[0], _map(row[1])) if row else (0.0, {})
        whole = merge([cells, _as_map(window.cells)])
        connection.execute(
            f"INSERT OR REPLACE INTO {table} (start, camera, unit, observed_seconds, cells) "  # noqa: S608
            "VALUES (?, ?, ?, ?, ?)",
            (*key, observed + window.observed_seconds, cells_as_text(heat_cells(whole, CELLS_MAX))),
        )


def heat(connection: sqlite3.Connection, camera: str, begin: int, end: int) -> dict[Unit, HeatSum]:
    """A camera's map over [begin, end), both on a full minute; two where its floor was first measured in
    between, as cells of a picture and of a floor do not add up. Empty: nothing was kept."""
    found: dict[Unit, HeatSum] = {}
    for table, first, last in _parts(begin, end, _LEVELS):
        for unit, observed, text in connection.execute(
            f"SELECT unit, observed_seconds, cells FROM {table} "  # noqa: S608 - our names
            "WHERE start >= ? AND start < ? AND camera = ?",
            (first, last, camera),
        ):
            total = found.setdefault(unit, HeatSum(unit))
            total.observed_seconds += observed
            for column, row, seconds in json.loads(text):
                total.cells[column, row] = total.cells.get((column, row), 0.0) + seconds
    return found


def _parts(begin: int, end: int, levels: tuple[tuple[int, str], ...]) -> Iterator[tuple[str, int, int]]:
    """(table, begin, end): the longest spans inside, the shorter ones around them."""
    (span, table), rest = levels[0], levels[1:]
    first, last = -(-begin // span) * span, end // span * span
    if not rest:
        yield table, begin, end
    elif first >= last:
        yield from _parts(begin, end, rest)
    else:
        if begin < first:
            yield from _parts(begin, first, rest)
        yield table, first, last
        if last < end:
            yield from _parts(last, end, rest)


def _map(text: str) -> Mapping[Cell, float]:
    return _as_map(cells_from_text(text))


def _as_map(cells: Triples) -> Mapping[Cell, float]:
    return {(column, row): seconds for column, row, seconds in cells}
