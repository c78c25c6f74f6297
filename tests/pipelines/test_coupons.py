"""Which coupon a car gets; and that no cap is passed, in any order, repeated, with restarts in between."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.coupon_rules import Caps, Local, Offer, Rule, When
from pipelines.coupons import REASONS, CapReason, Coupons, Decision, Ledger, Reason, decision_key
from pipelines.parking_records import Moment, ReadReason

DAY = 86_400.0
MONDAY = 20_000 * DAY


def local(t: float) -> Local:
    """A store whose clock is UTC, where day 20,000 is a Monday."""
    day = int(t // DAY)
    return Local(day, (day - 20_000) % 7, int(t % DAY // 60))


def at(t: float = 12 * 3600, *, session: str = "s1", visitor: str | None = "v1", **more: Any) -> Moment:
    options = {"on": "exit", "lane": "exit-1", "parked_s": 3600.0, "matched": "plate"} | more
    return Moment(session, t=MONDAY + t, visitor=() if visitor is None else (visitor,), **options)


def rule(name: str = "r1", *, caps: Caps | None = None, worth: int = 0, **more: Any) -> Rule:
    when = {key: more.pop(key) for key in [*more] if key in When.__dataclass_fields__}
    offer = more.pop("offer", f"o-{name}")
    return Rule(
        name,
        When(**({"on": "exit"} | when)),
        Offer(offer, "amount", 5.0, worth=worth),
        caps or Caps(),
        **more,
    )


def coupons(*rules: Rule) -> Coupons:
    return Coupons("t/s/b", rules, local)


def given_to(box: Coupons, moment: Moment, member: bool | None = None) -> Decision | Reason:
    """Decide and commit."""
    found = box.decide(moment, member)
    if isinstance(found, Decision):
        assert box.ledger.add(found), "a decision is new"
    return found


def reason_of(found: Decision | Reason) -> Reason | None:
    return found.reason if isinstance(found, Decision) else found


HOUR = 3600.0


@pytest.mark.parametrize(
    ("when", "moment", "member", "reason"),
    [
        pytest.param({}, at(), None, None, id="nothing asked"),
        pytest.param({"on": "arrival"}, at(), None, "no_rule", id="only who comes"),
        pytest.param({"lanes": frozenset({"exit-2"})}, at(), None, "no_rule", id="another lane"),
        pytest.param({"parked_min_s": HOUR}, at(), None, None, id="long enough"),
        pytest.param({"parked_min_s": HOUR + 1}, at(), None, "no_rule", id="not long enough"),
        pytest.param({"parked_max_s": HOUR}, at(), None, "no_rule", id="too long"),
        pytest.param({"parked_min_s": 60}, at(parked_s=None), None, "minutes_unknown", id="entry unseen"),
        pytest.param({"member": True}, at(), True, None, id="a member"),
        pytest.param({"member": True}, at(), False, "no_rule", id="no member"),
        pytest.param({"member": True}, at(), None, "no_rule", id="nobody knows: no member's coupon"),
        pytest.param({"member": False}, at(), None, None, id="nobody knows: the general offer"),
        pytest.param({"member": False}, at(), True, "no_rule", id="not for members"),
        pytest.param({}, at(visitor=None), None, "unread", id="unread"),
        pytest.param({"unread": True}, at(visitor=None), None, None, id="unread and meant"),
        pytest.param({"hours": ((11 * 60, 12 * 60),)}, at(), None, "no_rule", id="an hour that ends now"),
        pytest.param({"hours": ((12 * 60, 13 * 60),)}, at(), None, None, id="an hour that begins now"),
        pytest.param({"days": frozenset({1})}, at(), None, "no_rule", id="only Tuesdays"),
        pytest.param(
            {"days": frozenset({0}), "hours": ((22 * 60, 2 * 60),)}, at(DAY + HOUR), None, None,
            id="Monday night goes on after midnight",
        ),
        pytest.param(
            {"days": frozenset({0}), "hours": ((22 * 60, 2 * 60),)}, at(HOUR), None, "no_rule",
            id="Sunday night does not",
        ),
        pytest.param(
            {"days": frozenset({6}), "hours": ((22 * 60, 2 * 60),)}, at(HOUR), None, None,
            id="Sunday night is the week's last",
        ),
    ],
)  # fmt: skip
def test_when_a_rule_is_meant(when: Any, moment: Moment, member: bool | None, reason: str | None) -> None:
    assert reason_of(given_to(coupons(rule(**when)), moment, member)) == reason


def test_the_highest_priority_wins_and_the_first_of_equals() -> None:
    box = coupons(rule("low", priority=1), rule("first", priority=5), rule("second", priority=5))
    found = given_to(box, at())
    assert isinstance(found, Decision)
    assert found.rule == "first"


def test_a_member_who_gets_the_members_offer_and_another_who_gets_the_general_one() -> None:
    box = coupons(rule("members", member=True, priority=2), rule("all", priority=1))
    rules = [given_to(box, at(session=str(member)), member) for member in (True, False, None)]
    assert [one.rule for one in rules if isinstance(one, Decision)] == ["members", "all", "all"]


@pytest.mark.parametrize(
    ("caps", "second", "reason"),
    [
        pytest.param({"per_session": 1}, at(on="exit", session="s1"), "cap_session", id="a stay"),
        pytest.param({"per_token_day": 1}, at(HOUR, session="s2"), "cap_token_day", id="a day"),
        pytest.param({"per_token_day": 1}, at(DAY, session="s2"), None, id="the next day"),
        pytest.param({"per_token_week": 1}, at(6 * DAY, session="s2"), "cap_token_week", id="a week"),
        pytest.param({"per_token_week": 1}, at(7 * DAY, session="s2"), None, id="the next week"),
        pytest.param({"cooling_off_s": HOUR}, at(13 * HOUR - 1, session="s2"), "cooling_off", id="too soon"),
        pytest.param({"cooling_off_s": HOUR}, at(13 * HOUR, session="s2"), None, id="soon enough"),
        pytest.param({"per_token_day": 1}, at(session="s2", visitor="v2"), None, id="somebody else"),
        pytest.param({"per_offer_day": 1}, at(session="s2", visitor="v2"), "cap_offer_day", id="the offer"),
        pytest.param({"budget_units": 1}, at(session="s2", visitor="v2"), "budget_units", id="units"),
        pytest.param({"budget_money": 999}, at(session="s2", visitor="v2"), "budget_money", id="money"),
        pytest.param({"budget_money": 1000}, at(session="s2", visitor="v2"), None, id="just enough money"),
        pytest.param({"budget_units": 1}, at(DAY, session="s2", visitor="v2"), None, id="tomorrow's budget"),
    ],
)
def test_each_cap_holds_back_with_its_own_reason(caps: Any, second: Moment, reason: str | None) -> None:
    both = [rule("in", on="arrival", worth=500, offer="o"), rule("out", worth=500, offer="o")]
    box = coupons(*(replace(one, caps=Caps(**caps)) for one in both))
    first = at(on="arrival") if second.session == "s1" else at()
    assert reason_of(given_to(box, first)) is None
    found = given_to(box, second)
    assert reason_of(found) == reason
    assert isinstance(found, Decision)
    assert found.worth == (500 if reason is None else 0)


def test_one_stay_has_one_decision_in_each_direction() -> None:
    box = coupons(rule("in", on="arrival"), rule("out"))
    assert reason_of(given_to(box, at(on="arrival"))) is None
    assert reason_of(given_to(box, at())) is None
    assert given_to(box, at(2 * HOUR)) == "decided"


def test_the_same_decision_has_the_same_key_everywhere() -> None:
    keys = [found.key for _ in range(2) if isinstance(found := coupons(rule()).decide(at(), None), Decision)]
    assert keys == [decision_key("t/s/b", "s1", "exit", "r1")] * 2
    parts = [("t/s/b", "s2", "exit", "r1"), ("t/s/b", "s1", "arrival", "r1"), ("t/s/c", "s1", "exit", "r1")]
    others = {decision_key(box, session, on, name) for box, session, on, name in parts}  # type: ignore[arg-type]
    assert len(others | {keys[0]}) == 4


def test_a_decision_that_was_not_committed_does_not_count() -> None:
    box = coupons(rule(caps=Caps(budget_units=1)))
    for _ in range(3):
        assert reason_of(box.decide(at(), None)) is None
    assert len(box.ledger) == 0


def test_a_car_is_known_under_yesterdays_key_too() -> None:
    box = coupons(rule(caps=Caps(per_token_week=1)))
    given_to(box, at(visitor="old"))
    moment = replace(at(DAY, session="s2"), visitor=("new", "old"))
    assert reason_of(given_to(box, moment)) == "cap_token_week"


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    box = coupons(rule(caps=Caps(budget_units=5), worth=100))
    for number in range(8):
        given_to(box, at(number, session=f"s{number}", visitor=f"v{number % 3}"))
    box.ledger.forget(MONDAY + DAY)
    assert vars(box.ledger) == vars(Ledger())


def test_every_reason_is_on_the_list_once() -> None:
    assert len(set(REASONS)) == len(REASONS)
    assert {*get_args(ReadReason), *get_args(CapReason)} <= {*REASONS}


small = st.one_of(st.none(), st.integers(0, 3))
caps_of = st.builds(
    Caps, small, small, small, st.sampled_from([0.0, HOUR, 3 * DAY]), small, small,
    st.one_of(st.none(), st.integers(0, 2000)),
)  # fmt: skip
told = st.lists(
    st.builds(
        lambda minutes, session, visitor, on: at(
            60.0 * minutes, session=f"{visitor}-{session}", visitor=f"v{visitor}", on=on
        ),
        st.integers(0, 12 * 24 * 60), st.integers(0, 9), st.integers(0, 2),
        st.sampled_from(["arrival", "exit"]),
    ),
    max_size=60,
)  # fmt: skip
"""Moments in any order; some are of the same stay."""


def run(box: Coupons, moments: Sequence[Moment], restarts: random.Random | None) -> list[Decision]:
    """Decide all; with `restarts`, some of the time from books that are rebuilt in any order."""
    stored: list[Decision] = []
    for moment in moments:
        found = box.decide(moment, None)
        if isinstance(found, Decision):
            assert box.ledger.add(found)
            stored.append(found)
        if restarts is not None and restarts.random() < 0.2:
            restarts.shuffle(stored)
            box.ledger = Ledger([*stored, *stored[:3]])
    return stored


@given(caps_of, told, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_no_cap_is_ever_passed(caps: Caps, moments: list[Moment], restarts: random.Random) -> None:
    rules = [rule("in", on="arrival", worth=700, caps=caps, offer="o"), rule("out", worth=300, caps=caps)]
    decisions = run(coupons(*rules), [*moments, *moments], restarts)
    issued = [one for one in decisions if one.issued]
    assert (
        len({one.key for one in decisions}) == len(decisions) == len({(d.session, d.on) for d in decisions})
    )
    for one in issued:
        same_car = [other for other in issued if other.visitor == one.visitor]
        within(caps.per_session, [d for d in issued if d.session == one.session])
        within(caps.per_token_day, [d for d in same_car if d.day == one.day])
        within(caps.per_token_week, [d for d in same_car if one.day <= d.day < one.day + 7])
        within(caps.per_offer_day, [d for d in issued if (d.offer, d.day) == (one.offer, one.day)])
        of_rule = [d for d in issued if (d.rule, d.day) == (one.rule, one.day)]
        within(caps.budget_units, of_rule)
        assert caps.budget_money is None or sum(d.worth for d in of_rule) <= caps.budget_money
        gaps = [abs(one.t - d.t) for d in same_car if d is not one]
        assert min(gaps, default=caps.cooling_off_s) >= caps.cooling_off_s


def within(cap: int | None, found: list[Decision]) -> None:
    assert cap is None or len(found) <= cap, f"{len(found)} where {cap} may be: {found}"


@given(caps_of, told, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_restart_decides_as_if_there_had_been_none(
    caps: Caps, moments: list[Moment], restarts: random.Random
) -> None:
    rules = [rule("in", on="arrival", worth=700, caps=caps), rule("out", worth=300, caps=caps)]
    straight = run(coupons(*rules), moments, None)
    restarted = run(coupons(*rules), moments, restarts)
    assert {one.key: one for one in straight} == {one.key: one for one in restarted}


@given(caps_of, told)
@settings(max_examples=100, deadline=None)
def test_what_caps_leave_room_for_is_not_held_back(caps: Caps, moments: list[Moment]) -> None:
    """In order of time, a car that has had nothing, with budgets untouched, gets its coupon."""
    generous = replace(caps, per_offer_day=None, budget_units=None, budget_money=None)
    zero = 0 in {caps.per_session, caps.per_token_day, caps.per_token_week}
    box = coupons(rule("in", on="arrival", caps=generous), rule("out", caps=generous))
    seen: set[tuple[str, ...]] = set()
    for moment in sorted(moments, key=lambda one: one.t):
        found = given_to(box, moment)
        if moment.visitor not in seen:
            assert (reason_of(found) is None) != zero, found
        seen.add(moment.visitor)
