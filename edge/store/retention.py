"""How long each kind of row is kept where there is room (where there is none: `budget_steps.py`)."""

from __future__ import annotations

import sqlite3
from typing import Final

DAY_S: Final = 86_400

KEPT_DAYS: Final = {
    "crossing": 35,  # one person's step or stay: enough to look into last month's doubt, no longer
    "visit": 35,
    "wait": 35,
    "vehicle_passage": 35,
    "event": 400,
    "minute": 400,
    "gate_window": 400,  # a year and its comparison with the year before
    "zone_window": 400,
    "queue_window": 400,
    "counter_window": 400,
    "camera_window": 400,
    "lane_window": 400,
    "occupancy_window": 400,
    "heat_window": 2,  # only to put a minute of two runs together, and for the ends of a stretch
    "heat_hour": 93,  # 16 busy cameras: some 100 MB of 5 KiB an hour each
    "heat_day": 400,  # another 50
    "gate_quarter": 1830,  # five years
    "zone_quarter": 1830,
    "dwell_quarter": 1830,
    "queue_quarter": 1830,
    "counter_quarter": 1830,
    "wait_quarter": 1830,
    "length_quarter": 1830,
    "camera_quarter": 1830,
    "lane_quarter": 1830,
    "occupancy_quarter": 1830,
    "audit": 1830,
    "parking_session": 35,
    "coupon_trigger": 400,
    "coupon_count": 400,
}
"""Days by table. The outbox has no term: only the centre's acknowledgement takes a row out of it."""

TIME: Final = {
    "visit": "t_out", "wait": "t_out", "crossing": "t", "vehicle_passage": "t", "event": "t",
    "audit": "begun", "parking_session": "told_at", "coupon_trigger": "t",
}  # fmt: skip
"""The column that tells a row's age; `start` in every other table."""


def expire(connection: sqlite3.Connection, now: float) -> int:
    """Delete what is older than its table's term; the number of rows."""
    gone = 0
    for table, days in KEPT_DAYS.items():
        column = TIME.get(table, "start")
        gone += connection.execute(
            f"DELETE FROM {table} WHERE {column} < ?",  # noqa: S608 - our names
            (now - days * DAY_S,),
        ).rowcount
    return gone
