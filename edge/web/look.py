"""One look at the store and at the present moment: all that an answer is made of, from one state of both."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from edge import disk_watch, line_watch
from edge.clock_trust import is_dark
from edge.config import SiteConfig
from edge.live import Live, Snapshot
from edge.parking import watch
from edge.parking.status_api import ParkingStatus
from edge.store import audits, inherited, occupancy, outbox, queries, queries_service, records
from edge.store.audits import Audit
from edge.store.database import reading
from edge.store.day import BusinessDay, business_day, day_of
from edge.store.occupancy import OccupancySum
from edge.store.queries import CameraSum, Fresh, GateSum, Key, LaneSum, Step, ZoneSum
from edge.store.queries_service import CounterSum, QueueSum
from edge.store.recovery import RECOVERED
from edge.store.restamp import CLOCK_UNKNOWN
from pipelines.area_watch import OVER_CAPACITY
from pipelines.patrol import NAMES
from pipelines.records import MINUTE_S, Event, OccupancyWindow
from pipelines.windows import CLOSE_LAG_S
from sync.outbox import STREAMS, Backlog, Stream

LAST_MINUTES: Final = 60
SEALED_WITHIN_S: Final = MINUTE_S + CLOSE_LAG_S + 20.0
"""A minute that began longer ago than this and is not committed is missing, no longer open."""
QUEUE_STEP: Final = ("waits", "wait_seconds", "over_limit", "abandoned")
"""What is told of a queue by the hour."""
LASTING: Final = frozenset(
    {*NAMES, OVER_CAPACITY, *watch.NAMES, *line_watch.NAMES, *disk_watch.NAMES, CLOCK_UNKNOWN, RECOVERED}
)
"""Names of events that begin and end."""
MOST_EVENTS: Final = 200
"""Of one day, on the page."""
KEEP_S: Final = 0.5
"""Many open pages share one look for this long."""


@dataclass(frozen=True, slots=True)
class Past:
    """The same weekday of last week up to the same time of day."""

    day: BusinessDay
    gates: dict[Key, GateSum]
    zones: dict[Key, ZoneSum]
    observed: dict[str, float]
    open_seconds: float


@dataclass(frozen=True, slots=True)
class Series:
    """What was committed, step by step."""

    spans: list[tuple[int, int]]
    gates: dict[Key, list[Step | None]]
    zones: dict[Key, list[Step | None]]
    queues: dict[Key, list[Step | None]]
    """Each step's counts as in `QUEUE_STEP`; none of these by minute."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. Times are UTC seconds."""

    now: float
    day: BusinessDay
    horizon: int
    """Up to here minutes are committed, or would be if all were well."""
    live: Snapshot
    gates: dict[Key, GateSum]
    zones: dict[Key, ZoneSum]
    lanes: dict[Key, LaneSum]
    queues: dict[Key, QueueSum]
    counters: dict[Key, CounterSum]
    areas: dict[str, OccupancySum]
    newest_areas: dict[str, OccupancyWindow]
    """Each area's newest committed minute."""
    cameras: dict[str, CameraSum]
    """Of the opening hours so far."""
    events: list[Event]
    """That began on this day, and those from before that still go on."""
    hours: Series
    minutes: Series
    """The last hour, the running minute last; nothing for a day that is over."""
    fresh: list[Fresh]
    observed: dict[str, float]
    """Seconds of the opening hours so far that each camera observed."""
    first_observed: int | None
    last_minute: int | None
    past: Past | None
    audits: list[Audit]
    """Hand counts of any day, the newest first."""
    epoch: str
    streams: dict[Stream, tuple[Backlog, outbox.StreamState]]

    @property
    def is_today(self) -> bool:
        """Whether the day is still going on."""
        return self.now < self.day.end


class Observer:
    """Looks at one box's store and present moment. Safe from any thread."""

    def __init__(self, site: SiteConfig, path: Path, live: Live, clock: Callable[[], float]) -> None:
        """clock: UTC seconds, steady."""
        self.site = site
        self.path = path
        self.live = live
        self.clock = clock
        self.parking: Callable[[float, float], ParkingStatus] | None = None
        """The car park between two times; None on a box without lanes."""
        self._hours = site.site.hours
        self._zone = site.site.zone
        self._lock = threading.Lock()
        self._kept: Look | None = None

    def today(self) -> BusinessDay:
        """The business day of this moment."""
        return business_day(self.clock(), self._zone, self._hours)

    def look(self, day: date | None = None) -> Look:
        """Look at a day, or at today. Raises StoreError."""
        if day is not None and day != self.today().date:
            return self._look(self.clock(), day_of(day, self._zone, self._hours))
        with self._lock:
            now = self.clock()
            if self._kept is None or not 0 <= now - self._kept.now < KEEP_S:
                self._kept = self._look(now, business_day(now, self._zone, self._hours))
            return self._kept

    def _look(self, now: float, day: BusinessDay) -> Look:
        with reading(self.path) as connection:
            last = queries.last_minute(connection, dark=is_dark(now))
            horizon = _horizon(now, day, last)
            begin, end = day.begin, day.end
            is_today = now < day.end
            if is_dark(now):  # what is counted now belongs to no day
                horizon = end = begin
            opens, closes = _open_span(day, horizon)
            return Look(
                now=now,
                day=day,
                horizon=horizon,
                live=self.live.snapshot(),
                gates=queries.gates(connection, begin, end),
                zones=queries.zones(connection, begin, end),
                lanes=queries.lanes(connection, begin, end),
                queues=queries_service.queues(connection, begin, end),
                counters=queries_service.counters(connection, begin, end),
                areas=occupancy.occupancy(connection, begin, end),
                newest_areas={newest.id: newest for newest in occupancy.last(connection)},
                cameras=queries.cameras(connection, opens, closes),
                events=_events(connection, begin, end, is_today),
                hours=_series(connection, day.hours()),
                minutes=_series(connection, _last_minutes(now) if is_today and begin < end else []),
                fresh=queries.fresh(connection, begin, end),
                observed=queries.observed(connection, opens, closes),
                first_observed=queries.first_observed(connection, begin, end),
                last_minute=last,
                past=self._past(connection, now, day) if is_today and begin < end else None,
                audits=audits.select(connection),
                epoch=_epoch(connection),
                streams={
                    stream: (inherited.backlog(connection, stream), outbox.state(connection, stream))
                    for stream in STREAMS
                },
            )

    def _past(self, connection: sqlite3.Connection, now: float, day: BusinessDay) -> Past | None:
        before = day.week_before(self._hours)
        until = before.begin + (int(now) - day.begin) // MINUTE_S * MINUTE_S
        opens, closes = _open_span(before, until)
        past = Past(
            day=before,
            gates=queries.gates(connection, before.begin, until),
            zones=queries.zones(connection, before.begin, until),
            observed=queries.observed(connection, opens, closes),
            open_seconds=float(closes - opens),
        )
        return past if past.gates or past.zones else None


def _series(connection: sqlite3.Connection, spans: list[tuple[int, int]]) -> Series:
    return Series(
        spans,
        queries.series(connection, "gate", spans),
        queries.series(connection, "zone", spans),
        queries.series(connection, "queue", spans),
    )


def _events(connection: sqlite3.Connection, begin: int, end: int, is_today: bool) -> list[Event]:
    found = records.events(connection, begin, end, MOST_EVENTS)
    if not is_today:
        return found
    names = (*LASTING, "camera_offline")
    return found + [event for event in records.under_way(connection, names) if event.t < begin]


def _last_minutes(now: float) -> list[tuple[int, int]]:
    last = int(now) // MINUTE_S * MINUTE_S
    return [(t, t + MINUTE_S) for t in range(last - (LAST_MINUTES - 1) * MINUTE_S, last + 1, MINUTE_S)]


def _horizon(now: float, day: BusinessDay, last: int | None) -> int:
    sealed = day.begin if last is None else last + MINUTE_S
    expected = int(now - SEALED_WITHIN_S) // MINUTE_S * MINUTE_S + MINUTE_S
    return min(day.end, max(day.begin, sealed, expected))


def _open_span(day: BusinessDay, until: int) -> tuple[int, int]:
    """The opening hours as far as `until`; an empty stretch when closed or not open yet."""
    if day.opens is None or day.closes is None or until <= day.opens:
        return day.begin, day.begin
    return day.opens, min(until, day.closes)


def _epoch(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])
