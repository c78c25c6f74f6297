"""What the hub holds, in numbers: for the demo, a first look and the tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.as_json import FIGURES
from sync.errors import SyncError
from sync.topics import BoxIdentity


@dataclass(frozen=True, slots=True)
class GateTotals:
    """Everything that one gate reported; None where it never observed anything, or where some of its minutes
    are of a box that did not count it yet."""

    camera: str
    gate: str
    entries: int | None
    exits: int | None
    staff_entries: int | None = None
    staff_exits: int | None = None
    u_turns: int | None = None
    parties: int | None = None

    @property
    def net(self) -> int | None:
        """Footfall: entries less staff's and U-turns."""
        if self.entries is None or self.staff_entries is None or self.u_turns is None:
            return None
        return self.entries - self.staff_entries - self.u_turns


@dataclass(frozen=True, slots=True)
class AreaTotals:
    """What an area's gates came to; None where they never observed anything."""

    area: str
    mean: float | None
    """People on average over the time that was observed."""
    peak: int | None
    now: int | None
    """At the newest minute that was observed."""
    drift: int | None
    """People whom the gates gave too many (above zero) or too few."""


@dataclass(frozen=True, slots=True)
class HeatTotals:
    """A camera's heat map over some time."""

    unit: str
    """m: cells of 0.5 m of the floor; frame: of 1/24 frame heights."""
    observed_seconds: float
    cells: Mapping[tuple[int, int], float]
    """Seconds of presence by (column, row)."""


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
    areas: tuple[AreaTotals, ...] = ()


def totals(path: Path) -> list[BoxTotals]:
    """Per box, in order of name. Reads only; may be called while the hub runs."""
    with _reading(path) as db:
        return [_box(db, *row) for row in db.execute(_BOXES).fetchall()]


def heat(path: Path, box: BoxIdentity, camera: str, begin: int, end: int) -> list[HeatTotals]:
    """The heat map of a camera over the minutes that start in [begin, end), UTC seconds; two where its floor
    was first measured in between, none where no minute is held."""
    with _reading(path) as db:
        key = (box.tenant, box.store, box.box, camera, begin, end)
        observed = db.execute(_HEAT_OBSERVED, key).fetchall()
        cells: dict[str, dict[tuple[int, int], float]] = {}
        for unit, column, row, seconds in db.execute(_HEAT_CELLS, key):
            cells.setdefault(unit, {})[column, row] = seconds
    return [HeatTotals(unit, seconds, cells.get(unit, {})) for unit, seconds in observed]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """One moment of the database, for all the queries inside."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            db.execute("BEGIN")
            yield db
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
_SCOPES = tuple(FIGURES)
_WINDOWS = " + ".join(
    f"(SELECT count(*) FROM {scope}_minute WHERE {_HERE})"  # noqa: S608
    for scope in _SCOPES
)


def _whole(column: str) -> str:
    """A sum, or NULL where a minute that was observed does not know the figure."""
    return f"iif(sum({column} IS NULL AND entries IS NOT NULL), NULL, sum({column}))"


_GATES = f"""
SELECT camera, id, sum(entries), sum(exits), {_whole("staff_entries")}, {_whole("staff_exits")},
       {_whole("u_turns")}, {_whole("parties")}
FROM gate_minute WHERE {_HERE} GROUP BY camera, id ORDER BY 1, 2
"""  # noqa: S608
_AREAS = f"""
SELECT id, sum(person_seconds) / sum(observed_seconds) FILTER (WHERE observed_seconds > 0), max(peak),
       (SELECT one.now FROM occupancy_minute AS one
        WHERE (one.tenant, one.store, one.box, one.id) = (each.tenant, each.store, each.box, each.id)
          AND one.now IS NOT NULL ORDER BY one.start DESC LIMIT 1),
       sum(drift)
FROM occupancy_minute AS each WHERE {_HERE} GROUP BY id ORDER BY 1
"""  # noqa: S608
_STRETCH = f"{_HERE} AND camera = ? AND start >= ? AND start < ?"
_HEAT_OBSERVED = f"""
SELECT unit, sum(observed_seconds) FROM heat_minute WHERE {_STRETCH} GROUP BY unit ORDER BY 1
"""  # noqa: S608
_HEAT_CELLS = f"""
SELECT unit, each.value ->> 0, each.value ->> 1, sum(each.value ->> 2)
FROM heat_minute, json_each(cells) AS each WHERE {_STRETCH} GROUP BY 1, 2, 3
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
        areas=tuple(AreaTotals(*row) for row in db.execute(_AREAS, key)),
    )
