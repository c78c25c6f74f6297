"""What the parking demo came to, as a table of what must be the same on every side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.demo.accounts import BoxAccount, CentreAccount, Redeemed, redeem_twice, settled
from edge.demo.car_park import CarPark
from edge.demo.drivers import SHOWN_S, Ride
from edge.demo.lot import Lot

SETTLED_S = 30.0
"""For the centre's last decision, and for the parking system's last answer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure on every side that has it."""

    what: str
    box: str = ""
    centre: str = ""
    lot: str = ""
    """The parking system, or who else has the truth."""
    good: bool | None = None
    """None: a figure that nothing is held against."""


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a round."""

    rows: Sequence[Row]
    figures: dict[str, Any]
    """For a program."""

    @property
    def good(self) -> bool:
        """Whether all sides agree and every check holds."""
        return all(row.good is not False for row in self.rows)


def make_report(park: CarPark, ride: Ride) -> Report:
    """Wait until both sides are settled, use every coupon twice, compare. Raises StoreError or SyncError."""
    box, centre = settled(park.folder, SETTLED_S)
    used = redeem_twice(park.folder, centre)
    shown = ride.shown + _shown_by_camera(box, park)
    rows = [*_cars(box, park), *_coupons(box, centre, park.lot, used, shown), *_line(box, centre, ride)]
    figures = _figures(box, centre, ride, park) | {
        "coupons": {
            "box": len(box.issued),
            "centre": len(centre.codes),
            "taken_off": taken_off(park.lot),
            "shown": shown,
            "used": used.used,
            "refused_again": used.refused_again,
        }
    }
    return Report(rows, figures | {"same": all(row.good is not False for row in rows)})


def _cars(box: BoxAccount, park: CarPark) -> list[Row]:
    orders = park.lot.orders.values()
    left = sum(order.left_at is not None for order in orders)
    filmed = len(park.filmed)
    rows = [Row("cars in", str(box.came), "", str(len(orders)), box.came == len(orders))]
    if filmed:
        rows.append(
            Row("plates read by the camera", str(box.filmed), "", f"{filmed} drove", box.filmed <= filmed)
        )
    missed = filmed - box.filmed
    rows.append(Row("cars out", str(box.left), "", str(left), box.left == left - missed))
    return rows


def _coupons(box: BoxAccount, centre: CentreAccount, lot: Lot, used: Redeemed, shown: int) -> list[Row]:
    issued, off = len(box.issued), taken_off(lot)
    held = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(box.held_back.values()).items()))
    others = ", ".join(f"{what} {count}" for what, count in sorted(centre.others.items()))
    codes = len(set(centre.codes.values()))
    return [
        Row("coupons", f"{issued} issued", f"{len(centre.codes)} issued", f"{off} taken off",
            box.issued == centre.codes.keys() and issued == codes == off > 0),
        Row("shown on the lane's screen", str(issued), "", f"{shown} seen", shown == issued),
        Row("held back by a cap", held or "0", str(len(centre.held_back)), "",
            box.held_back.keys() == centre.held_back),
        Row("refused, late or twice", "", others or "0", "", not centre.others),
        Row("used at the desk", "", f"{used.used} once", "", used.used == issued),
        Row("used a second time", "", f"{used.refused_again} refused", "", used.refused_again == issued),
    ]  # fmt: skip


def _line(box: BoxAccount, centre: CentreAccount, ride: Ride) -> list[Row]:
    age = "–" if ride.backlog_age_s is None else f"{ride.backlog_age_s:.1f} s"
    drained = "–" if ride.drained_s is None else f"{ride.drained_s:.1f} s later"
    return [
        Row(f"line cut for {ride.cut_s:.1f} s", f"{ride.backlog} waited, {age}", f"all there {drained}", "",
            ride.backlog > 0 and ride.drained_s is not None),
        Row("waiting for the centre", str(box.waiting), "", "", box.waiting == 0),
    ] + ([Row("windows of counts", str(box.books.windows), str(centre.books.windows), "",
              box.books.windows == centre.books.windows)] if box.books.windows else [])  # fmt: skip


def taken_off(lot: Lot) -> int:
    """Coupons in the parking system's books."""
    return sum(len(order.coupons) for order in lot.orders.values())


def _shown_by_camera(box: BoxAccount, park: CarPark) -> int:
    """Coupons of the lane with the camera that its screen said soon after the frame that they came from."""
    display = park.displays.get("exit-2")
    decided = [one.decided_at for one in display.sayings if one.decided_at] if display else []
    return sum(any(-0.01 <= one - t < SHOWN_S for one in decided) for t in box.filmed_at)


def _figures(box: BoxAccount, centre: CentreAccount, ride: Ride, park: CarPark) -> dict[str, Any]:
    return {
        "cars": {"in": box.came, "out": box.left, "filmed": len(park.filmed), "read": box.filmed},
        "outcomes": {f"{lane} {result}": count for (lane, result), count in sorted(ride.lane_result.items())},
        "held_back": dict(Counter(box.held_back.values())),
        "others": dict(centre.others),
        "cut": {
            "seconds": round(ride.cut_s, 1), "waiting": ride.backlog,
            "oldest_s": None if ride.backlog_age_s is None else round(ride.backlog_age_s, 1),
            "drained_s": None if ride.drained_s is None else round(ride.drained_s, 1),
        },
        "unacknowledged": box.waiting,
        "screen_ms": [round(1000 * one) for one in ride.screen_s],
        "code_ms": None if ride.code_s is None else round(1000 * ride.code_s),
    }  # fmt: skip
