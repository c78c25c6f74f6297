"""A box's database with things in it, ways to damage it, and a centre that sums up what it is told."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from edge.store.recovery import Owner, StoreFile
from edge.store.store import Store
from pipelines.records import Window
from sync.hub.receiver import Hub
from sync.hub.sqlite import SqliteLedger
from sync.hub.totals import BoxTotals, totals
from sync.mqtt import Broker
from sync.publisher import Publisher
from sync.topics import BoxIdentity
from tests.edge.store.build import NOON, camera, crossing, event, gate, visit, zone
from tests.sync.fakes import BACKOFF, FACTS, QUICK, wait_for

PAGE = 4096
NAMES = Owner("rainbow", "sz-futian", "box-01")


_TICKS = count(1)


def ticking() -> float:
    """A clock that is never the same twice."""
    return NOON + next(_TICKS) / 1000


def file_in(folder: Path, clock: Callable[[], float] = ticking) -> StoreFile:
    return StoreFile(folder / "box.sqlite3", NAMES, clock=clock)


def windows(start: int, entries: int = 1) -> list[Window]:
    return [gate(start, entries), zone(start, [10.0]), camera(start)]


def fill(store: Store, minutes: Sequence[int], *, events_every: int = 0) -> int:
    """A crossing, a visit and a minute of one entry for each; entries."""
    for number in minutes:
        start = NOON + 60 * number
        store.add_records([crossing(start + 5, track=number), visit(start + 20, track=number)])
        if events_every and number % events_every == 0:
            store.add_records([event(start + 7)])
        store.commit_minute(start, windows(start))
    return len(minutes)


def kill(store: Store) -> None:
    """As kill -9 does: the log stays, and nothing says that the run has ended."""
    folder, name = store.path.parent, store.path.name
    kept = {part.name: part.read_bytes() for part in folder.glob(f"{name}*") if part.suffix != ".lock"}
    store.close()
    for part in folder.glob(f"{name}-*"):
        part.unlink()
    for part, content in kept.items():
        if not part.endswith(("-shm", ".lock")):
            (folder / part).write_bytes(content)


def into_the_file(store: Store) -> None:
    """Everything out of the log."""
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def pages_with(path: Path, text: bytes) -> list[int]:
    """Numbers of the pages on which a text stands, from 0."""
    raw = path.read_bytes()
    return [at // PAGE for at in range(0, len(raw), PAGE) if text in raw[at : at + PAGE]]


def pages_of_zones(path: Path) -> list[int]:
    """Pages of visits and of the zone's minutes, but of no messages."""
    return sorted({*pages_with(path, b"lancome")} - {*pages_with(path, b"storeedge/")})


def scribble(path: Path, pages: Sequence[int], seed: int = 1) -> None:
    """Noise where these pages were."""
    noise = random.Random(seed)
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE)
            file.write(noise.randbytes(PAGE))


@contextmanager
def centre(url: str, db: Path) -> Iterator[None]:
    """A hub."""
    ledger, ready = SqliteLedger(db), threading.Event()
    hub = Hub(Broker.parse(url), ledger, backoff_s=BACKOFF, on_ready=ready.set)
    thread = threading.Thread(target=hub.run)
    thread.start()
    try:
        assert ready.wait(10), "the hub did not get ready"
        yield
    finally:
        hub.stop()
        thread.join(10)
        ledger.close()


@contextmanager
def line(store: Store, url: str) -> Iterator[Publisher]:
    """The box's line to the broker."""
    publisher = Publisher(
        store, BoxIdentity(*NAMES), Broker.parse(url), lambda: FACTS, pacing=QUICK, backoff_s=BACKOFF
    )
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def waiting(store: Store) -> int:
    return store.backlog("data").rows + store.backlog("trigger").rows


def drain(store: Store, url: str, seconds: float = 20.0) -> None:
    """Until the centre has acknowledged everything."""
    with line(store, url) as publisher:
        wait_for(lambda: waiting(store) == 0, seconds, lambda: (publisher.status(), store.epoch))


def told(db: Path) -> BoxTotals:
    [box] = totals(db)
    return box


def entries(db: Path) -> int | None:
    """What the centre makes of the gate."""
    [at] = told(db).gates
    return at.entries
