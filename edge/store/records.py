"""Records one by one: crossings, visits, vehicle passages and events, in their tables and out again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from pipelines.records import MINUTE_S, Crossing, Event, Record, VehiclePassage, Visit, Wait

Counted = Crossing | Visit | Wait | VehiclePassage
"""Records that windows count."""


_COLUMNS: Final = {
    "crossing": ("t", "camera", "gate", "direction", "track", "inferred", "u_turn"),
    "visit": ("t_out", "t_in", "camera", "zone", "track", "censored", "end_reason", "staff", "arrived"),
    "wait": ("t_out", "t_in", "camera", "zone", "track", "outcome", "censored"),
    "vehicle_passage": ("t", "camera", "lane", "direction", "track", "wrong_way"),
}
_INSERT: Final = {
    table: f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
    "ON CONFLICT DO NOTHING"
    for table, names in _COLUMNS.items()
}


def insert(connection: sqlite3.Connection, record: Record) -> bool:
    """Keep a record; False when the very same is already kept (a repeat changes nothing).

    An event that comes again with an end or another detail replaces the one begun.
    """
    match record:
        case Crossing():
            sql = _INSERT["crossing"]
            row: tuple[Any, ...] = (
                record.t, record.camera, record.gate, record.direction, record.track, int(record.inferred),
                int(record.u_turn),
            )  # fmt: skip
        case Visit():
            sql = _INSERT["visit"]
            row = (
                record.t_out, record.t_in, record.camera, record.zone, record.track, int(record.censored),
                record.end_reason, record.staff, int(record.arrived),
            )  # fmt: skip
        case Wait():
            sql = _INSERT["wait"]
            row = (
                record.t_out, record.t_in, record.camera, record.zone, record.track, record.outcome,
                int(record.censored),
            )  # fmt: skip
        case VehiclePassage():
            sql = _INSERT["vehicle_passage"]
            row = (
                record.t, record.camera, record.lane, record.direction, record.track, int(record.wrong_way),
            )  # fmt: skip
        case Event():
            sql = (
                "INSERT INTO event (t, name, camera, scope, t_end, detail) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET "
                "t_end = excluded.t_end, detail = excluded.detail "
                "WHERE t_end IS NOT excluded.t_end OR detail IS NOT excluded.detail"
            )
            row = (
                record.t, record.name, record.camera or "", record.scope or "", record.t_end,
                json.dumps(dict(record.detail), ensure_ascii=False, sort_keys=True),
            )  # fmt: skip
    return connection.execute(sql, row).rowcount > 0


def mark_counted(connection: sqlite3.Connection, start: int) -> None:
    """Note that the minute `start` holds every record up to its end that no earlier one held."""
    end = start + MINUTE_S
    connection.execute("UPDATE crossing SET counted = ? WHERE counted IS NULL AND t < ?", (start, end))
    connection.execute("UPDATE visit SET counted = ? WHERE counted IS NULL AND t_out < ?", (start, end))
    connection.execute("UPDATE wait SET counted = ? WHERE counted IS NULL AND t_out < ?", (start, end))
    connection.execute("UPDATE vehicle_passage SET counted = ? WHERE counted IS NULL AND t < ?", (start, end))


def _crossing(row: sqlite3.Row) -> Crossing:
    return Crossing(
        row["camera"], row["gate"], row["direction"], row["t"], row["track"], bool(row["inferred"]),
        bool(row["u_turn"]),
    )  # fmt: skip


def _visit(row: sqlite3.Row) -> Visit:
    return Visit(
        row["camera"], row["zone"], row["t_in"], row["t_out"], bool(row["censored"]), row["end_reason"],
        row["staff"], row["track"], bool(row["arrived"]),
    )  # fmt: skip


def _wait(row: sqlite3.Row) -> Wait:
    return Wait(
        row["camera"], row["zone"], row["t_in"], row["t_out"], row["outcome"], bool(row["censored"]),
        row["track"],
    )  # fmt: skip


def _vehicle(row: sqlite3.Row) -> VehiclePassage:
    return VehiclePassage(
        row["lane"], row["direction"], row["t"], row["track"], row["camera"], bool(row["wrong_way"])
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(
        row["name"], row["t"], row["camera"] or None, row["scope"] or None, row["t_end"],
        json.loads(row["detail"]),
    )  # fmt: skip


def uncounted(connection: sqlite3.Connection) -> Sequence[Counted]:
    """What no committed minute holds yet, oldest first. The connection's rows are `sqlite3.Row`."""
    found: list[Counted] = [
        *map(_crossing, connection.execute("SELECT * FROM crossing WHERE counted IS NULL")),
        *map(_visit, connection.execute("SELECT * FROM visit WHERE counted IS NULL")),
        *map(_wait, connection.execute("SELECT * FROM wait WHERE counted IS NULL")),
        *map(_vehicle, connection.execute("SELECT * FROM vehicle_passage WHERE counted IS NULL")),
    ]
    return sorted(found, key=lambda record: record.t)


def since(connection: sqlite3.Connection, t: float) -> Sequence[Record]:
    """Every record from `t` on (a visit by its end), oldest first."""
    found: list[Record] = [
        *map(_crossing, connection.execute("SELECT * FROM crossing WHERE t >= ?", (t,))),
        *map(_visit, connection.execute("SELECT * FROM visit WHERE t_out >= ?", (t,))),
        *map(_wait, connection.execute("SELECT * FROM wait WHERE t_out >= ?", (t,))),
        *map(_vehicle, connection.execute("SELECT * FROM vehicle_passage WHERE t >= ?", (t,))),
        *events(connection, t, float("inf")),
    ]
    return sorted(found, key=lambda record: record.t)


def events(
    connection: sqlite3.Connection,
    begin: float,
    end: float,
    limit: int = 10_000,
    *,
    name: str | None = None,
    camera: str | None = None,
) -> list[Event]:
    """Events that began in [begin, end), newest first; of one name or camera where that is given."""
    rows = connection.execute(
        "SELECT * FROM event WHERE t >= ?1 AND t < ?2 AND (?3 IS NULL OR name = ?3) "
        "AND (?4 IS NULL OR camera = ?4) ORDER BY t DESC LIMIT ?5",
        (begin, end, name, camera, limit),
    )
    return [_event(row) for row in rows]


def under_way(connection: sqlite3.Connection, names: Sequence[str]) -> list[Event]:
    """The newest event of each of these names, camera and scope, where it has begun and not ended."""
    rows = connection.execute(
        "SELECT *, max(t) FROM event WHERE name IN (SELECT value FROM json_each(?)) "
        "GROUP BY name, camera, scope HAVING t_end IS NULL",
        (json.dumps(list(names)),),
    )
    return [_event(row) for row in rows]
