"""The one writer of the box's database.

What holds, whatever is killed when:

- A record is durable when `add_records` returns; the very same record again changes nothing.
- A minute's windows and its outbox row are one transaction. Committing marks every record that ended by then
  as counted, so after a restart `uncounted()` gives exactly the records that no window holds.
- A minute may be made in parts, one for each run of the main process: a part from another run is *added* to
  what is stored, and the minute's message is sent again with the whole sum (a receiver upserts by minute, the
  later `seq` wins). Committing a minute again in the same run changes nothing, so a retry is safe.
- Outbox numbers are never given twice, and a row goes only when the centre has acknowledged it.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeVar

from edge.clock_trust import is_dark
from edge.errors import StoreForeign, StoreFull
from edge.store import (
    audits,
    budget_steps,
    inherited,
    minutes,
    occupancy,
    outbox,
    queries,
    records,
    restamp,
    retention,
)
from edge.store.audits import Audit
from edge.store.budget import Budget, Room
from edge.store.database import complain, connect_writer, damaged, explain, fault_of, lock, used_bytes
from edge.store.migrations import LEVEL, migrate
from edge.store.records import Counted
from pipelines.records import Event, OccupancyWindow, Record, Window
from sync.bodies import event_body
from sync.errors import SyncError
from sync.outbox import Backlog, OutboxRow, Stream
from sync.payloads import EVENT

log = logging.getLogger("edge.store")

T = TypeVar("T")

AT_ONCE: Final = 2_000
"""Records in one transaction: a hundredth of the room that is kept ready."""


class Store:
    """The open database of a box. Every method may be called from any thread; writing is one at a time.

    Raises `StoreError` or a kind of it, `SyncError` for what cannot be sent; nothing is ever half written.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        holder: IO[str],
        *,
        clock: Callable[[], float],
        budget_mib: int,
        alone: bool = False,
    ) -> None:
        """Use `Store.open`."""
        self.path = path
        self.budget = budget_mib * 2**20
        """Bytes that the database may take."""
        self.refused = False
        """Whether the last write found no room, and none could be made."""
        self._budget, self._alone = Budget(path, self.budget), alone
        self._connection = connection
        self._holder = holder
        self._clock = clock
        self._lock = threading.RLock()
        self._runs = [secrets.token_hex(8)]
        self._owner: dict[str, str] = {}
        self._epoch = ""
        self._inherits: str | None = None
        self.ended_badly = False
        """Whether the run before did not close the file: a brief look may not find all damage."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        tenant: str,
        store: str,
        box: str,
        budget_mib: int = 512,
        alone: bool = False,
        clock: Callable[[], float] = time.time,
        holder: IO[str] | None = None,
    ) -> Self:
        """Open the database, made or brought up to date as needed, and keep other main processes out.

        `clock` gives UTC seconds; `holder`: the lock, where the caller has it. Raises StoreLocked,
        StoreCorrupt, StoreForeign or StoreError. `edge/store/recovery.py` opens one that may be damaged.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = holder or lock(path)
        connection: sqlite3.Connection | None = None
        try:
            Budget(path, budget_mib * 2**20).release()
            connection = connect_writer(path, budget_mib)
            opened = cls(path, connection, holder, clock=clock, budget_mib=budget_mib, alone=alone)
            opened._begin({"tenant": tenant, "store": store, "box": box})
        except BaseException as error:
            if connection is not None:
                connection.close()
            holder.close()
            if isinstance(error, sqlite3.Error):
                raise explain(path, error) from error
            raise
        return opened

    def _begin(self, owner: dict[str, str]) -> None:
        """Check, migrate, and make sure that the database is this box's."""
        connection = self._connection
        connection.row_factory = sqlite3.Row
        self._owner = owner
        known = self._meta()
        if int(known.get("needs", "0")) > LEVEL:
            raise StoreForeign(f"{self.path}: made by a newer StoreEdge; update the software to use it")
        self.ended_badly = known.get("closed") == "no"
        if self.ended_badly and (fault := fault_of(connection)):
            raise damaged(self.path, fault)
        migrate(connection)
        with self._transaction():
            for name, value in (
                {"epoch": secrets.token_hex(8), "needs": str(LEVEL), "made_at": f"{self._clock():.0f}"}
                | owner
            ).items():
                connection.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 'no')")
            known = self._meta()
            theirs = "/".join(known[name] for name in owner)
            if theirs != "/".join(owner.values()):
                raise StoreForeign(
                    f"{self.path}: belongs to box {theirs}, not {'/'.join(owner.values())}; "
                    "move it aside, or correct the names in the site file"
                )
        self._epoch = known["epoch"]
        self._inherits = inherited.oldest_epoch(connection)

    def keep_time_by(self, clock: Callable[[], float]) -> None:
        """Go on by another clock than the one it was opened with; `clock` gives the box's UTC seconds."""
        self._clock = clock

    def exchange(self, put: Callable[[], object]) -> None:
        """Close the file, let `put` set another in its place and go on with that one, and with us all who
        hold this store. When it fails nothing can be read or written until it has been called again."""
        with self._lock:
            self._connection.close()
            put()
            try:
                self._connection = connect_writer(self.path, self.budget // 2**20)
                self._runs.insert(0, secrets.token_hex(8))
                self._begin(self._owner)
            except sqlite3.Error as error:
                raise explain(self.path, error) from error

    def _meta(self) -> dict[str, str]:
        if not self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
            return {}
        return dict(tuple(row) for row in self._connection.execute("SELECT key, value FROM meta"))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, alone, with SQLite's errors in plain words."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise complain(self.path, error) from error
                raise

    def _with_room(self, write: Callable[[], T]) -> T:
        """Write; when there is no room, make some and try again. Raises StoreFull when none can be made."""
        while True:
            try:
                result = write()
            except StoreFull:
                with self._lock:
                    self.refused = True
                    if not self._relieve():
                        raise
            else:
                self.refused = False
                return result

    def _relieve(self) -> bool:
        """A write met the end of the room: whether it may be tried again."""
        if self._budget.release():
            return True
        held_to, room = self._budget.held_to, self._budget.look(self._connection)
        if room.cap > held_to:
            return True  # others have left the disk
        # With so much left it is not the pages that are missing but the disk, to which nothing can be given.
        return room.left < room.most_needed and self._thin()

    def _thin(self) -> bool:
        spare = not self._budget.look(self._connection).worth_a_message
        with self._transaction() as connection:
            taken = budget_steps.thin(connection, self._clock(), alone=self._alone, spare_messages=spare)
        return taken is not None

    def _thin_or_release(self) -> bool:
        """A step needs some room itself, in the log."""
        try:
            return self._thin()
        except StoreFull:
            if self._budget.release():
                return True
            raise

    def make_room(self, patience_s: float = 0.05) -> Room:
        """Keep some room ready, so that no write has to wait for it: call it about once a second. It ends
        after the first step that is over `patience_s`. Raises StoreError."""
        with self._lock:
            until = time.monotonic() + patience_s
            room = self._budget.look(self._connection)
            if room.tight:
                while not room.ample and time.monotonic() < until and self._thin_or_release():
                    room = self._budget.look(self._connection)
            self._budget.replenish(room)
            return room

    def thinned(self) -> dict[budget_steps.Kind, budget_steps.Books]:
        """What was given up or made coarser for want of room, since the database was made."""
        return self._read(budget_steps.books)

    def tell_thinned(
        self, kinds: Sequence[budget_steps.Kind], event_of: Callable[[budget_steps.Thinned], Event]
    ) -> list[Event]:
        """Events of what of it no event has told yet; they are kept, and it counts as told, together."""

        def told(connection: sqlite3.Connection) -> list[Event]:
            events = [event_of(taken) for taken in budget_steps.take_untold(connection, kinds)]
            for event in events:
                self._add_record(connection, event)
            return events

        return self.write(told)

    @property
    def epoch(self) -> str:
        """Changes when the box's database is made anew; while messages of the one before wait, theirs."""
        return self._inherits or self._epoch

    def add_records(self, new: Sequence[Record]) -> int:
        """Keep records; an event is also put into the outbox. How many were new. More than `AT_ONCE` go in
        several transactions, so that they fit where there is little room: when one is refused, those before
        it are kept, and may be given again.

        A record that can never be kept, such as one with an id of a thousand letters, is logged and left
        out: it must not hold up those after it.
        """
        return sum(
            self._with_room(lambda part=new[i : i + AT_ONCE]: self._add_records(part))  # type: ignore[misc]
            for i in range(0, len(new), AT_ONCE)
        )

    def _add_records(self, new: Sequence[Record]) -> int:
        with self._transaction() as connection:
            return sum(self._add_record(connection, record) for record in new)

    def _add_record(self, connection: sqlite3.Connection, record: Record) -> bool:
        try:
            body = event_body(record) if isinstance(record, Event) else None
            added = records.insert(connection, record)
        except (sqlite3.IntegrityError, SyncError) as error:
            log.error("a record cannot be kept: %s: %.200r", error, record)
            return False
        if added and body is not None and not is_dark(record.t):
            outbox.put(connection, "data", EVENT, body, created_at=self._clock())
        return added

    def commit_minute(self, start: int, made: Sequence[Window]) -> bool:
        """Keep a minute: its windows, their quarter-hours, the counted records and its outbox row (several
        where heat maps make it too long for one), together.

        False, and nothing changed, when this run has committed the minute before, or when it adds nothing to
        the part of another run.
        """
        if any(window.start != start for window in made):
            raise ValueError(f"a window of another minute than {start}")
        return self.write(lambda connection: self._commit_minute(connection, start, made))

    def _commit_minute(self, connection: sqlite3.Connection, start: int, made: Sequence[Window]) -> bool:
        keep = restamp.keep_dark if is_dark(start) else minutes.commit
        return keep(connection, self._runs, start, made, self._clock())

    def add_audits(self, made: Sequence[Audit]) -> None:
        """Keep audits, in one transaction; the same gate, direction and beginning again replaces."""

        def put(connection: sqlite3.Connection) -> None:
            for audit in made:
                audits.put(connection, audit)

        self.write(put)

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction over tables that have a file of their own, such as `edge/store/parking.py`."""

        def changed() -> T:
            with self._transaction() as connection:
                return change(connection)

        return self._with_room(changed)

    def fill(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """As `write`, of what is worth giving up nothing else: raises StoreFull where there is no room."""
        with self._transaction() as connection:
            return change(connection)

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """One question to such tables."""
        return self._read(question)

    def uncounted(self) -> Sequence[Counted]:
        """Crossings, visits and vehicle passages that no committed minute holds, oldest first: add them to
        the new `Minutes` after a restart, and nothing is counted twice or lost."""
        return self._read(records.uncounted)

    def records_since(self, t: float) -> Sequence[Record]:
        """Every kept record from `t` (UTC seconds) on, a visit by its end, oldest first."""
        return self._read(lambda connection: records.since(connection, t))

    def events_under_way(self, names: Sequence[str]) -> Sequence[Event]:
        """The newest event of each of these names, camera and scope, where it has begun and not ended."""
        return self._read(lambda connection: records.under_way(connection, names))

    def last_sealed_minute(self) -> int | None:
        """Start of the newest committed minute of the scale that we count on. A new run goes on with it
        (`Minutes(layouts, sealed_before=last_sealed_minute())`): what it adds to that minute is added up."""
        dark = is_dark(self._clock())
        return self._read(lambda connection: queries.last_minute(connection, dark=dark))

    def last_occupancy(self) -> Sequence[OccupancyWindow]:
        """The newest committed window of each area: `Minutes(..., occupied=...)` goes on from it."""
        return self._read(occupancy.last)

    def pending(self, stream: Stream, after_seq: int, limit: int) -> Sequence[OutboxRow]:
        """The oldest waiting rows with `seq` above `after_seq`, in order."""
        epoch = self._inherits
        if epoch is not None:
            return self._read(lambda c: inherited.pending(c, epoch, stream, after_seq, limit))
        return self._read(lambda c: outbox.pending(c, self._epoch, stream, after_seq, limit))

    def backlog(self, stream: Stream) -> Backlog:
        """How much waits, of earlier epochs too; the numbers are those of `epoch`."""
        return self._read(lambda connection: inherited.backlog(connection, stream))

    def stream_state(self, stream: Stream) -> outbox.StreamState:
        """The last numbers given and acknowledged, when, and rows given up because the disk was full."""
        return self._read(lambda connection: outbox.state(connection, stream))

    def acknowledge(self, stream: Stream, epoch: str, upto: int) -> int:
        """Delete rows up to and including `upto`, for good; the number deleted (0 for another epoch)."""
        if epoch not in {self._epoch, self._inherits}:
            return 0
        with self._transaction() as connection:
            if epoch == self._epoch:
                return outbox.acknowledge(connection, stream, upto, self._clock())
            gone = inherited.acknowledge(connection, epoch, stream, upto, self._clock())
            self._inherits = inherited.oldest_epoch(connection)
        return gone

    def prune(self, now: float) -> int:
        """Delete what is older than its table's term (`retention.KEPT_DAYS`); the number of rows. Call it
        about once an hour, and only while the clock is trusted. On a disk that others fill the room stays
        ours, and where there is none to delete in it is tried again the next time."""
        try:
            with self._transaction() as connection:
                gone = retention.expire(connection, now)
        except StoreFull:
            return 0
        with self._lock, suppress(sqlite3.Error):
            if gone and not self._budget.look(self._connection).disk_bound:
                self._connection.execute("PRAGMA incremental_vacuum(2000)").fetchall()
        return gone

    @property
    def size(self) -> int:
        """Bytes in use, of `budget`: the pages that hold something."""
        return self._read(used_bytes)

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return question(self._connection)
            except sqlite3.Error as error:
                raise complain(self.path, error) from error

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        with self._lock:
            if self._holder.closed:
                return
            with suppress(sqlite3.Error):  # a full disk must not keep the box from stopping
                self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 'yes')")
            self._connection.close()
            self._budget.keep()
            self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
