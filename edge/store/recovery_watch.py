"""What is left to do after a recovery while the box counts, and what is to be done when damage is met.

A thread of its own brings the older days over from a set-aside database, a lot at a time, and now and then
checks the whole file; the main loop tells the events and, when damage was met, begins anew at once: whoever
holds the store goes on with the new file, and what the loop counted meanwhile waits in its memory.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from edge.errors import StoreError, StoreFull
from edge.log import fields
from edge.store import recovery_files
from edge.store.database import mark_of, reading
from edge.store.recovery import RECOVERED, UNTOLD, StoreFile
from edge.store.salvage import Found, Rest, keep_older, older, rests, ways
from edge.store.salvage_reader import Wreck
from edge.store.store import Store
from pipelines.records import Event

log = logging.getLogger("edge.store")

AGAIN_S: Final = 30.0
"""Between two attempts to begin anew on a disk that does not let us."""
CHECK_EVERY_S: Final = 86_400.0
IDLE_SHARE: Final = 1.0
"""The thread rests this much of the time that it worked, so that writer and disk have room."""
_SAVED: Final = "salvaged"
"""Key of `meta`: rows brought over since the recovery, left out, and stretches that could not be read."""


class RecoveryWatch:
    """One of the main loop's watches, and its thread, from `start` to `stop` or as a context."""

    def __init__(
        self, file: StoreFile, store: Store, now: Callable[[], float], *, check_every_s: float = CHECK_EVERY_S
    ) -> None:
        """now: the box's UTC seconds."""
        self._file, self._store = replace(file, clock=now), store
        self._check_every_s = check_every_s
        self._check_at = time.monotonic() + (0.0 if store.ended_badly else check_every_s)
        self._try_at = float("-inf")
        self._tell, self._failed = True, False
        self._under_way = next(iter(store.events_under_way([RECOVERED])), None)
        self._stopping, self._wanted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="store recovery", daemon=True)

    def __enter__(self) -> Self:
        self._wanted.set()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join()

    # -- the main loop ---------------------------------------------------------------------------------

    def look(self, now: float) -> Iterable[Event]:
        """See `edge.main_loop.Watch`."""
        if (self._failed or mark_of(self._store.path).exists()) and time.monotonic() >= self._try_at:
            self._begin_anew()
        if not self._tell and self._under_way is None:
            return []
        try:
            return [*self._recovered(now), *self._completed(now)]
        except StoreError as error:
            log.error("%s", error)
            return []

    def _begin_anew(self) -> None:
        self._try_at = time.monotonic() + AGAIN_S
        reason = "damaged"
        with suppress(OSError):
            reason = mark_of(self._store.path).read_text("utf-8").partition(": ")[2].partition(";")[0]
        try:
            self._store.exchange(lambda: self._file.go_on(f"met while running: {reason}"))
        except (StoreError, OSError, sqlite3.Error) as error:
            self._failed = True
            log.error("the database is damaged and cannot be begun anew: %s", error)
        else:
            self._failed, self._tell = False, True
            self._wanted.set()

    def _recovered(self, now: float) -> list[Event]:
        """The event of a recovery that none has told. It is told again if the box stops before it is kept."""
        self._tell = False
        text = self._meta(UNTOLD)
        if text is None:
            return []
        name, detail = json.loads(text)
        event = Event(name, now, t_end=None if name == RECOVERED else now, detail=detail)
        self._store.add_records([event])
        self._store.write(partial(_forget, key=UNTOLD))
        self._under_way = event if name == RECOVERED else None
        return []

    def _completed(self, now: float) -> list[Event]:
        """The end of that event, when nothing is left to be brought over."""
        begun = self._under_way
        if begun is None or self._store.read(rests):
            return []
        saved = json.loads(self._meta(_SAVED) or "[0, 0, 0]")
        detail = dict(begun.detail)
        for name, more in zip(("rows", "unfit", "unread"), saved, strict=True):
            if more:
                detail[name] = int(detail.get(name, 0)) + more
        self._under_way = None
        self._store.write(partial(_forget, key=_SAVED))
        return [replace(begun, t_end=max(now, begun.t), detail=detail)]

    def _meta(self, key: str) -> str | None:
        row = self._store.read(lambda c: c.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone())
        return None if row is None else str(row[0])

    # -- the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(max(0.0, min(60.0, self._check_at - time.monotonic())))
            if self._stopping.is_set():
                return
            self._wanted.clear()
            try:
                self._bring_older()
                if time.monotonic() >= self._check_at:
                    self._check_at = time.monotonic() + self._check_every_s
                    self._check()
            except (StoreError, OSError, sqlite3.Error) as error:
                log.error("%s", error)
                self._wanted.wait(AGAIN_S)
                self._wanted.set()

    def _bring_older(self) -> None:
        for key, rest in self._store.read(rests).items():
            if self._from_one(key, rest) and not self._stopping.is_set():
                self._store.write(partial(_forget, key=key))
                log.info("all that can be read is brought over", extra=fields(file=rest.file))
        needed = {rest.file for rest in self._store.read(rests).values()}
        recovery_files.prune_asides(self._store.path, self._store.budget, needed)

    def _from_one(self, key: str, rest: Rest) -> bool:
        """Bring over what one file still has; False when the box stops first."""
        try:
            wreck = Wreck(self._store.path.with_name(rest.file), self._file.clock())
        except sqlite3.Error as error:
            log.error("%s cannot be read any more: %s", rest.file, error)
            return True
        with wreck:
            for upto, columns, rows in older(self._store.read(ways), wreck, rest):
                if self._stopping.is_set():
                    return False
                began = time.monotonic()
                try:
                    found = self._store.fill(lambda c: self._keep(c, key, upto, columns, rows))  # noqa: B023
                except StoreFull:
                    log.warning(
                        "no room for older days; they stay in the set-aside file",
                        extra=fields(file=rest.file),
                    )
                    return True
                if found is None:  # another recovery came in between: it knows what is left
                    return False
                self._stopping.wait(IDLE_SHARE * (time.monotonic() - began))
            unread = sum(wreck.unread.values())
        self._store.write(lambda c: _add(c, (0, 0, unread)))
        return True

    def _keep(
        self,
        connection: sqlite3.Connection,
        key: str,
        upto: Rest,
        columns: list[str],
        rows: list[tuple[object, ...]],
    ) -> Found | None:
        held = rests(connection).get(key)
        if held is None or held.file != upto.file:
            return None
        found = keep_older(connection, key, upto, columns, rows)
        _add(connection, (sum(found.rows.values()), found.unfit, 0))
        return found

    def _check(self) -> None:
        """Look through the whole file, table by table, each in a short snapshot."""
        with reading(self._store.path) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
        for name in names:
            if self._stopping.is_set():
                return
            began = time.monotonic()
            with reading(self._store.path) as connection:
                connection.set_progress_handler(self._stopping.is_set, 20_000)
                try:
                    found = str(connection.execute(f"PRAGMA quick_check({name})").fetchone()[0])
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                        return
                    raise
            if found != "ok":
                fault = " ".join(found.split())[:120]
                log.error("the database is damaged: %s", fault)
                mark_of(self._store.path).write_text(f"{self._store.path}: damaged ({fault})\n", "utf-8")
                return
            self._stopping.wait(IDLE_SHARE * (time.monotonic() - began))


def _forget(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("DELETE FROM meta WHERE key = ?", (key,))


def _add(connection: sqlite3.Connection, more: tuple[int, int, int]) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_SAVED,)).fetchone()
    saved = json.loads(row[0]) if row else [0, 0, 0]
    text = json.dumps([a + b for a, b in zip(saved, more, strict=True)])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_SAVED, text))
