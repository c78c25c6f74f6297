"""What Axis License Plate Verifier pushes: JSON with `carState` new, update or lost for one `carID`. It
corrects a plate in a later update, so only `lost`, or silence, is the last word (research: retail §3). Made
after the public description, not tried against a real camera.
"""

from __future__ import annotations

from typing import Final

from edge.parking.feeds.hearing import FeedError, Hearing, mapping, number, plate, ref, utc
from pipelines.parking_records import ParkingEvent

_STATES: Final = {"new": False, "update": False, "lost": True}
"""And whether that is settled."""
LEAST_SURE: Final = 0.5


def events(body: bytes, _type: str, hearing: Hearing) -> list[ParkingEvent]:
    """The read of a message. Raises FeedError."""
    message = mapping(body)
    state = str(message.get("carState", "")).lower()
    if state not in _STATES:
        raise FeedError(f"carState must be one of {', '.join(_STATES)}")
    car = ref(message.get("carID"))
    if car is None:
        raise FeedError("no carID")
    lane = hearing.lane(message.get("sensorProviderID", ""))
    t, late = hearing.happened(utc(message.get("capture_timestamp"), hearing.zone))
    sure = number(message.get("plateConfidence"))
    texts = (message.get(name) for name in ("plateUnicode", "plateUTF8", "plateText"))
    text = next((found for one in texts if (found := plate(one)) is not None), None)
    return [
        ParkingEvent(
            hearing.directions[lane], lane, t, text if sure is None or sure >= LEAST_SURE else None,
            hearing.source, hearing.feed, car, settled=_STATES[state], late=late,
            lasting=False,
        )
    ]  # fmt: skip
