"""The hub's storage in one SQLite file. Tables and their meaning: `schema.sql`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sync.bodies import utc
from sync.errors import SyncError
from sync.hub.hours import HOUR_S, IN_AN_HOUR, latest_minute, stood_for, which_minutes
from sync.hub.intake import BoxState, Identity, Intake, Message, SetAside
from sync.hub.ledger import LedgerError, Receipt
from sync.hub.sqlite_tables import (
    COLUMNS,
    DELETE_REPLACED,
    INSERT_MERGED,
    IS_REPLACED,
    UPSERT,
    make_tables,
)
from sync.outbox import STREAMS, Stream
from sync.payloads import Hour, Minute, Payload, State, StreamRange, rfc3339
from sync.topics import BoxIdentity
from sync.window_bodies import KnownWindow, LaterBody, WindowBody

SET_ASIDE_KEPT: Final = 10_000
"""Distinct unusable payloads kept; the oldest go first, so that nobody can fill the disk with them."""

StreamKey = tuple[BoxIdentity, str, Stream]


class SqliteLedger:
    """One file, one connection, one thread; a commit is on the disk before it is acknowledged."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises SyncError when that cannot be."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA busy_timeout = 5000")
            make_tables(self._db)
        except (sqlite3.Error, OSError) as error:
            raise SyncError(f"cannot open the hub's database {path}: {error}") from error

    def commit(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        """See `Ledger`."""
        return self._in_one_transaction(lambda: self._keep(batch, received_at))

    def _in_one_transaction(self, keep: Callable[[], list[Receipt]]) -> list[Receipt]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                receipts = keep()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise LedgerError(f"the hub's database did not take a batch: {error}") from error
        return receipts

    def trigger_streams(self) -> list[Receipt]:
        """See `Ledger`."""
        rows = self._db.execute("SELECT tenant, store, box, epoch, upto FROM stream WHERE stream = 'trigger'")
        return [Receipt(BoxIdentity(*row[:3]), row[3], "trigger", row[4]) for row in rows]

    def triggers(self, box: BoxIdentity, epoch: str, after: int, limit: int) -> list[Message]:
        """See `Ledger`."""
        rows = self._db.execute(
            'SELECT seq, "schema", sent_at, body FROM message WHERE tenant = ? AND store = ? AND box = ? '
            "AND epoch = ? AND stream = ? AND seq > ? AND body IS NOT NULL "
            "AND substr(\"schema\", 1, 6) <> 'aside:' ORDER BY seq LIMIT ?",
            (*_key(box, epoch, "trigger"), after, limit),
        )
        return [
            Message(Identity(box, epoch, "trigger", seq), schema, datetime.fromisoformat(sent_at), body, None)
            for seq, schema, sent_at, body in rows
        ]

    def not_understood(self, limit: int) -> list[Message]:
        """See `Ledger`."""
        rows = self._db.execute(
            'SELECT tenant, store, box, epoch, stream, seq, "schema", sent_at, body FROM message '
            "WHERE substr(\"schema\", 1, 6) = 'aside:' ORDER BY received_at DESC LIMIT ?",
            (limit,),
        )
        return [
            Message(
                Identity(BoxIdentity(*row[:3]), *row[3:6]),
                row[6],
                datetime.fromisoformat(row[7]),
                row[8],
                None,
            )
            for row in rows
        ]

    def take_again(self, message: Message, received_at: float) -> None:
        """See `Ledger`."""
        self._in_one_transaction(lambda: self._take_again(message, received_at))

    def _take_again(self, message: Message, received_at: float) -> list[Receipt]:
        identity = message.identity
        gone = self._db.execute(
            "DELETE FROM message WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? AND stream = ? "
            "AND seq = ? AND substr(\"schema\", 1, 6) = 'aside:'",
            (*_key(identity.box, identity.epoch, identity.stream), identity.seq),
        )
        return self._keep([message], received_at) if gone.rowcount else []

    def roll_up(self) -> int:
        """See `Ledger`: its hours are views, which are always in step."""
        return 0

    def close(self) -> None:
        """See `Ledger`."""
        self._db.close()

    def _keep(self, batch: Sequence[Intake], received_at: float) -> list[Receipt]:
        touched: dict[StreamKey, None] = {}
        for item in batch:
            match item:
                case Message():
                    self._message(item, received_at)
                    touched[item.identity.box, item.identity.epoch, item.identity.stream] = None
                case SetAside():
                    self._set_aside(item, received_at)
                    if item.whole is not None:
                        self._message(item.whole, received_at)
                    elif item.identity is not None:
                        self._insert(item.identity, "", rfc3339(utc(received_at)), received_at, None)
                    if item.identity is not None:
                        touched[item.identity.box, item.identity.epoch, item.identity.stream] = None
                case BoxState():
                    self._state(item, received_at)
                    for stream in _known(item.state):
                        touched[item.box, item.state.epoch, stream] = None
        upto = {key: self._advance(key) for key in touched}
        return [Receipt(*key, seq) for key, seq in upto.items() if seq is not None and seq >= 0]

    # -- messages --------------------------------------------------------------------------------------

    def _message(self, message: Message, received_at: float) -> None:
        identity = message.identity
        sent_at = rfc3339(message.sent_at)
        if not self._insert(identity, message.schema, sent_at, received_at, message.body):
            self._repeated(message, received_at)
        elif message.minute is not None:
            self._minute(identity, message.minute)
        elif message.hour is not None:
            self._hour(identity, message.hour)

    def _insert(
        self, identity: Identity, schema: str, sent_at: str, received_at: float, body: str | None
    ) -> bool:
        """False when the message is already held."""
        cursor = self._db.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*_key(identity.box, identity.epoch, identity.stream), identity.seq, schema, sent_at,
             received_at, body),
        )  # fmt: skip
        return cursor.rowcount == 1

    def _repeated(self, message: Message, received_at: float) -> None:
        """The same again changes nothing. Another body under the same identity comes from a box that was
        put back to an older copy: the first stays, the other is kept to look at."""
        identity = message.identity
        key = (*_key(identity.box, identity.epoch, identity.stream), identity.seq)
        row = self._db.execute(
            'SELECT body, "schema" FROM message WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? '
            "AND stream = ? AND seq = ?",
            key,
        ).fetchone()
        if row[1] == IN_AN_HOUR:
            return
        if row[0] != message.body and (row[0] is None or json.loads(row[0]) != json.loads(message.body)):
            reason = f"another message is already held as {identity.epoch}/{identity.stream}/{identity.seq}"
            topic = identity.box.up(identity.stream)
            self._set_aside(SetAside(topic, message.body.encode(), reason), received_at)

    def _minute(self, identity: Identity, minute: Minute) -> None:
        start = int(minute.start.timestamp())
        hour, which = start // HOUR_S * HOUR_S, start % HOUR_S // 60
        for window in minute.windows:
            if isinstance(window, LaterBody):  # its figures stay in the message, for a later hub
                continue
            key = _window_key(identity, window)
            told = self._db.execute(IS_REPLACED[window.scope], (*key, hour, identity.seq, which))
            if told.fetchone() is None:
                self._db.execute(UPSERT[window.scope], (*key, start, identity.seq, *_measured(window)))

    def _hour(self, identity: Identity, hour: Hour) -> None:
        """It takes the place of the minutes that it names, and of the messages that it stands for."""
        start, which = int(hour.start.timestamp()), which_minutes(hour)
        own = (start, identity.seq, len(hour.minutes), which, latest_minute(hour))
        for window in hour.windows:
            if isinstance(window, LaterBody):
                continue
            key = _window_key(identity, window)
            self._db.execute(INSERT_MERGED[window.scope], (*key, *own, *_measured(window)))
            self._db.execute(DELETE_REPLACED[window.scope], (*key, start, start, identity.seq, which))
        self._stands_for(identity, [seq for seq in stood_for(hour) if seq != identity.seq])

    def _stands_for(self, identity: Identity, seqs: Sequence[int]) -> None:
        """They are not lost, though they seemed to be when the box's own rows were gone."""
        stream = _key(identity.box, identity.epoch, identity.stream)
        row = self._db.execute(
            "SELECT upto, begun FROM stream WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? "
            "AND stream = ?",
            stream,
        ).fetchone()
        upto, begun = row or (-1, -1)
        found = 0
        for seq in seqs:
            new = self._insert(replace(identity, seq=seq), IN_AN_HOUR, "", 0.0, None)
            found += new and (-1 if begun is None else begun) < seq <= upto
        if found:
            self._db.execute(
                "UPDATE stream SET given_up = max(0, given_up - ?) WHERE tenant = ? AND store = ? "
                "AND box = ? AND epoch = ? AND stream = ?",
                (found, *stream),
            )

    def _set_aside(self, item: SetAside, received_at: float) -> None:
        self._db.execute(
            "INSERT INTO set_aside (topic, digest, reason, payload, first_at, last_at) "
            "VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET last_at = excluded.last_at, times = times + 1",
            (item.topic, item.digest, item.reason, item.payload, received_at, received_at),
        )
        self._db.execute(
            "DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?", (SET_ASIDE_KEPT,)
        )

    # -- how far a stream is complete ------------------------------------------------------------------

    def _state(self, item: BoxState, received_at: float) -> None:
        box, state = item.box, item.state
        self._db.execute(
            "INSERT INTO box VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "epoch = excluded.epoch, online = excluded.online, connected_at = excluded.connected_at, "
            "state = excluded.state, seen_at = excluded.seen_at "
            "WHERE excluded.connected_at >= box.connected_at",
            (box.tenant, box.store, box.box, state.epoch, int(state.online),
             state.connected_at.isoformat(timespec="milliseconds"), state.text(), received_at),
        )  # fmt: skip
        for stream, waiting in _known(state).items():
            if waiting.first is not None:
                self._begin((box, state.epoch, stream), waiting.first - 1)

    def _begin(self, key: StreamKey, upto: int) -> None:
        """The box no longer has anything up to `upto`: what we do not hold of it will never come."""
        held = self._advance(key)
        if held is None:
            self._db.execute(
                "INSERT INTO stream (tenant, store, box, epoch, stream, upto, begun) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*_key(*key), upto, upto),
            )
        elif held < upto:
            present = self._db.execute(
                "SELECT count(*) FROM message WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? "
                "AND stream = ? AND seq > ? AND seq <= ?",
                (*_key(*key), held, upto),
            ).fetchone()[0]
            self._db.execute(
                "UPDATE stream SET upto = ?, given_up = given_up + ? WHERE tenant = ? AND store = ? "
                "AND box = ? AND epoch = ? AND stream = ?",
                (upto, upto - held - present, *_key(*key)),
            )

    def _advance(self, key: StreamKey) -> int | None:
        """Move a stream's `upto` over what follows without a gap; None before its birth document."""
        row = self._db.execute(
            "SELECT upto FROM stream WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? AND stream = ?",
            _key(*key),
        ).fetchone()
        if row is None:
            return None
        upto: int = row[0]
        held = self._db.execute(
            "SELECT seq FROM message WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? "
            "AND stream = ? AND seq > ? ORDER BY seq",
            (*_key(*key), upto),
        )
        for (seq,) in held:
            if seq != upto + 1:
                break
            upto = seq
        held.close()
        if upto != row[0]:
            self._db.execute(
                "UPDATE stream SET upto = ? WHERE tenant = ? AND store = ? AND box = ? AND epoch = ? "
                "AND stream = ?",
                (upto, *_key(*key)),
            )
        return upto


def _known(state: State) -> dict[Stream, StreamRange]:
    return {stream: state.streams[stream] for stream in STREAMS if stream in state.streams}


def _key(box: BoxIdentity, epoch: str, stream: Stream) -> tuple[str, str, str, str, str]:
    return box.tenant, box.store, box.box, epoch, stream


def _window_key(identity: Identity, window: WindowBody) -> tuple[str, ...]:
    """All of its key but the start."""
    box = identity.box
    return box.tenant, box.store, box.box, identity.epoch, window.camera, window.id


def _measured(window: KnownWindow) -> Iterator[Any]:
    yield window.observed_seconds
    for column in COLUMNS[window.scope]:
        yield _value(getattr(window, column))


def _value(value: Any) -> Any:
    """A histogram, cells or a quality as JSON text, everything else as it is."""
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return f"[{','.join(f'[{c},{r},{t}]' for c, r, t in value)}]"
        return f"[{','.join(map(str, value))}]"  # five times as fast as a JSON library
    return value.text() if isinstance(value, Payload) else value
