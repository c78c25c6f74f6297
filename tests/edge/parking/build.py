"""A whole gatehouse on a real store, that can be stopped and started again at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.lane_screen.board import Board
from edge.parking.gatehouse import Deduction, Gatehouse, Outcome
from edge.store import Store
from edge.store.parking import Boot, ParkingBooks
from pipelines.coupon_rules import Local, Offer, Rule, When
from pipelines.coupons import LEDGER_DAYS, Coupons, Ledger
from pipelines.members import MemberBook
from pipelines.parking import Sessions
from pipelines.parking_cars import AGAIN_S
from pipelines.parking_records import ParkingEvent
from pipelines.plate_tokens import PlateKeys
from sync.coupon_payloads import TriggerBody

NOON = 1_790_000_040.0
HOUR = 3600.0
PLATE = "皖A195K9"
LANES: Any = {"entry-1": "entry", "exit-1": "exit", "exit-2": "exit"}


def local(t: float) -> Local:
    day = int(t // 86_400)
    return Local(day, (day + 3) % 7, int(t % 86_400 // 60))


def rule(name: str = "two-hours", on: Any = "exit", **when: Any) -> Rule:
    offer = Offer(
        f"o-{name}", "minutes", 120, {"en": f"{name}!"}, {"en": "Until tonight."}, f"https://x/{name}"
    )
    return Rule(name, When(on, **when), offer)


@dataclass
class Told:
    """A parking system that takes everything."""

    deductions: list[Deduction] = field(default_factory=list)

    def wants(self, deduction: Deduction) -> bool:
        return deduction.plate is not None or deduction.ref is not None

    def tell(self, deduction: Deduction) -> None:
        self.deductions.append(deduction)


class Box:
    """One box: `at` moves its clock, `restart` ends and begins its main process."""

    def __init__(self, folder: Path, rules: Sequence[Rule], boot: str = "b007", budget_mib: int = 64) -> None:
        self.folder, self.rules, self.boot, self.budget = folder, rules, boot, budget_mib
        self.now = NOON
        self.step = 0.0
        """By how much the wall clock was set since the machine's start."""
        self.time_known = True
        self.keys = PlateKeys((b"k" * 32,))
        self.members = MemberBook()
        self.teller = Told()
        self.nudged = 0
        self.start()

    def start(self) -> None:
        self.store = Store.open(
            self.folder / "box.sqlite3",
            tenant="t",
            store="s",
            box="b",
            clock=self.clock,
            budget_mib=self.budget,
        )
        self.books = ParkingBooks(self.store, Boot(self.boot, NOON - 500.0 + self.step))
        self.board = Board(LANES, self.clock)
        ledger = Ledger(self.books.decisions(self.clock() - LEDGER_DAYS * 86_400))
        restored = self.books.sessions(self.clock() - AGAIN_S, self.clock())
        self.desk = Gatehouse(
            lanes=LANES, sessions=Sessions(self.keys, restored=restored, now=self.clock()),
            coupons=Coupons("t/s/b", self.rules, local, ledger), books=self.books, clock=self.clock,
            sign=self.sign, committed=self.nudge, members=lambda: self.members, board=self.board,
            teller=self.teller, time_known=self.time_known,
        )  # fmt: skip

    def restart(self) -> None:
        """As by kill -9: nothing is closed in order but the file."""
        self.store.close()
        self.start()

    def clock(self) -> float:
        return self.now + self.step

    def sign(self, body: TriggerBody) -> str:
        return body.text()

    def nudge(self) -> None:
        self.nudged += 1

    def sees(self, what: Any, t: float, plate: str | None = PLATE, **more: Any) -> Outcome:
        self.now = NOON + t
        lane = {"entry": "entry-1", "paid": ""}.get(what, "exit-1")
        return self.desk.take(ParkingEvent(what, t=self.clock(), plate=plate, **({"lane": lane} | more)))

    def screen(self, lane: str = "exit-1") -> str | None:
        notice = self.board.now(lane)
        return None if notice is None else notice.headline["en"]

    def rows(self, table: str) -> list[dict[str, Any]]:
        found = self.store.read(lambda c: c.execute(f"SELECT * FROM {table}").fetchall())
        return [dict(row) for row in found]

    def counts(self) -> dict[str, int]:
        self.desk.close()
        found: Counter[str] = Counter()
        for row in self.rows("coupon_count"):
            found[row["outcome"]] += row["cars"]
        return dict(found)
