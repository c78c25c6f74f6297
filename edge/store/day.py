"""The business day: which stretch of time a figure "of today" covers, in the store's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from edge.opening_hours import OpeningHours
from edge.store.windows import QUARTER_S


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """One day of a store. All times are UTC seconds."""

    date: date
    begin: int
    end: int
    opens: int | None
    """None: closed that day."""
    closes: int | None
    zone: ZoneInfo

    def hours(self) -> list[tuple[int, int]]:
        """The day's clock hours as [begin, end), which a change of the clocks makes 23 or 25."""
        return list(_hours(self.begin, self.end, self.zone))

    def open_seconds(self, begin: float, end: float) -> float:
        """How much of [begin, end) lies within the opening hours."""
        if self.opens is None or self.closes is None:
            return 0.0
        return max(0.0, min(end, self.closes) - max(begin, self.opens))

    def week_before(self, hours: OpeningHours) -> BusinessDay:
        """The same weekday of the week before."""
        return day_of(self.date - timedelta(days=7), self.zone, hours)


@lru_cache(maxsize=64)
def _hours(begin: int, end: int, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    starts = [t for t in range(begin, end, QUARTER_S) if datetime.fromtimestamp(t, zone).minute == 0]
    return tuple(zip(starts, [*starts[1:], end], strict=True))


def _cut(hours: OpeningHours) -> int:
    """Minutes after midnight at which a day begins: midnight, or for a store that is open past it, the
    first full hour at which it is closed."""
    latest = max((span[1] - 1440 for span in hours.days if span), default=0)
    return -(-max(0, latest) // 60) * 60


def day_of(day: date, zone: ZoneInfo, hours: OpeningHours) -> BusinessDay:
    """The business day of a date."""

    def begins(on: date) -> int:
        return int((datetime.combine(on, time(), zone) + timedelta(minutes=_cut(hours))).timestamp())

    span = hours.on(day, zone)
    return BusinessDay(
        date=day,
        begin=begins(day),
        end=begins(day + timedelta(days=1)),
        opens=int(span[0].timestamp()) if span else None,
        closes=int(span[1].timestamp()) if span else None,
        zone=zone,
    )


def business_day(moment: float, zone: ZoneInfo, hours: OpeningHours) -> BusinessDay:
    """The business day that a moment (UTC seconds) belongs to."""
    local = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    day = day_of(local.date(), zone, hours)
    return day if day.begin <= moment else day_of(local.date() - timedelta(days=1), zone, hours)
