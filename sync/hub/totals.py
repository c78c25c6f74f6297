"""What the hub holds, in numbers: for the demo, a first look and the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.as_json import FIGURES
from sync.hub.databases import Ask, is_postgres, reading
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
    """Windows in them and in `hours`, but for minutes that came again in an hour."""
    events: int
    set_aside: int
    """Messages that counted as received but could not be used."""
    given_up: int
    """Messages that the box lost or gave up before the hub had them."""
    gates: tuple[GateTotals, ...]
    areas: tuple[AreaTotals, ...] = ()
    hours: int = 0
    """Messages `storeedge/hour/1`: minutes together, of a box whose disk was full."""


def totals(where: str | Path) -> list[BoxTotals]:
    """Per box, in order of name. Reads only; may be called while the hub runs. Raises SyncError."""
    with reading(where) as ask:
        return [_box(ask, *row) for row in ask(_BOXES, ())]


def heat(where: str | Path, box: BoxIdentity, camera: str, begin: int, end: int) -> list[HeatTotals]:
    """The heat map of a camera over the minutes that start in [begin, end), UTC seconds; two where its floor
    was first measured in between, none where no minute is held. Raises SyncError."""
    cells: dict[str, dict[tuple[int, int], float]] = {}
    with reading(where) as ask:
        key = (box.tenant, box.store, box.box, camera, begin, end)
        observed = ask(_HEAT_OBSERVED, key)
        for unit, column, row, seconds in ask(_POSTGRES_CELLS if is_postgres(where) else _SQLITE_CELLS, key):
            cells.setdefault(unit, {})[column, row] = seconds
    return [HeatTotals(unit, seconds, cells.get(unit, {})) for unit, seconds in observed]


_BOXES = """
SELECT tenant, store, box FROM box UNION SELECT DISTINCT tenant, store, box FROM message ORDER BY 1, 2, 3
"""
_HERE = "tenant = ? AND store = ? AND box = ?"
_MESSAGES = f"""
SELECT count(*) FILTER (WHERE "schema" = 'storeedge/minute/1'),
       count(*) FILTER (WHERE "schema" = 'storeedge/hour/1'),
       count(*) FILTER (WHERE "schema" = 'storeedge/event/1'),
       count(*) FILTER (WHERE "schema" = '' OR substr("schema", 1, 6) = 'aside:')
FROM message WHERE {_HERE}
"""  # noqa: S608
_GIVEN_UP = "CAST(coalesce(sum(given_up), 0) AS BIGINT)"
_SCOPES = tuple(FIGURES)
_WINDOWS = " + ".join(
    f"(SELECT count(*) FROM {scope}_told WHERE {_HERE})"  # noqa: S608
    for scope in _SCOPES
)


def _whole(column: str) -> str:
    """A sum, or NULL where a minute that was observed does not know the figure."""
    unknown = f"sum(CASE WHEN {column} IS NULL AND entries IS NOT NULL THEN 1 END) > 0"
    return f"CASE WHEN {unknown} THEN NULL ELSE {_sum(column)} END"


def _sum(column: str) -> str:
    """A whole number, on PostgreSQL too."""
    return f"CAST(sum({column}) AS BIGINT)"


_GATES = f"""
SELECT camera, id, {_sum("entries")}, {_sum("exits")}, {_whole("staff_entries")}, {_whole("staff_exits")},
       {_whole("u_turns")}, {_whole("parties")}
FROM gate_told WHERE {_HERE} GROUP BY camera, id ORDER BY 1, 2
"""  # noqa: S608
_AREAS = f"""
SELECT id, sum(person_seconds) / sum(observed_seconds) FILTER (WHERE observed_seconds > 0), max(peak),
       (SELECT one.now FROM occupancy_told AS one
        WHERE (one.tenant, one.store, one.box, one.id) = (each.tenant, each.store, each.box, each.id)
          AND one.now IS NOT NULL ORDER BY one.latest DESC LIMIT 1),
       {_sum("drift")}
FROM occupancy_told AS each WHERE {_HERE} GROUP BY tenant, store, box, id ORDER BY 1
"""  # noqa: S608
_STRETCH = f"{_HERE} AND camera = ? AND start >= ? AND start < ?"
_HEAT_OBSERVED = f"""
SELECT unit, sum(observed_seconds) FROM heat_told WHERE {_STRETCH} GROUP BY unit ORDER BY 1
"""  # noqa: S608
_SQLITE_CELLS = f"""
SELECT unit, each.value ->> 0, each.value ->> 1, sum(each.value ->> 2)
FROM heat_told, json_each(cells) AS each WHERE {_STRETCH} GROUP BY 1, 2, 3
"""  # noqa: S608
_POSTGRES_CELLS = f"""
SELECT unit, (cell ->> 0)::int, (cell ->> 1)::int, sum((cell ->> 2)::float)
FROM heat_told, json_array_elements(cells) AS cell WHERE {_STRETCH} GROUP BY 1, 2, 3
"""  # noqa: S608


def _box(ask: Ask, *key: str) -> BoxTotals:
    ((minutes, hours, events, set_aside),) = ask(_MESSAGES, key)
    ((windows,),) = ask(f"SELECT {_WINDOWS}", key * len(_SCOPES))
    ((given_up,),) = ask(f"SELECT {_GIVEN_UP} FROM stream WHERE {_HERE}", key)  # noqa: S608
    online = ask(f"SELECT online FROM box WHERE {_HERE}", key)  # noqa: S608
    return BoxTotals(
        box=BoxIdentity(*key),
        online=bool(online[0][0]) if online else None,
        minutes=minutes,
        windows=windows,
        events=events,
        set_aside=set_aside,
        given_up=given_up,
        gates=tuple(GateTotals(*row) for row in ask(_GATES, key)),
        hours=hours,
        areas=tuple(AreaTotals(*row) for row in ask(_AREAS, key)),
    )
