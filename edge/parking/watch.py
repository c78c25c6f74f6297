"""Says when a parking system falls silent or cannot be reached, and when that is over. Pure: times are
arguments, steady UTC seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipelines.patrol import Alarm, Hours
from pipelines.records import Event

FEED_SILENT: Final = "feed_silent"
PARKING_UNREACHED: Final = "parking_unreached"
NAMES: Final = (FEED_SILENT, PARKING_UNREACHED)
"""Events that begin and end."""
SILENT_S: Final = 3600.0
"""Opening hours without a word: the first cars of a morning leave about an hour after it opens."""
NIGHT_S: Final = 8 * 3600.0
"""The same where the store never closes: nobody parks in the small hours."""
UNREACHED_S: Final = 180.0
"""Tries fail for this long: longer than a parking system takes to start again."""
DAY_S: Final = 86_400.0


class FeedWatch:
    """One feed's way into silence and back."""

    def __init__(self, feed: str, now: float, hours: Hours, under_way: Iterable[Event] = ()) -> None:
        """hours: the opening hours around a time. under_way: events of the last run that have not ended."""
        self._hours, self._began_at = hours, now
        self._heard_at: float | None = None
        self.alarm = _resumed(Alarm(FEED_SILENT, None, feed), under_way)

    def look(self, now: float, heard_at: float | None) -> list[Event]:
        """What begins or ends. heard_at: when the feed was last understood; None: never in this run."""
        if heard_at is not None and heard_at != self._heard_at:
            self._heard_at = heard_at
            if ended := self.alarm.end(heard_at, "heard"):
                return ended
        span = self._hours(now)
        if span is None:
            return self.alarm.end(now, "closed")
        begun = max(span[0], self._began_at if self._heard_at is None else self._heard_at)
        limit = NIGHT_S if span[1] - span[0] >= DAY_S else SILENT_S
        return self.alarm.begin(begun) if now - begun > limit else []


class HookWatch:
    """The way back to the parking system: cut, and whole again."""

    def __init__(self, under_way: Iterable[Event] = ()) -> None:
        """under_way: events of the last run that have not ended."""
        self.alarm = _resumed(Alarm(PARKING_UNREACHED, None, None), under_way)

    def look(self, failing: tuple[float, float] | None, answered_at: float | None) -> list[Event]:
        """What begins or ends. failing: the first and the newest failure since the last answer. answered_at:
        of the last answer; None: none in this run."""
        if failing is None:
            return [] if answered_at is None else self.alarm.end(answered_at, "answered")
        return self.alarm.begin(failing[0]) if failing[1] - failing[0] >= UNREACHED_S else []


def _resumed(alarm: Alarm, under_way: Iterable[Event]) -> Alarm:
    for event in under_way:
        if (event.name, event.scope) == (alarm.name, alarm.scope):
            alarm.event = event
    return alarm
