"""A store with a known day in it, for the tests of API and page.

It is Monday 21 September 2026, 15:30:20 in Shenzhen; the store has been open since 10:00. Every observed
minute of an hour has the same figures (`HOURLY`); from 12:00 to 13:00 the camera was covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge.config import SiteConfig
from edge.live import Live
from edge.store import Store
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    Crossing,
    GateWindow,
    LaneWindow,
    Pulse,
    Visit,
    Window,
    ZonePulse,
    ZoneWindow,
)
from pipelines.windows import dwell_bin

SHENZHEN: Final = ZoneInfo("Asia/Shanghai")
NOW: Final = datetime(2026, 9, 21, 15, 30, 20, tzinfo=SHENZHEN).timestamp()
TEN: Final = int(datetime(2026, 9, 21, 10, tzinfo=SHENZHEN).timestamp())
WEEK: Final = 7 * 86_400
HOURLY: Final = {10: (1, 0), 11: (2, 1), 13: (3, 2), 14: (2, 3), 15: (4, 1)}
"""Entries and exits of each minute by local hour; 12 is missing."""
STAYS: Final = {10: 4.0, 11: 25.0, 13: 25.0, 14: 70.0, 15: 70.0}
"""One visit of this length in each minute of the hour."""
ENTRIES: Final = 60 * (1 + 2 + 3 + 2) + 29 * 4 + 2
"""29 minutes of 15 o'clock are committed, and two people walked in after that."""
EXITS: Final = 60 * (0 + 1 + 2 + 3) + 29 * 1 + 1
VISITS: Final = 4 * 60 + 29 + 1

SITE: Final = SiteConfig.model_validate(
    {
        "site": {
            "tenant": "rainbow",
            "store": "sz-futian",
            "box": "box-01",
            "timezone": "Asia/Shanghai",
            "opening_hours": {"mon-sun": "10:00-22:00"},
            "language": "zh-CN",
        },
        "cameras": [
            {
                "id": "cam-1",
                "source": "file:clip.mp4",
                "gates": [{"id": "door", "line": [[0.5, 0], [0.5, 1]], "inside": "right"}],
                "zones": [
                    {
                        "id": "lancome",
                        "role": "counter",
                        "polygon": [[0.4, 0.5], [0.8, 0.5], [0.8, 1], [0.4, 1]],
                        "min_stay": 3,
                    }
                ],
            }
        ],
        "lanes": [{"id": "exit-1", "direction": "exit", "camera": "cam-1", "heading": "down"}],
    }
)


def minute(start: int, entries: int, exits: int, stay: float, observed: float = 60.0) -> list[Window]:
    """All windows of one minute with one visit of `stay` seconds (0: none)."""
    dwell = [0] * len(DWELL_EDGES_S)
    if stay:
        dwell[dwell_bin(stay)] = 1
    none = (0,) * len(dwell)
    visits = int(bool(stay))
    return [
        CameraWindow("cam-1", "cam-1", start, observed, int(observed * 10), stay * visits, visits),
        GateWindow("cam-1", "door", start, observed, entries, exits, 0),
        ZoneWindow(
            "cam-1", "lancome", start, observed, visits, 0, stay, visits, tuple(dwell), none, stay
        ),
        LaneWindow("cam-1", "exit-1", start, observed, 0, visits, 0, 0, 0),
    ]  # fmt: skip


@dataclass
class Filled:
    """An open store with the known day, the present moment beside it, and the clock that both go by."""

    store: Store
    live: Live
    now: float = NOW

    def clock(self) -> float:
        return self.now

    def pulse(self, persons: int = 3, frames: int = 10) -> None:
        """The camera sees people now, two of them at the counter."""
        at_counter = ZonePulse(min(persons, 2), 2, 2.0)
        self.live.pulse(
            Pulse("cam-1", self.now, 1.0, frames, persons, persons, float(persons), {"lancome": at_counter})
        )


def filled(folder: Path) -> Filled:
    """The known day up to 15:30:20; call `store.close()` at the end."""
    box = Filled(store=None, live=Live(["cam-1"], TEN))  # type: ignore[arg-type]
    box.store = Store.open(
        folder / "edge.db", tenant="rainbow", store="sz-futian", box="box-01", clock=box.clock
    )
    box.store._connection.execute("PRAGMA synchronous = OFF")  # no test here pulls the plug
    sealed = int(NOW) // 60 * 60 - 60
    for week in (WEEK, 0):
        for start in range(TEN - week, sealed - week, 60):
            hour = 10 + (start + week - TEN) // 3600
            entries, exits = HOURLY.get(hour, (0, 0))
            observed = 60.0 if hour in HOURLY or week else 0.0
            box.store.commit_minute(
                start, minute(start, max(0, entries - bool(week)), exits, STAYS.get(hour, 0.0), observed)
            )
    box.store.acknowledge("data", box.store.epoch, 10_000)
    box.store.add_records(
        [
            Crossing("cam-1", "door", "in", NOW - 30, 1),
            Crossing("cam-1", "door", "in", NOW - 10, 2),
            Crossing("cam-1", "door", "out", NOW - 5, 3),
            Visit("cam-1", "lancome", NOW - 40, NOW - 15, False, "left", "unknown", 4),
        ]
    )
    box.live.engine(True, TEN, model="nanodet-g")
    box.live.sync(True, TEN)
    for second in range(12, -1, -1):
        box.now = NOW - second
        box.pulse()
    return box
