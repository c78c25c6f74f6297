"""A stretch of a box's life as its store sees it: records, minutes, a car park, the centre's documents,
audits, acknowledgements and pruning; what it was promised, and everything that the store then holds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.clock_trust import Setting
from edge.parking.gatehouse import Deduction, Gatehouse
from edge.store import Store, budget_steps, restamp
from edge.store.audits import Audit
from edge.store.documents import StoredDocuments
from edge.store.parking import Boot, ParkingBooks
from edge.store.recovery import Recovery, open_or_recover
from edge.store.retention import DAY_S, KEPT_DAYS, TIME
from pipelines.coupon_rules import Caps
from pipelines.coupons import Coupons, Ledger
from pipelines.parking import Sessions
from pipelines.parking_records import ParkingEvent, What
from pipelines.plate_tokens import PlateKeys
from pipelines.records import Crossing, Record, Window
from sync.down.documents import Piece
from sync.outbox import STREAMS
from tests.edge.parking.build import LANES, local, rule
from tests.edge.store.build import NOON
from tests.edge.store.test_audits import tally
from tests.faults.promises import Promises
from tests.faults.recording_vfs import Recording
from tests.faults.told_by_cameras import records_of, windows_of

_NOT_WHAT_WAS_COUNTED: Final = frozenset({"meta", "sqlite_sequence", "sqlite_stat1"})
State = Mapping[str, int]
"""Table to a fingerprint of its rows."""
KEEP_S: Final = 900.0
"""Every now and then all records but those of the last quarter of an hour are let go."""
PRUNED: Final = [table for table, days in KEPT_DAYS.items() if days == KEPT_DAYS["crossing"]]
RULES: Final = [replace(rule(parked_min_s=1200.0), caps=Caps(per_token_day=1, budget_units=40))]
PIECES: Final = 4
DARK: Final = 6000.0
DARK_MINUTES: Final = 6
SHIFT: Final = NOON // 3600 * 3600 - 3 * 3600 - 180 - int(DARK)
"""So that half of the minutes that were counted in the dark turn out to lie in one hour, half in the next."""
COARSEN_AT: Final = 2
"""Minutes after which those become hours; before, the centre acknowledges nothing."""


class WatchedStore(Store):
    """The real store, that tells after each transaction."""

    committed: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with super()._transaction() as connection:
            yield connection
        self.committed()


def open_box(folder: Path, clock: Callable[[], float] = lambda: NOON + 0.5) -> WatchedStore:
    """The store of the box whose life this is."""
    return WatchedStore.open(
        folder / "box.sqlite3", tenant="rainbow", store="sz-futian", box="box-01", clock=clock
    )


def open_as_the_box_does(folder: Path) -> tuple[Store, Recovery | None]:
    """The same by the box's own way, and what it thought had to be done for it."""
    return open_or_recover(
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


class Living:
    """One run of the box's main process on its store, without the processes."""

    def __init__(
        self, folder: Path, seed: int, recording: Recording | None = None, promises: Promises | None = None
    ) -> None:
        self.chance = random.Random(seed)
        self.recording = recording or Recording()
        self.promises = promises or Promises()
        self.now = float(NOON)
        self.recording.doing = "open" if (folder / "box.sqlite3").exists() else "create"
        self.store = open_box(folder, lambda: self.now)
        self.documents = StoredDocuments(self.store, lambda: self.now)
        self._waits: list[str] = []
        self._cars: list[tuple[int, float]] = []
        self._desk()

    def _desk(self) -> None:
        self.books = ParkingBooks(self.store, Boot("b007", NOON - 500.0))
        keys = PlateKeys((b"k" * 32,))
        self.desk = Gatehouse(
            lanes=LANES, sessions=Sessions(keys, restored=self.books.sessions(0, self.now), now=self.now),
            coupons=Coupons("t/s/b", RULES, local, Ledger(self.books.decisions(0))), books=self.books,
            clock=lambda: self.now, sign=lambda body: body.text(), teller=self,
        )  # fmt: skip

    def wants(self, deduction: Deduction) -> bool:
        """Every coupon is told to the parking system."""
        return True

    def tell(self, deduction: Deduction) -> None:
        """The parking system is told at the next opportunity."""
        self._waits.append(deduction.decision.key)

    def live(self, minutes: int, begin: int = 0) -> Iterator[str]:
        """Let time pass; yields the name of each call after it returned."""
        if begin:
            yield from self._after_a_restart(NOON + 60 * (begin - 1))
        else:
            yield from self._in_the_dark()
        for index in range(begin, begin + minutes):
            minute = NOON + 60 * index
            yield from self._count(minute)
            yield from self._park(index)
            yield from self._keep_house(index)

    def _call(self, name: str) -> int:
        self.recording.doing = name
        return self.recording.now

    # -- counting ----------------------------------------------------------------------------------------

    def _count(self, minute: int) -> Iterator[str]:
        made = records_of(minute, self.chance)
        for at in range(0, len(made), 3):
            self.now = minute + 58.0
            self._call("add_records")
            self.store.add_records(made[at : at + 3])
            self.promises.records(self.recording.now, made[at : at + 3])
            yield "add_records"
        self.now = minute + 65.0
        yield from self._commit(minute, windows_of(minute, made))

    def _commit(self, minute: int, windows: list[Window]) -> Iterator[str]:
        self._call("commit_minute")
        self.store.commit_minute(minute, windows)
        gates = self.store.read(
            lambda c: c.execute("SELECT sum(entries) FROM gate_window WHERE start = ?", (minute,)).fetchone()
        )
        self.promises.minute(self.recording.now, minute, gates[0])
        yield "commit_minute"

    def _after_a_restart(self, last: int) -> Iterator[str]:
        """Another run adds its part to the last minute."""
        self.now = last + 66.0
        self._call("give_up_telling")
        self.books.give_up_telling()
        yield "give_up_telling"
        late = [Crossing("cam-1", "door", "in", last + 59.5, 99)]
        self._call("add_records")
        self.store.add_records(late)
        self.promises.records(self.recording.now, late)
        yield "add_records"
        yield from self._commit(last, windows_of(last, list[Record](late)))

    # -- the clock ---------------------------------------------------------------------------------------

    def _in_the_dark(self) -> Iterator[str]:
        """The box does not know the time at first; when it does, that was some hours ago."""
        yield from self._set_clock(Setting(DARK - 100.0, "unknown", DARK))
        for index in range(DARK_MINUTES):
            yield from self._count(int(DARK) + 60 * index)
        yield from self._set_clock(Setting(DARK - 100.0 + SHIFT, "synced", DARK + SHIFT))

    def _set_clock(self, setting: Setting) -> Iterator[str]:
        self.now = setting.begun + (60 * DARK_MINUTES if setting.trust == "synced" else 0)
        began = self._call("set_clock")
        self.store.write(lambda c: restamp.set_clock(c, "b007", setting, self.now))
        if setting.trust == "synced":
            self.promises.moved(began, self.recording.now, SHIFT)
        yield "set_clock"

    def _coarsen(self) -> Iterator[str]:
        """There is no room: minutes that wait become hours."""
        for _ in range(2):
            self._call("coarsen")
            taken = self.store.write(lambda c: budget_steps.thin(c, self.now))
            assert taken is not None, "there was nothing to coarsen"
            assert taken.kind == "waiting", taken
            yield "coarsen"

    # -- the car park ------------------------------------------------------------------------------------

    def _park(self, index: int) -> Iterator[str]:
        """A car comes; one that came half an hour ago leaves. Some were here before today."""
        told: tuple[tuple[What, int], ...] = (("entry", index), ("exit", index - 30))
        for what, number in told:
            if number < 0:
                continue
            plate = f"粤B{number % 35:03}{number % 35:03}"
            self._call(f"car's {what}")
            outcome = self.desk.take(
                ParkingEvent(
                    what,
                    lane="entry-1" if what == "entry" else "exit-1",
                    t=self.now,
                    plate=plate,
                    source="http",
                    feed="lot",
                    ref=f"o{number}",
                    parked_s=1800.0 if what == "exit" else None,
                )
            )
            if outcome.decision is not None and outcome.result != "decided":
                key = outcome.decision.key
                self.promises.row(self.recording.now, "coupon_trigger", (key,), self.now)
                self.promises.messages.append((self.recording.now, f"coupon {key}"))
            yield f"car's {what}"
        if self._waits and self.chance.random() < 0.7:
            self._call("tell")
            self.books.tell(self._waits.pop(0), "yes")
            yield "tell"

    # -- the rest ----------------------------------------------------------------------------------------

    def _keep_house(self, index: int) -> Iterator[str]:
        if index % 2:
            self._call("add_piece")
            version, number = divmod(index // 2, PIECES)
            name = "offers" if version % 2 else "members-k1"
            body = f'{{"version":{version},"piece":{number},"text":"{"x" * 3000}"}}'
            ends = self.now + 7_000.0
            piece = Piece(name, "storeedge/offers/1", version + 1, number + 1, PIECES, ends, body)
            self.documents.add_piece(piece)
            yield "add_piece"
            self._call("tidy")
            self.documents.tidy(self.now)
            yield "tidy"
        if index % 10 == 5:
            audit = Audit("cam-1", "door", "in", self.now - 600, self.now, "abc", "Li", self.now, tally())
            self._call("add_audits")
            self.store.add_audits([audit])
            self.promises.row(self.recording.now, "audit", (audit.begun, "cam-1", "door", "in"), audit.begun)
            yield "add_audits"
        if index % 12 == 11:
            self._call("wipe")
            self.books.wipe(self.now - 600.0)
            yield "wipe"
        if index % 15 == 14:
            yield from self._prune()
        if index == COARSEN_AT:
            yield from self._coarsen()
        for stream in STREAMS:
            if index > COARSEN_AT and self.chance.random() < 0.3:
                yield from self._acknowledge(stream)

    def _prune(self) -> Iterator[str]:
        """As if the records' term ended a quarter of an hour ago."""
        before = self.now - KEEP_S
        began = self._call("prune")
        self.promises.may_go(began, [table for table in PRUNED if table in TIME], before)
        self.store.prune(before + KEPT_DAYS["crossing"] * DAY_S)
        yield "prune"

    def _acknowledge(self, stream: str) -> Iterator[str]:
        waiting = self.store.pending(stream, 0, 50)  # type: ignore[arg-type]
        if not waiting:
            return
        now = self._call("acknowledge")
        self.promises.sent += [(now, row) for row in waiting]
        self.promises.numbers.append((now, stream, waiting[-1].seq))
        self.store.acknowledge(stream, self.store.epoch, self.chance.choice(waiting).seq)  # type: ignore[arg-type]
        yield "acknowledge"
