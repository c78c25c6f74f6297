"""What the page and the API ask of the store: sums and series of any stretch of time, in milliseconds.

A stretch is read from the quarter-hours as far as it covers whole ones, and from the minutes at its ragged
ends. Records that no committed minute holds yet are added where figures must be live. Each function takes
an open read-only connection, so that all that a page shows comes from one state of the store.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from edge.clock_trust import DARK_END
from edge.store.stretch import Key, parts
from edge.store.sums import LANE_WAYS, CameraSum, GateSum, LaneSum, ZoneSum
from pipelines.records import MINUTE_S

__all__ = [
    "LANE_WAYS", "CameraSum", "Fresh", "GateSum", "Key", "LaneSum", "Step", "ZoneSum", "cameras",
    "first_observed", "fresh", "gates", "lanes", "last_minute", "observed", "series", "zones",
]  # fmt: skip

_SUMMED: Final = {
    "gate": ("entries", "exits", "inferred", "observed_seconds", "staff_entries", "staff_exits"),
    "zone": (
        "visits", "passes", "person_seconds", "dwell_seconds", "observed_seconds", "staff_visits",
        "staff_seconds",
    ),
    "camera": ("observed_seconds", "frames", "person_seconds"),
}  # fmt: skip
_ADDED: Final = {
    "gate": ("u_turns", "parties"),
    "zone": ("arrivals", "pass_seconds"),
    "camera": ("identities", "broken"),
}
"""Columns that are NULL in rows of before they were counted."""


def _question(scope: str) -> str:
    """Sums by gate, zone or camera; NULL where any observed minute lacks the figure."""
    peak = "0" if scope == "gate" else "max(peak)"
    columns = [f"sum({name})" for name in _SUMMED[scope]] + [
        f"iif(sum({name} IS NULL AND observed_seconds > 0), NULL, coalesce(sum({name}), 0))"
        for name in _ADDED[scope]
    ]
    return (
        f"SELECT camera, id, {peak}, {', '.join(columns)} FROM {scope}_{{table}} "  # noqa: S608 - our names
        "WHERE start >= ? AND start < ? GROUP BY camera, id"
    )


_QUESTIONS: Final = {scope: _question(scope) for scope in _SUMMED}
_DWELL: Final = {
    "quarter": "SELECT camera, id, bin, sum(complete), sum(censored) FROM dwell_quarter "
    "WHERE start >= ? AND start < ? GROUP BY bin, camera, id",
    "window": "SELECT camera, zone_window.id, each.key, sum(each.value), 0 "
    "FROM zone_window, json_each(dwell) AS each WHERE start >= ?1 AND start < ?2 GROUP BY 1, 2, 3 "
    "UNION ALL SELECT camera, zone_window.id, each.key, 0, sum(each.value) "
    "FROM zone_window, json_each(dwell_censored) AS each WHERE start >= ?1 AND start < ?2 GROUP BY 1, 2, 3",
}
_LANES: Final = (
    'SELECT camera, id, sum("up"), sum("down"), sum("left"), sum("right"), sum(wrong_way), '
    "sum(observed_seconds) FROM lane_{table} WHERE start >= ? AND start < ? GROUP BY camera, id"
)


_Sum = TypeVar("_Sum", GateSum, ZoneSum, CameraSum)


def _sums(
    connection: sqlite3.Connection, scope: str, kind: Callable[[], _Sum], begin: int, end: int
) -> dict[Key, _Sum]:
    found: dict[Key, _Sum] = {}
    for part in parts(begin, end):
        sql = _QUESTIONS[scope].format(table=part.table)
        for camera, name, peak, *sums in connection.execute(sql, (part.begin, part.end)):
            total = found.setdefault((camera, name), kind())
            if not isinstance(total, GateSum):
                total.peak = max(total.peak, peak)
            for column, value in zip((*_SUMMED[scope], *_ADDED[scope]), sums, strict=True):
                so_far = getattr(total, column)
                setattr(total, column, None if so_far is None or value is None else so_far + value)
    return found


def gates(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, GateSum]:
    """Every gate that has a window in [begin, end); both on a full minute."""
    return _sums(connection, "gate", GateSum, begin, end)


def cameras(connection: sqlite3.Connection, begin: int, end: int) -> dict[str, CameraSum]:
    """Every camera that has a window in [begin, end): what the quality of all its figures follows from
    (`pipelines.window_quality`)."""
    found = _sums(connection, "camera", CameraSum, begin, end)
    return {camera: total for (camera, _), total in found.items()}


def zones(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, ZoneSum]:
    """Every zone that has a window in [begin, end), with its histogram of visits."""
    found = _sums(connection, "zone", ZoneSum, begin, end)
    for part in parts(begin, end):
        for camera, zone, i, complete, censored in connection.execute(
            _DWELL[part.table], (part.begin, part.end)
        ):
            total = found[camera, zone]
            total.dwell[i] += complete
            total.censored[i] += censored
    return found


def lanes(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, LaneSum]:
    """Every lane that has a window in [begin, end)."""
    found: dict[Key, LaneSum] = {}
    for part in parts(begin, end):
        for camera, lane, *sums in connection.execute(
            _LANES.format(table=part.table), (part.begin, part.end)
        ):
            total = found.setdefault((camera, lane), LaneSum())
            for way, count in zip(LANE_WAYS, sums, strict=False):
                total.ways[way] += count
            total.wrong_way += sums[4]
            total.observed_seconds += sums[5]
    return found


def observed(connection: sqlite3.Connection, begin: int, end: int) -> dict[str, float]:
    """Seconds that each camera was observed in [begin, end)."""
    found: dict[str, float] = {}
    for part in parts(begin, end):
        sql = f"SELECT camera, sum(observed_seconds) FROM camera_{part.table} "  # noqa: S608 - our names
        for camera, seconds in connection.execute(
            sql + "WHERE start >= ? AND start < ? GROUP BY camera", (part.begin, part.end)
        ):
            found[camera] = found.get(camera, 0.0) + seconds
    return found


def first_observed(connection: sqlite3.Connection, begin: int, end: int) -> int | None:
    """The first minute in [begin, end) that any camera observed."""
    found: int | None = connection.execute(
        "SELECT start FROM camera_window WHERE start >= ? AND start < ? AND observed_seconds > 0 "
        "ORDER BY start LIMIT 1",
        (begin, end),
    ).fetchone()
    return found[0] if found else None  # type: ignore[index]


def last_minute(connection: sqlite3.Connection, *, dark: bool = False) -> int | None:
    """Start of the newest committed minute; of those whose time of day is not known where `dark`."""
    found: int | None = connection.execute(
        "SELECT max(start) FROM minute WHERE (start < ?) = ?", (DARK_END, dark)
    ).fetchone()[0]
    return found


@dataclass(slots=True)
class Step:
    """One step of a gate's or zone's series, such as an hour."""

    observed_seconds: float
    counts: list[float]
    """A gate's entries and exits; a zone's visits; a queue's waits, their seconds, those over the limit and
    those abandoned."""


_COUNTED: Final = {
    "gate": ("entries", "exits"),
    "zone": ("visits",),
    "queue": ("waits", "wait_seconds", "over_limit", "abandoned"),
}


def series(
    connection: sqlite3.Connection, scope: str, spans: Sequence[tuple[int, int]]
) -> dict[Key, list[Step | None]]:
    """What was committed in each of these stretches, by gate, zone or queue; None where nothing was.

    spans: [begin, end) one after the other, each a minute long, or made of whole quarter-hours.
    """
    if not spans:
        return {}
    table = "window" if spans[0][1] - spans[0][0] == MINUTE_S else "quarter"
    starts, found = [begin for begin, _ in spans], dict[Key, list[Step | None]]()
    for camera, name, start, seconds, *counts in connection.execute(
        f"SELECT camera, id, start, observed_seconds, {', '.join(_COUNTED[scope])} "  # noqa: S608 - our names
        f"FROM {scope}_{table} WHERE start >= ? AND start < ?",
        (spans[0][0], spans[-1][1]),
    ):
        steps = found.setdefault((camera, name), [None] * len(spans))
        i = bisect_right(starts, start) - 1
        step = steps[i]
        if step is None:
            steps[i] = Step(seconds, counts)
        else:
            step.observed_seconds += seconds
            step.counts = [a + b for a, b in zip(step.counts, counts, strict=True)]
    return found


@dataclass(frozen=True, slots=True)
class Fresh:
    """Something counted that no committed minute holds yet."""

    camera: str
    id: str
    t: float
    what: str
    """`in`, `out`, a way through a lane's picture, or `visit`."""
    seconds: float = 0.0
    """Of a visit: its length."""
    censored: bool = False
    u_turn: bool = False
    """Of a crossing: takes back the one before."""


def fresh(connection: sqlite3.Connection, begin: float, end: float) -> list[Fresh]:
    """What was counted in [begin, end) and is not yet in a window."""
    span = (begin, end)
    return [
        *(
            Fresh(camera, gate, t, direction, u_turn=bool(u_turn))
            for camera, gate, t, direction, u_turn in connection.execute(
                "SELECT camera, gate, t, direction, u_turn FROM crossing "
                "WHERE counted IS NULL AND t >= ? AND t < ?",
                span,
            )
        ),
        *(
            Fresh(*row)
            for row in connection.execute(
                "SELECT camera, lane, t, direction FROM vehicle_passage "
                "WHERE counted IS NULL AND t >= ? AND t < ?",
                span,
            )
        ),
        *(
            Fresh(camera, zone, t, "visit", max(0.0, t - t_in), bool(censored))
            for camera, zone, t, t_in, censored in connection.execute(
                "SELECT camera, zone, t_out, t_in, censored FROM visit "
                "WHERE counted IS NULL AND t_out >= ? AND t_out < ?",
                span,
            )
        ),
    ]
