"""What the box would decide about the cars of a clip: the real sessions and rules, with empty books."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.config import SiteConfig
from edge.parking.local_time import local_time
from pipelines.coupon_rules import Local
from pipelines.coupons import Coupons, Decision
from pipelines.layout import LaneDirection
from pipelines.parking import Sessions
from pipelines.parking_records import Moment, ParkingEvent
from pipelines.plate_records import PlateRead
from pipelines.plate_tokens import PlateKeys
from pipelines.tokens import KEY_BYTES


@dataclass(slots=True)
class ClipCoupons:
    """A car park that begins empty with the clip. Whether a driver is a member is not known here, so rules
    for members only do not fire; days and times of day are judged as if the clip began at `begin`."""

    lanes: Mapping[str, LaneDirection]
    sessions: Sessions
    coupons: Coupons
    counts: Counter[str] = field(default_factory=Counter)
    """Decisions by what came of them: `issued`, or why not."""

    @staticmethod
    def of(config: SiteConfig, begin: float) -> ClipCoupons:
        """For a site's lanes and rules. begin: UTC seconds."""
        site = config.site
        local = local_time(site.zone)

        def clip_time(t: float) -> Local:
            return local(begin + t)

        box = f"{site.tenant}/{site.store}/{site.box}"
        naming = PlateKeys.of([secrets.token_bytes(KEY_BYTES)])
        rules = [rule.rule() for rule in config.coupons]
        return ClipCoupons(config.lane_directions, Sessions(naming), Coupons(box, rules, clip_time))

    def read(self, read: PlateRead) -> list[dict[str, Any]]:
        """A plate was read, or could not be: lines of `events.jsonl`."""
        event = ParkingEvent(
            self.lanes[read.lane], read.lane, read.t, read.text, "camera", read.camera
        )  # fmt: skip
        moment = self.sessions.see(event, read.t).moment
        return [] if moment is None else [self._decided(moment)]

    def _decided(self, moment: Moment) -> dict[str, Any]:
        found = self.coupons.decide(moment, None)
        line: dict[str, Any] = {
            "kind": "trigger", "lane": moment.lane, "direction": self.lanes[moment.lane],
            "t": round(moment.t, 3), "decision": "suppressed", "reason": None, "rule": None, "offer": None,
            "minutes_parked": None if moment.parked_s is None else round(moment.parked_s / 60, 2),
            "expires_at": None,
        }  # fmt: skip
        if isinstance(found, Decision):
            self.coupons.ledger.add(found)
            line |= {
                "decision": "issued" if found.issued else "suppressed", "reason": found.reason,
                "rule": found.rule, "offer": found.offer, "expires_at": round(found.expires_at, 3),
            }  # fmt: skip
        else:
            line["reason"] = found
        self.counts[line["reason"] or "issued"] += 1
        return line

    def as_json(self) -> dict[str, int]:
        """For the summary line."""
        return dict(sorted(self.counts.items()))
