"""A second store with a known day: a door, and an island with a counter, staff, a queue and an aisle.

The clock and the hours are those of `build`: Monday 21 September 2026, 15:30:20 in Shenzhen, open since
10:00, no picture from 12:00 to 13:00. Every observed minute has the same figures, which the constants
below add up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edge.config import SiteConfig
from edge.live import Live
from edge.store import Store
from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    HeatWindow,
    OccupancyWindow,
    Pulse,
    QueuePulse,
    QueueWindow,
    Window,
    ZonePulse,
    ZoneWindow,
)
from pipelines.windows import dwell_bin
from tests.edge.web.build import NOW, SITE, TEN, Filled

MINUTES: Final = 269
"""Observed ones: 10:00 to 12:00, 13:00 to 15:29."""
PEOPLE: Final = 4
"""At the counter in the last minute and now."""
ZONES: Final = [
    {"id": "lancome", "role": "counter", "polygon": [[0.2, 0.5], [0.4, 0.5], [0.4, 0.8], [0.2, 0.8]],
     "min_stay": 3, "staff": "behind", "queue": "line", "passby": "aisle"},
    {"id": "behind", "role": "staff", "polygon": [[0.2, 0.3], [0.4, 0.3], [0.4, 0.45], [0.2, 0.45]]},
    {"id": "line", "role": "queue", "polygon": [[0.6, 0.5], [0.8, 0.5], [0.8, 0.8], [0.6, 0.8]],
     "service": "till", "max_wait": 180},
    {"id": "till", "role": "service", "polygon": [[0.6, 0.3], [0.8, 0.3], [0.8, 0.45], [0.6, 0.45]]},
    {"id": "aisle", "role": "passby", "polygon": [[0.0, 0.85], [1.0, 0.85], [1.0, 1.0], [0.0, 1.0]]},
]  # fmt: skip


def site(**more: Any) -> SiteConfig:
    """Its site file; more: other options of the island's camera."""
    given = SITE.model_dump(mode="json", exclude_unset=True)
    cameras = [
        {"id": "door", "source": "usb:0",
         "gates": [{"id": "front", "line": [[0.5, 0.1], [0.5, 0.9]], "inside": "right"}]},
        {"id": "island", "source": "usb:1", "zones": ZONES} | more,
    ]  # fmt: skip
    areas = [{"id": "shop", "gates": ["door/front"], "capacity": 150}]
    return SiteConfig.model_validate({"site": given["site"], "cameras": cameras, "areas": areas})


def _bins(**stays: int) -> tuple[int, ...]:
    """Counts by length: `s45=2` is two of 45 seconds."""
    bins = [0] * len(DWELL_EDGES_S)
    for name, count in stays.items():
        bins[dwell_bin(float(name[1:]))] += count
    return tuple(bins)


NONE: Final = _bins()


def _lengths(length: int) -> tuple[int, ...]:
    return tuple(60 * (edge == length) for edge in LENGTH_EDGES)


def minute(
    start: int,
    *,
    seen: float = 60.0,
    fps: float = 10.0,
    presence: float = 50.0,
    passers: int = 8,
    broken: int = 0,
) -> list[Window]:
    """All windows of one minute: 3 in and 2 out of whom one in is staff and one pair turned round; one visit
    of 45 s; 2 waits of 90 and one abandoned after 240 s; staff there for 45 s."""
    n, frames = int(seen > 0), int(seen * fps)
    lengths = _lengths(2) if n else (0,) * len(LENGTH_EDGES)
    heat = ((10, 15, 30.0), (28, 16, 20.0), (31, 23, 2.0)) if n else ()
    return [
        CameraWindow("door", "door", start, seen, frames, 60.0 * n, 2 * n, 3 * n, 0),
        GateWindow("door", "front", start, seen, 3 * n, 2 * n, 0, n, 0, n, 2 * n),
        CameraWindow("island", "island", start, seen, frames, 120.0 * n, 4 * n, 9 * n, broken * n),
        ZoneWindow("island", "lancome", start, seen, n, 0, presence * n, 2 * n, _bins(s45=n), NONE, 45.0 * n,
                   0, 0.0, n, 0.0),
        ZoneWindow("island", "behind", start, seen, 0, 0, 45.0 * n, n, NONE, NONE, 0.0),
        ZoneWindow("island", "line", start, seen, 3 * n, 0, 70.0 * n, 3 * n, _bins(s90=3 * n), NONE,
                   270.0 * n),
        ZoneWindow("island", "till", start, seen, 2 * n, 0, 30.0 * n, n, _bins(s20=2 * n), NONE, 40.0 * n),
        ZoneWindow("island", "aisle", start, seen, 0, passers * n, 12.0 * n, 2 * n, NONE, NONE, 0.0, 0, 0.0,
                   passers * n, 1.5 * passers * n),
        QueueWindow("island", "line", start, seen, 120.0 * n, 3 * n, lengths,
                    3 * n, 2 * n, n, n, n, _bins(s90=2 * n), _bins(s240=n), 420.0 * n),
        CounterWindow("island", "lancome", start, seen, 45.0 * n, 15.0 * n, 6.0 * n),
        HeatWindow("island", "island", start, seen, "frame", heat),
        HeatWindow("door", "door", start, seen, "frame", ()),
        OccupancyWindow("*", "shop", start, seen, 600.0 * n, 12 * n, 10 * n, -n if start == TEN else 0,
                        False),
    ]  # fmt: skip


def island(folder: Path, *, minutes: dict[str, Any] | None = None, began: int = TEN) -> Filled:
    """The known day up to 15:30:20; call `store.close()` at the end. minutes: what is otherwise in each."""
    box = Filled(store=None, live=Live(["door", "island"], TEN))  # type: ignore[arg-type]
    box.store = Store.open(
        folder / "edge.db", tenant="rainbow", store="sz-futian", box="box-01", clock=box.clock
    )
    box.store._connection.execute("PRAGMA synchronous = OFF")  # no test here pulls the plug
    for start in range(began, int(NOW) // 60 * 60 - 60, 60):
        blind = TEN + 2 * 3600 <= start < TEN + 3 * 3600
        made = {"seen": 0.0} if blind else minutes or {}
        box.store.commit_minute(start, minute(start, **made))
    box.store.acknowledge("data", box.store.epoch, 10_000)
    box.live.engine(True, TEN, model="nanodet-g")
    for second in range(12, -1, -1):
        box.now = NOW - second
        pulse(box)
    return box


def pulse(box: Filled, *, waiting: int = 3, estimate: float | None = 170.0, staff: int = 1) -> None:
    """Both cameras see people now."""
    zones = {"lancome": ZonePulse(PEOPLE, PEOPLE, 4.0), "behind": ZonePulse(staff, staff, float(staff))}
    queues = {"line": QueuePulse(waiting, waiting, float(waiting), estimate)}
    box.live.pulse(Pulse("door", box.now, 1.0, 10, 1, 1, 1.0, {}))
    box.live.pulse(Pulse("island", box.now, 1.0, 10, 8, 8, 8.0, zones, queues))


EVENTS: Final = (
    Event("opened_late", float(TEN), "island", "lancome", TEN + 1260.0, {"reason": "attended"}),
    Event("camera_offline", TEN + 7200.0, "island"),
    Event("camera_back", TEN + 10_800.0, "island", detail={"silent_s": 3600.0}),
    Event("queue_long", NOW - 3000, "island", "line", NOW - 2700, {"people": 6, "reason": "shorter"}),
    Event("counter_unattended", NOW - 260, "island", "lancome", None, {"waiting": 2}),
)
