"""One batch on its way into PostgreSQL's tables, inside one transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

import psycopg

from sync.hub import postgres_statements as sql
from sync.hub.intake import BoxState, Message, SetAside
from sync.hub.ledger import Receipt
from sync.hub.postgres_batch import (
    MessageKey,
    Row,
    Sorted,
    StreamKey,
    Windows,
    another,
    key_of,
    message_lines,
    plain,
    touched_hours,
    window_lines,
)
from sync.hub.postgres_session import Connection
from sync.hub.postgres_tables import ROLLED
from sync.topics import BoxIdentity

SET_ASIDE_KEPT: Final = 10_000
"""Distinct unusable payloads kept; the oldest go first, so that nobody can fill the disk with them."""


class Keeping:
    """Used once. `short`: try first as if nothing of it were held yet, which is usual and half the work."""

    def __init__(self, db: Connection, found: Sorted, received: str, known: set[StreamKey], short: bool):
        """`known`: streams that have their row."""
        self._db, self._found, self._received, self._known = db, found, received, known
        self._short = short and not found.in_an_hour
        self.repeated = False
        """Something of it was held already."""
        self._new: list[Message] = []
        """What was not held yet."""
        self._told: set[MessageKey] = set()
        """What hours stand for and we did not hold."""

    def keep(self) -> list[Receipt]:
        """All of it; the caller commits."""
        windows = self._messages_and_minutes()
        for scope, lines in sorted(windows.merged.items()):
            self._copy(sql.COPY_MERGED[scope], lines)
        self._boxes()
        upto = self._streams(windows)
        self._aside()
        return [
            Receipt(BoxIdentity(*key[:3]), key[3], key[4], seq)
            for key, seq in upto.items()
            if seq is not None and seq >= 0
        ]

    def _copy(self, statement: bytes, lines: Iterable[str]) -> None:
        with self._db.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("".join(lines))

    # -- messages and windows --------------------------------------------------------------------------

    def _messages_and_minutes(self) -> Windows:
        """The windows of those that were not held yet."""
        wanted = self._found.messages
        if not wanted:
            return Windows()
        lines = message_lines(self._found, self._received)
        if self._short:
            self._new = [message for message in wanted.values() if message is not None]
            windows = window_lines(self._new)
            try:
                with self._db.transaction():
                    self._copy(sql.COPY_MESSAGES, lines)
                    for scope, minutes in sorted(windows.minutes.items()):
                        self._copy(sql.COPY_WINDOWS[scope], minutes)
            except psycopg.errors.UniqueViolation:
                self.repeated = True
            else:
                return windows
        self._new = self._fresh(lines)
        windows = window_lines(self._new)
        for scope, minutes in sorted(windows.minutes.items()):
            self._copy(sql.STAGE_WINDOWS[scope], minutes)
            self._db.execute(sql.UPSERT_WINDOWS[scope])
        return windows

    def _fresh(self, lines: Iterable[str]) -> list[Message]:
        """Those that were not held yet, kept now."""
        wanted = self._found.messages
        self._copy(sql.STAGE_MESSAGES, lines)
        cursor = self._db.execute(sql.INSERT_MESSAGES)
        new: set[MessageKey] = set(cursor.fetchall())
        self._told = self._found.in_an_hour.keys() & new
        if len(new) < len(wanted):
            self._repeated()
        return [message for key, message in wanted.items() if key in new and message is not None]

    def _repeated(self) -> None:
        """The same again changes nothing; another body is kept to look at."""
        for *key, body in self._db.execute(sql.OTHER_BODIES):
            message = self._found.messages[tuple(key)]
            if message is not None and (body is None or json.loads(body) != json.loads(message.body)):
                self._found.aside.append(another(message))

    # -- boxes and streams -----------------------------------------------------------------------------

    def _boxes(self) -> None:
        states = [_box_row(told, self._received) for told in self._found.states.values()]
        if states:
            with self._db.cursor() as cursor:
                cursor.executemany(sql.UPSERT_BOX, states)

    def _streams(self, windows: Windows) -> dict[StreamKey, int | None]:
        """How far each stream is complete now."""
        if windows.due:
            rolled = sorted(f"{scope}\t{key}\n" for scope, key in windows.due if scope in ROLLED)
            self._copy(sql.COPY_DUE, rolled)
        keys = sorted(self._found.touched)
        if not keys:
            return {}
        columns = [list(column) for column in zip(*keys, strict=True)]
        if not self._known.issuperset(keys):
            self._db.execute(sql.NEW_STREAMS, columns)
        upto: dict[StreamKey, int | None] = {}
        with_hours: set[StreamKey] = set()
        for *key, seq, hours in self._db.execute(sql.LOCK_STREAMS, columns):
            upto[tuple(key)] = seq
            if hours:
                with_hours.add(tuple(key))
        self._hours(with_hours)
        moved = []
        firsts = [(*key, least - 1, greatest - 1) for key, (least, greatest) in self._found.firsts.items()]
        if firsts:
            begun = [list(column) for column in zip(*firsts, strict=True)]
            moved += self._db.execute(sql.BEGIN_STREAMS, begun).fetchall()
        moved += self._db.execute(sql.ADVANCE_STREAMS, columns).fetchall()
        for *key, seq in moved:
            upto[tuple(key)] = seq
        return upto

    def _hours(self, with_hours: set[StreamKey]) -> None:
        """What was told by the hour takes the place of its minutes, whichever came first. Only while the rows
        of the streams are locked: another hub may be at the same box."""
        fresh = Counter(key_of(message.identity)[:5] for message in self._new if message.hour is not None)
        for stream, hours in sorted(fresh.items()):
            seqs = [key[5] for key in self._told if key[:5] == stream]
            self._db.execute(sql.TOLD_IN_HOURS, (hours, seqs, *stream))
        if not with_hours and not fresh:
            return
        of_those = [m for m in self._new if key_of(m.identity)[:5] in with_hours | fresh.keys()]
        for scope, rows in sorted(touched_hours(of_those).items()):
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._db.execute(sql.DELETE_REPLACED[scope], columns)

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
