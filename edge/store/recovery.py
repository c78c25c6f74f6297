"""Opening the box's database whatever has become of it: the box never refuses to count.

What a start finds, and what comes of it:

- A sound file: it is used.
- A damaged file, one of zeroes or of another kind, an empty one, a folder in its place, a log without its
  file: set aside, a new one begun with a new epoch, and what can be read brought over (`salvage.py`).
- A sound file that is older than what the box has told since, which is a backup that somebody put there or a
  file whose log is gone: used, with a new epoch (`inherited.begin_epoch`).
- The sound file of another box or program, of a newer version, or one that this user may not read: left
  alone, with an error, since a person has to put that right.

The same is done while the box runs, when damage is met (`recovery_watch.py`).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from edge.errors import StoreCorrupt, StoreError, StoreForeign
from edge.log import fields
from edge.store import inherited, recovery_files
from edge.store.database import APPLICATION_ID, damaged, explain, fault_of, lock, mark_of
from edge.store.migrations import LEVEL, migrate
from edge.store.recovery_files import Setting
from edge.store.salvage import Found, first_of_all, rests
from edge.store.salvage_reader import Wreck
from edge.store.store import Store

log = logging.getLogger("edge.store")

RECOVERED: Final = "store_recovered"
RESTORED: Final = "store_restored"
UNTOLD: Final = "recovery"
"""Key of `meta`: a recovery that no event has told yet, as JSON: its name and its detail."""
MOST_META: Final = 256
MOST_REASON: Final = 100
Detail = dict[str, str | int]
BACKUP_AT: Final = "backup_at"
"""Key of `meta` in a backup: when it was made, UTC seconds."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done before the store could be used."""

    name: str
    """`store_recovered` or `store_restored`, of the event that `recovery_watch.py` makes of it."""
    detail: Detail
    """What was wrong with the file that was found, and what came of it."""
    aside: Path | None = None
    """Where that file lies now; None when it is used."""


def open_or_recover(
    path: Path,
    *,
    tenant: str,
    store: str,
    box: str,
    budget_mib: int = 512,
    alone: bool = False,
    clock: Callable[[], float] = time.time,
) -> tuple[Store, Recovery | None]:
    """The open store, and what had to be done for it. Raises StoreLocked, StoreForeign or StoreError where a
    person has to do something. The rest as in `Store.open`."""
    return StoreFile(path, Owner(tenant, store, box), budget_mib, alone, clock).open()


class Owner(NamedTuple):
    """Whose database it is."""

    tenant: str
    store: str
    box: str


@dataclass(frozen=True, slots=True)
class StoreFile:
    """A box's database as a file that may be anything."""

    path: Path
    owner: Owner
    budget_mib: int = 512
    alone: bool = False
    clock: Callable[[], float] = time.time

    def open(self) -> tuple[Store, Recovery | None]:
        """As `open_or_recover`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be opened: {error.strerror}") from error
        holder = lock(self.path)
        try:
            recovery = self._as_found()
        except BaseException:
            holder.close()
            raise
        try:
            return self._opened(self.path, holder), recovery
        except StoreCorrupt as error:
            if _is_anothers(self.path):
                raise StoreForeign(
                    f"{self.path}: another program's database; move it, or choose another folder"
                ) from error
            reason = _fault_in(self.path, error)
        holder = lock(self.path)
        try:
            recovery = self.anew(reason)
        except BaseException:
            holder.close()
            raise
        return self._opened(self.path, holder), recovery

    def _opened(self, path: Path, holder: IO[str] | None = None) -> Store:
        return Store.open(
            path,
            tenant=self.owner.tenant,
            store=self.owner.store,
            box=self.owner.box,
            budget_mib=self.budget_mib,
            alone=self.alone,
            clock=self.clock,
            holder=holder,
        )

    def _as_found(self) -> Recovery | None:
        """Look at the file before it is opened, and do what its state asks for."""
        setting = recovery_files.begun(self.path)
        if setting is not None:
            return self._replace(setting)
        reason = self._unusable()
        if reason is not None:
            return self.anew(reason)
        if self.path.is_file():
            return self._if_older()
        return None

    def anew(self, reason: str, *, older: bool = False) -> Recovery:
        """Set what is there aside and begin anew with what can be read of it. The caller has the lock, and no
        connection. older: the box may have counted on after what is there. Raises StoreForeign when it is
        another box's, or StoreError."""
        with suppress(sqlite3.Error), Wreck(self.path, self.clock()) as wreck:
            self._check_owner(wreck.meta())
        return self._replace(Setting(recovery_files.label_of("damaged", self.path), reason, older))

    def go_on(self, reason: str) -> None:
        """`anew` for a store in use: after an attempt that failed it goes on from there."""
        setting = recovery_files.begun(self.path)
        if setting is not None:
            self._replace(setting)
        elif mark_of(self.path).exists():
            self.anew(reason)

    def _check_owner(self, meta: dict[str, str]) -> None:
        theirs, ours = "/".join(meta.get(name, "") for name in Owner._fields), "/".join(self.owner)
        if set(Owner._fields) <= meta.keys() and theirs != ours:
            raise StoreForeign(
                f"{self.path}: damaged, and belongs to box {theirs}, not {ours}; move it aside"
            )
        if meta.get("needs", "0").isdigit() and int(meta.get("needs", "0")) > LEVEL:
            raise StoreForeign(f"{self.path}: damaged, and made by a newer StoreEdge; update the software")

    def _replace(self, setting: Setting) -> Recovery:
        now = self.clock()
        aside = recovery_files.set_aside(self.path, setting)
        recovery_files.clear_draft(self.path)
        draft = recovery_files.draft_of(self.path)
        with self._opened(draft) as new:
            found = self._bring_over(new, aside, now)
            detail: Detail = {"fault": setting.reason[:MOST_REASON], "file": aside.name}
            if setting.older:
                detail["not_counted"] = new.write(inherited.close_records)
            detail |= found.detail()
            new.write(lambda connection: _note(connection, RECOVERED, detail))
            needed = {rest.file for rest in new.read(rests).values()}
        recovery_files.put_in_place(self.path)
        recovery_files.prune_asides(self.path, self.budget_mib * 2**20, needed)
        log.error(
            "the database was unusable; a new one goes on with what could be read", extra=fields(**detail)
        )
        return Recovery(RECOVERED, detail, aside)

    def _bring_over(self, new: Store, aside: Path, now: float) -> Found:
        try:
            with Wreck(aside, now) as wreck:
                return new.write(lambda connection: first_of_all(connection, wreck, aside.name, now))
        except sqlite3.Error as error:
            log.warning("nothing can be read of %s: %s", aside.name, error)
            return Found()

    # -- before it is opened ---------------------------------------------------------------------------

    def _unusable(self) -> str | None:
        """Why what lies there cannot be a database, or is known to be damaged."""
        path = self.path
        log_file = path.with_name(path.name + "-wal")
        if not path.exists():
            return (
                "the file is gone, but not its log"
                if log_file.is_file() and log_file.stat().st_size
                else None
            )
        if not path.is_file():
            return "not a file"
        if path.stat().st_size == 0:
            return "an empty file"
        return self._marked()

    def _marked(self) -> str | None:
        """What the whole check of a file says that was found damaged while the box ran."""
        mark = mark_of(self.path)
        if not mark.is_file():
            return None
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(self.path, isolation_level=None)
            try:
                found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            finally:
                connection.close()
            if found == "ok":
                log.warning(
                    "damage was met, but all of the database is sound: %s", mark.read_text("utf-8")[:200]
                )
                mark.unlink()
                return None
            return f"damaged ({' '.join(found.split())[:100]})"
        return "damaged"

    def _if_older(self) -> Recovery | None:
        """Begin a new epoch in a file that is older than what the centre has heard."""
        log_file = self.path.with_name(self.path.name + "-wal")
        try:
            meta = self._read_meta()
            if BACKUP_AT in meta:
                reason = "a backup"
            elif meta.get("closed") == "no" and not log_file.exists():
                reason = "its log is missing"
            else:
                return None
            if tuple(meta.get(name) for name in Owner._fields) != self.owner:
                return None  # which opening it will say
            if log_file.exists():  # of the file that lay here before
                log_file.rename(log_file.with_name(f"{self.path.name}.replaced-log"))
        except sqlite3.DatabaseError:
            return None  # opening it will say what is wrong
        try:
            detail = begin_epoch_in(self.path, reason, meta)
        except StoreCorrupt as error:
            return self.anew(f"{reason}, and {_fault_in(self.path, error)}", older=True)
        log.warning("an older database goes on with a new epoch", extra=fields(**detail))
        return Recovery(RESTORED, detail)

    def _read_meta(self) -> dict[str, str]:
        """Of the file without its log."""
        connection = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            return {str(key): str(value) for key, value in connection.execute("SELECT key, value FROM meta")}
        finally:
            connection.close()


def begin_epoch_in(path: Path, reason: str, meta: dict[str, str]) -> Detail:
    """Let a sound database that nobody has open go on with a new epoch; what came of it. Raises StoreCorrupt
    or another StoreError."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            # Without a log, so that what is in the file is all there is whenever the power goes.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")
            if (fault := fault_of(connection)) is not None:
                raise damaged(path, fault)
            migrate(connection)
            connection.execute("BEGIN IMMEDIATE")
            closed = inherited.begin_epoch(connection)
            waiting = connection.execute("SELECT count(*) FROM inherited").fetchone()[0]
            detail: Detail = {"fault": reason, "messages": waiting, "not_counted": closed}
            if BACKUP_AT in meta:
                detail["made_at"] = int(float(meta[BACKUP_AT]))
            _note(connection, RESTORED, detail)
            connection.execute("DELETE FROM meta WHERE key = ?", (BACKUP_AT,))
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('closed', 'yes')")
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise explain(path, error) from error
    return detail


def _note(connection: sqlite3.Connection, name: str, detail: Detail) -> None:
    """Keep it until the time of day is known and an event can tell it."""
    text = json.dumps([name, detail], separators=(",", ":"))
    while len(text) > MOST_META and detail["fault"]:
        detail["fault"] = str(detail["fault"])[:-1]
        text = json.dumps([name, detail], separators=(",", ":"))
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (UNTOLD, text))


def _is_anothers(path: Path) -> bool:
    """Whether it is the sound database of another program."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
            mark = connection.execute("PRAGMA application_id").fetchone()[0]
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    return bool(tables) and "meta" not in tables and mark != APPLICATION_ID and sound


def _fault_in(path: Path, error: StoreCorrupt) -> str:
    """What is wrong, without what a person should do about it: we do that."""
    return str(error).removeprefix(f"{path}: ").partition(";")[0]
