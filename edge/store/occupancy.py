"""How many people were in an area: over any stretch of time, step by step, and last of all."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from edge.store.stretch import parts
from edge.store.windows import QUARTER_S, select
from pipelines.records import MINUTE_S, OccupancyWindow

RECENT_S: Final = 86_400


@dataclass(slots=True)
class OccupancySum:
    """An area over a stretch of time."""

    observed_seconds: float = 0.0
    person_seconds: float = 0.0
    """Integral of the number."""
    peak: int = 0
    now: int | None = None
    """At the end of what was observed; None: nobody looked."""
    drift: int = 0
    """People whom the gates gave too many (above zero) or too few (below)."""
    drifted: int = 0
    """The same without its sign, minute by minute: what `Evidence.drift` takes."""
    anchored: bool = False
    """Whether the true number was known at some time."""

    @property
    def mean(self) -> float | None:
        """People on average; None where nobody looked."""
        return self.person_seconds / self.observed_seconds if self.observed_seconds else None


@dataclass(frozen=True, slots=True)
class OccupancyStep:
    """An area over one step of a series."""

    start: int
    observed_seconds: float
    mean: float | None
    """None, as everything, where nobody looked."""
    peak: int | None
    now: int | None
    """At the end."""


_SUMS: Final = (
    "SELECT id, sum(observed_seconds), sum(person_seconds), max(peak), sum(drift), sum({drifted}), "
    "max(anchored) FROM occupancy_{table} WHERE start >= ? AND start < ? GROUP BY id"
)
_NOW: Final = (
    "SELECT id, now, max(start) FROM occupancy_{table} "
    "WHERE start >= ? AND start < ? AND (observed_seconds > 0 OR anchored) GROUP BY id"
)


def occupancy(connection: sqlite3.Connection, begin: int, end: int) -> dict[str, OccupancySum]:
    """Every area that has a window in [begin, end), by its id; both on a full minute."""
    found: dict[str, OccupancySum] = {}
    for part in parts(begin, end):
        span, table = (part.begin, part.end), part.table
        drifted = "drifted" if table == "quarter" else "abs(drift)"
        for area, observed, present, peak, drift, either, anchored in connection.execute(
            _SUMS.format(table=table, drifted=drifted), span
        ):
            total = found.setdefault(area, OccupancySum())
            total.observed_seconds += observed
            total.person_seconds += present
            total.peak = max(total.peak, peak)
            total.drift += drift
            total.drifted += either
            total.anchored |= bool(anchored)
        for area, now, _ in connection.execute(_NOW.format(table=table), span):  # the parts are in order
            found[area].now = now
    return found


def occupancy_steps(connection: sqlite3.Connection, area: str, begin: int, end: int) -> list[OccupancyStep]:
    """An area's minutes in [begin, end), or its quarter-hours where the stretch is longer than 6 hours."""
    table = "window" if end - begin <= 24 * QUARTER_S else "quarter"
    rows = connection.execute(
        f"SELECT start, observed_seconds, person_seconds, peak, now FROM occupancy_{table} "  # noqa: S608
        "WHERE start >= ? AND start < ? AND id = ? ORDER BY start",
        (begin - begin % (MINUTE_S if table == "window" else QUARTER_S), end, area),
    )
    return [
        OccupancyStep(start, observed, present / observed, peak, now)
        if observed
        else OccupancyStep(start, 0.0, None, None, None)
        for start, observed, present, peak, now in rows
    ]


def last(connection: sqlite3.Connection) -> list[OccupancyWindow]:
    """The newest window of each area, of the last day that has any."""
    newest = connection.execute("SELECT max(start) FROM occupancy_window").fetchone()[0]
    if newest is None:
        return []
    found = {
        window.id: window
        for window in select(connection, "occupancy", newest - RECENT_S, newest + MINUTE_S)
        if isinstance(window, OccupancyWindow)
    }
    return list(found.values())
