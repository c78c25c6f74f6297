"""Audits in their table and out again, and the crossings that they are compared with."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from pipelines.audit import Tally
from pipelines.records import Crossing, Direction


@dataclass(frozen=True, slots=True)
class Audit:
    """A gate and direction that a person counted by hand. Times are UTC seconds."""

    camera: str
    gate: str
    direction: Direction
    begun: float
    ended: float
    drawing: str
    """Digest of the gate as it was drawn then (`edge.audit.standing.drawing_of`)."""
    who: str
    made_at: float
    tally: Tally


_SUMS: Final = (
    "windows", "window_error", "full_windows", "full_window_error", "minutes", "errors_squared",
    "errors_by_true", "true_squared",
)  # fmt: skip


def put(connection: sqlite3.Connection, audit: Audit) -> None:
    """Keep an audit; one of the same gate, direction and beginning is replaced."""
    tally = audit.tally
    found = tally.interval()
    row: dict[str, Any] = {
        "begun": audit.begun, "ended": audit.ended, "camera": audit.camera, "gate": audit.gate,
        "direction": audit.direction, "drawing": audit.drawing, "who": audit.who, "made_at": audit.made_at,
        "by_hand": tally.true, "counted": tally.counted, "matched": tally.matched,
        "wrong_way": tally.wrong_way, "accuracy": tally.accuracy,
        "bias_low": found.low if found else None, "bias_high": found.high if found else None,
        "verdict": tally.verdict(),
    } | {name: getattr(tally, name) for name in _SUMS}  # fmt: skip
    columns = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR REPLACE INTO audit ({columns}) VALUES ({marks})", row)  # noqa: S608 - our names


def select(connection: sqlite3.Connection, limit: int = 1_000) -> list[Audit]:
    """The newest audits, the last one first. The connection's rows are `sqlite3.Row`."""
    rows = connection.execute(
        "SELECT * FROM audit ORDER BY begun DESC, camera, gate, direction LIMIT ?", (limit,)
    )
    return [_audit(row) for row in rows]


def _audit(row: sqlite3.Row) -> Audit:
    tally = Tally(
        true=row["by_hand"],
        missed=row["by_hand"] - row["matched"],
        false=row["counted"] - row["matched"],
        wrong_way=row["wrong_way"],
        **{name: row[name] for name in _SUMS},
    )
    return Audit(
        row["camera"], row["gate"], row["direction"], row["begun"], row["ended"], row["drawing"], row["who"],
        row["made_at"], tally,
    )  # fmt: skip


def crossings(
    connection: sqlite3.Connection, camera: str, gate: str, begin: float, end: float
) -> list[Crossing]:
    """What the box counted at a gate in [begin, end]."""
    rows = connection.execute(
        "SELECT direction, t, track, inferred FROM crossing "
        "WHERE t BETWEEN ? AND ? AND camera = ? AND gate = ?",
        (begin, end, camera, gate),
    )
    return [Crossing(camera, gate, way, t, track, bool(inferred)) for way, t, track, inferred in rows]


def unseen_seconds(connection: sqlite3.Connection, camera: str, gate: str, begin: float, end: float) -> float:
    """Seconds of the committed whole minutes in [begin, end] that nobody observed."""
    found: float | None = connection.execute(
        "SELECT sum(60 - observed_seconds) FROM gate_window "
        "WHERE start >= ? AND start + 60 <= ? AND camera = ? AND id = ?",
        (begin, end, camera, gate),
    ).fetchone()[0]
    return found or 0.0
