"""The hub's storage in PostgreSQL, for a chain: several hubs may share one database.

A batch goes by COPY into the tables, in order of key; where something of it was held already, into temporary
ones and from there. The rows of the streams are locked last: whoever commits last sees what all have put in,
so `upto` has no gap.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import psycopg

from sync.bodies import utc
from sync.errors import SyncError
from sync.hub.intake import Identity, Intake, Message
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.postgres_batch import StreamKey, key_of, refused, sort
from sync.hub.postgres_hours import HourBook
from sync.hub.postgres_keeping import Keeping
from sync.hub.postgres_session import Connection, connect, in_a_line, shown
from sync.hub.postgres_statements import DELETE_NOT_UNDERSTOOD
from sync.topics import BoxIdentity

log = logging.getLogger(__name__)

WARY: Final = 20
"""After a batch with repeats so many more are expected to have some: the short way would be in vain."""
_POISON: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What is the fault of a row, and stays so however often it is tried."""


class PostgresLedger:
    """One connection, one thread; it connects again by itself, with the next batch after a fault."""

    def __init__(self, url: str) -> None:
        """Connect and make the tables. Raises SyncError when that cannot be."""
        self._url = url
        self._db: Connection | None = None
        self._known: set[StreamKey] = set()
        self._wary = 0
        self._hours = HourBook(url)
        try:
            self._connected()
        except LedgerError as error:
            raise SyncError(str(error)) from error

    def commit(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        """See `Ledger`. Rows that PostgreSQL refuses are found by halving the batch, and set aside."""
        try:
            return self._commit(batch, utc(received_at).isoformat())
        except psycopg.Error as error:
            raise self._lost(error) from error

    def trigger_streams(self) -> list[Receipt]:
        """See `Ledger`."""
        rows = self._ask(
            "SELECT tenant, store, box, epoch, upto FROM stream WHERE stream = 'trigger' AND upto IS NOT NULL"
        )
        return [Receipt(BoxIdentity(*row[:3]), row[3], "trigger", row[4]) for row in rows]

    def triggers(self, box: BoxIdentity, epoch: str, after: int, limit: int) -> list[Message]:
        """See `Ledger`."""
        rows = self._ask(
            'SELECT seq, "schema", sent_at, body::text FROM message WHERE tenant = %s AND store = %s '
            "AND box = %s AND epoch = %s AND stream = 'trigger' AND seq > %s AND body IS NOT NULL "
            "AND substr(\"schema\", 1, 6) <> 'aside:' ORDER BY seq LIMIT %s",
            (box.tenant, box.store, box.box, epoch, after, limit),
        )
        return [
            Message(Identity(box, epoch, "trigger", seq), schema, sent_at.astimezone(UTC), body, None)
            for seq, schema, sent_at, body in rows
        ]

    def not_understood(self, limit: int) -> list[Message]:
        """See `Ledger`."""
        rows = self._ask(
            'SELECT tenant, store, box, epoch, stream, seq, "schema", sent_at, body::text FROM message '
            "WHERE substr(\"schema\", 1, 6) = 'aside:' ORDER BY received_at DESC LIMIT %s",
            (limit,),
        )
        return [
            Message(Identity(BoxIdentity(*row[:3]), *row[3:6]), row[6], row[7].astimezone(UTC), row[8], None)
            for row in rows
        ]

    def take_again(self, message: Message, received_at: float) -> None:
        """See `Ledger`."""
        try:
            db = self._connected()
            with db.transaction():
                gone = db.execute(DELETE_NOT_UNDERSTOOD, key_of(message.identity))
                if gone.rowcount:
                    received = utc(received_at).isoformat()
                    Keeping(db, sort([message]), received, self._known, short=False).keep()
        except psycopg.Error as error:
            raise self._lost(error) from error

    def roll_up(self) -> int:
        """See `HourBook`. May be called from another thread, while this one commits."""
        return self._hours.roll_up()

    def close(self) -> None:
        """See `Ledger`."""
        self._hours.close()
        self._let_go()

    def _let_go(self) -> None:
        self._known.clear()
        if self._db is not None:
            self._db.close()
            self._db = None

    # -- the connection --------------------------------------------------------------------------------

    def _connected(self) -> Connection:
        if self._db is None:
            try:
                self._db = connect(self._url)
            except SyncError as error:
                raise LedgerError(str(error)) from error
            except psycopg.Error as error:
                raise LedgerError(
                    f"cannot use the hub's database {shown(self._url)}: {in_a_line(error)}"
                ) from error
        return self._db

    def _lost(self, error: psycopg.Error) -> LedgerError:
        """After any fault the connection is made anew: nobody need know what state it is in."""
        try:
            self._let_go()
        except psycopg.Error:
            self._db = None
        return LedgerError(f"the hub's database did not take a batch: {in_a_line(error)}")

    def _ask(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connected().execute(query.encode(), parameters).fetchall()
        except psycopg.Error as error:
            raise self._lost(error) from error

    # -- a batch ---------------------------------------------------------------------------------------

    def _commit(self, batch: Sequence[Intake], received: str) -> list[Receipt]:
        try:
            db, found = self._connected(), sort(batch)
            with db.transaction():
                keeping = Keeping(db, found, received, self._known, short=not self._wary)
                receipts = keeping.keep()
        except _POISON as error:
            return self._commit_parts(batch, received, error)
        self._known |= found.touched
        self._wary = WARY if keeping.repeated else max(0, self._wary - 1)
        return receipts

    def _commit_parts(self, batch: Sequence[Intake], received: str, error: psycopg.Error) -> list[Receipt]:
        """All but what is poisoned, each half in a transaction of its own."""
        if len(batch) > 1:
            half = len(batch) // 2
            receipts = [*self._commit(batch[:half], received), *self._commit(batch[half:], received)]
            newest = {(receipt.box, receipt.epoch, receipt.stream): receipt for receipt in receipts}
            return list(newest.values())
        instead = refused(batch[0], f"the hub's database refuses it: {in_a_line(error)}")
        if instead is None:
            log.error("hub: not even to look at: %s", in_a_line(error))
            return []
        return self._commit([instead], received)
