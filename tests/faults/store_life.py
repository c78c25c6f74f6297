"""A stretch of a box's life as its store sees it, and everything that the store then holds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from edge.store import Store
from pipelines.records import Crossing, Event, GateWindow, Record, Visit, Window
from tests.edge.store.build import NOON

_NOT_WHAT_WAS_COUNTED: Final = frozenset({"meta", "sqlite_sequence", "sqlite_stat1"})
State = Mapping[str, int]
"""Table to a fingerprint of its rows."""


def open_box(folder: Path) -> Store:
    """The store of the box whose life this is."""
    return Store.open(
        folder / "box.sqlite3", tenant="rainbow", store="sz-futian", box="box-01", clock=lambda: NOON + 0.5
    )


def state_of(store: Store) -> State:
    """What the store holds, table by table."""
    return store.read(_fingerprints)


def _fingerprints(connection: sqlite3.Connection) -> State:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        table: hash(tuple(sorted(map(repr, map(tuple, connection.execute(f'SELECT * FROM "{table}"'))))))
        for table in tables
        if table not in _NOT_WHAT_WAS_COUNTED and not table.startswith("sqlite_")
    }


def records_of(minute: int, chance: random.Random) -> list[Record]:
    """What the cameras tell in one minute."""
    made: list[Record] = []
    for track in range(chance.randint(0, 6)):
        at = minute + chance.random() * 59
        made.append(Crossing("cam-1", "door", chance.choice(("in", "out")), round(at, 3), track))
        if chance.random() < 0.5:
            stay = chance.random() * 40
            made.append(Visit("cam-1", "lancome", at - stay, at, False, "left", "customer", track))
    if chance.random() < 0.2:
        made.append(Event("queue_long", minute + 30.0, camera="cam-1", detail={"people": 7}))
    return made


def windows_of(minute: int, made: list[Record]) -> list[Window]:
    """The minute's window of the gate."""
    ways = [record.direction for record in made if isinstance(record, Crossing)]
    return [GateWindow("cam-1", "door", minute, 60.0, ways.count("in"), ways.count("out"), 0)]


def live(store: Store, minutes: int, seed: int, begin: int = 0) -> Iterator[str]:
    """Let the store live; yields the name of each call after it returned. Each call is one transaction."""
    chance = random.Random(seed + begin)
    for index in range(begin, begin + minutes):
        minute = NOON + 60 * index
        made = records_of(minute, chance)
        for at in range(0, len(made), 3):
            store.add_records(made[at : at + 3])
            yield "add_records"
        store.commit_minute(minute, windows_of(minute, made))
        yield "commit_minute"
        if chance.random() < 0.3 and (waiting := store.pending("data", 0, 50)):
            store.acknowledge("data", store.epoch, chance.choice(waiting).seq)
            yield "acknowledge"
