"""The store's own clock, for the coupon rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines.coupon_rules import Local


def local_time(zone: ZoneInfo) -> Callable[[float], Local]:
    """The store's clock."""

    def local(t: float) -> Local:
        moment = datetime.fromtimestamp(t, zone)
        return Local(moment.toordinal(), moment.weekday(), 60 * moment.hour + moment.minute)

    return local
