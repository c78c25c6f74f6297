"""Records and windows as plain mappings, one shape for replay files, store and tests."""

from __future__ import annotations

from typing import Any

from pipelines.records import (
    CameraWindow,
    CounterWindow,
    Crossing,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    QueueWindow,
    Record,
    VehiclePassage,
    Visit,
    Wait,
    Window,
    ZoneWindow,
)


def _t(seconds: float) -> float:
    return round(seconds, 3)


def record_as_json(record: Record) -> dict[str, Any]:
    """One line of `events.jsonl`."""
    match record:
        case Crossing():
            return {
                "kind": record.kind, "camera": record.camera, "gate": record.gate,
                "direction": record.direction, "t": _t(record.t), "track": record.track,
                "inferred": record.inferred,
            }  # fmt: skip
        case Visit():
            return {
                "kind": record.kind, "camera": record.camera, "zone": record.zone, "t_in": _t(record.t_in),
                "t_out": _t(record.t_out), "censored": record.censored, "end_reason": record.end_reason,
                "staff": record.staff, "track": record.track,
            }  # fmt: skip
        case Wait():
            return {
                "kind": record.kind, "camera": record.camera, "zone": record.zone, "t_in": _t(record.t_in),
                "t_out": _t(record.t_out), "outcome": record.outcome, "censored": record.censored,
                "track": record.track,
            }  # fmt: skip
        case VehiclePassage():
            return {
                "kind": record.kind, "lane": record.lane, "direction": record.direction, "t": _t(record.t),
                "track": record.track, "camera": record.camera, "wrong_way": record.wrong_way,
            }  # fmt: skip
        case Event():
            return {
                "kind": record.kind, "name": record.name, "t": _t(record.t), "camera": record.camera,
                "scope": record.scope, "t_end": None if record.t_end is None else _t(record.t_end),
                "detail": dict(record.detail),
            }  # fmt: skip


def window_as_json(window: Window) -> dict[str, Any]:
    """One line of `windows.jsonl`. Counts of a minute that nobody observed are null, unless something was
    counted in it all the same."""
    line: dict[str, Any] = {
        "kind": "window", "scope": window.scope, "camera": window.camera, "id": window.id,
        "start": window.start, "observed_seconds": window.observed_seconds,
    }  # fmt: skip
    counts = counts_of(window)
    if window.observed_seconds == 0 and not any(_something(value) for value in counts.values()):
        counts = dict.fromkeys(counts)
    return line | counts


def counts_of(window: Window) -> dict[str, Any]:
    """What a window counted, by the names of the wire."""
    match window:
        case GateWindow():
            return {
                "in": window.entries, "out": window.exits, "inferred": window.inferred,
                "staff_in": window.staff_entries, "staff_out": window.staff_exits,
            }  # fmt: skip
        case ZoneWindow():
            return {
                "visits": window.visits, "passes": window.passes, "person_seconds": window.person_seconds,
                "peak": window.peak, "dwell": list(window.dwell),
                "dwell_censored": list(window.dwell_censored), "dwell_seconds": window.dwell_seconds,
                "staff_visits": window.staff_visits, "staff_seconds": window.staff_seconds,
            }  # fmt: skip
        case CameraWindow():
            return {"frames": window.frames, "person_seconds": window.person_seconds, "peak": window.peak}
        case CounterWindow():
            return {
                "attended_seconds": window.attended_seconds,
                "unattended_seconds": window.unattended_seconds, "waiting_seconds": window.waiting_seconds,
            }  # fmt: skip
        case QueueWindow():
            return {
                "length_seconds": window.length_seconds, "peak": window.peak,
                "lengths": list(window.lengths), "waits": window.waits, "served": window.served,
                "abandoned": window.abandoned, "balked": window.balked, "over_limit": window.over_limit,
                "wait": list(window.wait), "wait_censored": list(window.wait_censored),
                "wait_seconds": window.wait_seconds,
            }  # fmt: skip
        case LaneWindow():
            return {
                "up": window.up, "down": window.down, "left": window.left, "right": window.right,
                "wrong_way": window.wrong_way,
            }  # fmt: skip
        case HeatWindow():
            return {"unit": window.unit, "cells": [list(cell) for cell in window.cells]}
        case OccupancyWindow():
            return {
                "person_seconds": window.person_seconds, "peak": window.peak, "now": window.now,
                "drift": window.drift, "anchored": window.anchored,
            }  # fmt: skip


def _something(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)
