"""A car at the lane, as the whole box deals with it: books, screen, parking system and centre."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import StoreFull
from edge.parking.gatehouse import FLUSH_S, WIPE_S
from edge.parking.screens import SHOW_S
from pipelines.coupon_rules import Caps
from pipelines.coupons import REASONS
from pipelines.members import MemberBook, MemberKey, MemberList, MemberSet, digest_of
from pipelines.plate_records import PlateRead
from pipelines.tokens import token_of
from sync.coupon_payloads import TriggerAnswer
from tests.edge.parking.build import HOUR, NOON, PLATE, Box, rule

SECRET = b"m" * 32


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, [rule(parked_min_s=HOUR)])
    yield made
    made.store.close()


def member_book(*plates: str) -> MemberBook:
    key = MemberKey("2026-1", SECRET, NOON - 1e6, NOON + 1e6)
    members = MemberSet.of([digest_of(token_of(plate, SECRET)) for plate in plates])
    return MemberBook([MemberList(key, members, NOON + 1e6)])


def test_a_car_that_parked_long_enough_gets_its_coupon_everywhere_at_once(box: Box) -> None:
    box.sees("entry", 0)
    outcome = box.sees("exit", HOUR)
    assert (outcome.result, box.screen()) == ("issued", "two-hours!")
    [trigger] = box.rows("coupon_trigger")
    [message] = box.store.pending("trigger", 0, 10)
    body = json.loads(message.body)
    assert outcome.decision is not None
    assert trigger["key"] == body["key"] == outcome.decision.key
    assert message.expires_at == outcome.decision.expires_at == NOON + HOUR + 1800
    assert (body["direction"], body["decision"], body["minutes_parked"]) == ("exit", "issued", 60.0)
    assert (body["token"], body["member"]) == (None, None)
    [deduction] = box.teller.deductions
    assert (deduction.plate, deduction.offer.kind, deduction.offer.value) == (PLATE, "minutes", 120)
    assert box.nudged == 1


def test_a_camera_reads_the_plate(box: Box) -> None:
    read = PlateRead("entry-1", "cam-9", NOON, PLATE, 0.97, 5, 1)
    assert box.desk.read(read).result == "no_rule"
    box.now = NOON + HOUR
    assert box.desk.read(replace(read, lane="exit-1", t=NOON + HOUR)).result == "issued"
    assert box.desk.read(replace(read, lane="nowhere")).result == "noted"


@pytest.mark.parametrize("at", ["before the exit", "after the exit", "between fee and exit"])
def test_a_restart_neither_loses_nor_doubles_a_coupon(box: Box, at: str) -> None:
    box.sees("entry", 0)
    if at == "before the exit":
        box.restart()
    first = box.sees("price", HOUR)
    if at == "between fee and exit":
        box.restart()
    second = box.sees("exit", HOUR + 120)
    if at == "after the exit":
        box.restart()
    third = box.sees("exit", HOUR + 130)
    assert [first.result, second.result, third.result] == ["issued", "decided", "repeat"]
    assert len(box.rows("coupon_trigger")) == 1
    assert box.store.backlog("trigger").rows == 1
    assert len(box.teller.deductions) == 1


def test_caps_hold_over_a_restart(tmp_path: Path) -> None:
    box = Box(tmp_path, [replace(rule(), caps=Caps(per_token_day=1, budget_units=2))])
    found = []
    for number, plate in enumerate([PLATE, PLATE, "粤B12345", "苏C77777"]):
        box.restart()
        found.append(box.sees("exit", 700.0 * number, plate).result)
    assert found == ["issued", "cap_token_day", "issued", "budget_units"]
    reasons = [row["reason"] for row in sorted(box.rows("coupon_trigger"), key=lambda row: row["t"])]
    assert reasons == [None, "cap_token_day", None, "budget_units"]
    bodies = [json.loads(row.body) for row in box.store.pending("trigger", 0, 10)]
    assert [(body["decision"], body["reason"]) for body in bodies] == [
        ("issued", None), ("suppressed", "cap_token_day"), ("issued", None), ("suppressed", "budget_units"),
    ]  # fmt: skip
    box.store.close()


def test_a_member_is_known_by_the_centres_token_and_others_are_not_sent(tmp_path: Path) -> None:
    box = Box(tmp_path, [rule("members", member=True), rule("all", member=False)])
    box.members = member_book(PLATE)
    assert [box.sees("exit", 0).decision.rule, box.sees("exit", 5, "粤B12345").decision.rule] == [
        "members", "all",
    ]  # type: ignore[union-attr]  # fmt: skip
    bodies = [json.loads(row.body) for row in box.store.pending("trigger", 0, 10)]
    assert [(body["member"], body["token"], body["token_key"]) for body in bodies] == [
        (True, token_of(PLATE, SECRET), "2026-1"), (False, None, None),
    ]  # fmt: skip
    box.store.close()


def test_the_next_car_does_not_see_what_the_last_one_got(box: Box) -> None:
    box.sees("entry", 0)
    box.sees("exit", HOUR)
    assert box.screen() == "two-hours!"
    box.sees("exit", HOUR + 3)  # the same car read again
    assert box.screen() == "two-hours!"
    assert box.sees("exit", HOUR + 10, "粤B12345").result == "minutes_unknown"
    assert box.screen() is None


@pytest.mark.parametrize("plate", [None, "粤B12345"], ids=["unread", "no rule"])
def test_a_screen_is_blank_for_a_car_that_gets_nothing(box: Box, plate: str | None) -> None:
    box.sees("entry", 0)
    box.sees("exit", HOUR)
    box.sees("exit", HOUR + 10, plate)
    assert box.screen() is None


def test_a_screen_does_not_say_the_same_for_ever(box: Box) -> None:
    box.sees("entry", 0)
    box.sees("exit", HOUR)
    box.now += SHOW_S - 1
    assert box.screen() == "two-hours!"
    box.now += 1
    assert box.screen() is None


def answer(box: Box, decision: str = "accepted", key: str | None = None, **more: Any) -> TriggerAnswer:
    [body] = [json.loads(row.body) for row in box.store.pending("trigger", 0, 10)]
    fields = {"code": "ABCD-1234", "headline": {"en": "Yours: 2 h"}} if decision == "accepted" else {}
    return TriggerAnswer.model_validate(
        {"schema": "storeedge/trigger-answer/1", "key": key or body["key"], "lane": "exit-1",
         "decision": decision, "expires_at": datetime.fromtimestamp(NOON + 2 * HOUR, UTC)} | fields | more
    )  # fmt: skip


def test_the_centres_answer_comes_on_the_screen_of_its_own_car_only(box: Box) -> None:
    box.sees("entry", 0)
    box.sees("exit", HOUR)
    assert not box.desk.answered(answer(box, key="somebody else's"))
    assert box.screen() == "two-hours!"
    assert box.desk.answered(answer(box))
    assert box.screen() == "Yours: 2 h"
    assert not box.desk.answered(answer(box, "refused", reason="unknown_offer")), "the store's own"
    assert box.desk.answered(answer(box, "refused", reason="cap"))
    assert box.screen() is None


def test_the_centres_code_stays_on_the_screen_while_the_same_car_pays_and_leaves(box: Box) -> None:
    box.sees("entry", 0)
    box.sees("price", HOUR)
    assert box.desk.answered(answer(box))
    box.sees("exit", HOUR + 20)
    assert box.screen() == "Yours: 2 h"


def test_every_read_is_counted_with_what_came_of_it(box: Box) -> None:
    box.sees("entry", 0)
    box.sees("exit", HOUR)
    box.sees("exit", HOUR + 1)
    box.sees("exit", HOUR + 2, None)
    box.sees("exit", HOUR + 3, "粤B12345")
    box.sees("exit", HOUR + 4, "粤B99999", late=True)
    assert box.counts() == {
        "no_rule": 1, "issued": 1, "repeat": 1, "unread": 1, "minutes_unknown": 1, "late": 1,
    }  # fmt: skip


def test_what_the_store_refuses_is_not_given_and_is_kept_later(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFull("the disk is full")

    with monkeypatch.context() as refusing:
        refusing.setattr(box.store, "write", full)
        box.sees("entry", 0)
        assert box.sees("exit", HOUR).result == "not_stored"
        assert (box.desk.fault, box.screen(), box.teller.deductions) == ("the disk is full", None, [])
    box.now += FLUSH_S
    box.desk.tick()
    assert box.desk.fault is None
    assert [row["ending"] for row in box.rows("parking_session")] == ["left"]
    assert box.rows("coupon_trigger") == []
    assert {row["outcome"]: row["cars"] for row in box.rows("coupon_count")} == {
        "no_rule": 1,
        "not_stored": 1,
    }


def test_a_stay_that_can_never_be_kept_does_not_hold_up_the_next(box: Box) -> None:
    box.sees("entry", 0, lane="Nowhere At All")
    assert box.desk.fault is None
    box.sees("entry", 5, "粤B12345")
    assert box.sees("exit", HOUR + 5, "粤B12345").result == "issued"
    assert [row["entry_lane"] for row in box.rows("parking_session")] == ["entry-1"]


def test_minutes_parked_are_the_machines_own_when_the_wall_clock_is_set(box: Box) -> None:
    box.sees("entry", 0)
    box.step = -5 * HOUR
    box.restart()
    assert box.sees("exit", HOUR).result == "issued"
    [trigger] = box.rows("coupon_trigger")
    assert trigger["parked_s"] == pytest.approx(HOUR)


def test_minutes_parked_are_unknown_when_machine_and_clock_begin_anew(box: Box) -> None:
    box.sees("entry", 0)
    box.step, box.boot = -5 * HOUR, "0b2"
    box.restart()
    assert box.sees("exit", HOUR).result == "minutes_unknown"
    assert [row["parked_s"] for row in box.rows("parking_session")] == [None]


def test_no_coupon_is_given_while_the_time_of_day_is_not_known(box: Box) -> None:
    """Rules by the time of day, caps by the day and the expiry would all be wrong."""
    box.time_known = False
    box.restart()
    box.sees("entry", 0)
    assert box.sees("exit", HOUR).result == "clock_unknown"
    assert box.rows("coupon_trigger") == []
    assert box.store.backlog("trigger").rows == 0
    assert box.counts()["clock_unknown"] == 2, "on arrival and at the exit"
    assert [row["parked_s"] for row in box.rows("parking_session")] == [pytest.approx(HOUR)]
    box.time_known = True
    box.restart()
    box.sees("entry", 2 * HOUR)
    assert box.sees("exit", 3 * HOUR).result == "issued", "once it is, all goes on as ever"


def test_minutes_parked_go_on_over_a_reboot(box: Box) -> None:
    box.sees("entry", 0)
    box.boot = "0b2"
    box.restart()
    assert box.sees("exit", HOUR).result == "issued"


def test_the_tokens_of_a_car_that_has_gone_are_wiped(box: Box) -> None:
    box.sees("entry", 0, ref="o1", feed="lot")
    box.sees("entry", 5, "粤B12345")
    box.sees("exit", HOUR)
    box.now += 2 * WIPE_S
    box.desk.tick()
    kept = {
        row["ending"]: (row["names"] is not None, row["ref"] is not None)
        for row in box.rows("parking_session")
    }
    assert kept == {"left": (False, False), None: (True, False)}


told = st.lists(
    st.tuples(
        st.sampled_from(["entry", "exit", "price", "restart"]),
        st.sampled_from(["皖AAAAAA", "粤BBBBBB", "苏CCCCCC"]),
        st.floats(1, 5000),
    ),
    max_size=25,
)


@given(told)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_one_stay_has_one_coupon_and_one_message(
    tmp_path_factory: pytest.TempPathFactory, told: list[Any]
) -> None:
    caps = Caps(per_token_day=2, budget_units=4)
    rules = [replace(rule("in", "arrival"), caps=caps), replace(rule("out"), caps=caps)]
    box, t = Box(tmp_path_factory.mktemp("box"), rules), 0.0
    issued = []
    for what, plate, gap in told:
        t += gap
        if what == "restart":
            box.restart()
        elif (outcome := box.sees(what, t, plate)).result == "issued":
            assert outcome.decision is not None
            issued.append(outcome.decision.key)
    rows = box.rows("coupon_trigger")
    assert sorted(issued) == sorted(row["key"] for row in rows if row["reason"] is None)
    keys = [json.loads(row.body)["key"] for row in box.store.pending("trigger", 0, 1000)]
    assert sorted(keys) == sorted(row["key"] for row in rows)
    assert len({(row["session"], row["direction"]) for row in rows}) == len(rows)
    for name in ("in", "out"):
        days = [row["day"] for row in rows if row["rule"] == name and row["reason"] is None]
        assert max((days.count(day) for day in days), default=0) <= 4
    box.store.close()


def test_every_outcome_is_told_in_the_manual() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "parking.md").read_text(encoding="utf-8")
    assert [reason for reason in (*REASONS, "issued") if f"`{reason}`" not in manual] == []
