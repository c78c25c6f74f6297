"""The minutes as they were made and sent, with the quality that follows from them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from edge.store import windows
from pipelines.as_json import FIGURES, window_as_json
from pipelines.layout import Area
from pipelines.records import Window
from pipelines.window_quality import judged

_EVIDENCE: Final = ("camera", "gate")
"""The scopes that others' quality follows from."""
_ADDED: Final = {
    "gate": ("u_turns", "parties"),
    "zone": ("arrivals", "pass_seconds"),
    "camera": ("identities", "broken"),
}
"""Columns that are NULL in minutes of before they were counted."""


def minutes(
    connection: sqlite3.Connection, scopes: Sequence[str], begin: int, end: int, areas: Iterable[Area] = ()
) -> dict[int, list[dict[str, Any]]]:
    """The windows of these scopes that start in [begin, end) by the minute, as the wire has them. What was
    not yet counted when one was made is null."""
    made: defaultdict[int, list[Window]] = defaultdict(list)
    for scope in dict.fromkeys((*scopes, *_EVIDENCE)):
        for window in windows.select(connection, scope, begin, end):
            made[window.start].append(window)
    unknown = {
        (scope, *key): names
        for scope in scopes
        for key, names in _unknown(connection, scope, begin, end).items()
    }
    named = tuple(areas)
    lines: dict[int, list[dict[str, Any]]] = {}
    for start in sorted(made):
        lines[start] = [
            _as_sent(window) | dict.fromkeys(unknown.get((window.scope, start, window.camera, window.id), ()))
            for window in judged([w for w in made[start] if w.scope in scopes], named, among=made[start])
        ]
    return {start: found for start, found in lines.items() if found}


def _unknown(
    connection: sqlite3.Connection, scope: str, begin: int, end: int
) -> dict[tuple[int, str, str], list[str]]:
    """By (start, camera, id): the figures, by their names on the wire, that a minute does not know."""
    if scope not in _ADDED:
        return {}
    names = _ADDED[scope]
    rows = connection.execute(
        f"SELECT start, camera, id, {', '.join(names)} FROM {scope}_window "  # noqa: S608 - our names
        f"WHERE start >= ? AND start < ? AND ({' OR '.join(f'{name} IS NULL' for name in names)})",
        (begin, end),
    )
    return {
        (start, camera, name): [
            FIGURES[scope][column] for column, value in zip(names, values, strict=True) if value is None
        ]
        for start, camera, name, *values in rows
    }


def _as_sent(window: Window) -> dict[str, Any]:
    """Written directly: checking thousands of them again would take a second."""
    return {name: value for name, value in window_as_json(window).items() if name not in {"kind", "start"}}
