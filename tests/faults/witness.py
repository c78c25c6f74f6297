"""Looks into the box's database while everything is killed around it, and forgets nothing that it saw.

Whoever reads a row in another process reads what was committed: none of it may be missing in the end.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WATCHED: Final = {
    "crossing": "t, camera, gate, direction, track",
    "visit": "t_out, t_in, camera, zone, track",
    "wait": "t_out, t_in, camera, zone, track",
    "vehicle_passage": "t, camera, lane, direction, track",
    "event": "t, name, camera, scope",
    "minute": "start, run",
    "coupon_trigger": '"key", session, direction, lane, rule',
}
"""Tables whose rows never change in these columns, and never go within an hour."""
Rows = dict[str, set[tuple[object, ...]]]


def committed(database: Path) -> Rows | None:
    """What the box's database holds at this moment; None while it cannot be read."""
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2.0)
        try:
            connection.execute("BEGIN")
            return {
                table: set(connection.execute(f"SELECT {columns} FROM {table}"))
                for table, columns in WATCHED.items()
            }
        finally:
            connection.close()
    except sqlite3.Error:
        return None


@dataclass(slots=True)
class Witness:
    """Everything that was ever seen committed."""

    database: Path
    every_s: float = 0.7
    seen: Rows = field(default_factory=lambda: {table: set() for table in WATCHED})
    looks: int = 0
    _looked_at: float = 0.0

    def look(self) -> None:
        """Look again when it is time."""
        if time.monotonic() - self._looked_at < self.every_s:
            return
        self._looked_at = time.monotonic()
        if (rows := committed(self.database)) is not None:
            self.looks += 1
            for table, found in rows.items():
                self.seen[table] |= found

    def vanished(self, now: Rows) -> dict[str, int]:
        """How many rows of each table were seen and are not there now."""
        return {table: len(rows - now[table]) for table, rows in self.seen.items() if rows - now[table]}
