"""When the store is open: read from the site file, asked with a local time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Opening and closing minute of each weekday, Monday first; None on a closed day. A closing minute
    above 1440 is after midnight."""

    days: tuple[tuple[int, int] | None, ...]

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Opening and closing time of that business day, or None when the store stays closed."""
        span = self.days[day.weekday()]
        if span is None:
            return None
        midnight = datetime.combine(day, time(), zone)
        return midnight + timedelta(minutes=span[0]), midnight + timedelta(minutes=span[1])

    def is_open(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the store is open at that moment (an aware time)."""
        today = moment.astimezone(zone).date()
        spans = (self.on(day, zone) for day in (today - timedelta(days=1), today))
        # In UTC: on the night when clocks go back, the store's own hour comes twice.
        now = moment.astimezone(UTC)
        return any(span[0].astimezone(UTC) <= now < span[1].astimezone(UTC) for span in spans if span)


@dataclass(frozen=True, slots=True)
class StoreHours:
    """A store's opening hours on the scale of UTC seconds."""

    hours: OpeningHours
    zone: ZoneInfo

    def span(self, t: float) -> tuple[float, float] | None:
        """Opening and closing time of the span that `t` lies in; None while the store is closed."""
        today = datetime.fromtimestamp(t, self.zone).date()
        for day in (today - timedelta(days=1), today):
            if (found := self.hours.on(day, self.zone)) is not None:
                opens, closes = (moment.timestamp() for moment in found)
                if opens <= t < closes:
                    return opens, closes
        return None

    def is_open(self, t: float) -> bool:
        """Whether the store is open at `t`."""
        return self.span(t) is not None


def parse_opening_hours(hours: Mapping[str, str]) -> OpeningHours:
    """`{"mon-fri": "10:00-22:00", "sun": "closed"}`; a day that is not named is closed. Raises ValueError."""
    days: list[tuple[int, int] | None] = [None] * 7
    for names, span in hours.items():
        for day in _days(names):
            days[day] = _span(span)
    return OpeningHours(tuple(days))


def _days(names: str) -> list[int]:
    first, _, last = names.strip().lower().partition("-")
    if first not in DAYS or (last and last not in DAYS):
        raise ValueError(f"no such day: {names}; use {', '.join(DAYS)} or a range such as mon-fri")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [(start + i) % 7 for i in range((end - start) % 7 + 1)]


def _span(text: str) -> tuple[int, int] | None:
    if text.strip().lower() == "closed":
        return None
    match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", text)
    if not match:
        raise ValueError('hours are written like "10:00-22:00", or "closed"; mind the quotes')
    h1, m1, h2, m2 = map(int, match.groups())
    if h1 > 23 or h2 > 24 or m1 > 59 or m2 > 59:
        raise ValueError(f"no such time: {text.strip()}; a day has 24 hours of 60 minutes")
    opens, closes = h1 * 60 + m1, h2 * 60 + m2
    return opens, closes if closes > opens else closes + 1440
