"""What the box holds and what the hub holds, side by side. Both keep the same minutes in tables of the same
shape, `{gate,zone,camera,lane}_window` on the box and `…_minute` at the hub."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.errors import StoreError


@dataclass(frozen=True, slots=True)
class ZoneSum:
    """All stays in a zone."""

    visits: int | None
    """None where the zone was never observed; the same holds for every sum here."""
    passes: int | None
    dwell_seconds: float | None

    @property
    def mean_s(self) -> float | None:
        """Mean length of a visit; None without visits."""
        return self.dwell_seconds / self.visits if self.visits and self.dwell_seconds is not None else None


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that one side holds."""

    windows: int
    observed_s: float
    """Camera seconds that were really looked at."""
    gates: Mapping[str, tuple[int | None, int | None]]
    """In and out."""
    zones: Mapping[str, ZoneSum]


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A look at a database that others write. Raises StoreError."""
    try:
        db = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            yield db
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {database}: {error}; run the demo again") from error


def read_books(database: Path, kind: Literal["window", "minute"]) -> Books:
    """Sum up a database while others write to it. kind: `window` for a box's, `minute` for a hub's."""
    with reading(database) as db:
        db.execute("BEGIN")  # one moment for all the queries
        return _sums(db, kind)


def waiting(database: Path) -> int:
    """Messages in a box's outbox that the hub has not acknowledged."""
    with reading(database) as db:
        return int(db.execute("SELECT count(*) FROM outbox").fetchone()[0])


def _sums(db: sqlite3.Connection, kind: str) -> Books:
    count = sum(
        db.execute(f"SELECT count(*) FROM {scope}_{kind}").fetchone()[0]  # noqa: S608 - our own words
        for scope in ("camera", "gate", "zone", "lane")
    )
    (observed,) = db.execute(f"SELECT total(observed_seconds) FROM camera_{kind}").fetchone()  # noqa: S608
    gates = db.execute(f"SELECT id, sum(entries), sum(exits) FROM gate_{kind} GROUP BY id")  # noqa: S608
    zones = db.execute(
        f"SELECT id, sum(visits), sum(passes), round(sum(dwell_seconds), 1) FROM zone_{kind} GROUP BY id"  # noqa: S608
    )
    return Books(
        windows=count,
        observed_s=observed,
        gates={name: (entries, exits) for name, entries, exits in gates},
        zones={name: ZoneSum(*sums) for name, *sums in zones},
    )
