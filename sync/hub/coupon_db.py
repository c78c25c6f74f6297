"""The database under the coupon books, as narrow as they need it, and as a SQLite file.

Statements are written once for SQLite and PostgreSQL, with `?` for each parameter. The file is not in WAL
mode: commands and a running hub may write it at the same time, and SQLite up to 3.51.2 may damage a log that
two connections check-point at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from sync.errors import SyncError
from sync.hub.ledger import LedgerError


class Rows(Protocol):
    """What a query found."""

    def fetchone(self) -> Any:
        """The next row, None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """All that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class CouponDb(Protocol):
    """One connection, used by one thread. Every method but `close` raises LedgerError when it fails."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same for each row."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether one is under way."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All of it or nothing, durable when it ends; whoever else writes the books waits meanwhile."""
        ...

    def spool(self, rows: Iterable[tuple[bytes, str]]) -> None:
        """Put (token, member) pairs into a table `coming` that only this connection sees, each token once:
        added to the books in any order, they would cost a page each."""
        ...

    def leads(self, place: str) -> bool:
        """Whether this connection is the one of all that serves a place; it stays so until it ends."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class SqliteCouponDb:
    """A file of its own beside the hub's."""

    def __init__(self, path: Path, *, patience_s: float = 10.0) -> None:
        """Open or make the file; wait so long for whoever else writes it. Raises SyncError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
            self.db.execute("PRAGMA journal_mode = TRUNCATE")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute("PRAGMA cache_size = -65536")  # a list of members comes in no order
            self.db.executescript(files("sync.hub").joinpath("coupons.sql").read_text("utf-8"))
            self.db.execute(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")
        except (sqlite3.Error, OSError) as error:
            raise SyncError(f"cannot open the coupon books {path}: {error}") from error

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """See `CouponDb`."""
        with _in_words():
            return self.db.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CouponDb`."""
        with _in_words():
            self.db.executemany(statement, rows)

    @property
    def in_transaction(self) -> bool:
        """See `CouponDb`."""
        return self.db.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `CouponDb`."""
        with _in_words():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.db.execute("ROLLBACK")
                raise

    def spool(self, rows: Iterable[tuple[bytes, str]]) -> None:
        """See `CouponDb`."""
        with _in_words():
            self.db.execute("PRAGMA temp.cache_size = -65536")
            self.db.execute("DROP TABLE IF EXISTS temp.coming")
            self.db.execute("CREATE TEMP TABLE coming (token BLOB PRIMARY KEY, member TEXT) WITHOUT ROWID")
            self.db.execute("BEGIN")
            try:
                self.db.executemany("INSERT OR REPLACE INTO temp.coming VALUES (?, ?)", rows)
            finally:
                self.db.execute("COMMIT")

    def leads(self, place: str) -> bool:  # noqa: ARG002 - only one hub has a file
        """See `CouponDb`."""
        return True

    def close(self) -> None:
        """See `CouponDb`."""
        self.db.close()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"the coupon books did not take it: {error}") from error
