"""A backup of a box's database while the box goes on counting, and putting one back.

A backup is one state that the store was in: all pages are read in one snapshot, which neither stops the
writer nor is stopped by it. The log grows meanwhile by what the box writes, so the copy is not stretched out.

A database that is put back is older than what the box has told since. It goes on with a new epoch, and what
waited in it is sent as what it was (`inherited.py`), so that nothing that arrived since is counted twice.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.errors import StoreCorrupt, StoreError, StoreForeign
from edge.store import recovery_files
from edge.store.database import APPLICATION_ID, BUSY_S, explain, lock
from edge.store.migrations import LEVEL
from edge.store.recovery import BACKUP_AT, Detail, Owner, begin_epoch_in
from edge.store.recovery_files import Setting

STEP_PAGES: Final = 512
"""2 MiB are copied at a time, between which progress is told."""
SPARE: Final = 16 * 2**20
"""Bytes that the disk must have free beside the copy."""
KEY_SUFFIX: Final = ".key"
KEY: Final = "box.key"
"""The box's own key (`edge/coupon_line.py`). The plates' keys are never copied: without them no old copy of a
database tells anything of a plate (docs/privacy.md)."""
_COUNTED: Final = ("minute", "crossing", "visit", "wait", "vehicle_passage", "event", "outbox", "inherited")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup."""

    file: Path
    owner: Owner
    made_at: float
    """UTC seconds."""
    epoch: str
    rows: dict[str, int]
    """By table."""
    size: int
    """Bytes."""

    @property
    def waiting(self) -> int:
        """Messages that had not been acknowledged."""
        return self.rows["outbox"] + self.rows["inherited"]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of putting one back."""

    backup: Backup
    aside: Path | None
    """Where the database lies that was there before."""
    not_counted: int
    """Records of the minute that was open in the backup: kept, and counted no more, for the box has most
    likely counted them after it."""


def make_backup(
    database: Path,
    file: Path,
    *,
    replace: bool = False,
    with_key: bool = False,
    progress: Progress = lambda _: None,
) -> Backup:
    """Copy a box's database, whether it runs or not, check the copy, and only then give it its name. Never
    overwrites a file unless `replace`. Raises StoreError."""
    _check_target(database, file, replace=replace)
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        rows = _copy(database, draft, progress)
        made = read_backup(draft)
        if made.rows != rows:
            raise StoreError(f"{file}: the copy does not hold what the database held; try again")
        if with_key:
            _copy_private(database.with_name(KEY), file.with_name(file.name + KEY_SUFFIX))
        _sync(draft)
        if replace:
            draft.replace(file)
        else:
            file.hardlink_to(draft)  # fails where another has been quicker
        recovery_files.sync_folder(file.parent)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return Backup(file, made.owner, made.made_at, made.epoch, made.rows, made.size)


def _check_target(database: Path, file: Path, *, replace: bool) -> None:
    if not database.is_file():
        raise StoreError(f"{database}: there is no database; name the box's folder with --data")
    if not file.parent.is_dir():
        raise StoreError(f"{file.parent}: there is no such folder")
    if file.exists() and (not replace or not file.is_file() or file.samefile(database)):
        raise StoreError(f"{file} is there already; name another file, or add --force to replace it")
    needs, free = database.stat().st_size + SPARE, shutil.disk_usage(file.parent).free
    if free < needs:
        raise StoreError(f"{file.parent}: {free // 2**20} MiB are free, the backup needs {needs // 2**20}")


def _copy(database: Path, draft: Path, progress: Progress) -> dict[str, int]:
    """Copy one snapshot; what it holds."""
    try:
        with (
            closing(
                sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
            ) as source,
            closing(sqlite3.connect(draft, isolation_level=None)) as copy,
        ):
            source.isolation_level = None
            if source.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreForeign(f"{database}: not a StoreEdge database")
            source.execute("BEGIN")
            rows = _rows(source)
            # In an open snapshot a writer does not make it begin again.
            source.backup(
                copy, pages=STEP_PAGES, progress=lambda _, left, all_: progress(1 - left / max(1, all_))
            )
            source.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("PRAGMA synchronous = FULL")
            copy.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (BACKUP_AT, f"{time.time():.3f}"))
    except sqlite3.Error as error:
        raise explain(database, error) from error
    return rows


def read_backup(file: Path) -> Backup:
    """What is in a backup, after a check of all of it. Raises StoreCorrupt, StoreForeign or StoreError."""
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file")
    try:
        with closing(
            sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreForeign(f"{file}: not a backup of a StoreEdge box")
            found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if found != "ok":
                raise StoreCorrupt(f"{file}: damaged ({' '.join(found.split())[:100]}); take another backup")
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            rows = _rows(connection)
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(f"{file}: damaged, or no backup at all ({error}); take another one") from error
    if BACKUP_AT not in meta:
        raise StoreForeign(f"{file}: not made by storeedge backup; a plain copy may lack what was in the log")
    if int(meta["needs"]) > LEVEL:
        raise StoreForeign(f"{file}: made by a newer StoreEdge; update the software to use it")
    owner = Owner(*(meta[name] for name in Owner._fields))
    return Backup(file, owner, float(meta[BACKUP_AT]), meta["epoch"], rows, file.stat().st_size)


def restore(file: Path, database: Path, *, owner: Owner | None = None, with_key: bool = False) -> Restored:
    """Put a backup in the place of a box's database, which is set aside. owner: whose it must be; that of the
    database that is there, when None. Raises StoreLocked while a box runs on it, or another StoreError."""
    backup = read_backup(file)
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(lock(database)):
        theirs = owner or _owner_of(database)
        if theirs is not None and theirs != backup.owner:
            raise StoreForeign(f"{file}: of box {'/'.join(backup.owner)}, not {'/'.join(theirs)}")
        try:
            return _put_back(backup, database, with_key=with_key)
        except OSError as error:
            raise StoreError(f"{database}: cannot be written: {error.strerror}") from error


def _put_back(backup: Backup, database: Path, *, with_key: bool) -> Restored:
    draft = recovery_files.draft_of(database)
    recovery_files.clear_draft(database)
    _copy_private(backup.file, draft)
    detail: Detail = begin_epoch_in(draft, "a backup", {BACKUP_AT: str(backup.made_at)})
    if with_key:
        _copy_private(backup.file.with_name(backup.file.name + KEY_SUFFIX), database.with_name(KEY))
    _give(draft, like=database.parent)
    _sync(draft)
    aside = None
    if any(database.with_name(database.name + part).exists() for part in recovery_files.PARTS):
        label = recovery_files.label_of("replaced", database)
        aside = recovery_files.set_aside(database, Setting(label, "replaced by a backup", older=True))
    recovery_files.put_in_place(database)
    return Restored(backup, aside, int(detail["not_counted"]))


def _owner_of(database: Path) -> Owner | None:
    with suppress(sqlite3.Error, KeyError):
        uri = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S)) as connection:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            return Owner(*(meta[name] for name in Owner._fields))
    return None


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] if table in there else 0  # noqa: S608
        for table in _COUNTED
    }


def _copy_private(source: Path, target: Path) -> None:
    """Copy a file whole, so that only its owner may read it."""
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as copy, source.open("rb") as original:
        shutil.copyfileobj(original, copy, 2**20)
        copy.flush()
        os.fsync(copy.fileno())
    _give(draft, like=target.parent)
    draft.replace(target)


def _give(file: Path, *, like: Path) -> None:
    """Let root's file belong to whom its folder belongs to: the box runs as a user of its own."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
