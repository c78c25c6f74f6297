"""What the page and the API ask of the store: sums and series of any stretch of time, in milliseconds.

A stretch is read from the quarter-hours as far as it covers whole ones, and from the minutes at its ragged
ends. Records that no committed minute holds yet are added where figures must be live. Each function takes
an open read-only connection, so that all that a page shows comes from one state of the store.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.store.windows import QUARTER_S
from pipelines.records import DWELL_EDGES_S, MINUTE_S

Key = tuple[str, str]
"""(camera, id) of a gate, zone or lane."""
LANE_WAYS: Final = ("up", "down", "left", "right")
_BINS: Final = len(DWELL_EDGES_S)


@dataclass(slots=True)
class GateSum:
    """A gate over a stretch of time."""

    entries: int = 0
    exits: int = 0
    inferred: int = 0
    observed_seconds: float = 0.0


@dataclass(slots=True)
class ZoneSum:
    """A zone over a stretch of time. `dwell` and `censored` count visits by `DWELL_EDGES_S`."""

    visits: int = 0
    passes: int = 0
    person_seconds: float = 0.0
    peak: int = 0
    dwell_seconds: float = 0.0
    observed_seconds: float = 0.0
    dwell: list[int] = field(default_factory=lambda: [0] * _BINS)
    censored: list[int] = field(default_factory=lambda: [0] * _BINS)


@dataclass(slots=True)
class LaneSum:
    """A lane over a stretch of time: vehicles by direction in the picture."""

    ways: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANE_WAYS, 0))
    wrong_way: int = 0
    observed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch that one kind of table covers."""

    table: str
    begin: int
    end: int


def _parts(begin: int, end: int) -> Iterator[_Part]:
    """The quarter-hours inside [begin, end) and the minutes around them."""
    first, last = -(-begin // QUARTER_S) * QUARTER_S, end // QUARTER_S * QUARTER_S
    if first >= last:
        yield _Part("window", begin, end)
        return
    if begin < first:
        yield _Part("window", begin, first)
    yield _Part("quarter", first, last)
    if last < end:
        yield _Part("window", last, end)


_GATES: Final = (
    "SELECT camera, id, sum(entries), sum(exits), sum(inferred), sum(observed_seconds) "
    "FROM gate_{table} WHERE start >= ? AND start < ? GROUP BY camera, id"
)
_ZONES: Final = (
    "SELECT camera, id, sum(visits), sum(passes), sum(person_seconds), max(peak), sum(dwell_seconds), "
    "sum(observed_seconds) FROM zone_{table} WHERE start >= ? AND start < ? GROUP BY camera, id"
)
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


def gates(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, GateSum]:
    """Every gate that has a window in [begin, end); both on a full minute."""
    found: dict[Key, GateSum] = {}
    for part in _parts(begin, end):
        for camera, gate, *sums in connection.execute(
            _GATES.format(table=part.table), (part.begin, part.end)
        ):
            total = found.setdefault((camera, gate), GateSum())
            total.entries += sums[0]
            total.exits += sums[1]
            total.inferred += sums[2]
            total.observed_seconds += sums[3]
    return found


def zones(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, ZoneSum]:
    """Every zone that has a window in [begin, end), with its histogram of visits."""
    found: dict[Key, ZoneSum] = {}
    for part in _parts(begin, end):
        span = (part.begin, part.end)
        for camera, zone, *sums in connection.execute(_ZONES.format(table=part.table), span):
            total = found.setdefault((camera, zone), ZoneSum())
            total.visits += sums[0]
            total.passes += sums[1]
            total.person_seconds += sums[2]
            total.peak = max(total.peak, sums[3])
            total.dwell_seconds += sums[4]
            total.observed_seconds += sums[5]
        for camera, zone, i, complete, censored in connection.execute(_DWELL[part.table], span):
            total = found.setdefault((camera, zone), ZoneSum())
            total.dwell[i] += complete
            total.censored[i] += censored
    return found


def lanes(connection: sqlite3.Connection, begin: int, end: int) -> dict[Key, LaneSum]:
    """Every lane that has a window in [begin, end)."""
    found: dict[Key, LaneSum] = {}
    for part in _parts(begin, end):
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
    for part in _parts(begin, end):
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


def last_minute(connection: sqlite3.Connection) -> int | None:
    """Start of the newest committed minute."""
    found: int | None = connection.execute("SELECT max(start) FROM minute").fetchone()[0]
    return found


@dataclass(slots=True)
class Step:
    """One step of a gate's or zone's series, such as an hour."""

    observed_seconds: float
    counts: list[int]
    """A gate's entries and exits; a zone's visits."""


_COUNTED: Final = {"gate": ("entries", "exits"), "zone": ("visits",)}


def series(
    connection: sqlite3.Connection, scope: str, spans: Sequence[tuple[int, int]]
) -> dict[Key, list[Step | None]]:
    """What was committed in each of these stretches, by gate or zone; None where nothing was.

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


def fresh(connection: sqlite3.Connection, begin: float, end: float) -> list[Fresh]:
    """What was counted in [begin, end) and is not yet in a window."""
    span = (begin, end)
    return [
        *(
            Fresh(*row)
            for row in connection.execute(
                "SELECT camera, gate, t, direction FROM crossing WHERE counted IS NULL AND t >= ? AND t < ?",
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
