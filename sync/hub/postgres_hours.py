"""The tables of hours in PostgreSQL kept in step with what was told, on a connection of its own.

A batch notes the hours that it touches (`due_hour`, in its own transaction, so none is ever forgotten).
Here they are added up anew, once for all the batches since: a backlog that drains touches an hour many times
within moments.
"""

from __future__ import annotations

import threading
from typing import Final

import psycopg

from sync.errors import SyncError
from sync.hub.ledger import LedgerError
from sync.hub.postgres_rollups import hours
from sync.hub.postgres_session import Connection, in_a_line, open_connection, set_up
from sync.hub.postgres_tables import KEYS, ROLLED

AT_ONCE: Final = 200_000
"""Notes that one transaction takes, the same hour's together as far as that goes: some seconds' work. Nothing
waits for it: only this thread writes hours."""
ADDING: Final = 0x53746F7265486F75
"""Advisory lock: two that add up the same hour could each miss what the other has seen."""
_MAKE: Final = b"CREATE TEMP TABLE due (LIKE due_hour) ON COMMIT DELETE ROWS"
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(%s)"
_TAKE: Final = (
    "WITH taken AS (DELETE FROM due_hour WHERE ctid = ANY (ARRAY(SELECT ctid FROM due_hour LIMIT %s)) "  # noqa: S608
    f"RETURNING *) INSERT INTO due (scope, {', '.join(KEYS)}) "
    f"SELECT DISTINCT scope, {', '.join(KEYS)} FROM taken "
    "WHERE start >= (SELECT coalesce(max(minutes_from), 0) FROM horizon) "
    f"ORDER BY scope, {', '.join(KEYS)}"
).encode()
_SCOPES: Final = "SELECT DISTINCT scope FROM due"
_ADD: Final = {scope: hours(scope).encode() for scope in ROLLED}


class HourBook:
    """Adds up what is due. One thread at a time."""

    def __init__(self, url: str) -> None:
        """Connects when it is first used."""
        self._url = url
        self._db: Connection | None = None
        self._lock = threading.Lock()

    def roll_up(self) -> int:
        """Add up all that is due now; how many hours that were. 0 also while another hub is at it.

        Raises LedgerError; what was due stays due.
        """
        done = 0
        with self._lock:
            try:
                db = self._connected()
                while some := self._some(db):
                    done += some
            except (psycopg.Error, SyncError) as error:
                self._let_go()
                raise LedgerError(f"the hours cannot be added up: {in_a_line(error)}") from error
        return done

    def close(self) -> None:
        """End."""
        with self._lock:
            self._let_go()

    def _some(self, db: Connection) -> int:
        with db.transaction():
            if db.execute(_LOCK, (ADDING,)).fetchone() != (True,):
                return 0
            taken = db.execute(_TAKE, (AT_ONCE,)).rowcount
            for (scope,) in db.execute(_SCOPES).fetchall() if taken else []:
                db.execute(_ADD[scope])
        return taken

    def _connected(self) -> Connection:
        if self._db is None:
            self._db = open_connection(self._url)
            set_up(self._db)
            self._db.execute("SET statement_timeout = '10min'")
            self._db.execute(_MAKE)
        return self._db

    def _let_go(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()
