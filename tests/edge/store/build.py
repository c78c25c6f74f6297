"""Short ways to make records and windows for the store's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.store import Store
from pipelines.records import (
    DWELL_EDGES_S,
    CameraWindow,
    Crossing,
    Event,
    GateWindow,
    LaneWindow,
    Visit,
    Window,
    ZoneWindow,
)
from pipelines.windows import dwell_bin

NOON = 1_790_000_040 // 60 * 60
"""A UTC minute in 2026."""


def open_store(folder: Path, clock: Callable[[], float] = lambda: float(NOON), **given: Any) -> Store:
    names = {"tenant": "rainbow", "store": "sz-futian", "box": "box-01"} | given
    return Store.open(folder / "edge.db", clock=clock, **names)


def crossing(t: float, direction: str = "in", track: int = 1, gate: str = "door") -> Crossing:
    return Crossing("cam-1", gate, direction, t, track)  # type: ignore[arg-type]


def visit(t_out: float, stay: float = 10.0, *, censored: bool = False, track: int = 1) -> Visit:
    return Visit("cam-1", "lancome", t_out - stay, t_out, censored, "left", "unknown", track)


def event(t: float, name: str = "camera_offline", t_end: float | None = None) -> Event:
    return Event(name, t, camera="cam-1", t_end=t_end, detail={"silent_s": 12.5})


def gate(start: int, entries: int, exits: int = 0, observed: float = 60.0) -> Window:
    return GateWindow("cam-1", "door", start, observed, entries, exits, 0)


def zone(
    start: int,
    stays: Sequence[float] = (),
    observed: float = 60.0,
    peak: int = 0,
    person_seconds: float = 0.0,
) -> Window:
    dwell = [0] * len(DWELL_EDGES_S)
    for stay in stays:
        dwell[dwell_bin(stay)] += 1
    none = (0,) * len(dwell)
    return ZoneWindow(
        "cam-1", "lancome", start, observed, len(stays), 0, person_seconds, peak, tuple(dwell), none,
        float(sum(stays)),
    )  # fmt: skip


def camera(start: int, observed: float = 60.0, frames: int = 600, peak: int = 0) -> Window:
    return CameraWindow("cam-1", "cam-1", start, observed, frames, 0.0, peak)


def lane(start: int, down: int = 0) -> Window:
    return LaneWindow("cam-1", "exit-1", start, 60.0, 0, down, 0, 0, 0)


def bodies(store: Store) -> list[dict[str, Any]]:
    """What waits in the data stream, in order."""
    return [json.loads(row.body) for row in store.pending("data", 0, 1000)]
