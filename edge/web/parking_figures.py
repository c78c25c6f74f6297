"""What a car park's status comes to, for page and metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from edge.parking.status_api import ParkingStatus


def held_back(found: ParkingStatus, entries: Collection[str] = ()) -> dict[str, int]:
    """How many cars got no coupon today, by reason, the most first.

    entries: lanes at which `no_rule` is left out: few sites have a rule for who arrives.
    """
    reasons: Counter[str] = Counter()
    for lane in found.lanes:
        nothing = {"issued", "no_rule"} if lane.lane in entries else {"issued"}
        reasons.update({reason: cars for reason, cars in lane.outcomes.items() if reason not in nothing})
    return dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0])))
