"""Coupons through a real broker: decided on the box, proven and issued at the hub, shown on the screen."""

from __future__ import annotations

import sqlite3
import statistics
import time
from pathlib import Path

from sync.bodies import utc
from sync.coupon_payloads import REDEEMED, RedeemedBody
from sync.down.authority import Authority
from sync.hub.coupons import Caps
from sync.keys import KeyPair
from tests.broker import Mosquitto
from tests.sync.coupon_fakes import BOX, CAR, FOR_ALL, OFFER, CouponBox, HeadOffice, coupon_hub
from tests.sync.fakes import wait_for


def test_a_members_trigger_comes_back_as_a_coupon_for_the_screen(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    key = office.key("2026w47")
    office.members(key, {CAR: "m-1", "皖A195K9": "m-2"})
    office.offers(OFFER)
    with coupon_hub(mosquitto.url, db):
        centre = KeyPair.open(office.files.centre_key)
        with CouponBox(mosquitto.url, tmp_path, authority=Authority([centre.public])) as box:
            box.wait("offers", "member-keys", "members-2026w47")
            member = box.keeper.book.find(CAR, time.time())
            assert member is not None
            assert box.keeper.book.find("粤B99999", time.time()) is None
            box.decide("t-1", member=True, token=member.token, token_key=member.key)
            [answer] = box.answered(1)
            wait_for(box.outbox.empty)
    assert (answer.key, answer.lane, answer.decision, answer.reason) == ("t-1", "exit-1", "accepted", None)
    assert answer.headline == {"zh-CN": "咖啡券", "en": "A coffee for you"}
    assert answer.code is not None
    assert answer.qr == answer.code
    assert office.verdicts() == [("t-1", "accepted", None)]


def test_an_answer_is_on_the_box_within_moments(mosquitto: Mosquitto, tmp_path: Path) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    took = []
    with coupon_hub(mosquitto.url, tmp_path / "hub.db"), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        for number in range(30):
            began = time.monotonic()
            box.decide(f"t-{number}", "parking")
            box.answered(number + 1)
            took.append(box.answers[number][0] - began)
    assert statistics.median(took) < 0.3, took


def test_what_is_delivered_again_is_decided_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The same row again, and the same decision under another number."""
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, tmp_path / "hub.db"), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        first = box.decide("t-1", "parking")
        box.answered(1)
        box.send(first)
        box.send(first)
        wait_for(box.outbox.empty)
        wait_for(lambda: len(office.verdicts()) == 3, why=office.verdicts)
        time.sleep(0.3)
        assert len(box.answers) == 1, "the screen is not told again"
    assert [verdict for _, verdict, _ in office.verdicts()] == ["accepted", "repeat", "repeat"]
    codes = office.books.db.execute("SELECT count(*) FROM decision WHERE code IS NOT NULL").fetchone()
    assert codes == (1,)


def test_forged_expired_and_replayed_triggers_are_refused_and_booked(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL, OFFER)
    with coupon_hub(mosquitto.url, tmp_path / "hub.db"), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        good = box.decide("good", "parking")
        box.answered(1)
        box.send(box.made("unsigned", "parking"))
        box.send(good.model_copy(update={"key": "changed"}))
        thief = CouponBox.__new__(CouponBox)
        thief.__dict__ |= box.__dict__ | {"keys": KeyPair(bytes(32))}
        thief.decide("stolen-name", "parking")
        box.decide("same-nonce", "parking", nonce=good.nonce)
        box.decide("late", "parking", at=utc(time.time() - 600), expires_at=utc(time.time() - 300))
        box.decide("endless", "parking", expires_at=utc(time.time() + 90_000))
        box.decide("never-ends", "parking", expires_at=None)
        box.decide("no-offer", "sushi")
        box.decide("no-member", "coffee")
        box.decide("stranger", "coffee", token="00" * 32, token_key="k1")
        box.decide("held-back", "parking", decision="suppressed", reason="budget")
        wait_for(lambda: len(office.verdicts()) == 12, why=office.verdicts)
        wait_for(box.outbox.empty)
        answers = box.answered(5)
    assert {key: (verdict, reason) for key, verdict, reason in office.verdicts()} == {
        "good": ("accepted", None),
        "unsigned": ("refused", "unsigned"),
        "changed": ("refused", "bad_signature"),
        "stolen-name": ("refused", "unknown_key"),
        "same-nonce": ("refused", "replayed"),
        "late": ("late", None),
        "endless": ("refused", "expiry_too_far"),
        "never-ends": ("refused", "no_expiry"),
        "no-offer": ("refused", "unknown_offer"),
        "no-member": ("refused", "members_only"),
        "stranger": ("refused", "unknown_member"),
        "held-back": ("suppressed", "budget"),
    }
    assert {a.key for a in answers if a.decision == "accepted"} == {"good"}
    assert {a.key for a in answers} == {"good", "endless", "no-offer", "no-member", "stranger"}


def test_a_trigger_that_a_forger_sent_first_does_not_take_the_place_of_the_real_one(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, tmp_path / "hub.db"), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        box.send(box.made("t-1", "parking"))
        box.decide("t-1", "parking")
        [answer] = box.answered(1)
    assert answer.decision == "accepted"


def test_the_centres_own_caps_hold_over_all_boxes(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    key = office.key("k1")
    office.members(key, {CAR: "m-1", "粤B00001": "m-1", "粤B00002": "m-2"})
    office.offers(OFFER, FOR_ALL | {"per_day": 2})
    other = tmp_path / "two"
    two = type(BOX)("rainbow", "gz-tianhe", "box-01")
    with (
        coupon_hub(mosquitto.url, db, caps=Caps(per_member_day=1, per_member_week=None)),
        CouponBox(mosquitto.url, tmp_path) as one,
        CouponBox(mosquitto.url, other, box=two) as second,
    ):
        one.wait("offers", "members-k1")
        second.wait("offers", "members-k1")
        one.decide("a", **one.of_member(key))
        one.answered(1)
        second.decide("b", **second.of_member(key, "粤B00001"))
        second.decide("c", **second.of_member(key, "粤B00002"))
        for name in ("d", "e", "f"):
            second.decide(name, "parking")
        second.answered(5)
    found = {key: reason for key, _, reason in office.verdicts()}
    assert found == {
        "a": None, "b": "member_day_cap", "c": None, "d": None, "e": None, "f": "offer_day_cap",
    }  # fmt: skip


def test_a_hub_that_dies_after_its_acknowledgement_decides_when_it_is_back(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.offers(FOR_ALL)
    with CouponBox(mosquitto.url, tmp_path) as box:
        with coupon_hub(mosquitto.url, db):
            box.wait("offers")
            box.decide("t-0", "parking")
            box.answered(1)
        with Frozen(office):  # the books take nothing: as if it died between its two commits
            with coupon_hub(mosquitto.url, db):
                for number in range(1, 20):
                    box.decide(f"t-{number}", "parking")
                wait_for(box.outbox.empty, why=box.line.status)
            assert len(office.verdicts()) == 1
        with coupon_hub(mosquitto.url, db):
            answers = box.answered(20)
    assert sorted(answer.key for answer in answers) == sorted(f"t-{n}" for n in range(20))
    assert {verdict for _, verdict, _ in office.verdicts()} == {"accepted"}
    assert len({answer.code for answer in answers}) == 20


class Frozen:
    """Nobody can write the coupon books meanwhile."""

    def __init__(self, office: HeadOffice) -> None:
        self._db = sqlite3.connect(office.files.books, isolation_level=None)

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._db.execute("ROLLBACK")
        self._db.close()


def test_an_answer_that_did_not_arrive_comes_again_with_the_box(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, db):
        with CouponBox(mosquitto.url, tmp_path) as box:
            box.wait("offers")
            box.decide("t-1", "parking")
            [first] = box.answered(1)
            wait_for(lambda: unreplied(office) == 0)
        office.books.db.execute("UPDATE decision SET replied_at = NULL")
        with CouponBox(mosquitto.url, tmp_path) as again:
            [second] = again.answered(1)
            wait_for(lambda: unreplied(office) == 0)
    assert second == first, "the very same coupon"


def unreplied(office: HeadOffice) -> int:
    sql = "SELECT count(*) FROM decision WHERE answer IS NOT NULL AND replied_at IS NULL"
    return int(office.books.db.execute(sql).fetchone()[0])


def test_a_box_with_a_new_key_is_refused_until_head_office_trusts_it(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.members(office.key("k1"), {CAR: "m-1"})
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, db):
        with CouponBox(mosquitto.url, tmp_path / "first") as box:
            box.wait("offers", "members-k1")
        with CouponBox(mosquitto.url, tmp_path / "rebuilt") as rebuilt:
            rebuilt.outbox.epoch = "e2"
            rebuilt.wait("offers")
            rebuilt.decide("before", "parking")
            wait_for(lambda: len(office.verdicts()) == 1, why=office.verdicts)
            assert "member-keys" not in rebuilt.documents.held(), "no secret for a stranger"
            office.membership.trust(BOX, rebuilt.keys.public.id)
            rebuilt.decide("after", "parking")
            assert rebuilt.answered(1)[0].key == "after"
            rebuilt.wait("member-keys", "members-k1")
            assert rebuilt.keeper.book.find(CAR, time.time())
    assert [(k, r) for k, _, r in office.verdicts()] == [("before", "unknown_key"), ("after", None)]


def test_without_first_use_every_key_waits_for_head_office(mosquitto: Mosquitto, tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    office = HeadOffice(db)
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, db, first_use=False), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        box.decide("t-1", "parking")
        wait_for(lambda: len(office.verdicts()) == 1, why=office.verdicts)
    assert office.verdicts() == [("t-1", "refused", "unknown_key")]


def test_a_coupon_used_at_a_box_is_used_up_at_the_centre(mosquitto: Mosquitto, tmp_path: Path) -> None:
    office = HeadOffice(tmp_path / "hub.db")
    office.offers(FOR_ALL)
    with coupon_hub(mosquitto.url, tmp_path / "hub.db"), CouponBox(mosquitto.url, tmp_path) as box:
        box.wait("offers")
        box.decide("t-1", "parking")
        [answer] = box.answered(1)
        assert answer.code is not None
        for use in ("u-1", "u-1", "u-2"):
            used = RedeemedBody(key=use, code=answer.code, at=utc(time.time()), lane="exit-1", amount=10.0)
            box.outbox.put("trigger", REDEEMED, used.text())
        box.line.nudge()
        wait_for(box.outbox.empty)
        books = 'SELECT "key", refusal FROM redemption ORDER BY 1'
        wait_for(lambda: len(office.books.db.execute(books).fetchall()) == 2)
    assert office.books.db.execute(books).fetchall() == [("u-1", None), ("u-2", "already_redeemed")]
    late = office.books.redeem(answer.code.lower(), at=time.time(), by="desk", key="d-1")
    assert late.refusal == "already_redeemed"
