"""The centre's limits hold in any order, with any repetition, over restarts and days."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.members import MemberKey
from pipelines.tokens import token_of
from sync.bodies import utc
from sync.coupon_payloads import TriggerAnswer, TriggerBody
from sync.hub.coupon_books import open_books
from sync.hub.coupon_records import Arrival
from sync.hub.coupons import Caps, CouponDesk
from sync.keys import KeyPair
from sync.topics import BoxIdentity
from sync.trigger_signing import sign_trigger
from tests.postgres import Postgres
from tests.sync.coupon_fakes import FOR_ALL, OFFER, HeadOffice

MONDAY = 1_795_392_000.0
"""2026-11-23 00:00 UTC."""
DAY_S = 86_400
KEYS = KeyPair(bytes(range(32)))
BOXES = [BoxIdentity("rainbow", store, "box-01") for store in ("sz-futian", "gz-tianhe")]
PLATES = {"粤B00001": "m-1", "粤B00002": "m-1", "粤B00003": "m-2"}
CAPS = Caps(per_member_day=2, per_member_week=3)
OFFERS = [OFFER | {"per_member_day": 1}, FOR_ALL | {"per_day": 3}]

steps = st.lists(
    st.tuples(
        st.sampled_from(range(2)),
        st.sampled_from([*PLATES, None]),
        st.sampled_from(["coffee", "parking"]),
        st.integers(0, 9),
        st.sampled_from(["once", "twice", "restart"]),
    ),
    max_size=25,
)


def in_a_file(tmp_path: Path, _request: pytest.FixtureRequest) -> HeadOffice:
    return HeadOffice(Path(mkdtemp(dir=tmp_path)) / "hub.db")


def in_postgresql(tmp_path: Path, request: pytest.FixtureRequest) -> HeadOffice:
    where = request.getfixturevalue("where_coupons_are")
    with psycopg.connect(where, autocommit=True) as db:
        db.execute("DROP SCHEMA IF EXISTS coupons CASCADE")
    return HeadOffice(where, tmp_path / "hub.db")


@pytest.fixture
def where_coupons_are(postgres: Postgres) -> str:
    return postgres.database()


@pytest.mark.parametrize("new_office", [in_a_file, in_postgresql])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_no_limit_is_ever_passed_and_no_decision_is_issued_twice(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    new_office: Callable[[Path, pytest.FixtureRequest], HeadOffice],
    steps: list[tuple[int, str | None, str, int, str]],
) -> None:
    office = new_office(tmp_path, request)
    key = MemberKey("k1", bytes(32), 0.0, MONDAY * 2)
    office.membership.replace_members("rainbow", key, PLATES.items(), MONDAY * 2, MONDAY)
    office.membership.replace_offers("rainbow", OFFERS, MONDAY * 2, MONDAY)
    for box in BOXES:
        office.membership.told(box, str(KEYS.public), str(KEYS.sealing_public), MONDAY, first_use=True)
    answers: dict[str, set[str | None]] = {}
    seq = 0
    for which, plate, offer, day, how in steps:
        box, now = BOXES[which], MONDAY + day * DAY_S + 60.0
        given: dict[str, Any] = {}
        if plate is not None:
            given = {"token": token_of(plate, key.secret), "token_key": "k1", "member": True}
        name = f"{which}-{plate}-{offer}-{day}-{seq // 3}"
        body = TriggerBody(
            key=name, lane="exit-1", direction="exit", decision="issued", offer=offer,
            at=utc(now), expires_at=utc(now + 60), **given,
        )  # fmt: skip
        signed = sign_trigger(body, box, KEYS)
        if how == "restart":
            office.books.close()
            office.books = open_books(office.files.books)
        desk = CouponDesk(office.books, KEYS, UTC, CAPS)
        for _ in range(2 if how == "twice" else 1):
            seq += 1
            for answer in desk.decide([Arrival(box, "e1", seq, signed.text(), signed)], now):
                code = TriggerAnswer.model_validate(json.loads(answer.text), strict=False).code
                answers.setdefault(f"{box}{name}", set()).add(code)
    assert all(len(codes) == 1 for codes in answers.values()), "one decision, one coupon"
    rows = office.books.db.execute(
        "SELECT member, offer, day, week FROM decision WHERE verdict = 'accepted'"
    ).fetchall()
    office.books.close()
    by_day = Counter((m, day) for m, _, day, _ in rows if m)
    by_week = Counter((m, week) for m, _, _, week in rows if m)
    coffee = Counter((m, day) for m, offer, day, _ in rows if offer == "coffee")
    parking = Counter(day for _, offer, day, _ in rows if offer == "parking")
    assert max(by_day.values(), default=0) <= 2
    assert max(by_week.values(), default=0) <= 3
    assert max(coffee.values(), default=0) <= 1
    assert max(parking.values(), default=0) <= 3
    assert all(m is not None for m, offer, *_ in rows if offer == "coffee"), "members only"
