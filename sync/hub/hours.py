"""What the hub makes of `storeedge/hour/1`, whichever its database. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync.payloads import Hour

HOUR_S: Final = 3600
IN_AN_HOUR: Final = "in an hour"
"""In place of the schema of a message that its box has told as part of an hour instead."""


def stood_for(hour: Hour) -> Iterator[int]:
    """The seqs of the messages that it takes the place of."""
    for first, last in hour.stands_for:
        yield from range(first, last + 1)


def which_minutes(hour: Hour) -> int:
    """The minutes that it names, a bit for each: 1 is the hour's first."""
    return sum(1 << minute for minute in hour.minutes)


def latest_minute(hour: Hour) -> int:
    """The start of the newest, UTC seconds."""
    return int(hour.start.timestamp()) + 60 * max(hour.minutes, default=0)
