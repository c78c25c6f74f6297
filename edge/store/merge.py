"""Two parts of the same minute put together, as after a restart of the main process within a minute."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from pipelines.records import MINUTE_S, Window

_KEY: Final = ("camera", "id", "start")


def key(window: Window) -> tuple[str, str, str]:
    """What a window is about, within its minute."""
    return (window.scope, window.camera, window.id)


def together(first: Window, second: Window) -> Window:
    """Both parts as one window: counts add up, the peak is the higher, and no second is observed twice."""
    changed: dict[str, Any] = {}
    for field in fields(first):
        mine, other = getattr(first, field.name), getattr(second, field.name)
        if field.name in _KEY:
            continue
        if field.name == "peak":
            changed[field.name] = max(mine, other)
        elif field.name == "observed_seconds":
            changed[field.name] = min(float(MINUTE_S), mine + other)
        elif isinstance(mine, tuple):
            changed[field.name] = tuple(a + b for a, b in zip(mine, other, strict=True))
        else:
            changed[field.name] = mine + other
    return replace(first, **changed)


def is_empty(window: Window) -> bool:
    """Nothing was observed and nothing counted."""
    return not any(
        any(value) if isinstance(value, tuple) else value
        for value in (getattr(window, field.name) for field in fields(window) if field.name not in _KEY)
    )
