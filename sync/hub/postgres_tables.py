"""The hub's tables in PostgreSQL. Those of the windows are made from the records' own fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, get_type_hints

from pipelines.as_json import FIGURES, KINDS
from pipelines.records import DWELL_EDGES_S, LENGTH_EDGES

KEYS: Final = ("tenant", "store", "box", "camera", "id", "start", "epoch")
"""What a row of a minute table is about, as in its primary key."""
_TEXT: Final = 'TEXT COLLATE "C"'
KEY_COLUMNS: Final = ", ".join(f"{key} {'BIGINT' if key == 'start' else _TEXT} NOT NULL" for key in KEYS)
ROLLED: Final = tuple(scope for scope in FIGURES if scope != "heat")
"""Scopes with tables of hours. Heat maps are added up when somebody asks."""

_BINS: Final = {"lengths": len(LENGTH_EDGES)}


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of a scope's table."""

    name: str
    type: str
    bins: int = 0
    """Of a histogram."""
    later: bool = False
    """Not in the first boxes' messages: NULL is also "not counted yet"."""

    @property
    def quoted(self) -> str:
        """`left` and `right` are words of SQL."""
        return f'"{self.name}"'


_PLAIN: Final = {int: "BIGINT", float: "DOUBLE PRECISION", bool: "BOOLEAN", tuple[int, ...]: "BIGINT[]"}


def _figure(name: str, hint: Any, later: bool) -> Figure:
    kind = _PLAIN.get(hint, "JSON" if name == "cells" else "TEXT")
    bins = _BINS.get(name, len(DWELL_EDGES_S)) if kind == "BIGINT[]" else 0
    return Figure(name, kind, bins, later)


def _of(scope: str) -> tuple[Figure, ...]:
    hints = get_type_hints(KINDS[scope])
    named = (field for field in fields(KINDS[scope]) if field.name in FIGURES[scope])
    return tuple(_figure(f.name, hints[f.name], f.default is not MISSING) for f in named)


COUNTED: Final[dict[str, tuple[Figure, ...]]] = {scope: _of(scope) for scope in FIGURES}
"""What each scope's windows counted."""
MEASURED: Final[dict[str, tuple[Figure, ...]]] = {
    scope: (*figures, *(() if scope == "heat" else (Figure("quality", "JSON"),)))
    for scope, figures in COUNTED.items()
}
"""The same and how far it may be trusted: what a minute's row holds besides the key."""


def minutes(scope: str) -> Iterable[str]:
    """SQL that makes a scope's table of minutes, or gives an older one what it lacks."""
    yield (
        f"CREATE TABLE IF NOT EXISTS {scope}_minute ({KEY_COLUMNS}, "
        "seq BIGINT NOT NULL, observed_seconds DOUBLE PRECISION NOT NULL, "
        f"PRIMARY KEY ({', '.join(KEYS)}))"
    )
    yield from added(f"{scope}_minute", MEASURED[scope])


def merged(scope: str) -> Iterable[str]:
    """SQL that makes a scope's table of what came as minutes of an hour together: `storeedge/hour/1`."""
    yield (
        f"CREATE TABLE IF NOT EXISTS {scope}_merged ({KEY_COLUMNS}, seq BIGINT NOT NULL, "
        "minutes BIGINT NOT NULL, which BIGINT NOT NULL, latest BIGINT NOT NULL, "
        f"observed_seconds DOUBLE PRECISION NOT NULL, PRIMARY KEY ({', '.join((*KEYS, 'seq'))}))"
    )
    yield from added(f"{scope}_merged", MEASURED[scope])


def told(scope: str, before: Sequence[str] = ()) -> str:
    """SQL that makes the view of all that was told, whichever way: what to add up. `before`: the columns that
    it has, which keep their places, because other people's views may rest on it."""
    own = {"minutes": "1::bigint", "latest": "start"}
    names = [*KEYS, "seq", *own, "observed_seconds", *(figure.name for figure in MEASURED[scope])]
    names.sort(key=lambda name: before.index(name) if name in before else len(before))
    minutes = ", ".join(f"{own[name]} AS {name}" if name in own else f'"{name}"' for name in names)
    merged = ", ".join(f'"{name}"' for name in names)
    return (
        f"CREATE OR REPLACE VIEW {scope}_told AS SELECT {minutes} FROM {scope}_minute "  # noqa: S608
        f"UNION ALL SELECT {merged} FROM {scope}_merged"
    )


def added(table: str, figures: Iterable[Figure]) -> Iterable[str]:
    """Every figure as a column, also of a table that an older hub made."""
    yield f"ALTER TABLE {table} " + ", ".join(
        f"ADD COLUMN IF NOT EXISTS {figure.quoted} {figure.type}" for figure in figures
    )
