"""The shape of 泊链's orders, which several Chinese parking systems resemble (research: retail §3): unix
seconds, `car_number`, and one `order_id` from entry to exit. Entry, exit, the asking for a price with its
`pay_scene`, and the prepayment; an order that is told late because the car park was offline is known by its
age. Made after the public description, not tried against a real system.
"""

from __future__ import annotations

from typing import Any, Final

from edge.parking.feeds.generic import fee, stay
from edge.parking.feeds.hearing import FeedError, Hearing, mapping, number, plate, ref, utc
from pipelines.parking_records import ParkingEvent, What

_WHAT: Final[dict[str, What]] = {
    "in_park": "entry", "upload_in_park": "entry",
    "out_park": "exit", "upload_out_park": "exit",
    "query_price": "price", "prepay_order": "paid", "upload_prepay": "paid",
}  # fmt: skip
PREPAID_INSIDE: Final = "0"


def events(body: bytes, _type: str, hearing: Hearing) -> list[ParkingEvent]:
    """The event of a message, whose fields may stand in it or in its `data`. Raises FeedError."""
    message = mapping(body)
    data = message.get("data", message)
    if not isinstance(data, dict):
        raise FeedError("data is no object")
    what = _what(message, data)
    begun, ended = (utc(data.get(name), hearing.zone) for name in ("in_time", "out_time"))
    t, late = hearing.happened(begun if what == "entry" else ended if what == "exit" else None)
    return [
        ParkingEvent(
            what, _lane(what, data, hearing), t, plate(data.get("car_number")), hearing.source, hearing.feed,
            ref(data.get("order_id")), late=late, parked_s=_stay(what, begun, ended, hearing),
            amount=fee(number(data.get("total", data.get("price")))),
        )
    ]  # fmt: skip


def _what(message: dict[str, Any], data: dict[str, Any]) -> What:
    named = _WHAT.get(str(message.get("service_name", data.get("service_name", ""))))
    if named is not None:
        return named
    if "service_name" in message or "service_name" in data:
        raise FeedError(f"service_name must be one of {', '.join(_WHAT)}")
    if "out_time" in data:
        return "exit"
    if "in_time" in data:
        return "entry"
    raise FeedError("neither service_name nor in_time nor out_time")


def _lane(what: What, data: dict[str, Any], hearing: Hearing) -> str:
    if what == "paid" or (what == "price" and str(data.get("pay_scene", PREPAID_INSIDE)) == PREPAID_INSIDE):
        return ""
    return hearing.lane(data.get("in_channel_id" if what == "entry" else "out_channel_id", ""))


def _stay(what: What, begun: float | None, ended: float | None, hearing: Hearing) -> float | None:
    """By the parking system's own clock where it tells both ends."""
    if what == "entry" or begun is None:
        return None
    return stay((hearing.wall if ended is None else ended) - begun)
