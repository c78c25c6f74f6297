"""What the store has promised, kept apart from it: by this it is judged what a power cut has lost or doubled.

A promise is made when a call of the store returns. A record may go only when the store was told to let it go.
What the centre was sent stays at the centre whatever becomes of the box.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from edge.clock_trust import is_dark
from pipelines.records import Crossing, Event, Record, VehiclePassage, Visit, Wait
from sync.outbox import OutboxRow

NEVER: Final = 2**62
GONE: Final = -1

_IDENTITY: Final = {
    "crossing": "t, camera, gate, direction, track",
    "visit": "t_out, camera, zone, track",
    "wait": "t_out, camera, zone, track",
    "vehicle_passage": "t, camera, lane, direction, track",
    "event": "t, name, camera",
    "audit": "begun, camera, gate, direction",
    "coupon_trigger": '"key"',
}
"""What makes a row of each table this one and no other."""


_TOLD: Final = """
SELECT 'minute ' || start FROM minute WHERE start >= 1e9 UNION
SELECT 'coupon ' || "key" FROM coupon_trigger UNION
SELECT printf('event %s %.1f %s', name, t, CASE WHEN t_end IS NULL THEN 'False' ELSE 'True' END) FROM event
WHERE t >= 1e9
"""
"""What the store holds and the centre must be told, whether or not it was promised yet. Of the time in which
the box did not know the time nothing is told."""


@dataclass(slots=True)
class Promise:
    """A row that must be there, once."""

    table: str
    row: tuple[object, ...]
    t: float
    since: int
    """Operations of the disk after which it was promised."""
    until: int = NEVER
    """When the store was told that it may go."""


@dataclass(slots=True)
class Judged:
    """What is missing and what is there twice."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Promises:
    """All of one life."""

    rows: list[Promise] = field(default_factory=list)
    minutes: list[tuple[int, int, int]] = field(default_factory=list)
    """Operations, start of a minute, entries in it from then on."""
    messages: list[tuple[int, str]] = field(default_factory=list)
    """Operations, and what the centre must be told at some time."""
    sent: list[tuple[int, OutboxRow]] = field(default_factory=list)
    """Operations, and what the centre has been sent."""
    numbers: list[tuple[int, str, int]] = field(default_factory=list)
    """Operations, stream, and the last number given by then."""
    dark_events: dict[tuple[str, float], bool] = field(default_factory=dict)
    """By name and dark time, whether they have ended."""

    def records(self, now: int, made: Iterable[Record]) -> None:
        """These were kept."""
        for record in made:
            match record:
                case Crossing():
                    row: tuple[object, ...] = (
                        record.t,
                        record.camera,
                        record.gate,
                        record.direction,
                        record.track,
                    )
                    table = "crossing"
                case Visit():
                    row, table = (record.t_out, record.camera, record.zone, record.track), "visit"
                case Wait():
                    row, table = (record.t_out, record.camera, record.zone, record.track), "wait"
                case VehiclePassage():
                    row = (record.t, record.camera, record.lane, record.direction, record.track)
                    table = "vehicle_passage"
                case Event():
                    row, table = (record.t, record.name, record.camera), "event"
                    self.event(now, record.name, record.t, record.t_end is not None)
            self.row(now, table, row, record.t)

    def row(self, now: int, table: str, row: tuple[object, ...], t: float) -> None:
        """This was kept; the same again is the same."""
        self.rows.append(Promise(table, row, t, now))

    def minute(self, now: int, start: int, entries: int) -> None:
        """This minute was kept."""
        self.minutes.append((now, start, entries))
        if not is_dark(start):
            self.messages.append((now, f"minute {start}"))

    def event(self, now: int, name: str, t: float, ended: bool) -> None:
        """This event was kept, which the centre is told at once, if the box knows the time."""
        if is_dark(t):
            self.dark_events[name, t] = ended
        else:
            self.messages.append((now, f"event {name} {t:.1f} {ended}"))

    def moved(self, began: int, now: int, by: int) -> None:
        """All that was counted in the dark got its times, by this later; the call began at `began`."""
        for promise in [promise for promise in self.rows if is_dark(promise.t)]:
            promise.until = began
            self.row(now, promise.table, (round(promise.t + by, 3), *promise.row[1:]), promise.t + by)
        for _, start, entries in [minute for minute in self.minutes if is_dark(minute[1])]:
            self.minutes.append((began, start, GONE))
            self.minute(now, start + by, entries)
        for (name, t), ended in self.dark_events.items():
            self.event(now, name, t + by, ended)
        self.dark_events.clear()

    def may_go(self, now: int, tables: Iterable[str], before: float) -> None:
        """From now on the store may let these go."""
        for promise in self.rows:
            if promise.table in tables and promise.t < before:
                promise.until = min(promise.until, now)

    def judge(self, connection: sqlite3.Connection, waiting: Sequence[OutboxRow], at: int) -> Judged:
        """A store found after a cut before operation number `at`."""
        found = Judged()
        self._judge_rows(connection, at, found)
        self._judge_minutes(connection, at, found)
        self._judge_messages(connection, waiting, at, found)
        for since, stream, number in self.numbers:
            if since <= at:
                (last,) = connection.execute(
                    "SELECT last_seq FROM outbox_stream WHERE stream = ?", (stream,)
                ).fetchone()
                if last < number:
                    found.doubled.append(f"{stream} {number} was given before, and will be given again")
        return found

    def _judge_rows(self, connection: sqlite3.Connection, at: int, found: Judged) -> None:
        held = {
            table: Counter(map(tuple, connection.execute(f"SELECT {columns} FROM {table}")))
            for table, columns in _IDENTITY.items()
        }
        for promise in self.rows:
            if promise.since <= at < promise.until and not held[promise.table][promise.row]:
                found.lost.append(f"{promise.table} {promise.row}")
        for table, rows in held.items():
            found.doubled += [f"{table} {row}" for row, count in rows.items() if count > 1]

    def _judge_minutes(self, connection: sqlite3.Connection, at: int, found: Judged) -> None:
        held = dict(
            map(tuple, connection.execute("SELECT start, sum(entries) FROM gate_window GROUP BY start"))
        )
        least = {start: entries for since, start, entries in self.minutes if since <= at}
        most: dict[int, int] = {}
        for _, start, entries in self.minutes:
            most[start] = max(entries, most.get(start, 0))
        found.lost += [
            f"minute {start}" for start, n in least.items() if n > GONE and held.get(start, -1) < n
        ]
        found.doubled += [f"minute {start}" for start, n in held.items() if n > most.get(start, n)]

    def _judge_messages(
        self, connection: sqlite3.Connection, waiting: Sequence[OutboxRow], at: int, found: Judged
    ) -> None:
        bodies: dict[tuple[str, int], str] = {}
        told: Counter[str] = Counter()
        for row in [*(row for since, row in self.sent if since <= at), *waiting]:
            if bodies.setdefault((row.stream, row.seq), row.body) != row.body:
                found.doubled.append(f"number {row.seq} of {row.stream} has two messages")
        for (stream, _), body in bodies.items():
            told.update(about(stream, body))
        self._judge_sums([bodies[key] for key in sorted(bodies) if key[0] == "data"], at, found)
        wanted = {what for since, what in self.messages if since <= at}
        held = {what for (what,) in connection.execute(_TOLD)}
        found.lost += [f"message of {what}" for what in wanted | held if not told[what]]
        # A minute of two runs is told twice, the later as the whole, and so is one that is in an hour, too.
        found.doubled += [f"message of {w}" for w, n in told.items() if n > 1 and not w.startswith("minute")]

    def _judge_sums(self, bodies: Sequence[str], at: int, found: Judged) -> None:
        """What the centre adds up: bodies of minutes and hours in the order of their numbers."""
        figures: dict[frozenset[int], int] = {}
        for body in bodies:
            told = json.loads(body)
            if "start" not in told:
                continue
            starts = frozenset(starts_of(told))
            figures = {held: n for held, n in figures.items() if not held <= starts}
            figures[starts] = sum(w["in"] or 0 for w in told["windows"] if w["scope"] == "gate")
        total = sum(figures.values())
        least = self._total(at)
        after = [since for since, _, _ in self.minutes if since > at]
        most = max(least, self._total(min(after))) if after else least
        found.lost += [f"{least - total} entries at the centre"] * max(0, least - total)
        found.doubled += [f"{total - most} entries at the centre"] * max(0, total - most)

    def _total(self, at: int) -> int:
        """Entries of all minutes that the centre is told of."""
        newest = {start: entries for since, start, entries in self.minutes if since <= at}
        return sum(entries for start, entries in newest.items() if not is_dark(start) and entries > GONE)


def about(stream: str, body: str) -> list[str]:
    """What a message is about."""
    told = json.loads(body)
    if stream == "trigger":
        return [f"coupon {told['key']}"]
    if "name" in told:
        begun = _utc(told["at"])
        return [f"event {told['name']} {begun:.1f} {told.get('ended_at') is not None}"]
    return [f"minute {start}" for start in starts_of(told)]


def starts_of(told: Mapping[str, Any]) -> list[int]:
    """The minutes of a minute's or an hour's message."""
    start = round(_utc(told["start"]))
    return [start + 60 * minute for minute in told["minutes"]] if "minutes" in told else [start]


def _utc(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()
