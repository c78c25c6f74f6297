"""From the pipelines' records to the JSON text of an outbox row's body, and back.

Times become RFC 3339 text and seconds are rounded to the millisecond; a record that is already in whole
milliseconds comes back equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from pipelines.as_json import FIGURES, figures_of, is_unseen
from pipelines.records import (
    DWELL_EDGES_S,
    LENGTH_EDGES,
    CameraWindow,
    CounterWindow,
    Event,
    GateWindow,
    HeatWindow,
    LaneWindow,
    OccupancyWindow,
    Quality,
    QueueWindow,
    Window,
    ZoneWindow,
)
from sync.coupon_payloads import TriggerBody
from sync.errors import SyncError
from sync.payloads import EventBody, Hour, Minute
from sync.window_bodies import (
    AnyWindow,
    CameraBody,
    CounterBody,
    GateBody,
    HeatBody,
    JudgedBody,
    LaneBody,
    OccupancyBody,
    QualityBody,
    QueueBody,
    ZoneBody,
)

BODY_MAX: Final = 262_144
"""Characters of the longest body that an outbox takes."""
NO_DWELL: Final = (0,) * len(DWELL_EDGES_S)
NO_LENGTHS: Final = (0,) * len(LENGTH_EDGES)
BODIES: Final[Mapping[str, type[AnyWindow]]] = {
    "gate": GateBody,
    "zone": ZoneBody,
    "queue": QueueBody,
    "counter": CounterBody,
    "camera": CameraBody,
    "lane": LaneBody,
    "heat": HeatBody,
    "occupancy": OccupancyBody,
}
"""The model of each scope."""
_BLANK: Final[Mapping[str, Window]] = {
    "gate": GateWindow("", "", 0, 0.0, 0, 0, 0),
    "zone": ZoneWindow("", "", 0, 0.0, 0, 0, 0.0, 0, NO_DWELL, NO_DWELL, 0.0),
    "queue": QueueWindow("", "", 0, 0.0, 0.0, 0, NO_LENGTHS, 0, 0, 0, 0, 0, NO_DWELL, NO_DWELL, 0.0),
    "counter": CounterWindow("", "", 0, 0.0, 0.0, 0.0, 0.0),
    "camera": CameraWindow("", "", 0, 0.0, 0, 0.0, 0),
    "lane": LaneWindow("", "", 0, 0.0, 0, 0, 0, 0, 0),
    "heat": HeatWindow("", "", 0, 0.0, "m", ()),
    "occupancy": OccupancyWindow("", "", 0, 0.0, 0.0, 0, 0, 0, False),
}
"""A window of each scope with nothing in it."""


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
        raise SyncError(f"the minute {start} cannot be sent: {first_fault(error)}") from error


def minute_bodies(start: int, windows: Sequence[Window], longest: int = BODY_MAX) -> Iterator[str]:
    """The same as one body, or, where that would be too long, as several with a part of the windows each: a
    receiver upserts window by window. Raises SyncError when a single window is too long."""
    body = minute_body(start, windows)
    if len(body) <= longest:
        yield body
        return
    if len(windows) == 1:
        raise SyncError(f"the {windows[0].scope} window {windows[0].id} has {len(body)} characters")
    half = len(windows) // 2
    yield from minute_bodies(start, windows[:half], longest)
    yield from minute_bodies(start, windows[half:], longest)


def read_minute(text: str | bytes) -> tuple[int, list[Window]]:
    """Start in UTC seconds and windows of a minute's body; missing counts come back as 0, and windows of a
    scope that this version does not know are left out."""
    try:
        minute = Minute.model_validate_json(text)
    except ValidationError as error:
        raise SyncError(f"this is no minute: {first_fault(error)}") from error
    start = int(minute.start.timestamp())
    found = (window_of(start, body) for body in minute.windows)
    return start, [window for window in found if window is not None]


def hour_bodies(
    start: int,
    minutes: Sequence[int],
    windows: Sequence[AnyWindow],
    stands_for: Sequence[tuple[int, int]] = (),
    longest: int = BODY_MAX,
) -> Iterator[str]:
    """The body of `storeedge/hour/1`, or several where one would be too long. start: UTC seconds; minutes: 0
    to 59; windows: the figures of all of them together; stands_for: first and last seq of what the hour takes
    the place of. Raises SyncError for an impossible value, or when a single window is too long."""
    try:
        body = Hour(
            start=utc(start), minutes=tuple(minutes), windows=tuple(windows), stands_for=tuple(stands_for)
        ).text()
    except ValidationError as error:
        raise SyncError(f"the hour {start} cannot be sent: {first_fault(error)}") from error
    if len(body) <= longest:
        yield body
        return
    if len(windows) == 1:
        raise SyncError(f"the {windows[0].scope} window {windows[0].id} has {len(body)} characters")
    half = len(windows) // 2
    yield from hour_bodies(start, minutes, windows[:half], stands_for, longest)
    yield from hour_bodies(start, minutes, windows[half:], (), longest)


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
        raise SyncError(f"the event {event.name} cannot be sent: {first_fault(error)}") from error


def read_event(text: str | bytes) -> Event:
    """The event of a body, with times in UTC seconds."""
    try:
        body = EventBody.model_validate_json(text)
    except ValidationError as error:
        raise SyncError(f"this is no event: {first_fault(error)}") from error
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


def first_fault(error: ValidationError) -> str:
    """What is wrong with a payload, in one line: the place and the complaint."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("tagged-union["))
    return (f"{where}: {fault['msg']}" if where else fault["msg"])[:500]


def _body(window: Window) -> AnyWindow:
    counts = {name: _rounded(value) for name, value in figures_of(window).items()}
    if is_unseen(window):
        counts = {name: value if name == "unit" else None for name, value in counts.items()}
    judged = {} if isinstance(window, HeatWindow) else {"quality": quality_body(window.quality)}
    return BODIES[window.scope].model_validate(
        {
            "scope": window.scope,
            "camera": window.camera,
            "id": window.id,
            "observed_seconds": round(window.observed_seconds, 3),
            **counts,
            **judged,
        }
    )


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def quality_body(quality: Quality | None) -> QualityBody | None:
    """How a judgement is sent; None: nobody judged."""
    if quality is None:
        return None
    return QualityBody(**{field.name: getattr(quality, field.name) for field in fields(quality)})


def window_of(start: int, body: AnyWindow) -> Window | None:
    """The record of a body; None: of a scope that this version does not know."""
    blank = _BLANK.get(body.scope)
    if blank is None:
        return None
    known = {name: value for name in FIGURES[body.scope] if (value := getattr(body, name)) is not None}
    if isinstance(body, JudgedBody) and body.quality is not None:
        known["quality"] = Quality(**dict(body.quality))
    return replace(
        blank, camera=body.camera, id=body.id, start=start, observed_seconds=body.observed_seconds, **known
    )
