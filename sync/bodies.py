"""From the pipelines' records to the JSON text of an outbox row's body, and back.

Times become RFC 3339 text and seconds are rounded to the millisecond; a record that is already in whole
milliseconds comes back equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    LaneWindow,
    QueueWindow,
    Window,
    ZoneWindow,
)
from sync.errors import SyncError
from sync.payloads import (
    AnyWindow,
    CameraBody,
    CounterBody,
    EventBody,
    GateBody,
    LaneBody,
    Minute,
    QueueBody,
    TriggerBody,
    ZoneBody,
)

NO_DWELL: Final = (0,) * len(DWELL_EDGES_S)
NO_LENGTHS: Final = (0,) * len(LENGTH_EDGES)
_COUNTER: Final = ("attended_seconds", "unattended_seconds", "waiting_seconds")
_QUEUE: Final = (
    "length_seconds", "peak", "lengths", "waits", "served", "abandoned", "balked", "over_limit", "wait",
    "wait_censored", "wait_seconds",
)  # fmt: skip


def minute_body(start: int, windows: Sequence[Window]) -> str:
    """The body of `storeedge/minute/1`: all windows of one UTC minute, `start` in UTC seconds.

    Raises SyncError when a window belongs to another minute or holds an impossible value.
    """
    strangers = {window.start for window in windows if window.start != start}
    if strangers:
        raise SyncError(f"the minute {start} was given windows of {sorted(strangers)}")
    try:
        return Minute(start=utc(start), windows=tuple(_body(window) for window in windows)).text()
    except ValidationError as error:
        raise SyncError(f"the minute {start} cannot be sent: {_first(error)}") from error


def read_minute(text: str | bytes) -> tuple[int, list[Window]]:
    """Start in UTC seconds and windows of a minute's body; missing counts come back as 0."""
    try:
        minute = Minute.model_validate_json(text)
    except ValidationError as error:
        raise SyncError(f"this is no minute: {_first(error)}") from error
    start = int(minute.start.timestamp())
    return start, [_window(start, body) for body in minute.windows]


def event_body(event: Event) -> str:
    """The body of `storeedge/event/1`; the event's times are UTC seconds."""
    try:
        return EventBody(
            name=event.name,
            at=utc(event.t),
            camera=event.camera,
            scope=event.scope,
            ended_at=None if event.t_end is None else utc(event.t_end),
            detail=dict(event.detail),
        ).text()
    except ValidationError as error:
        raise SyncError(f"the event {event.name} cannot be sent: {_first(error)}") from error


def read_event(text: str | bytes) -> Event:
    """The event of a body, with times in UTC seconds."""
    try:
        body = EventBody.model_validate_json(text)
    except ValidationError as error:
        raise SyncError(f"this is no event: {_first(error)}") from error
    return Event(
        name=body.name,
        t=body.at.timestamp(),
        camera=body.camera,
        scope=body.scope,
        t_end=None if body.ended_at is None else body.ended_at.timestamp(),
        detail=body.detail,
    )


def trigger_body(trigger: TriggerBody) -> str:
    """The body of `storeedge/trigger/1`."""
    return trigger.text()


def utc(seconds: float) -> datetime:
    """UTC seconds as a time, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]


def _body(window: Window) -> AnyWindow:
    model, counts = _measured(window)
    if window.observed_seconds == 0 and not any(_counted(value) for value in counts.values()):
        counts = dict.fromkeys(counts)
    return model.model_validate(
        {
            "scope": window.scope,
            "camera": window.camera,
            "id": window.id,
            "observed_seconds": round(window.observed_seconds, 3),
            **counts,
        }
    )


def _counted(value: float | tuple[int, ...]) -> bool:
    return any(value) if isinstance(value, tuple) else value != 0


def _measured(window: Window) -> tuple[type[AnyWindow], dict[str, Any]]:
    match window:
        case GateWindow():
            return GateBody, {
                "in": window.entries,
                "out": window.exits,
                "inferred": window.inferred,
                "staff_in": window.staff_entries,
                "staff_out": window.staff_exits,
            }
        case ZoneWindow():
            return ZoneBody, {
                "visits": window.visits,
                "passes": window.passes,
                "person_seconds": round(window.person_seconds, 3),
                "peak": window.peak,
                "dwell": window.dwell,
                "dwell_censored": window.dwell_censored,
                "dwell_seconds": round(window.dwell_seconds, 3),
                "staff_visits": window.staff_visits,
                "staff_seconds": round(window.staff_seconds, 3),
            }
        case CameraWindow():
            return CameraBody, {
                "frames": window.frames,
                "person_seconds": round(window.person_seconds, 3),
                "peak": window.peak,
            }
        case QueueWindow():
            counts = {name: getattr(window, name) for name in _QUEUE}
            return QueueBody, counts | {
                name: round(counts[name], 3) for name in ("length_seconds", "wait_seconds")
            }
        case CounterWindow():
            return CounterBody, {name: round(getattr(window, name), 3) for name in _COUNTER}
        case LaneWindow():
            return LaneBody, {
                name: getattr(window, name) for name in ("up", "down", "left", "right", "wrong_way")
            }


def _window(start: int, body: AnyWindow) -> Window:
    common = (body.camera, body.id, start, body.observed_seconds)
    match body:
        case GateBody():
            return GateWindow(
                *common,
                body.entries or 0,
                body.exits or 0,
                body.inferred or 0,
                body.staff_entries or 0,
                body.staff_exits or 0,
            )
        case ZoneBody():
            return ZoneWindow(
                *common,
                body.visits or 0,
                body.passes or 0,
                body.person_seconds or 0.0,
                body.peak or 0,
                body.dwell or NO_DWELL,
                body.dwell_censored or NO_DWELL,
                body.dwell_seconds or 0.0,
                body.staff_visits or 0,
                body.staff_seconds or 0.0,
            )
        case CameraBody():
            return CameraWindow(*common, body.frames or 0, body.person_seconds or 0.0, body.peak or 0)
        case QueueBody():
            return QueueWindow(
                *common,
                body.length_seconds or 0.0,
                body.peak or 0,
                body.lengths or NO_LENGTHS,
                body.waits or 0,
                body.served or 0,
                body.abandoned or 0,
                body.balked or 0,
                body.over_limit or 0,
                body.wait or NO_DWELL,
                body.wait_censored or NO_DWELL,
                body.wait_seconds or 0.0,
            )
        case CounterBody():
            return CounterWindow(
                *common,
                body.attended_seconds or 0.0,
                body.unattended_seconds or 0.0,
                body.waiting_seconds or 0.0,
            )
        case LaneBody():
            return LaneWindow(
                *common, body.up or 0, body.down or 0, body.left or 0, body.right or 0, body.wrong_way or 0
            )
