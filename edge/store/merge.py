"""Two parts of the same minute put together, as after a restart of the main process within a minute."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from pipelines.counts import HEAT_CELLS_MAX, heat_cells
from pipelines.heat import merge
from pipelines.records import MINUTE_S, Window


def key(window: Window) -> tuple[str, str, str]:
    """What a window is about, within its minute."""
    return (window.scope, window.camera, window.id)


def together(first: Window, second: Window) -> Window:
    """Both parts as one window: counts add up, the peak is the higher, and no second is observed twice. How
    far it may be trusted has to be judged anew."""
    changed: dict[str, Any] = {}
    for field in fields(first):
        mine, other = getattr(first, field.name), getattr(second, field.name)
        match field.name:
            case "camera" | "id" | "start":
                continue
            case "quality":
                changed[field.name] = None
            case "observed_seconds":
                changed[field.name] = min(float(MINUTE_S), mine + other)
            case "peak" | "anchored":
                changed[field.name] = max(mine, other)
            case "now" | "unit":
                changed[field.name] = other
            case "cells":
                changed[field.name] = _cells(first, second)
            case _:
                changed[field.name] = _sum(mine, other)
    return replace(first, **changed)


def _sum(mine: Any, other: Any) -> Any:
    if isinstance(mine, tuple):
        return tuple(a + b for a, b in zip(mine, other, strict=True))
    return mine + other


def _cells(first: Any, second: Any) -> tuple[tuple[int, int, float], ...]:
    """Maps of two units do not add up: where the floor was measured anew in between, the newer stays."""
    parts = [first, second] if first.unit == second.unit else [second]
    return heat_cells(merge({(c, r): s for c, r, s in part.cells} for part in parts), HEAT_CELLS_MAX)
