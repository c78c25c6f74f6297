"""Opening the database file: the one writing connection, brief read-only ones, and errors in plain words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from edge.errors import StoreCorrupt, StoreError, StoreFull, StoreLocked
from edge.store.budget import checkpoint_pages

APPLICATION_ID: Final = 0x53744564
"""`StEd` in the file's header, so that no other program's database is taken for ours."""
BUSY_S: Final = 5.0
CHECK_S: Final = 3.0
"""How long the check at a start may take: some 300 MiB of a quick disk, 50 of a slow one."""
WAL_LIMIT: Final = 8 * 2**20
"""Bytes to which the write-ahead log is cut back after a checkpoint."""


_DAMAGED: Final = "move it aside together with its -wal and -shm files; the box begins a new one"
_NO_ROOM: Final = "no room left; free disk space or raise the store's budget"
_NOT_OURS: Final = "not a StoreEdge database; move it aside or choose another path"
_REASONS: Final[dict[int, tuple[type[StoreError], str]]] = {
    sqlite3.SQLITE_FULL: (StoreFull, _NO_ROOM),
    sqlite3.SQLITE_IOERR_SHMSIZE: (StoreFull, _NO_ROOM),  # the log's index needs room too
    sqlite3.SQLITE_BUSY: (StoreLocked, "in use by another program; close it and try again"),
    sqlite3.SQLITE_LOCKED: (StoreLocked, "in use by another program; close it and try again"),
    sqlite3.SQLITE_NOTADB: (StoreCorrupt, _NOT_OURS),
    sqlite3.SQLITE_CORRUPT: (StoreCorrupt, f"damaged; {_DAMAGED}"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "cannot be opened; is the folder there, and may this user write?"),
    sqlite3.SQLITE_READONLY: (StoreError, "read-only; let this user write to the file and to its folder"),
    sqlite3.SQLITE_PERM: (StoreError, "read-only; let this user write to the file and to its folder"),
    sqlite3.SQLITE_IOERR: (StoreError, "the disk reports an error; check the disk"),
}


def explain(path: Path, error: sqlite3.Error) -> StoreError:
    """An SQLite error as the one line that a person needs, and the class that tells what to do about it."""
    code = getattr(error, "sqlite_errorcode", None)
    found = None if code is None else _REASONS.get(code) or _REASONS.get(code & 0xFF)
    if found is not None:
        kind, reason = found
        return kind(f"{path}: {reason}")
    return StoreError(f"{path}: {error}")


def damaged(path: Path, fault: str) -> StoreCorrupt:
    """What to say of a file whose check found a fault."""
    return StoreCorrupt(f"{path}: damaged ({fault}); {_DAMAGED}")


def lock(path: Path) -> IO[str]:
    """Keep every other main process out for as long as the returned file is open.

    Two writers on one WAL file may corrupt it (an SQLite bug up to 3.51.2), so one process only ever writes.
    """
    try:
        holder = path.with_name(path.name + ".lock").open("a+")
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder.seek(0)
        pid = holder.read().strip() or "unknown"
        holder.close()
        raise StoreLocked(f"{path}: already used by process {pid}; only one box may run on it") from error
    with suppress(OSError):  # on a full disk the lock holds all the same
        os.truncate(holder.fileno(), 0)
        os.write(holder.fileno(), str(os.getpid()).encode())
    return holder


def connect_writer(path: Path, budget_mib: int) -> sqlite3.Connection:
    """The writing connection. Transactions are begun by hand; one thread at a time may use it."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        # Until there is a log, a deleted journal that comes back after a power cut would undo pages.
        connection.execute("PRAGMA synchronous = EXTRA")
        _claim(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL loses committed rows at a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = budget_mib * 2**20 // page_size
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages(pages)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _claim(path: Path, connection: sqlite3.Connection) -> None:
    """Mark an empty file as ours; refuse another program's."""
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    if found == APPLICATION_ID:
        return
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreCorrupt(f"{path}: {_NOT_OURS}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection for one short question: a snapshot held open would make the log grow.

    Rows come as `sqlite3.Row`. All that is read inside sees one and the same state of the store.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
        )
    except sqlite3.Error as error:
        raise explain(path, error) from error
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield connection
    except sqlite3.Error as error:
        raise complain(path, error) from error
    finally:
        connection.close()


def set_aside(path: Path, label: str) -> Path:
    """Move a damaged database with its log files out of the way and say where it now lies.

    The next `Store.open` begins a new one with a new epoch. Never call this while the store is open.
    """
    moved = path.with_name(f"{path.name}.{label}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(moved.with_name(moved.name + suffix))
    return moved


def fault_of(connection: sqlite3.Connection, patience_s: float = CHECK_S) -> str | None:
    """What a check finds after a run that did not end well: of the whole file, or, where that would take too
    long, of all but the minutes' windows, which `recovery_watch.py` then checks while the box runs."""
    try:
        return _checked(connection, "quick_check(1)", patience_s)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_window'"
    ).fetchall()
    until = time.monotonic() + patience_s
    for (name,) in tables:
        try:
            fault = _checked(connection, f"quick_check({name})", until - time.monotonic())
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        if fault is not None:
            return fault
    return None


def _checked(connection: sqlite3.Connection, check: str, patience_s: float) -> str | None:
    until = time.monotonic() + patience_s
    connection.set_progress_handler(lambda: time.monotonic() > until, 20_000)
    try:
        found = str(connection.execute(f"PRAGMA {check}").fetchone()[0])
    finally:
        connection.set_progress_handler(None, 0)
    return None if found == "ok" else " ".join(found.split())[:120]


def complain(path: Path, error: sqlite3.Error) -> StoreError:
    """`explain`, for a store in use: damage is noted too, for the box to go on with what can be read."""
    told = explain(path, error)
    if isinstance(told, StoreCorrupt) and path.with_name(path.name + ".lock").exists():
        with suppress(OSError):
            mark_of(path).write_text(f"{told}\n", "utf-8")
    return told


def mark_of(path: Path) -> Path:
    """The note that damage was met in a store in use."""
    return path.with_name(path.name + ".damaged")


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    size, pages, free = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    return int(size * (pages - free))
