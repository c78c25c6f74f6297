"""The hub's storage in PostgreSQL, for a chain: several hubs may share one database.

A batch goes by COPY into temporary tables and from there, in order of key, into the real ones. The rows of
the streams are locked last: whoever commits last sees what all have put in, so `upto` has no gap.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Final

import psycopg

from sync.bodies import utc
from sync.errors import SyncError
from sync.hub import postgres_statements as sql
from sync.hub.intake import BoxState, Identity, Intake, Message, SetAside
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.postgres_batch import (
    MessageKey,
    Row,
    Sorted,
    StreamKey,
    another,
    message_rows,
    plain,
    refused,
    sort,
    window_rows,
)
from sync.hub.postgres_session import Connection, connect, in_a_line, shown
from sync.topics import BoxIdentity

log = logging.getLogger(__name__)

SET_ASIDE_KEPT: Final = 10_000
"""Distinct unusable payloads kept; the oldest go first, so that nobody can fill the disk with them."""
_POISON: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What is the fault of a row, and stays so however often it is tried."""


class PostgresLedger:
    """One connection, one thread; it connects again by itself, with the next batch after a fault."""

    def __init__(self, url: str) -> None:
        """Connect and make the tables. Raises SyncError when that cannot be."""
        self._url = url
        self._db: Connection | None = None
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
            "ORDER BY seq LIMIT %s",
            (box.tenant, box.store, box.box, epoch, after, limit),
        )
        return [
            Message(Identity(box, epoch, "trigger", seq), schema, sent_at.astimezone(UTC), body, None)
            for seq, schema, sent_at, body in rows
        ]

    def close(self) -> None:
        """See `Ledger`."""
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
            self.close()
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
            db = self._connected()
            with db.transaction():
                return _Keeping(db, sort(batch), received).keep()
        except _POISON as error:
            return self._commit_parts(batch, received, error)

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


class _Keeping:
    """One batch on its way into the tables, inside one transaction."""

    def __init__(self, db: Connection, found: Sorted, received: str) -> None:
        self._db, self._found, self._received = db, found, received

    def keep(self) -> list[Receipt]:
        fresh = self._messages()
        scopes = self._windows(fresh)
        self._boxes()
        upto = self._streams(scopes)
        self._aside()
        return [
            Receipt(BoxIdentity(*key[:3]), key[3], key[4], seq)
            for key, seq in upto.items()
            if seq is not None and seq >= 0
        ]

    def _copy(self, statement: str, rows: Iterable[Row]) -> None:
        with self._db.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def _messages(self) -> list[Message]:
        """Those that were not held yet."""
        wanted = self._found.messages
        if not wanted:
            return []
        self._copy(sql.COPY_MESSAGES, message_rows(self._found, self._received))
        cursor = self._db.execute(sql.INSERT_MESSAGES, (self._received,))
        if cursor.rowcount == len(wanted):
            return [message for message in wanted.values() if message is not None]
        new: set[MessageKey] = set(cursor.fetchall())
        self._repeated()
        return [message for key, message in wanted.items() if key in new and message is not None]

    def _repeated(self) -> None:
        """The same again changes nothing; another body is kept to look at."""
        for *key, body in self._db.execute(sql.OTHER_BODIES):
            message = self._found.messages[tuple(key)]
            if message is not None and (body is None or json.loads(body) != json.loads(message.body)):
                self._found.aside.append(another(message))

    def _windows(self, fresh: Iterable[Message]) -> list[str]:
        """The scopes that had any."""
        found = window_rows(fresh)
        for scope, rows in sorted(found.items()):
            self._copy(sql.COPY_WINDOWS[scope], rows)
            self._db.execute(sql.UPSERT_WINDOWS[scope])
        return list(found)

    def _boxes(self) -> None:
        states = [_box_row(told, self._received) for told in self._found.states.values()]
        if states:
            with self._db.cursor() as cursor:
                cursor.executemany(sql.UPSERT_BOX, states)

    def _streams(self, scopes: Iterable[str]) -> dict[StreamKey, int | None]:
        """How far each stream is complete now."""
        keys = sorted(self._found.touched)
        if not keys:
            return {}
        columns = [list(column) for column in zip(*keys, strict=True)]
        self._db.execute(sql.NEW_STREAMS, columns)
        upto: dict[StreamKey, int | None] = {}
        for *key, seq in self._db.execute(sql.LOCK_STREAMS, columns):
            upto[tuple(key)] = seq
        for scope in sorted(set(scopes) & sql.HOURS.keys()):
            self._db.execute(sql.HOURS[scope])
        firsts = [(*key, least - 1, greatest - 1) for key, (least, greatest) in self._found.firsts.items()]
        moved = []
        if firsts:
            begun = [list(column) for column in zip(*firsts, strict=True)]
            moved += self._db.execute(sql.BEGIN_STREAMS, begun).fetchall()
        moved += self._db.execute(sql.ADVANCE_STREAMS, columns).fetchall()
        for *key, seq in moved:
            upto[tuple(key)] = seq
        return upto

    def _aside(self) -> None:
        if not self._found.aside:
            return
        with self._db.cursor() as cursor:
            cursor.executemany(
                sql.SET_ASIDE, [_aside_row(item, self._received) for item in self._found.aside]
            )
        self._db.execute(sql.FORGET_ASIDE, (SET_ASIDE_KEPT - 1,))


def _box_row(told: BoxState, received: str) -> Row:
    box, state = told.box, told.state
    about = (box.tenant, box.store, box.box, state.epoch, state.online)
    return (*about, state.connected_at, plain(state.text()), received)


def _aside_row(item: SetAside, received: str) -> Row:
    return plain(item.topic), item.digest, plain(item.reason), item.payload, received, received
