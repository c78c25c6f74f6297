"""The drivers of the parking demo: who comes and goes, and the cut of the line between them.

The simulated parking system says how long each car was in; its hours go by in seconds here.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from edge.demo.accounts import waiting_triggers
from edge.demo.car_park import EMPTY_S, CarPark
from edge.demo.lane_display import Saying
from edge.demo.lane_footage import DRIVE_S, EVERY_S
from edge.demo.lot import Order
from edge.errors import EdgeError
from edge.run import DATABASE

HOUR: Final = 3600.0
STAYS: Final = (3.2, 2.1, 5.0, 1.5, 1.6, 0.3, 4.2, 2.4)
"""Hours of those who are inside when the demo begins: four members, four guests."""
PACE_S: Final = 0.6
"""Between two cars."""
CUT_S: Final = 6.0
"""For which the line is cut at least."""
MENDED_S: Final = 90.0
"""Within which the box must have found the line again and the centre must have everything."""
SHOWN_S: Final = 3.0
"""A coupon that the screen does not say within this time counts as not shown."""
ANSWER_S: Final = 10.0
UNREAD: Final = "无牌车"
"""How a parking system writes that it has not read a plate."""
_BARRIERS: Final = {"entry": "entry-1", "price": "exit-1"}


@dataclass(slots=True)
class Ride:
    """What the drivers saw of the demo."""

    lane_result: dict[tuple[str, str], int] = field(default_factory=dict)
    """Cars by lane and first answer."""
    shown: int = 0
    """Coupons of the barriers' lanes that the lane's screen said."""
    screen_s: list[float] = field(default_factory=list)
    """From the barrier's question to the screen's words."""
    cut_s: float = 0.0
    backlog: int = 0
    """Messages about coupons that waited at the end of the cut."""
    backlog_age_s: float | None = None
    """Of the oldest of them."""
    drained_s: float | None = None
    """From the mending until the centre had acknowledged all."""
    code_s: float | None = None
    """From a decision until the lane's screen had the centre's own code."""


class Drivers:
    """Drives the cars through a running car park."""

    def __init__(self, park: CarPark) -> None:
        self._park, self._lot = park, park.lot
        self.ride = Ride()
        self._filmed: list[Order] = []
        self._began = time.monotonic()

    # -- one round ---------------------------------------------------------------------------------------

    def round(self) -> Ride:
        """Everything once. Raises EdgeError when a part ends or the centre does not get what it must."""
        park, cars = self._park, self._park.cars
        self._let_in_filmed()
        members = [cars.member() for _ in range(4)]
        guests = [cars.guest() for _ in range(5)]
        inside = {
            plate: self._were_inside(plate, hours)
            for plate, hours in zip([*members, *guests[:4]], STAYS, strict=True)
        }
        self._in(guests[4], "a guest")
        returning = self._in(cars.member(), "a member")
        self._out(inside[members[0]], "a member")
        self._out(inside[guests[0]], "a guest")
        self._out(inside[guests[1]], "a guest, after a short stay")
        self._out(inside[guests[2]], "a car whose plate was not read", read_as=UNREAD)
        returning.entered_at -= 1.2 * HOUR
        self._out(returning, "the member")
        again = self._in(returning.plate, "the same member again")
        park.say("── the line to the centre is cut ──")
        park.line.cut()
        cut_at = time.monotonic()
        again.entered_at -= 2 * HOUR
        self._out(again, "the same member")
        self._out(inside[members[1]], "a member")
        self._out(inside[guests[3]], "a guest")
        self._in(cars.guest(), "a guest")
        self._out(inside[members[2]], "a member")
        self._pause(CUT_S - (time.monotonic() - cut_at))
        self._mend(cut_at)
        self._with_code(inside[members[3]])
        self._wait_for_filmed()
        self._wait_for_centre()
        return self.ride

    def _mend(self, cut_at: float) -> None:
        waits, oldest = waiting_triggers(self._park.folder / DATABASE)
        self.ride.backlog, self.ride.cut_s = waits, time.monotonic() - cut_at
        self.ride.backlog_age_s = None if oldest is None else time.time() - oldest
        self._park.line.mend()
        mended_at = time.monotonic()
        age = "" if self.ride.backlog_age_s is None else f", the oldest for {self.ride.backlog_age_s:.1f} s"
        self._park.say(f"── mended after {self.ride.cut_s:.1f} s: {waits} messages wait{age} ──")
        self._wait_for_centre()
        self.ride.drained_s = time.monotonic() - mended_at
        self._park.say(f"   the centre has acknowledged them all {self.ride.drained_s:.1f} s later")

    def _wait_for_centre(self) -> None:
        until = time.monotonic() + MENDED_S
        while waiting_triggers(self._park.folder / DATABASE)[0]:
            self._park.check()
            if time.monotonic() > until:
                raise EdgeError(f"the centre does not acknowledge:\n{self._park.box.words()}")
            time.sleep(0.05)

    def _with_code(self, order: Order) -> None:
        """A member leaves with the line up: the centre's own code comes onto the screen."""
        began = time.time()
        self._out(order, "a member")
        display = self._park.displays["exit-1"]
        first = display.wait(lambda one: one.says is not None, began, SHOWN_S)
        if first is None or first.says is None or first.decided_at is None:
            return
        qr = first.says["qr"]

        def coded(one: Saying) -> bool:
            return one.says is not None and one.says["qr"] not in {None, qr}

        found = display.wait(coded, began, ANSWER_S)
        if found is not None:
            self.ride.code_s = found.heard_at - first.decided_at
            self._park.say(
                f"   … and the centre's own code {1000 * self.ride.code_s:.0f} ms after the decision"
            )

    # -- cars at the barriers ----------------------------------------------------------------------------

    def _in(self, plate: str, who: str) -> Order:
        began, heard = time.time(), len(self._lot.answers)
        order = self._lot.drive_in(plate, "1")
        self._tell(f"in   entry-1  {who}", "entry-1", heard, began)
        return order

    def _were_inside(self, plate: str, hours: float) -> Order:
        """A car that came before the parking system knew the box."""
        return self._lot.drive_in(plate, "1", ago_s=hours * HOUR)

    def _out(self, order: Order, who: str, *, read_as: str | None = None) -> None:
        began, heard, now = time.time(), len(self._lot.answers), time.time()
        owed, minutes = order.owed(now), (now - order.entered_at) / 60
        fee = self._lot.drive_out(order, "2", read_as=read_as)
        stay = f"{minutes // 60:.0f} h {minutes % 60:02.0f} min"
        self._tell(f"out  exit-1   {who}, {stay}, {owed:.2f} → {fee:.2f}", "exit-1", heard, began)

    def _tell(self, words: str, lane: str, heard: int, began: float) -> None:
        """Say what the box answered, and look at the lane's screen."""
        result, says = "no answer", ""
        if len(self._lot.answers) > heard:
            result = str(self._lot.answers[heard]["results"][0]["result"])
        self.ride.lane_result[lane, result] = self.ride.lane_result.get((lane, result), 0) + 1
        if result == "issued":
            found = self._park.displays[lane].wait(lambda one: one.says is not None, began, SHOWN_S)
            if found is not None:
                self.ride.shown += 1
                self.ride.screen_s.append(found.heard_at - began)
                says = f", the screen says: {found.headline}"
        self._park.say(f"   {words}: {result}{says}")
        self._pause(PACE_S)

    def _pause(self, seconds: float) -> None:
        self._park.check()
        time.sleep(max(0.0, seconds))

    # -- cars before the camera --------------------------------------------------------------------------

    def _let_in_filmed(self) -> None:
        self._filmed = [self._were_inside(plate, 2.5) for plate in self._park.filmed]

    def _wait_for_filmed(self) -> None:
        """Until the last car of the clip is out; whoever got a coupon has it taken off."""
        if not self._filmed:
            return
        due = EMPTY_S + EVERY_S * len(self._filmed) + DRIVE_S
        until = self._began + due + 20
        while not all(order.coupons for order in self._filmed) and time.monotonic() < until:
            self._pause(0.1)
        for number, order in enumerate(self._filmed, 1):
            given = ", ".join(str(one["offer"]) for one in order.coupons.values())
            self._park.say(
                f"   out  exit-2   car {number} of the clip, read by the camera: {given or 'not read'}"
            )
            self._gone(order)

    def _gone(self, order: Order) -> None:
        """It left by the lane that has no barrier of the parking system's."""
        now = time.time()
        order.fee, order.left_at = order.owed(now), now

    # -- for ever ----------------------------------------------------------------------------------------

    def go_on(self, stop: threading.Event) -> None:
        """Cars come and go at random until `stop` is set or a part ends (EdgeError)."""
        dice = random.Random()
        inside: list[tuple[Order, str]] = []
        filmed_at = time.monotonic()
        while not stop.wait(dice.uniform(2, 6)):
            self._park.check()
            member = dice.random() < 0.5
            if len(inside) < 3 or dice.random() < 0.5:
                cars = self._park.cars
                plate, who = (cars.member(), "a member") if member else (cars.guest(), "a guest")
                order = self._in(plate, who)
                order.entered_at -= dice.uniform(0.2, 6) * HOUR
                inside.append((order, who))
            else:
                self._out(*inside.pop(dice.randrange(len(inside))))
            if time.monotonic() - filmed_at > 120:
                filmed_at = time.monotonic()
                for order in self._filmed:
                    self._gone(order)
                self._let_in_filmed()


def results_in_words(results: Mapping[tuple[str, str], int]) -> str:
    """`exit-1: issued 6, no_rule 2; entry-1: …`."""
    lanes = sorted({lane for lane, _ in results})
    return "; ".join(
        f"{lane}: "
        + ", ".join(f"{what} {count}" for (at, what), count in sorted(results.items()) if at == lane)
        for lane in lanes
    )
