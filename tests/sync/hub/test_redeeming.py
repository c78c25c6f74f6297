"""A coupon is used once: whoever asks, however often, at the same moment, after any restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from sync.bodies import utc
from sync.coupon_payloads import TriggerBody
from sync.hub.coupon_books import open_books
from sync.hub.coupon_records import Arrival
from sync.hub.coupons import CODE_LETTERS, CouponDesk, new_code, read_code
from sync.keys import KeyPair
from sync.trigger_signing import sign_trigger
from tests.sync.coupon_fakes import BOX, FOR_ALL, HeadOffice

KEYS = KeyPair(bytes(range(32)))


def issue(office: HeadOffice, count: int = 1) -> list[str]:
    """Coupons, decided by the real desk."""
    now = time.time()
    office.offers(FOR_ALL)
    office.membership.told(BOX, str(KEYS.public), str(KEYS.sealing_public), now, first_use=True)
    desk = CouponDesk(office.books, KEYS, UTC)
    arrivals = []
    for number in range(count):
        body = TriggerBody(
            key=f"t-{number}", lane="exit-1", direction="exit", decision="issued", offer="parking",
            at=utc(now), expires_at=utc(now + 60),
        )  # fmt: skip
        signed = sign_trigger(body, BOX, KEYS)
        arrivals.append(Arrival(BOX, "e1", number, signed.text(), signed))
    assert len(desk.decide(arrivals, now)) == count
    return [row[0] for row in office.books.db.execute("SELECT code FROM decision ORDER BY seq")]


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HeadOffice]:
    if request.param == "sqlite":
        made = HeadOffice(tmp_path / "hub.db")
    else:
        made = HeadOffice(request.getfixturevalue("postgres").database(), tmp_path / "hub.db")
    yield made
    made.books.close()


def test_the_second_use_is_refused_and_told_when_the_first_was(office: HeadOffice) -> None:
    [code] = issue(office)
    now = time.time()
    first = office.books.redeem(code, at=now, by="desk", key="1")
    second = office.books.redeem(code, at=now + 5, by="desk", key="2")
    assert (first.refusal, first.offer, first.redeemed_at) == (None, "parking", now)
    assert (second.refusal, second.redeemed_at) == ("already_redeemed", now)


def test_the_same_attempt_again_has_the_same_outcome(office: HeadOffice) -> None:
    [code] = issue(office)
    outcomes = [office.books.redeem(code, at=time.time(), by="desk", key="1").refusal for _ in range(3)]
    assert outcomes == [None] * 3
    assert office.books.redeem(code, at=time.time(), by="till", key="1").refusal == "already_redeemed"


def test_of_many_at_the_same_moment_one_succeeds(office: HeadOffice) -> None:
    codes = issue(office, 5)
    outcomes: list[tuple[str, str | None]] = []
    start = threading.Barrier(8)

    def ask(desk: str) -> None:
        books = open_books(office.files.books)
        start.wait()
        outcomes.extend(
            (code, books.redeem(code, at=time.time(), by=desk, key=code).refusal) for code in codes
        )
        books.close()

    askers = [threading.Thread(target=ask, args=(f"desk-{n}",)) for n in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(outcomes) == 40
    for code in codes:
        found = [refusal for asked, refusal in outcomes if asked == code]
        assert sorted(found, key=str) == [None] + ["already_redeemed"] * 7


def test_it_stays_used_after_a_restart(office: HeadOffice) -> None:
    [code] = issue(office)
    office.books.redeem(code, at=time.time(), by="desk", key="1")
    office.books.close()
    office.books = open_books(office.files.books)
    assert office.books.redeem(code, at=time.time(), by="desk", key="2").refusal == "already_redeemed"


def test_a_coupon_that_has_ended_or_never_was_is_refused(office: HeadOffice) -> None:
    [code] = issue(office)
    week = time.time() + 8 * 86_400
    assert office.books.redeem(code, at=week, by="desk", key="1").refusal == "ended"
    assert office.books.redeem("0000-0000-0000", at=time.time(), by="desk", key="2").refusal == "unknown_code"
    assert office.books.redeem(code, at=time.time(), by="desk", key="3").refusal is None, (
        "asking costs nothing"
    )


def test_a_code_is_read_as_people_type_it() -> None:
    code = "7K0M-10XR-3WBD"
    for typed in ("7k0m10xr3wbd", " 7K0M 10XR 3WBD", "7kom-loxr-3wbd", "7KOM-IOXR-3WBD"):
        assert read_code(typed) == code
    made = {new_code() for _ in range(1000)}
    assert len(made) == 1000
    assert all(read_code(one) == one and set(one) <= {*CODE_LETTERS, "-"} for one in made)


def test_one_decision_is_counted_once_whatever_comes_twice(office: HeadOffice) -> None:
    now = time.time()
    office.offers(FOR_ALL | {"per_day": 3})
    office.membership.told(BOX, str(KEYS.public), str(KEYS.sealing_public), now, first_use=True)
    desk = CouponDesk(office.books, KEYS, UTC)
    body = TriggerBody(
        key="t", lane="exit-1", direction="exit", decision="issued", offer="parking",
        at=utc(now), expires_at=utc(now + 60),
    )  # fmt: skip
    signed = sign_trigger(body, BOX, KEYS)
    same = Arrival(BOX, "e1", 1, signed.text(), signed)
    assert len(desk.decide([same, same], now)) == 1
    assert desk.decide([same], now) == []
    again = [Arrival(BOX, "e1", seq, signed.text(), signed) for seq in (2, 3)]
    answers = desk.decide(again, now)
    assert len({answer.text for answer in answers}) == 1, "the same coupon"
    assert office.books.accepted("rainbow", {"offer": "parking"}) == 1
