"""Parking from the barrier to the centre and back, through a real broker and the real hub."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from edge.demo.lot import Lot
from pipelines.tokens import token_of
from tests.broker import Mosquitto, mosquitto  # noqa: F401 - a fixture
from tests.edge.parking.running import OFFER as MINUTES
from tests.edge.parking.running import RULES, Running, running, until
from tests.sync.coupon_fakes import CAR, FOR_ALL, OFFER, HeadOffice, coupon_hub
from tests.sync.fakes import Listener

HOURS = 3 * 3600
MEMBERS: dict[str, Any] = {
    "id": "members", "priority": 9, "when": {"direction": "exit", "member": True},
    "offer": MINUTES | {"id": "coffee", "headline": {"en": "A moment, please"}},
}  # fmt: skip
ALL: dict[str, Any] = RULES[0] | {"offer": MINUTES | {"id": "parking"}}


def parked(lot: Lot, plate: str) -> Any:
    """A car that came three hours ago by the parking system's clock."""
    order = lot.drive_in(plate)
    order.entered_at -= HOURS
    return order


def screen(box: Running) -> str | None:
    notice = box.board.now("exit-1")
    return None if notice is None else notice.headline["en"]


def test_a_member_leaves_with_the_centres_coupon_on_the_screen(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    key = office.key("2026w47")
    office.members(key, {CAR: "m-1"})
    office.offers(OFFER, FOR_ALL)
    with (
        coupon_hub(mosquitto.url, tmp_path / "hub.db"),
        Lot() as lot,
        Listener(mosquitto.url) as listener,
        running(tmp_path / "box", lot, mosquitto.url, [MEMBERS, ALL]) as box,
    ):
        until(lambda: len(box.centre.line.members()) == 1)
        lot.drive_out(parked(lot, CAR))
        until(lambda: screen(box) == "A coffee for you")
        lot.drive_out(parked(lot, "粤B99999"))
        until(lambda: box.store.backlog("trigger").rows == 0)
        until(lambda: len(office.verdicts()) == 2)
        sent = [json.loads(payload)["body"]["token"] for _, payload in listener.heard("/up/trigger")]
    assert [(verdict, reason) for _, verdict, reason in office.verdicts()] == [("accepted", None)] * 2
    assert sent == [token_of(CAR, key.secret), None], "only a member's token leaves the box"


def test_the_stores_own_offer_stays_on_the_screen_when_the_centre_does_not_know_it(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    with (
        coupon_hub(mosquitto.url, tmp_path / "hub.db"),
        Lot() as lot,
        running(tmp_path / "box", lot, mosquitto.url) as box,
    ):
        lot.drive_out(parked(lot, CAR))
        until(lambda: len(office.verdicts()) == 1)
        time.sleep(0.2)
        assert screen(box) == "Two hours free"
    assert office.verdicts()[0][1:] == ("refused", "unknown_offer")


def test_the_centres_rules_replace_the_site_files_and_stay_over_a_restart(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    theirs = {
        "id": "theirs",
        "when": {"direction": "exit"},
        "offer": MINUTES | {"headline": {"en": "From afar"}},
    }
    now = time.time()
    office.membership.replace_rules("rainbow", [theirs], now + HOURS, now)
    with Lot() as lot:
        with (
            coupon_hub(mosquitto.url, tmp_path / "hub.db"),
            running(tmp_path / "box", lot, mosquitto.url) as box,
        ):
            until(lambda: "coupons" in box.centre.line.documents.held())
            lot.drive_out(parked(lot, CAR))
            assert screen(box) == "From afar"
        mosquitto.stop()
        with running(tmp_path / "box", lot, mosquitto.url) as box:
            lot.drive_out(parked(lot, "粤B99999"))
            assert screen(box) == "From afar", "also with the line cut"


def test_with_the_line_cut_in_the_middle_nothing_is_lost_or_doubled(
    mosquitto: Mosquitto,  # noqa: F811
    tmp_path: Path,
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    with (
        coupon_hub(mosquitto.url, tmp_path / "hub.db"),
        Lot() as lot,
        running(tmp_path / "box", lot, mosquitto.url, [ALL]) as box,
    ):
        for number in range(12):
            if number == 4:
                mosquitto.kill()
            if number == 8:
                mosquitto.start()
            lot.drive_out(parked(lot, f"粤{'ABCDEFGHJKLM'[number]}{number:02}{number:02}{number % 10}"))
            assert screen(box) is not None, f"car {number}"
        until(lambda: box.store.backlog("trigger").rows == 0, 30)
    verdicts = office.verdicts()
    assert [verdict for _, verdict, _ in verdicts] == ["accepted"] * 12
    assert len({key for key, _, _ in verdicts}) == 12
    assert all(len(order.coupons) == 1 for order in lot.orders.values())
