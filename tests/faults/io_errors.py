"""Lets the disk fail at each of its operations in turn, as SQLite tests itself: the Nth write, sync,
truncation or deletion is refused for N = 1, 2, … until a life of the store passes without meeting it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Final, Literal

from edge.errors import StoreError
from edge.store import Store
from edge.store.documents import StoredDocuments
from edge.store.parking import Boot, ParkingBooks, Signed, Stay
from edge.store.retention import DAY_S, KEPT_DAYS
from pipelines.coupons import Decision
from pipelines.parking_records import Session
from pipelines.records import Record
from sync.down.documents import Piece
from tests.edge.store.build import NOON, crossing, event, gate, visit, zone
from tests.edge.store.test_audits import audit
from tests.faults.recording_vfs import FULL, IOERR_SYNC, IOERR_WRITE, OK, Recording, What, recorded
from tests.faults.store_life import State, state_of

Kind = Literal["EIO", "ENOSPC"]
LASTS: Final = 3
"""Refused calls of the store after which a lasting fault is mended."""
SMALL_LOG: Final = 24
"""Pages of the log after which it is copied back: so that this happens here too."""


@dataclass(slots=True)
class Outcome:
    """What the failures did."""

    failures: int = 0
    """Lives in which the disk refused something."""
    refused: Counter[str] = field(default_factory=Counter)
    """By operation and file, what it refused first."""
    told: Counter[str] = field(default_factory=Counter)
    """Errors that the store raised, by class."""
    unnoticed: int = 0
    """Lives in which it did so and the store had no reason to tell: a copying of the log that it puts off."""
    faults: list[str] = field(default_factory=list)

    def __iadd__(self, other: Outcome) -> Outcome:
        """Both together."""
        self.failures += other.failures
        self.refused += other.refused
        self.told += other.told
        self.unnoticed += other.unnoticed
        self.faults += other.faults
        return self


@dataclass(slots=True)
class Trouble:
    """A disk that fails at its Nth operation: once, or from then on until it is mended."""

    at: int
    kind: Kind
    lasting: bool
    during: str = ""
    """Of this step alone; empty: of the whole life."""
    step: str = ""
    """The one that is under way."""
    asked: int = 0
    broken: bool = False
    first: str = ""
    """What was refused first; empty: nothing."""

    def refuse(self, what: What, file: str) -> int:
        """See `Recording`."""
        if not self.broken and self.during not in {"", self.step}:
            return OK
        self.asked += 1
        if self.asked == self.at:
            self.broken, self.first = True, f"{what} {file}"
            return self._code(what)
        return self._code(what) if self.broken and self.lasting else OK

    def _code(self, what: What) -> int:
        if self.kind == "ENOSPC":
            return FULL if what == "write" else OK
        return IOERR_SYNC if what == "sync" else IOERR_WRITE


class Box:
    """The store of one life, opened and closed by the steps themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store | None = None

    def open(self) -> None:
        """Begin a run."""
        self.store = Store.open(
            self.folder / "box.sqlite3", tenant="t", store="s", box="b", clock=lambda: NOON + 70.0
        )
        self.store._connection.execute(f"PRAGMA wal_autocheckpoint = {SMALL_LOG}")

    def close(self) -> None:
        """End it."""
        assert self.store is not None
        self.store.close()
        self.store = None

    @property
    def there(self) -> Store:
        """The open store."""
        assert self.store is not None
        return self.store

    @property
    def books(self) -> ParkingBooks:
        """Its car park."""
        return ParkingBooks(self.there, Boot("b007", 0.0))


def steps(box: Box) -> list[tuple[str, Callable[[], object]]]:
    """A short life through the whole store, the same every time. Each may be asked again after an error."""
    hour = [NOON - 3600.0 + number for number in range(40)]
    decision = Decision(
        "ab" * 32, "cd" * 8, "exit", "exit-1", NOON + 5.0, 20_000, "r", "o", None, NOON + 9_000.0, None, True,
        7200.0, 1200,
    )  # fmt: skip
    stay = Stay(Session("cd" * 8, "entry-1", NOON - 7000.0, None, exit_lane="exit-1", left_at=NOON + 5.0))

    def piece(number: int) -> Callable[[], object]:
        text = f'{{"n":{number},"text":"{"x" * 9000}"}}'
        one = Piece("offers", "storeedge/offers/1", 1, number, 2, NOON + 9_000.0, text)
        return lambda: StoredDocuments(box.there, lambda: float(NOON)).add_piece(one)

    old = [crossing(t, track=int(t)) for t in hour]
    new: list[Record] = [crossing(NOON + 3.0), visit(NOON + 20.0), event(NOON + 30.0)]
    return [
        ("open", box.open),
        ("add old records", lambda: box.there.add_records(old)),
        ("add records", lambda: box.there.add_records(new)),
        ("commit a minute", lambda: box.there.commit_minute(NOON, [gate(NOON, 1), zone(NOON, [10.0])])),
        ("keep a coupon", lambda: box.books.keep([stay], now=NOON + 5.0, signed=Signed(decision, '{"key":1}'),
                                                  counts={("exit-1", "issued"): 1})),
        ("tell of it", lambda: box.books.tell(decision.key, "yes")),
        ("add a piece", piece(1)),
        ("add the last piece", piece(2)),
        ("acknowledge", lambda: box.there.acknowledge("data", box.there.epoch, 1)),
        ("add an audit", lambda: box.there.add_audits([audit()])),
        ("prune", lambda: _prune(box)),
        ("commit another", lambda: box.there.commit_minute(NOON + 60, [gate(NOON + 60, 0)])),
        ("close", box.close),
        ("open again", box.open),
        ("end an event", lambda: box.there.add_records([event(NOON + 30.0, t_end=NOON + 90.0)])),
        ("acknowledge coupons", lambda: box.there.acknowledge("trigger", box.there.epoch, 1)),
        ("close again", box.close),
    ]  # fmt: skip


def fail_once(folder: Path, trouble: Trouble, truth: State | None) -> tuple[Outcome, State]:
    """One life with this trouble; truth: what a life without any ends with."""
    outcome, box = Outcome(), Box(folder)
    with recorded() as recording:
        recording.refuse = trouble.refuse
        for name, step in steps(box):
            trouble.step = name
            _do(name, step, box, trouble, outcome)
        recording.refuse = Recording().refuse
        box.open()
        _prune(box)  # a full disk puts it off to the next hour without a word
        (whole,) = box.there.read(lambda c: c.execute("PRAGMA integrity_check").fetchone())
        found = _state(box.there)
        box.close()
    if whole != "ok":
        outcome.faults.append(f"{_what(trouble)}: {whole}")
    if truth is not None and found != truth:
        other = [table for table in truth if found.get(table) != truth[table]]
        outcome.faults.append(f"{_what(trouble)}: in the end other rows in {', '.join(other)}")
    outcome.failures = int(bool(trouble.first))
    outcome.refused[trouble.first.replace("box.sqlite3", "")] += outcome.failures
    outcome.unnoticed = int(bool(trouble.first) and not outcome.told)
    return outcome, found


def _prune(box: Box) -> None:
    box.there.prune(NOON - 100.0 + KEPT_DAYS["crossing"] * DAY_S)


def _state(store: Store) -> State:
    """What it holds, but for what is another in each run."""
    minutes = store.read(lambda c: c.execute("SELECT start FROM minute ORDER BY start, run").fetchall())
    state = {table: rows for table, rows in state_of(store).items() if table != "_sqlite_migrations"}
    return state | {"minute": hash(tuple(start for (start,) in map(tuple, minutes)))}


def _what(trouble: Trouble) -> str:
    return f"{trouble.kind} {'from' if trouble.lasting else 'at'} operation {trouble.at} ({trouble.first}) on"


def _do(name: str, step: Callable[[], object], box: Box, trouble: Trouble, outcome: Outcome) -> None:
    """Ask until it is done; each refusal is one plain error and leaves everything as it was."""
    for attempt in count(1):
        before = None if box.store is None else _state(box.store)
        try:
            step()
        except StoreError as error:
            outcome.told[type(error).__name__] += 1
            if "\n" in str(error):
                outcome.faults.append(f"{_what(trouble)} {name}: more than one line: {error}")
            if before is not None and _state(box.there) != before:
                outcome.faults.append(f"{_what(trouble)} {name}: it was refused and something was kept")
        except Exception as error:  # noqa: BLE001 - whatever else it is, it is a fault
            outcome.faults.append(f"{_what(trouble)} {name}: {type(error).__name__}: {error}")
            with suppress(StoreError, sqlite3.Error):
                box.close()
                box.open()
            trouble.broken = False
            return
        else:
            return
        if attempt >= LASTS:
            trouble.broken = False  # somebody mended the disk
        if attempt > 2 * LASTS:
            outcome.faults.append(f"{_what(trouble)} {name}: not done though the disk is well again")
            return


def every_failure(
    folder: Path, *, stride: int = 1, say: Callable[[str], None] = lambda _: None
) -> dict[str, Outcome]:
    """Each kind of trouble at every operation, or at every so manieth, each from another on: of a store
    that was there, and of one that is first made."""
    folder.mkdir(parents=True, exist_ok=True)
    _, truth = fail_once(folder / "well", Trouble(0, "EIO", False), None)
    there = folder / "there"
    with recorded():
        box = Box(there)
        box.open()
        box.close()
    kinds: list[tuple[Kind, bool]] = [
        (kind, lasting) for kind in ("EIO", "ENOSPC") for lasting in (False, True)
    ]
    found = {}
    for number, (kind, lasting) in enumerate(kinds):
        name = f"{kind}, {'lasting' if lasting else 'once'}"
        found[name] = _each(
            folder / "life", there, truth, Trouble(1 + number % stride, kind, lasting), stride
        )
        say(f"{name}: {found[name].failures} lives")
    first = _each(folder / "life", None, truth, Trouble(1, "EIO", False), 3 * stride)
    say(f"while it is first made: {first.failures} lives")
    return found | {"EIO, once, when first made": first}


def _each(life: Path, there: Path | None, truth: State, trouble: Trouble, stride: int) -> Outcome:
    total = Outcome()
    for at in count(trouble.at, stride):
        if there is not None:
            shutil.copytree(there, life)
        outcome, _ = fail_once(life, replace(trouble, at=at), truth)
        shutil.rmtree(life)
        total += outcome
        if not outcome.failures:
            return total
    raise AssertionError("a life does not end")
