"""A car park's day for the tests of page and metrics: a real desk, real feeds and books, and a clock of ours.

It is the day of `build`. A feed `lot` tells of four cars coming in and two going out, one of each unread; the
first rule gives a coupon to whoever leaves after an hour, a second one has its day's number used up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from edge.centre import Centre
from edge.config import SiteConfig
from edge.lane_screen.board import Board
from edge.live import Live
from edge.parking.car_park import CarPark, Surroundings
from edge.parking.status_api import ParkingStatus, parking_now
from edge.store import Store
from tests.edge.web.build import NOW, SITE, Filled

HOUR: Final = 3600.0


def _rule(name: str, units: int | None, **headline: str) -> dict[str, Any]:
    offer = {"kind": "minutes", "value": 120, "headline": headline, "qr": "https://store.example/c"}
    budget = {} if units is None else {"caps": {"budget": {"units": units}}}
    when = {"direction": "exit", "minutes_parked": {"min": 60, "max": 119 if units is not None else 999}}
    return {"id": name, "when": when, "offer": offer, **budget}


def site(**parking: Any) -> SiteConfig:
    """Its site file: two lanes and no camera."""
    given = SITE.model_dump(mode="json", exclude_unset=True)
    return SiteConfig.model_validate(
        {
            "site": given["site"],
            "lanes": [{"id": "entry-1", "direction": "entry"}, {"id": "exit-1", "direction": "exit"}],
            "parking": {"feeds": [{"id": "lot", "secret": "0123456789abcdef"}], **parking},
            "coupons": [
                _rule("two-hours", None, **{"zh-CN": "停车两小时免费", "en": "Two hours free"}),
            ],
        }
    )


@dataclass
class Clock:
    """A steady clock that a test sets."""

    now_: float
    offset: float = 0.0

    def now(self) -> float:
        return self.now_


class CarDay(Filled):
    """A box's car park; `at` sets its clock."""

    def __init__(self, folder: Path, config: SiteConfig | None = None) -> None:
        self.site, self.steady = config or site(), Clock(NOW)
        store = Store.open(
            folder / "cars.db", tenant="rainbow", store="sz-futian", box="box-01", clock=self.steady.now
        )
        super().__init__(store, Live([], NOW - HOUR))
        self.folder = folder
        self.open()

    def open(self) -> None:
        """Begin a run of the main process."""
        clock: Any = self.steady
        board = Board(self.site.lane_directions, self.steady.now)
        line = Centre(self.site, self.store, self.folder, clock).line
        self.park = CarPark(self.site, Surroundings(self.store, self.folder, board, line, clock))

    def clock(self) -> float:
        return self.steady.now_

    def tells(self, what: str, ago_s: float, plate: str | None, **more: Any) -> None:
        """The feed tells of a car, so long before now."""
        self.steady.now_ = NOW - ago_s
        lane = {"entry": "entry-1", "exit": "exit-1"}[what]
        event = {"event": what, "lane": lane, "plate": plate, **more}
        self.park.posts["lot"].feed.hear(json.dumps(event).encode())
        self.steady.now_ = NOW

    def a_day(self) -> None:
        """Four in, three out: one of each unread, one coupon."""
        self.tells("entry", 4 * HOUR, "粤B12345")
        self.tells("entry", 2 * HOUR, "粤B67890")
        self.tells("entry", 1.5 * HOUR, "粤C77777")
        self.tells("entry", 1.2 * HOUR, None)
        self.tells("exit", 1.0 * HOUR, "粤B12345")
        self.tells("exit", 1.0 * HOUR - 2, "粤B12345")
        self.tells("exit", 0.75 * HOUR, "粤C77777")
        self.tells("exit", 180.0, None)
        self.park.desk.close()  # the last counts

    def status(self) -> ParkingStatus:
        """What page and metrics are told."""
        return parking_now(self.park, NOW - 12 * HOUR, NOW + 12 * HOUR)

    def looking(self) -> Any:
        """As the application asks."""
        return partial(parking_now, self.park)
