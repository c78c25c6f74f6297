"""Minutes of an hour put together, as they stand in the outbox: what the centre gets when the disk was full.

It works on the messages and not on the box's own tables, so that exactly what would have been sent is summed,
also where the tables have been thinned out before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pipelines.counts import HEAT_CELLS_MAX, heat_cells
from pipelines.heat import merge
from pipelines.records import MINUTE_S, Window
from pipelines.window_quality import clock_trusted, judged
from sync.bodies import quality_body, window_of
from sync.payloads import Minute
from sync.window_bodies import AnyWindow, JudgedBody, LaterBody

HOUR_S: Final = 3600

_NAMES: Final = frozenset({"scope", "camera", "id"})


def is_known(minute: Minute) -> bool:
    """Whether this version knows every scope of the minute, and so can add it up."""
    return not any(isinstance(window, LaterBody) for window in minute.windows)


def hour_of(minutes: Iterable[Minute]) -> list[AnyWindow]:
    """The figures of minutes of one hour, told in this order, as one window for each scope and place.

    Counts and histograms add up, a peak is the highest, an area's number the last. Of a minute that was told
    twice the later telling stands, window by window, as the centre would have it. A window that nobody saw
    stays missing and is no zero; a figure that one of the minutes does not have, since an older version made
    it, is missing too. How far it may be trusted is judged anew.
    """
    told: dict[tuple[str, str, str], dict[int, AnyWindow]] = {}
    starts: set[int] = set()
    for minute in minutes:
        start = int(minute.start.timestamp())
        starts.add(start)
        for window in minute.windows:
            told.setdefault((window.scope, window.camera, window.id), {})[start] = window
    if not starts:
        return []
    hour = min(starts) - min(starts) % HOUR_S
    summed = [_together([parts[start] for start in sorted(parts)]) for parts in told.values()]
    made = [record for body in summed if (record := window_of(hour, body)) is not None]
    trusted = all(_trusted(window) for parts in told.values() for window in parts.values())
    records = judged(made, clock_trusted=trusted, length_s=float(MINUTE_S * len(starts)))
    return [_with_quality(body, record) for body, record in zip(summed, records, strict=True)]


def _together(parts: Sequence[AnyWindow]) -> AnyWindow:
    """Windows of one place, oldest first, as one."""
    seen = [part for part in parts if not is_missing(part)]
    if len(seen) <= 1:
        return seen[0] if seen else parts[-1]
    newest = seen[-1]
    return newest.model_copy(
        update={
            name: _joined(name, [getattr(part, name) for part in seen], seen)
            for name in type(newest).model_fields
            if name not in _NAMES
        }
    )


def is_missing(window: AnyWindow) -> bool:
    """Whether nobody looked, so that it has no figures."""
    fields = type(window).model_fields
    return window.observed_seconds == 0 and all(
        getattr(window, name) is None
        for name, field in fields.items()
        if name not in _NAMES and name not in {"observed_seconds", "unit"} and field.is_required()
    )


def _joined(name: str, values: list[Any], seen: Sequence[Any]) -> Any:
    if name == "quality" or any(value is None for value in values):
        return None
    match name:
        case "peak" | "anchored":
            return max(values)
        case "now" | "unit":
            return values[-1]
        case "observed_seconds":
            return min(float(HOUR_S), round(sum(values), 3))
        case "cells":
            return _cells(seen)
        case _:
            return _sum(values)


def _sum(values: list[Any]) -> Any:
    if isinstance(values[0], tuple):
        return tuple(map(sum, zip(*values, strict=True)))
    total = sum(values)
    return round(total, 3) if isinstance(total, float) else total


def _cells(seen: Sequence[Any]) -> tuple[tuple[int, int, float], ...]:
    """Maps of two units do not add up: where the floor was measured anew in between, the newer stays."""
    maps = (part.cells for part in seen if part.unit == seen[-1].unit)
    return heat_cells(merge({(c, r): s for c, r, s in cells} for cells in maps), HEAT_CELLS_MAX)


def _trusted(body: AnyWindow) -> bool:
    window: Window | None = window_of(0, body)
    return window is None or clock_trusted(window)


def _with_quality(body: AnyWindow, window: Window) -> AnyWindow:
    if not isinstance(body, JudgedBody):
        return body
    return body.model_copy(update={"quality": quality_body(getattr(window, "quality", None))})
