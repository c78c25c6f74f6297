"""Records and windows as plain mappings, one shape for replay files, store, wire and tests."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields
from typing import Any, Final

from pipelines.records import (
    CameraWindow,
    CounterWindow,
    Crossing,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Record,
    VehiclePassage,
    Visit,
    Wait,
    Window,
    ZoneWindow,
)

KINDS: Final[dict[str, type[Window]]] = {
    kind.scope: kind
    for kind in (
        GateWindow,
        ZoneWindow,
        QueueWindow,
        CounterWindow,
        CameraWindow,
        LaneWindow,
        HeatWindow,
        OccupancyWindow,
    )
}
"""Each kind of window by its scope."""

_COMMON: Final = frozenset({"camera", "id", "start", "observed_seconds", "quality"})
_RENAMED: Final = {"entries": "in", "exits": "out", "staff_entries": "staff_in", "staff_exits": "staff_out"}
FIGURES: Final[dict[str, dict[str, str]]] = {
    scope: {
        field.name: _RENAMED.get(field.name, field.name)
        for field in fields(kind)
        if field.name not in _COMMON
    }
    for scope, kind in KINDS.items()
}
"""By scope: the fields of a window that say what was counted, each with its name in JSON."""

_QUALITY: Final = tuple(field.name for field in fields(Quality))
_KNOWN_UNSEEN: Final[Mapping[str, Set[str]]] = {
    "heat": {"unit"},
    "occupancy": {"person_seconds", "peak", "now"},
}
"""By scope: what has a value also where nobody looked. An area's number is only carried on then."""


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
            } | ({"u_turn": True} if record.u_turn else {})  # fmt: skip
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
    if is_unseen(window):
        counts = {name: counts[name] if name == "unit" else None for name in counts}
    return line | counts | quality_of(window)


def counts_of(window: Window) -> dict[str, Any]:
    """What a window counted, by the names of the wire."""
    return {name: _plain(value) for name, value in figures_of(window).items()}


def figures_of(window: Window) -> dict[str, Any]:
    """The same with histograms and cells as the tuples that they are."""
    return {name: getattr(window, field) for field, name in FIGURES[window.scope].items()}


def is_unseen(window: Window) -> bool:
    """Nobody looked in this minute, and nothing was counted in it: its counts are missing, not zero."""
    if window.observed_seconds > 0:
        return False
    known = _KNOWN_UNSEEN.get(window.scope, frozenset())
    values = (getattr(window, field) for field in FIGURES[window.scope] if field not in known)
    return not any(any(value) if isinstance(value, tuple) else value for value in values)


def quality_of(window: Window) -> dict[str, Any]:
    """`quality`, for a window that has one: how far its figures may be trusted; null: nobody judged."""
    if isinstance(window, HeatWindow):
        return {}
    judged = window.quality
    return {
        "quality": judged and {name: _plain(getattr(judged, name)) for name in _QUALITY},
    }


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
