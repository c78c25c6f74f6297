"""Our own shape, for a parking system that is willing to speak it: one JSON object, or a list of them.

    {"event": "entry" | "exit" | "price" | "paid", "id": "order 4711", "lane": "1", "plate": "粤B12345",
     "at": "2026-03-01T12:00:00+08:00", "settled": true, "offline": false, "parked_seconds": 5400,
     "amount": 12.5}

`event` alone is required; `lane` where the feed tells of several. `id` is the stay's number, the same at
entry and exit. `settled` false: the plate may still be corrected under the same id. `offline`: told later.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from edge.parking.feeds.hearing import FeedError, Hearing, mapping, number, plate, ref, utc
from pipelines.parking_records import ParkingEvent, What

MOST: Final = 100
"""Events in one message."""
LONGEST_S: Final = 366 * 86_400.0


def events(body: bytes, _type: str, hearing: Hearing) -> list[ParkingEvent]:
    """The events of a message, all or none of them. Raises FeedError."""
    message = mapping(body)
    found = message.get("events", [message])
    if not isinstance(found, list) or len(found) > MOST:
        raise FeedError(f"events is no list of at most {MOST}")
    return [_event(one, hearing) for one in found]


def _event(one: Any, hearing: Hearing) -> ParkingEvent:
    if not isinstance(one, dict):
        raise FeedError("an event is no object")
    what = _what(one.get("event"))
    elsewhere = what in {"price", "paid"} and "lane" not in one
    lane = "" if elsewhere else hearing.lane(one.get("lane", ""))
    t, late = hearing.happened(utc(one.get("at"), hearing.zone), one.get("offline") is True)
    return ParkingEvent(
        what, lane, t, plate(one.get("plate")), hearing.source, hearing.feed, ref(one.get("id")),
        settled=one.get("settled") is not False, late=late, parked_s=stay(number(one.get("parked_seconds"))),
        amount=fee(number(one.get("amount"))),
    )  # fmt: skip


def _what(name: object) -> What:
    kinds: tuple[What, ...] = get_args(What)
    for what in kinds:
        if name == what:
            return what
    raise FeedError(f"event must be one of {', '.join(kinds)}")


def stay(seconds: float | None) -> float | None:
    """A length of stay that can be; None for any other."""
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_S else None


def fee(amount: float | None) -> float | None:
    """An amount of money that can be; None for any other."""
    return amount if amount is not None and 0 <= amount <= 1e6 else None
