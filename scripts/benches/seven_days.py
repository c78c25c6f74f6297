"""The store of a box whose line was down for a week: made once, copied for each run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge.run import DATABASE
from edge.store import Store
from pipelines.records import Event
from scripts.benches.hub import windows

MINUTES: Final = 7 * 24 * 60
EVENTS: Final = 500
BOX: Final = {"tenant": "bench", "store": "bench", "box": "box-01"}


class Calendar:
    """A clock that is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """UTC seconds."""
        return self.now


def make(folder: Path, minutes: int = MINUTES, events: int = EVENTS) -> Path:
    """A closed database in `folder`: that many minutes until now, as they would have been committed, and
    events spread over them, none of which the centre has."""
    end = int(time.time()) // 60 * 60
    begin = end - 60 * minutes
    clock = Calendar(begin)
    path = folder / DATABASE
    with Store.open(path, **BOX, clock=clock) as store, _quickly(store):
        for number in range(minutes):
            start = begin + 60 * number
            clock.now = start + 65
            if number * events // minutes != (number + 1) * events // minutes:
                store.add_records([Event("queue_long", start + 5.0, "cam-1", "till", detail={"people": 7})])
            store.commit_minute(start, windows(start))
    return path


def copy(made: Path, folder: Path) -> None:
    """Another box's folder with the same rows waiting."""
    folder.mkdir()
    shutil.copy(made, folder / DATABASE)


@contextmanager
def _quickly(store: Store) -> Iterator[None]:
    """Nobody pulls the plug while it is made."""
    store.write(lambda _: None)
    store._connection.execute("PRAGMA synchronous = OFF")
    yield
    store._connection.execute("PRAGMA synchronous = FULL")
