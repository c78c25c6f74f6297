"""The messages that waited in a damaged database: they go to the centre as what they were.

In place of those that are lost, minutes and events are told again from the tables, under the same epoch and
with later numbers: at the centre a minute replaces the same minute and an event the same event, so that
nothing is counted twice, whatever of them had arrived.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from edge.store import inherited, records, windows
from edge.store.salvage_reader import EARLIEST, LATEST, Row, Wreck, way_through
from pipelines.records import MINUTE_S, Window
from pipelines.window_quality import judged
from sync.bodies import event_body, minute_bodies
from sync.errors import SyncError
from sync.outbox import STREAMS, OutboxRow
from sync.payloads import EVENT, HOUR, MINUTE

MOST_AGAIN: Final = 20_000
"""More lost messages than this: then it is their numbers that are damaged."""
_EPOCH: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_INHERITED: Final = ["place", "epoch", "stream", "seq", "schema", "body", "created_at", "expires_at"]
_OUTBOX: Final = ["stream", "seq", "schema", "body", "created_at", "expires_at"]


@dataclass(slots=True)
class _Held:
    """What is there of one stream's waiting messages."""

    last: int = 0
    """The last number given."""
    acked: int = 0
    seqs: set[int] = field(default_factory=set)
    made_at: set[float] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    hours: bool = False

    @property
    def missing(self) -> int:
        """How many numbers are neither there nor acknowledged."""
        return max(0, self.last - self.acked) - sum(self.acked < seq <= self.last for seq in self.seqs)

    def add(self, row: OutboxRow) -> None:
        """A row that is there, and with it those that it stands for."""
        self.seqs.add(row.seq)
        self.made_at.add(row.created_at)
        if row.schema == EVENT:
            self.events.add(row.body)
        if row.schema == HOUR:
            self.hours = True
            for first, end in json.loads(row.body).get("stands_for", ()):
                self.seqs.update(range(max(first, self.acked + 1), min(end, self.last) + 1))


class Messages:
    """Brings them over, within the caller's transaction: `bring` before the tables, `tell_again` after."""

    def __init__(self, connection: sqlite3.Connection, wreck: Wreck, epoch: str) -> None:
        """epoch: the wreck's own."""
        self._db, self._wreck, self._epoch = connection, wreck, epoch
        self._known = _EPOCH.fullmatch(epoch) is not None
        told = wreck.few("outbox_stream", ["stream", "last_seq", "acked_seq", "dropped"])
        self._told = {row[0]: row[1:] for row in told}
        self._held = {stream: _Held(*_numbers(self._told.get(stream))) for stream in STREAMS}
        self.waiting = 0
        """That wait as before."""
        self.again = 0
        """Made again from the tables."""
        self.missing = 0
        """Lost as such."""
        self.unfit = 0
        """Rows that are no message."""

    def bring(self) -> None:
        """What is there."""
        for rows in self._lots("inherited", _INHERITED):
            for row in rows:
                self._keep_place(row)
        for rows in self._lots("outbox", _OUTBOX):
            if not self._known:
                # Nobody can say as what they may have arrived: as anything else the centre would add them.
                self.missing += len(rows)
                continue
            for row in rows:
                if (kept := self._keep(row)) is not None:
                    with suppress(ValueError, TypeError, AttributeError):
                        self._held[kept.stream].add(kept)
        for stream, held in self._held.items():
            self.missing += held.missing if self._known else 0
            if (dropped := self._told.get(stream, ())[2:]) and isinstance(dropped[0], int):
                self._db.execute(
                    "UPDATE outbox_stream SET dropped = ? WHERE stream = ?", (dropped[0], stream)
                )

    @property
    def needs_s(self) -> int:
        """How far back from the newest minute the tables are needed, to tell again what is lost."""
        held = self._held["data"]
        lost = held.missing if held.missing <= MOST_AGAIN and self._known else 0
        return (lost + len(held.made_at)) * MINUTE_S + 3600 if lost else 0

    def tell_again(self) -> None:
        """Make messages of minutes and events whose own are lost.

        Messages are numbered as they are committed, so the minutes of `missing` of them are among the last so
        many minutes whose messages are not there; and so with events.
        """
        held = self._held["data"]
        if not self.needs_s:
            return
        former = [row[0] for row in self._wreck.few("former_run", ["run"])]
        made = [*_lost_minutes(self._db, held, former), *_lost_events(self._db, held)]
        at, last = max(held.made_at, default=0.0), max(held.last, *held.seqs, 0)
        again = (
            OutboxRow("data", self._epoch, last + number, schema, body, at)
            for number, (schema, body) in enumerate(made, 1)
        )
        self.again = inherited.put(self._db, again)

    def _lots(self, table: str, columns: list[str]) -> Iterator[list[Row]]:
        way = way_through(self._db, table)
        span = self._wreck.span(way) if way is not None else None
        if way is not None and span is not None:
            yield from self._wreck.read(way, columns, *span)

    def _keep(self, row: Row) -> OutboxRow | None:
        message = OutboxRow(row[0], self._epoch, *row[1:])
        try:
            self.waiting += inherited.put(self._db, [message])
        except (sqlite3.Error, OverflowError, ValueError):
            self.unfit += 1
            return None
        return message

    def _keep_place(self, row: Row) -> None:
        try:
            self.waiting += self._db.execute(
                "INSERT INTO inherited VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row
            ).rowcount
        except (sqlite3.Error, OverflowError, ValueError):
            self.unfit += 1


def _numbers(told: Row | None) -> tuple[int, int]:
    """The last number given and the last acknowledged; zeros where nobody can say."""
    if told is None or not all(isinstance(number, int) and number >= 0 for number in told):
        return 0, 0
    return told[0], told[1]


def _lost_minutes(
    connection: sqlite3.Connection, held: _Held, former: list[str]
) -> Iterator[tuple[str, str]]:
    """Not where minutes were told within their hours, nor one that another epoch has told in part."""
    if held.hours or _ever_coarsened(connection):
        return
    minutes = connection.execute(
        "SELECT start, max(committed_at) FROM minute "
        "WHERE start NOT IN (SELECT start FROM minute WHERE run IN (SELECT value FROM json_each(?))) "
        "GROUP BY start ORDER BY 2 DESC LIMIT ?",
        (json.dumps(former), held.missing + len(held.made_at)),
    ).fetchall()
    lost = [start for start, at in minutes if at not in held.made_at][: held.missing]
    for start in sorted(lost):
        whole = [w for scope in windows.KINDS for w in windows.select(connection, scope, start, start + 1)]
        with suppress(SyncError):
            yield from ((MINUTE, body) for body in _bodies(start, whole))


def _ever_coarsened(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT sum(gone) FROM thinned WHERE kind = 'waiting'").fetchone()
    return bool(row[0])


def _bodies(start: int, whole: Sequence[Window]) -> Iterable[str]:
    return minute_bodies(start, judged(whole)) if whole else ()


def _lost_events(connection: sqlite3.Connection, held: _Held) -> Iterator[tuple[str, str]]:
    newest = records.events(connection, EARLIEST, LATEST, held.missing + len(held.events))
    bodies = []
    for event in newest:
        with suppress(SyncError):
            bodies.append(event_body(event))
    lost = [body for body in bodies if body not in held.events][: held.missing]
    yield from ((EVENT, body) for body in reversed(lost))
