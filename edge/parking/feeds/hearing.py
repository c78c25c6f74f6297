"""What every shape of feed needs: lanes by the feed's names, one spelling of plates, one scale of time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from pipelines.layout import LaneDirection
from pipelines.parking_records import Source
from pipelines.tokens import normalised

LATE_S: Final = 900.0
"""What happened longer ago is for the books only. Less than that may be a clock that is wrong."""
SHORTEST, LONGEST = 4, 10
"""Letters of a plate."""
MOST_REF: Final = 128
_NO_PLATE: Final = frozenset(
    "无牌车 无车牌 无牌 无车牌号 未识别 未知 车牌 UNKNOWN NOPLATE NONE NULL".split()  # noqa: SIM905 - easier to read
)
"""What systems send when they have not read any."""


class FeedError(Exception):
    """A feed's message cannot be understood; said in one line, without repeating it."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """One message of one feed, as it arrives."""

    feed: str
    source: Source
    lanes: Mapping[str, str]
    """The feed's names of the lanes, and ours."""
    directions: Mapping[str, LaneDirection]
    """Of our lanes."""
    now: float
    """Steady UTC seconds."""
    wall: float
    """UTC seconds by the wall clock, which the feed's clock is compared with."""
    zone: tzinfo
    """The store's; times without a zone are told in it."""
    only_lane: str | None = None
    """Everything is about this lane: a camera's feed."""

    def lane(self, name: object) -> str:
        """Our lane of that name. Raises FeedError."""
        if self.only_lane is not None:
            return self.only_lane
        found = self.lanes.get(str(name)) if isinstance(name, str | int) else None
        if found is None:
            raise FeedError(
                f"a lane that the site file does not name; known: {', '.join(self.lanes) or 'none'}"
            )
        return found

    def happened(self, at: float | None, offline: bool = False) -> tuple[float, bool]:
        """When something happened on the steady scale, and whether that is long ago. at: UTC seconds by the
        feed's clock; None: now."""
        age = 0.0 if at is None else max(0.0, self.wall - at)
        return (self.now - age, True) if offline or age > LATE_S else (self.now, False)


def plate(text: object) -> str | None:
    """A plate in the one spelling; None for what is none, such as `无牌车`."""
    if not isinstance(text, str) or len(text) > 4 * LONGEST:
        return None
    spelt = normalised(text)
    return spelt if SHORTEST <= len(spelt) <= LONGEST and spelt not in _NO_PLATE else None


def ref(value: object) -> str | None:
    """A feed's number of a stay. Raises FeedError for one that is too long."""
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        return None
    text = str(value)
    if len(text) > MOST_REF:
        raise FeedError(f"an id of more than {MOST_REF} letters")
    return text


def number(value: object) -> float | None:
    """A number, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e15 else None


def utc(value: object, zone: tzinfo) -> float | None:
    """UTC seconds of a time: seconds or milliseconds since 1970, or text as ISO 8601; None: neither."""
    if (seconds := number(value)) is not None:
        return seconds / 1000 if seconds > 1e11 else seconds if seconds > 1e8 else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).timestamp()
    except (OverflowError, OSError):
        return None


def mapping(body: bytes) -> dict[str, Any]:
    """The JSON object in a message. Raises FeedError."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FeedError("no JSON") from error
    if not isinstance(found, dict):
        raise FeedError("JSON, but no object")
    return found
